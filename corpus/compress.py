"""Shortening the texts of a store before they are written.

Whatever the method, the guards of `guide.corpus.guards` are checked on the result; a text that would lose a number, a
negation or a citation key is stored whole, and says so.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from math import sqrt
from pathlib import Path
from typing import Literal, Protocol

from guide.corpus.guards import Compressed, check_rate, count_tokens, holds_guarded, settle
from guide.corpus.sentences import split_sentences
from guide.errors import InputError

__all__ = [
    "Compressed",
    "Compressor",
    "Extractive",
    "Method",
    "Untouched",
    "check_rate",
    "count_tokens",
    "load_compressor",
    "settle",
]

Method = Literal["none", "extractive", "llmlingua"]

DEFAULT_RATE = 0.6

_WORD = re.compile(r"[^\W\d_]{3,}")
_COMMON = (
    "about above after all also although and any are because been before being between both but can could does during "
    "each for from further had has have having how however into its itself may might more most much must onto other "
    "our out over same she should since some such than that the their them then there these they this those through "
    "thus under until upon very was we were what when where whether which while who whose will with within would you "
    "your"
)
_STOP_WORDS = frozenset(_COMMON.split())
# What authors write where they say what they did and found.
_CUE = re.compile(
    r"\b(?:we|this (?:paper|work|study|article)|here)(?: \w+){0,2} (?:propos|introduc|present|develop|show|demonstrat"
    r"|prov|find|found|stud|investigat|describ|releas|argu|design|achiev|establish)\w*"
    r"|\b(?:outperform|state-of-the-art|significant|experiment|result|novel|contribution|improv)\w*",
    re.IGNORECASE,
)
_CUE_BONUS = 0.35  # of the best word score in the text
_EDGE_BONUS = 0.25  # for the first and the last sentence, which state the subject and the outcome


class Compressor(Protocol):
    """Anything that shortens texts."""

    @property
    def method(self) -> str:
        """Its name, one of `Method`."""

    @property
    def id(self) -> str:
        """What decides the result: method and version, rate, hash of the model. Equal ids give equal texts."""

    def compress(self, texts: Sequence[str]) -> list[Compressed]:
        """Shorten texts; one result a text, in the order given. A result does not depend on the other texts."""


def load_compressor(method: Method, *, rate: float | None = None, model: Path | None = None) -> Compressor:
    """Make the compressor of a method.

    Args:
        method: "none", "extractive" (whole sentences) or "llmlingua" (LLMLingua-2, word by word).
        rate: share of the tokens to KEEP, above 0 and at most 1; `DEFAULT_RATE` if None. Guarded text stays beyond it.
        model: folder of the token classifier, for "llmlingua".

    Raises:
        InputError: the method is unknown, the rate is out of range, an option does not fit the method, the model
            or the package of LLMLingua is missing.
    """
    if model is not None and method != "llmlingua":
        raise InputError(
            f"--compress {method} uses no model", fix="Drop --compress-model, or use --compress llmlingua."
        )
    if method == "none":
        if rate is not None:
            raise InputError("--compress none keeps everything", fix="Drop the rate, or use --compress extractive.")
        return Untouched()
    share = check_rate(DEFAULT_RATE if rate is None else rate)
    if method == "extractive":
        return Extractive(share)
    if method == "llmlingua":
        from guide.corpus.llmlingua import load_llmlingua

        return load_llmlingua(model, rate=share)
    raise InputError(f"unknown compression {method!r}", fix="Use none, extractive or llmlingua.")


class Untouched:
    """Keeps every text as it is."""

    method = "none"
    id = "none"

    def compress(self, texts: Sequence[str]) -> list[Compressed]:
        """Return the texts, each whole."""
        return [settle(text, text) for text in texts]


class Extractive:
    """Keeps whole sentences, in their order.

    Every sentence with something guarded stays. The others follow by score while they fit into the rate; the first
    that does not fit ends it, so a lower rate keeps a part of what a higher one keeps. The score is the mean frequency
    within the text of the sentence's distinct words (Luhn 1958; SumBasic, Nenkova and Vanderwende 2005), with a bonus
    for cue phrases and for the first and the last sentence (Edmundson 1969). No statistics of a corpus enter, so that
    a text is shortened alike in every store.
    """

    method = "extractive"

    def __init__(self, rate: float = DEFAULT_RATE) -> None:
        self.rate = check_rate(rate)
        self.id = f"extractive-1@{rate:g}"

    def compress(self, texts: Sequence[str]) -> list[Compressed]:
        """Shorten texts sentence by sentence."""
        return [settle(text, self._shorten(text)) for text in texts]

    def _shorten(self, text: str) -> str:
        sentences = split_sentences(text)
        if len(sentences) < 2 or self.rate == 1:
            return text
        lengths = [count_tokens(sentence) for sentence in sentences]
        budget = self.rate * sum(lengths)
        kept = {place for place, sentence in enumerate(sentences) if holds_guarded(sentence)}
        used = sum(lengths[place] for place in kept)
        scores = _score(sentences)
        for place in sorted(range(len(sentences)), key=lambda place: (-scores[place], place)):
            if place in kept:
                continue
            if kept and used + lengths[place] > budget:
                break
            kept.add(place)
            used += lengths[place]
        if len(kept) == len(sentences):
            return text
        return " ".join(sentences[place] for place in sorted(kept))


def _score(sentences: list[str]) -> list[float]:
    """How much of the text's matter each sentence holds; higher is more."""
    words = [{word for word in _WORD.findall(one.lower()) if word not in _STOP_WORDS} for one in sentences]
    frequency = Counter(word for of_one in words for word in of_one)
    # The square root leaves some of a long sentence's advantage; the mean alone prefers fragments.
    scores = [sum(frequency[word] for word in of_one) / sqrt(len(of_one) or 1) for of_one in words]
    best = max(scores)
    last = len(sentences) - 1
    return [
        score + best * (_EDGE_BONUS * (place in (0, last)) + _CUE_BONUS * (_CUE.search(one) is not None))
        for place, (one, score) in enumerate(zip(sentences, scores, strict=True))
    ]
