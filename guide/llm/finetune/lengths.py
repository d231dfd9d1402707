"""What a short answer is worth (LC-R1), how long one may be while training goes on (SIRI), and what to train on (TLDR).

Pure functions. LC-R1: Cheng et al., arXiv 2506.14755. SIRI: Wen et al., arXiv 2509.25176. TLDR: Li et al., arXiv
2506.02678. All three reward correct answers to mathematics; a proposal has no correct rating, so what counts as correct
is for the caller to say, and what they report for mathematics need not hold here.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from guide.errors import InputError


@dataclass(frozen=True, slots=True)
class Schedule:
    """A budget that falls and rises again.

    Attributes:
        low: tokens, Lmin.
        high: tokens, Lmax.
        period: steps of one cycle, T. SIRI used 16384, 8192 and 640, three times over; shorter cycles compressed less.
    """

    low: int
    high: int
    period: int

    def __post_init__(self) -> None:
        if not 0 < self.low <= self.high or self.period < 1:
            raise InputError(
                f"no cycle of {self.period} steps between {self.low} and {self.high} tokens",
                fix="Give 0 < low <= high and a period of at least 1.",
            )

    def budget(self, step: float) -> int:
        """Tokens an answer may have at a step: `high` at 0, `low` at half a period, `high` at a whole one.

        L(t) = (high + low) / 2 + (high - low) / 2 * cos(2 pi t / T)
        """
        middle, half = (self.high + self.low) / 2, (self.high - self.low) / 2
        return round(middle + half * math.cos(2 * math.pi * step / self.period))


def length_rewards(lengths: Sequence[int], correct: Sequence[bool]) -> list[float]:
    """LC-R1's length reward of each sample of a group: 1 - length / longest correct one; 0 for a wrong one.

    So the paper; its code gives wrong samples the same formula, which rewards short wrong ones.
    """
    longest = max((length for length, right in zip(lengths, correct, strict=True) if right), default=0)
    return [1 - length / longest if right and longest else 0.0 for length, right in zip(lengths, correct, strict=True)]


def compress_reward(kept: int | None, whole: int, *, correct: bool) -> float:
    """LC-R1's reward for thinking that ends soon after the answer was found: 1 - |R'| / |R|.

    Args:
        kept: length |R'| of the thinking up to where it first gives the answer; None where it never does.
        whole: length |R| of all of it, in the same unit.
        correct: whether the answer is.

    Returns:
        0 to 1 for a correct answer that its thinking gives; -1 for a correct one that it does not; 0 for a wrong one.
    """
    if not correct:
        return 0.0
    if kept is None or whole < 1:
        return -1.0
    return 1 - kept / whole


def centred(rewards: Sequence[float]) -> list[float]:
    """Rewards less their group's mean, not divided by their spread, as LC-R1's advantages are."""
    mean = math.fsum(rewards) / len(rewards) if rewards else 0.0
    return [reward - mean for reward in rewards]


@dataclass(frozen=True, slots=True)
class Reference:
    """What a short and a long thinker reach on the development set: mean tokens and share correct of each."""

    short_tokens: float
    short_accuracy: float
    long_tokens: float
    long_accuracy: float


def reweigh(
    short: float,
    tokens: float,
    accuracy: float,
    reference: Reference,
    *,
    eta: float = 4.0,
    smoothing: float = 1e-4,
) -> float:
    """TLDR's next share of short answers in the training mixture.

    b_short = max((tokens - short tokens) / |long tokens - short tokens|, 0) grows with answers that are too long,
    b_long = max((long accuracy - accuracy) / |long accuracy - short accuracy|, 0) with answers that are wrong;
    alpha <- softmax(log alpha + eta b), then (1 - c) alpha + c / 2.

    Args:
        short: share so far, 0 to 1; the long ones have the rest. Exactly 0 or 1 stays but for the smoothing.
        tokens: mean of an answer on the development set now.
        accuracy: share correct there now.
        reference: as measured before. Equal references say nothing, and their gap then counts as none: TLDR's code
            divides by 0 there.
        eta: step size.
        smoothing: c, which keeps either share above c / 2.
    """
    if not 0 <= short <= 1:
        raise InputError(f"a share of {short}", fix="Give one from 0 to 1.")
    longer = abs(reference.long_tokens - reference.short_tokens)
    better = abs(reference.long_accuracy - reference.short_accuracy)
    b_short = max((tokens - reference.short_tokens) / longer, 0.0) if longer else 0.0
    b_long = max((reference.long_accuracy - accuracy) / better, 0.0) if better else 0.0
    if short in (0, 1):
        updated = float(short)
    else:
        logit = math.log(short) - math.log1p(-short) + eta * (b_short - b_long)
        updated = 1 / (1 + math.exp(-logit)) if logit > -700 else 0.0
    return (1 - smoothing) * updated + smoothing / 2
