"""The replay's metrics, each on row weights, so that a bootstrap resample is a vector of counts.

Definitions stand in docs/metrics.md. What a sample leaves undefined (one class only, no ratings, a correlation with a
constant, scores that are not probabilities, no rows) is nan; nothing raises or warns for that.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from guide.calibration import wilson

BINS = 10

Floats = NDArray[np.float64]
Binning = Literal["mass", "width"]


@dataclass(frozen=True, slots=True)
class Sample:
    """n scored submissions, row by row.

    Attributes:
        scores: (n,) higher is better; any scale.
        accepted: (n,) bool.
        probabilities: (n,) P(accept), or None if the scores are not probabilities.
        ratings: (n,) mean reviewer rating, nan where there is none.

    Raises:
        ValueError: the lengths differ, a score is nan, or a probability is not within 0 to 1.
    """

    scores: Floats
    accepted: NDArray[np.bool_]
    probabilities: Floats | None
    ratings: Floats

    def __post_init__(self) -> None:
        p = self.scores if self.probabilities is None else self.probabilities
        if {self.scores.shape, self.accepted.shape, p.shape, self.ratings.shape} != {(len(self.scores),)}:
            raise ValueError("scores, decisions, probabilities and ratings must be of one length")
        if self.accepted.dtype != np.bool_:
            raise ValueError("decisions must be true or false")
        if np.isnan(self.scores).any():
            raise ValueError("a score is nan")
        if self.probabilities is not None and not ((p >= 0) & (p <= 1)).all():
            raise ValueError("a probability is not within 0 to 1")


class Ranked:
    """Values in order with their ties, prepared once for many weightings of the rows."""

    def __init__(self, values: Floats) -> None:
        distinct, self._group = np.unique(values, return_inverse=True)
        self._groups = len(distinct)

    def sums(self, weights: Floats) -> Floats:
        """Weight of each group of equal values, smallest value first."""
        return np.bincount(self._group, weights, minlength=self._groups).astype(np.float64, copy=False)

    def middles(self, weights: Floats) -> Floats:
        """(n,) the middle of each row's range of ranks: mid-ranks, less one half."""
        total = self.sums(weights)
        return np.asarray((np.cumsum(total) - total / 2)[self._group])


