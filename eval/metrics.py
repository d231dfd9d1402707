"""The replay's metrics, each on row weights, so that a bootstrap resample is a vector of counts.

Definitions stand in docs/metrics.md. A metric that a sample leaves undefined (one class only, no ratings, constant scores) is nan.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from guide.calibration import wilson

BINS = 10

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Sample:
    """n scored submissions, row by row.

    Attributes:
        scores: (n,) higher is better; any scale.
        accepted: (n,) bool.
        probabilities: (n,) P(accept), or None if the scores are not probabilities.
        ratings: (n,) mean reviewer rating, nan where there is none.
    """

    scores: Floats
    accepted: NDArray[np.bool_]
    probabilities: Floats | None
    ratings: Floats


class Ranking:
    """The rows of a sample in score order, prepared once for many weightings."""

    def __init__(self, sample: Sample) -> None:
        self._accepted = sample.accepted.astype(np.float64)
        # Rows of equal score form one group; groups run from the highest score down.
        distinct, group = np.unique(-sample.scores, return_inverse=True)
        self._group = group
        self._groups = len(distinct)

    def _sums(self, weights: Floats) -> tuple[Floats, Floats]:
        """Per group: weight of all rows, weight of accepted rows."""
        total = np.bincount(self._group, weights, minlength=self._groups)
        accepted = np.bincount(self._group, weights * self._accepted, minlength=self._groups)
        return total, accepted

    def auroc(self, weights: Floats) -> float:
        """Chance that an accepted row outranks another, ties counted one half (Mann-Whitney U / (n1 n0))."""
        total, accepted = self._sums(weights)
        rejected = total - accepted
        above = np.cumsum(accepted) - accepted
        pairs = accepted.sum() * rejected.sum()
        if pairs == 0:
            return math.nan
        return float((rejected * (above + accepted / 2)).sum() / pairs)

    def accepted_in_top(self, weights: Floats, fraction: float) -> tuple[float, float]:
        """(expected accepted rows in the top k, k), k = fraction * n rounded half up, at least 1.

        A group that the boundary cuts counts by the share of it inside: the expectation over random orders of ties.
        """
        total, accepted = self._sums(weights)
        k = max(1.0, math.floor(fraction * total.sum() + 0.5))
        before = np.cumsum(total) - total
        inside = np.clip(k - before, 0, total)
        share = np.divide(inside, total, out=np.zeros_like(total), where=total > 0)
        return float((share * accepted).sum()), k


def top_precision(ranking: Ranking, weights: Floats, fraction: float) -> float:
    """Share accepted among the top `fraction` (GUIDE, arXiv 2507.08870: Top-5 % and Top-30 % precision)."""
    found, k = ranking.accepted_in_top(weights, fraction)
    return found / k


def accept_recall(ranking: Ranking, weights: Floats, accepted: NDArray[np.bool_], fraction: float = 0.3) -> float:
    """Share of the accepted that stand in the top `fraction` (GUIDE: accept recall, at 30 %)."""
    positive = float(weights[accepted].sum())
    return ranking.accepted_in_top(weights, fraction)[0] / positive if positive else math.nan


def spearman(scores: Floats, ratings: Floats, weights: Floats) -> float:
    """Spearman's rank correlation of the rows that have ratings, mid-ranks for ties."""
    known = ~np.isnan(ratings) & (weights > 0)
    if known.sum() < 2:
        return math.nan
    w = weights[known]
    x, y = _mid_ranks(scores[known], w), _mid_ranks(ratings[known], w)
    x, y = x - np.average(x, weights=w), y - np.average(y, weights=w)
    spread = math.sqrt(float((w * x * x).sum() * (w * y * y).sum()))
    return float((w * x * y).sum()) / spread if spread else math.nan


def brier(probabilities: Floats, accepted: NDArray[np.bool_], weights: Floats) -> float:
    """Mean squared error of the probabilities (Brier, Monthly Weather Review 1950)."""
    return float(np.average((probabilities - accepted) ** 2, weights=weights))


def ece(probabilities: Floats, accepted: NDArray[np.bool_], weights: Floats, bins: int = BINS) -> float:
    """Expected calibration error over bins of equal mass (Naeini et al., AAAI 2015, quantile bins).

    Rows go into bins by the middle of their rank range, so equal probabilities stay together.
    """
    number = _equal_mass_bins(probabilities, weights, bins)
    mass = np.bincount(number, weights, minlength=bins)
    gap = np.bincount(number, weights * (probabilities - accepted), minlength=bins)
    return float(np.abs(gap).sum() / mass.sum())


@dataclass(frozen=True, slots=True)
class ReliabilityBin:
    """One bin of a reliability table.

    Attributes:
        n: rows in it.
        predicted: their mean P(accept).
        observed: share accepted.
        low: of the 95 % Wilson interval of `observed`.
        high: of the same.
    """

    n: int
    predicted: float
    observed: float
    low: float
    high: float


def reliability(probabilities: Floats, accepted: NDArray[np.bool_], bins: int = BINS) -> tuple[ReliabilityBin, ...]:
    """The bins behind `ece`, empty ones left out."""
    number = _equal_mass_bins(probabilities, np.ones(len(probabilities)), bins)
    rows = []
    for one in range(bins):
        inside = number == one
        if inside.any():
            n, k = int(inside.sum()), int(accepted[inside].sum())
            rows.append(ReliabilityBin(n, float(probabilities[inside].mean()), k / n, *wilson(k, n)))
    return tuple(rows)


def evaluate(sample: Sample, ranking: Ranking, weights: Floats) -> dict[str, float]:
    """All metrics of the replay at these weights, by their names in the JSON."""
    nan = math.nan
    p = sample.probabilities
    return {
        "auroc": ranking.auroc(weights),
        "top5_precision": top_precision(ranking, weights, 0.05),
        "top30_precision": top_precision(ranking, weights, 0.30),
        "accept_recall": accept_recall(ranking, weights, sample.accepted),
        "spearman": spearman(sample.scores, sample.ratings, weights),
        "brier": nan if p is None else brier(p, sample.accepted, weights),
        "ece": nan if p is None else ece(p, sample.accepted, weights),
    }


def _mid_ranks(values: Floats, weights: Floats) -> Floats:
    _, group = np.unique(values, return_inverse=True)
    total = np.bincount(group, weights)
    middle = np.cumsum(total) - total / 2
    return np.asarray(middle[group])


def _equal_mass_bins(probabilities: Floats, weights: Floats, bins: int) -> NDArray[np.int64]:
    share = _mid_ranks(probabilities, weights) / weights.sum()
    return np.minimum((share * bins).astype(np.int64), bins - 1)
