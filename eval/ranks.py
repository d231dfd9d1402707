"""How well an order is: of decisions and of ratings, each on row weights, with ties worked out exactly.

Everything that does not depend on the weights is sorted once; a resample is then a vector of counts.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def top_size(fraction: float, n: float) -> float:
    """How many rows the top `fraction` of n has: rounded half up, at least 1, and 0 without rows."""
    return max(1.0, math.floor(fraction * n + 0.5)) if n else 0.0


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


@dataclass(frozen=True, slots=True)
class Tally:
    """Rows at each distinct score, best score first, at one weighting.

    Attributes:
        total: (groups,) all rows.
        accepted: (groups,) the accepted among them.
        reached: (groups,) rows at this score or a better one.
    """

    total: Floats
    accepted: Floats
    reached: Floats

    @property
    def n(self) -> float:
        """Rows in all."""
        return float(self.reached[-1]) if len(self.reached) else 0.0

    def auroc(self) -> float:
        """Chance that an accepted row outranks another, ties counted one half: Mann-Whitney's U / (n1 n0).

        Hanley & McNeil, Radiology 1982. Constant scores give 1/2; nan with one class only.
        """
        rejected = self.total - self.accepted
        above = np.cumsum(self.accepted) - self.accepted
        pairs = self.accepted.sum() * rejected.sum()
        return float((rejected * (above + self.accepted / 2)).sum() / pairs) if pairs else math.nan

    def average_precision(self) -> float:
        """Mean over the accepted of the precision down to their score, all rows of that score included.

        That is scikit-learn's sum of (gain in recall) * precision over the distinct thresholds, without
        interpolation. Constant scores give the base rate; nan with none accepted.
        """
        positive = self.accepted.sum()
        if not positive:
            return math.nan
        found = np.cumsum(self.accepted)
        precision = np.divide(found, self.reached, out=np.zeros_like(found), where=self.reached > 0)
        return float((self.accepted * precision).sum() / positive)

    def accepted_in_top(self, fraction: float) -> tuple[float, float]:
        """(expected accepted rows in the top k, k), k being `top_size(fraction, n)`.

        A group of ties that the boundary cuts counts by the share of it inside: the expectation over random orders.
        """
        k = top_size(fraction, self.n)
        inside = np.clip(k - (self.reached - self.total), 0, self.total)
        share = np.divide(inside, self.total, out=np.zeros_like(inside), where=self.total > 0)
        return float((share * self.accepted).sum()), k

    def top_precision(self, fraction: float) -> float:
        """Share accepted among the top `fraction` (GUIDE, arXiv 2507.08870: Top-5 % and Top-30 % precision)."""
        found, k = self.accepted_in_top(fraction)
        return found / k if k else math.nan

    def accept_recall(self, fraction: float) -> float:
        """Share of the accepted that stand in the top `fraction` (GUIDE: accept recall, at 30 %).

        It says nothing that the precision does not: recall = precision * k / accepted.
        """
        positive = float(self.accepted.sum())
        return self.accepted_in_top(fraction)[0] / positive if positive else math.nan

    def accuracy(self, fraction: float) -> float:
        """Share of right calls if the top `fraction` is called accepted and the rest not (GUIDE prints it at 30 %)."""
        found, k = self.accepted_in_top(fraction)
        return (self.n - k - float(self.accepted.sum()) + 2 * found) / self.n if k else math.nan

    def f1(self, fraction: float) -> float:
        """F1 of those calls: 2 * found / (k + accepted). With k and n1 fixed it ranks systems as the precision does."""
        found, k = self.accepted_in_top(fraction)
        return 2 * found / (k + float(self.accepted.sum())) if k else math.nan


class Ranking:
    """Scores beside decisions, in order, prepared once for many weightings.

    Args:
        scores: (n,) higher is better.
        accepted: (n,) bool.
    """

    def __init__(self, scores: Floats, accepted: NDArray[np.bool_]) -> None:
        self._best_first = Ranked(-scores)
        self._accepted = accepted.astype(np.float64)

    def tally(self, weights: Floats) -> Tally:
        """The counts at these weights (n,), which the metrics of the order are made of."""
        total = self._best_first.sums(weights)
        return Tally(total, self._best_first.sums(weights * self._accepted), np.cumsum(total))


class Agreement:
    """Two orders of the same rows, prepared once for many weightings.

    Kendall's pairs are counted as in a merge sort by `y`, laid out in advance: one level a binary digit of the rank of
    y. A pair of rows whose y-ranks first differ in a level's digit is decided there, by x; rows of one y never part.
    So one weighting costs O(n log d) with d distinct values of y, and no sorting.

    Args:
        x: (n,) any scale.
        y: (n,) any scale; the one with fewer distinct values, for speed.
    """

    def __init__(self, x: Floats, y: Floats) -> None:
        self._x, self._y = Ranked(x), Ranked(y)
        self._lower, self._upper, self._bounds = _merge_levels(x, y)

    def spearman(self, weights: Floats) -> float:
        """Spearman's correlation: Pearson's of the mid-ranks; nan under two rows or where one side is constant."""
        if (weights > 0).sum() < 2:
            return math.nan
        x, y = self._x.middles(weights), self._y.middles(weights)
        x, y = x - (weights @ x) / weights.sum(), y - (weights @ y) / weights.sum()
        spread = math.sqrt(float((weights @ (x * x)) * (weights @ (y * y))))
        return float(weights @ (x * y)) / spread if spread else math.nan

    def kendall(self, weights: Floats) -> float:
        """Kendall's tau-b (Kendall, Biometrika 1945): (concordant - discordant) / root of pairs untied in x, in y.

        nan under two rows or where one side is constant.
        """
        n = float(weights.sum())
        untied = [n * n - float(np.square(side.sums(weights)).sum()) for side in (self._x, self._y)]
        if min(untied) <= 0:
            return math.nan
        below = np.concatenate([[0.0], np.cumsum(weights[self._lower])])
        before, through, start, end = below[self._bounds]
        surplus = float(weights[self._upper] @ (before + through - start - end))
        return 2 * surplus / math.sqrt(untied[0] * untied[1])


def _merge_levels(x: Floats, y: Floats) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.intp]]:
    """What `Agreement.kendall` sums over, all levels one after another.

    Returns:
        lower: rows whose digit is 0, block by block (rows alike in all higher digits), each in order of x.
        upper: rows whose digit is 1.
        bounds: (4, len(upper)) positions in `lower`, for each row of `upper`: the first with its x in its block, the
            first with a greater x there, the block's start and its end.
    """
    rank_x, rank_y = (np.unique(values, return_inverse=True)[1].astype(np.int64) for values in (x, y))
    width = int(rank_x.max(initial=0)) + 1
    digits = int(rank_y.max(initial=0)).bit_length()
    lower, upper, bounds, passed = [], [], [], 0
    for digit in range(digits):
        block, one = rank_y >> (digit + 1), (rank_y >> digit) & 1 == 1
        key = block * width + rank_x
        low = np.flatnonzero(~one)
        low = low[np.argsort(key[low], kind="stable")]
        high, keys = np.flatnonzero(one), key[low]
        first, last = key[high], block[high] * width
        places = [np.searchsorted(keys, where, "left") for where in (first, first + 1, last, last + width)]
        bounds.append(passed + np.stack(places))
        lower.append(low)
        upper.append(high)
        passed += len(low)
    if not digits:
        none = np.zeros(0, dtype=np.intp)
        return none, none, np.zeros((4, 0), dtype=np.intp)
    return np.concatenate(lower), np.concatenate(upper), np.concatenate(bounds, axis=1)