class Prepared:
    """A sample with everything sorted that does not depend on the weights.

    Every metric takes the weights of the rows, (n,): ones for the sample itself, counts for a resample of it.
    """

    def __init__(self, sample: Sample) -> None:
        self.sample = sample
        self._accepted = sample.accepted.astype(np.float64)
        self._scores = Ranked(-sample.scores)  # best first
        self._rated = np.flatnonzero(~np.isnan(sample.ratings))
        self._rated_scores = Ranked(sample.scores[self._rated])
        self._ratings = Ranked(sample.ratings[self._rated])
        self._probabilities = None if sample.probabilities is None else Ranked(sample.probabilities)

    def auroc(self, weights: Floats) -> float:
        """Chance that an accepted row outranks another, ties counted one half: Mann-Whitney's U / (n1 n0).

        Hanley & McNeil, Radiology 1982. Constant scores give 1/2.
        """
        accepted = self._scores.sums(weights * self._accepted)
        rejected = self._scores.sums(weights) - accepted
        above = np.cumsum(accepted) - accepted
        pairs = accepted.sum() * rejected.sum()
        return float((rejected * (above + accepted / 2)).sum() / pairs) if pairs else math.nan

    def accepted_in_top(self, weights: Floats, fraction: float) -> tuple[float, float]:
        """(expected accepted rows in the top k, k), k = fraction * n rounded half up, at least 1, or 0 without rows.

        A group of ties that the boundary cuts counts by the share of it inside: the expectation over random orders.
        """
        total = self._scores.sums(weights)
        accepted = self._scores.sums(weights * self._accepted)
        n = float(total.sum())
        k = max(1.0, math.floor(fraction * n + 0.5)) if n else 0.0
        inside = np.clip(k - (np.cumsum(total) - total), 0, total)
        share = np.divide(inside, total, out=np.zeros_like(total), where=total > 0)
        return float((share * accepted).sum()), k

    def top_precision(self, weights: Floats, fraction: float) -> float:
        """Share accepted among the top `fraction` (GUIDE, arXiv 2507.08870: Top-5 % and Top-30 % precision)."""
        found, k = self.accepted_in_top(weights, fraction)
        return found / k if k else math.nan

    def accept_recall(self, weights: Floats, fraction: float = 0.3) -> float:
        """Share of the accepted that stand in the top `fraction` (GUIDE: accept recall, at 30 %).

        It says nothing that the precision does not: recall = precision * k / accepted.
        """
        positive = float((weights * self._accepted).sum())
        return self.accepted_in_top(weights, fraction)[0] / positive if positive else math.nan

    def spearman(self, weights: Floats) -> float:
        """Spearman's correlation: Pearson's of the mid-ranks of scores and ratings, over the rows with ratings."""
        w = weights[self._rated]
        if (w > 0).sum() < 2:
            return math.nan
        x, y = self._rated_scores.middles(w), self._ratings.middles(w)
        x, y = x - (w @ x) / w.sum(), y - (w @ y) / w.sum()
        spread = math.sqrt(float((w @ (x * x)) * (w @ (y * y))))
        return float(w @ (x * y)) / spread if spread else math.nan

    def brier(self, weights: Floats) -> float:
        """Mean squared error of the probabilities (Brier, Monthly Weather Review 1950)."""
        if self.sample.probabilities is None or not weights.sum():
            return math.nan
        return float(weights @ (self.sample.probabilities - self._accepted) ** 2 / weights.sum())

    def ece(self, weights: Floats, bins: int = BINS, binning: Binning = "mass") -> float:
        """Expected calibration error: |predicted - observed| of each bin, weighed by its rows.

        Naeini et al., AAAI 2015. It is never below 0, so chance alone makes it positive: compare with
        `ece_if_calibrated`.
        """
        if self.sample.probabilities is None or not weights.sum():
            return math.nan
        gaps = weights * (self.sample.probabilities - self._accepted)
        return float(np.abs(np.bincount(self.bins(weights, bins, binning), gaps)).sum() / weights.sum())

    def bins(self, weights: Floats, bins: int = BINS, binning: Binning = "mass") -> NDArray[np.int64]:
        """(n,) the number of each row's bin, 0 for the lowest probabilities; equal ones always share a bin.

        Bins of equal mass take the rows by the middle of their range of ranks, so that ties make them uneven. Bins of
        equal width cut 0 to 1, each closed on the left and the last on both sides.

        Raises:
            ValueError: the scores are not probabilities.
        """
        if self._probabilities is None or self.sample.probabilities is None:
            raise ValueError("scores that are not probabilities have no reliability")
        if binning == "width":
            place = self.sample.probabilities * bins
        else:
            place = self._probabilities.middles(weights) * bins / max(float(weights.sum()), 1.0)
        return np.minimum(place.astype(np.int64), bins - 1)

    def evaluate(self, weights: Floats) -> dict[str, float]:
        """All metrics of the replay at these weights, by their names in the JSON."""
        return {
            "auroc": self.auroc(weights),
            "top5_precision": self.top_precision(weights, 0.05),
            "top30_precision": self.top_precision(weights, 0.30),
            "accept_recall": self.accept_recall(weights),
            "spearman": self.spearman(weights),
            "brier": self.brier(weights),
            "ece": self.ece(weights),
        }


@dataclass(frozen=True, slots=True)
class ReliabilityBin:
    """One bin of a reliability table.

    Attributes:
        n: rows in it.
        predicted: their mean P(accept).
        observed: share accepted.
        low: of the 95 % Wilson interval of `observed`.
        high: of the same.
        least: smallest P(accept) in it.
        greatest: largest P(accept) in it.
    """

    n: int
    predicted: float
    observed: float
    low: float
    high: float
    least: float
    greatest: float


def reliability(sample: Sample, bins: int = BINS, binning: Binning = "mass") -> tuple[ReliabilityBin, ...]:
    """The bins behind the ECE, ascending, empty ones left out; none at all if the scores are not probabilities."""
    if sample.probabilities is None:
        return ()
    number = Prepared(sample).bins(np.ones(len(sample.accepted)), bins, binning)
    rows = []
    for one in np.unique(number):
        inside = number == one
        p, n, k = sample.probabilities[inside], int(inside.sum()), int(sample.accepted[inside].sum())
        rows.append(ReliabilityBin(n, float(p.mean()), k / n, *wilson(k, n), float(p.min()), float(p.max())))
    return tuple(rows)


def ece_if_calibrated(sample: Sample, *, draws: int = 1000, seed: int = 0) -> float:
    """Mean ECE of decisions drawn from the probabilities themselves: what chance alone makes of it at this n.

    Consistency resampling (Bröcker & Smith, Weather and Forecasting 2007); nan if the scores are not probabilities.
    """
    if sample.probabilities is None or not len(sample.accepted):
        return math.nan
    random = np.random.default_rng(seed)
    ones = np.ones(len(sample.accepted))
    number = Prepared(sample).bins(ones)
    p = sample.probabilities
    drawn = (random.random(len(p)) < p for _ in range(draws))
    return float(np.mean([np.abs(np.bincount(number, p - row)).sum() / len(p) for row in drawn]))
