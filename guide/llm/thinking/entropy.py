"""The steps of a trace, by how open they were: what to keep of it for the record and for a second reader.

Z. Li et al., "Compressing Chain-of-Thought in LLMs via Step Entropy", arXiv 2508.03346: steps whose tokens were all but
certain say little that the rest does not, and a placeholder in their stead is better than a gap. The entropy is that of
the whole next-token distribution, as in the paper. Their released code takes -p log p of the drawn token
instead, which makes a very surprising token (p = 0.001) look as redundant as a certain one (p = 0.99).

This works on a finished trace: it shortens what is read again, and saves nothing of what was drawn.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from guide.errors import InputError, ModelError
from guide.llm.model import MeasuresEntropy

KAPPA = 0.8  # the paper's share of steps removed; on its traces, 16 to 45 % of the tokens
SKIP = "[SKIP]"

Rank = Literal["mean", "total"]

_BLANK_LINES = re.compile(r"\s*\n[^\S\n]*\n\s*")


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a trace.

    Attributes:
        text: without the blank lines around it.
        gap: the blank lines behind it.
        tokens: that begin in it or in the gap.
        total: entropy of its tokens, summed, in bits.
    """

    text: str
    gap: str
    tokens: int
    total: float

    @property
    def mean(self) -> float:
        """Bits a token; 0 for a step that no token begins in."""
        return self.total / self.tokens if self.tokens else 0.0


@dataclass(frozen=True, slots=True)
class MeasuredTrace:
    """A trace cut into its steps: `lead`, then each step with its gap, is the text."""

    lead: str
    steps: tuple[Step, ...]

    @property
    def text(self) -> str:
        """The whole trace, as it was."""
        return self.lead + "".join(step.text + step.gap for step in self.steps)


def entropy_bits(logits: ArrayLike) -> NDArray[np.float64]:
    """Shannon entropy (...,) in bits of distributions given as logits or natural log-probabilities (..., vocabulary).

    Raises:
        ModelError: a distribution has no finite logit, or one that is not a number.
    """
    given = np.asarray(logits, dtype=np.float64)
    top = given.max(axis=-1, keepdims=True)
    if not np.isfinite(top).all():
        raise ModelError("a token's probabilities are not numbers", fix="Load the model in bfloat16 or float32.")
    shifted = given - top
    weights = np.exp(shifted)
    total = weights.sum(axis=-1, keepdims=True)
    # -inf * 0 is nan; a token that cannot come adds nothing.
    weighted = np.where(weights > 0, weights * np.where(weights > 0, shifted, 0.0), 0.0).sum(axis=-1)
    nats = np.log(total[..., 0]) - weighted / total[..., 0]
    bits: NDArray[np.float64] = np.maximum(nats, 0.0) / np.log(2)
    return bits


def measure(model: MeasuresEntropy, prompt: str, text: str) -> MeasuredTrace:
    """Cut `text`, which a model wrote behind `prompt`, into steps and measure them."""
    entropies, offsets = model.token_entropies(prompt, text)
    return measured(text, entropies, offsets)


def measured(text: str, entropies: NDArray[np.float64], offsets: NDArray[np.int64]) -> MeasuredTrace:
    """Cut `text` into steps at its blank lines and give each step the tokens that begin in it.

    Args:
        text: the trace.
        entropies: (tokens,) of the distribution each token was drawn from, in bits.
        offsets: (tokens,) characters of `text` before each token, in order. A token that begins between two
            steps belongs to the first: it is how that one ended.

    Raises:
        InputError: the two do not fit each other or the text, or an entropy is below 0 or not a number.
    """
    if entropies.ndim != 1 or entropies.shape != offsets.shape:
        raise InputError(f"{entropies.shape} entropies for {offsets.shape} tokens", fix="Give one for each token.")
    if not (np.isfinite(entropies).all() and (entropies >= 0).all()):
        raise InputError("an entropy is below 0 or not a number", fix="Give entropies in bits, as entropy_bits does.")
    if offsets.size and ((np.diff(offsets) < 0).any() or offsets[0] < 0 or offsets[-1] > len(text)):
        raise InputError("the tokens do not stand in the text in their order", fix="Give offsets into this text.")
    body = text.lstrip()
    lead = text[: len(text) - len(body)]
    if not body:
        return MeasuredTrace(text, ())
    spans: list[tuple[int, int, int]] = []
    start = len(lead)
    for gap in _BLANK_LINES.finditer(text, start):
        if gap.end() < len(text):  # blank lines at the end part nothing
            spans.append((start, gap.start(), gap.end()))
            start = gap.end()
    ended = start + len(text[start:].rstrip())
    spans.append((start, ended, len(text)))
    # The first step takes what begins in the lead, the last what begins at the very end.
    edges = np.searchsorted(offsets, [begin for begin, _, _ in spans[1:]], side="left")
    bounds = [0, *edges.tolist(), len(offsets)]
    return MeasuredTrace(
        lead,
        tuple(
            Step(text[begin:end], text[end:after], last - first, float(entropies[first:last].sum()))
            for (begin, end, after), first, last in zip(spans, bounds[:-1], bounds[1:], strict=True)
        ),
    )


def most_informative(trace: MeasuredTrace, kappa: float = KAPPA, by: Rank = "mean") -> tuple[Step, ...]:
    """The steps that stay when the share `kappa` of them is removed, lowest entropy first; in order.

    Args:
        trace: measured.
        kappa: share of the *steps* that is removed, rounded down: 0 keeps all, 1 nothing. It is no share of tokens.
        by: rank by bits a token, as the paper, or by bits in all, which favours long steps. Of equals the earlier goes.

    Raises:
        InputError: `kappa` is no share.
    """
    removed = _removed(trace, kappa, by)
    return tuple(step for number, step in enumerate(trace.steps) if number not in removed)


def skipped(trace: MeasuredTrace, kappa: float = KAPPA, by: Rank = "mean") -> str:
    """The text with each step that `most_informative` removes replaced by "[SKIP]"; `kappa` 0 leaves it as it is.

    Raises:
        InputError: `kappa` is no share.
    """
    removed = _removed(trace, kappa, by)
    return trace.lead + "".join(
        (SKIP if number in removed else step.text) + step.gap for number, step in enumerate(trace.steps)
    )


def _removed(trace: MeasuredTrace, kappa: float, by: Rank) -> frozenset[int]:
    if not 0 <= kappa <= 1:
        raise InputError(f"kappa is {kappa}", fix="Give the share of steps to remove, 0 to 1.")
    entropies = [step.mean if by == "mean" else step.total for step in trace.steps]
    order = sorted(range(len(entropies)), key=entropies.__getitem__)
    # 0.29 * 100 is 28.999999999999996.
    return frozenset(order[: int(kappa * len(order) + 1e-9)])
