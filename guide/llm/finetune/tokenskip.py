"""Training pairs of TokenSkip (Xia et al., 2025; arXiv:2502.12067): thinking shortened to a share named in the prompt.

A model trained on them thinks in fewer words when the prompt names a share; on any other model the mark does nothing.
The paper tried thinking of 200 to 500 tokens, and below a share of 0.5 the models did not obey. Any compressor serves:
`guide.corpus.llmlingua` shortens as the paper did, and keeps numbers and negations by force.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from guide.errors import InputError

RATES = (1.0, 0.9, 0.8, 0.7, 0.6, 0.5)  # gamma: the share of tokens kept

Compress = Callable[[Sequence[str], float], Sequence[str]]


@dataclass(frozen=True, slots=True)
class Thought:
    """One answer of the model that is to be trained, found good enough to keep.

    Attributes:
        prompt: what the user asks.
        thinking: without its closing mark.
        answer: what comes behind the thinking, the closing mark at its head.
    """

    prompt: str
    thinking: str
    answer: str


@dataclass(frozen=True, slots=True)
class SkipPair:
    """A prompt that names the share of tokens to keep, and what is to follow it."""

    prompt: str
    completion: str
    rate: float


def mark_rate(prompt: str, rate: float, separator: str) -> str:
    """The prompt with the share behind it, between separators; a share of 1 has no mark, so nothing changes there.

    Args:
        prompt: what the user asks.
        rate: share of the tokens to keep.
        separator: the paper has a mark of the model there, its end of turn; a line of its own does as well.
    """
    return prompt if rate == 1 else f"{prompt}{separator}{rate:g}{separator}"


def skip_pairs(
    thoughts: Iterable[Thought],
    compress: Compress,
    *,
    separator: str,
    rates: Sequence[float] = RATES,
    seed: int = 0,
) -> list[SkipPair]:
    """One pair for each thought, its share drawn from `rates`.

    Thoughts of one share are given to the compressor together. Thinking of which nothing is left is kept whole and
    marked as such: with a share of 1.

    Args:
        thoughts: in any number; empty thinking is left out, as there is nothing to shorten.
        compress: takes texts and the share to keep, gives as many texts.
        separator: see `mark_rate`.
        rates: above 0 and at most 1.
        seed: of the draws.

    Raises:
        InputError: there are no rates or one is no share, or the compressor gives another number of texts.
    """
    if not rates or not all(0 < rate <= 1 for rate in rates):
        raise InputError("no share to keep, or one outside 0 to 1", fix="Give for example 0.5,0.7,1.")
    drawn = random.Random(seed)  # noqa: S311 - no secret is made
    chosen = [(thought, drawn.choice(rates)) for thought in thoughts if thought.thinking.strip()]
    pairs: dict[int, SkipPair] = {}
    for rate in sorted(set(rates)):
        places = [place for place, (_, own) in enumerate(chosen) if own == rate]
        texts = [chosen[place][0].thinking for place in places]
        shortened = texts if rate == 1 or not texts else list(compress(texts, rate))
        if len(shortened) != len(texts):
            raise InputError(f"the compressor gave {len(shortened)} texts for {len(texts)}", fix="Use another one.")
        for place, text in zip(places, shortened, strict=True):
            thought = chosen[place][0]
            kept, share = (text, rate) if text.strip() else (thought.thinking, 1.0)
            pairs[place] = SkipPair(mark_rate(thought.prompt, share, separator), f"{kept}{thought.answer}", share)
    return [pairs[place] for place in range(len(chosen))]


def llmlingua_compressor(model: Path, *, device: str = "cpu") -> Compress:
    """LLMLingua-2 as a compressor of any share; a text that its guards refuse comes back whole.

    Args:
        model: folder of its token classifier.
        device: as for `guide.corpus.llmlingua.load_llmlingua`, whose errors it raises when it is first called.
    """
    from guide.corpus.llmlingua import load_llmlingua

    def compress(texts: Sequence[str], rate: float) -> list[str]:
        return [one.text for one in load_llmlingua(model, rate=rate, device=device).compress(texts)]

    return compress
