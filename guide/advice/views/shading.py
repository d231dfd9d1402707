"""The text of a proposal, sentence by sentence, with what each does to P(accept) and the findings that quote it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from guide.review import Finding, Influence

# Shares of the strongest sentence's influence: below one a sentence is left unshaded, above the other shaded fully.
_FAINT, _STRONG = 0.15, 0.6
_POINT = 0.005  # half a point of P(accept): weaker sentences are never shaded


@dataclass(frozen=True, slots=True)
class ShadedSentence:
    """One sentence of the text.

    Attributes:
        number: from 1, over the whole text.
        text: as written, without surrounding white space.
        change: P(accept) with it minus without it; None if it was not tried.
        shade: -2 (lowers it much), -1, 0, 1 or 2 (raises it much).
        findings: the numbers of the findings that quote it.
    """

    number: int
    text: str
    change: float | None
    shade: int
    findings: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Passage:
    """A part of the text under one heading."""

    heading: str
    sentences: tuple[ShadedSentence, ...]


def shade_text(
    modules: Mapping[str, str], influences: Sequence[Influence], findings: Sequence[Finding]
) -> tuple[Passage, ...]:
    """Split each part of the text into sentences and give each its influence and findings.

    A finding belongs to the first sentence that holds its quote, or that its quote holds; one whose quote is nowhere in
    the text belongs to none.
    """
    from guide.corpus.sentences import split_sentences

    changes = {_plain(item.sentence): item.change for item in influences}
    strongest = max((abs(change) for change in changes.values()), default=0.0)
    parts = {heading: split_sentences(text) for heading, text in modules.items()}
    whole = [_plain(sentence) for sentences in parts.values() for sentence in sentences]
    places = [_place(finding.quote, whole) for finding in findings]
    passages, number = [], 0
    for heading, sentences in parts.items():
        shaded = []
        for sentence in sentences:
            number += 1
            change = changes.get(_plain(sentence))
            about = tuple(order for order, place in enumerate(places, 1) if place == number)
            shaded.append(ShadedSentence(number, sentence, change, _shade(change, strongest), about))
        if shaded:
            passages.append(Passage(heading, tuple(shaded)))
    return tuple(passages)


def _place(quote: str | None, sentences: Sequence[str]) -> int | None:
    """The number of the sentence that a quote is from."""
    wanted = _plain(quote or "")
    if not wanted:
        return None
    return next(
        (number for number, sentence in enumerate(sentences, 1) if wanted in sentence),
        next((number for number, sentence in enumerate(sentences, 1) if sentence and sentence in wanted), None),
    )


def _shade(change: float | None, strongest: float) -> int:
    if change is None or abs(change) < max(_POINT, _FAINT * strongest):
        return 0
    return (1 if change > 0 else -1) * (2 if abs(change) >= _STRONG * strongest else 1)


def _plain(text: str) -> str:
    return " ".join(text.split())
