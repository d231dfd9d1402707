"""How far the runs of one prompt agree, beside how undecided each of them is: two things, kept apart.

A standard error falls with the number of runs, while what all runs of one model get wrong together stays. This is
agreement of runs and no chance of being right; only calibration on known outcomes can make it one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from guide.errors import InputError
from guide.llm.thinking.labels import LabelScore


@dataclass(frozen=True, slots=True)
class Agreement:
    """The runs of one prompt together.

    Attributes:
        runs: how many, k.
        expected: mean of their expected scores.
        between_sd: sample standard deviation of the expected scores between runs; None for a single run.
        standard_error: of the mean, between_sd / sqrt(k); None for a single run.
        within_sd: mean of the runs' own standard deviations.
        within_entropy: mean of the runs' own entropies, in bits.
        mass: least probability that the labels held in any run.
    """

    runs: int
    expected: float
    between_sd: float | None
    standard_error: float | None
    within_sd: float
    within_entropy: float
    mass: float


def agreement(scores: Sequence[LabelScore]) -> Agreement:
    """Put together what the runs of one prompt said; their order does not matter.

    Raises:
        InputError: there is no run.
    """
    if not scores:
        raise InputError("no run to compare", fix="Draw at least one sample.")
    k = len(scores)
    # Sorted, so that rounding does not depend on the order either.
    expected = np.array(sorted(score.expected for score in scores))
    between = float(expected.std(ddof=1)) if k > 1 else None
    return Agreement(
        runs=k,
        expected=float(expected.mean()),
        between_sd=between,
        standard_error=between / k**0.5 if between is not None else None,
        within_sd=float(np.mean(sorted(score.sd for score in scores))),
        within_entropy=float(np.mean(sorted(score.entropy for score in scores))),
        mass=min(score.mass for score in scores),
    )
