"""What a system is worth where it is surest: precision and error as it is asked about fewer submissions.

Ties are settled as the expectation over random orders: exactly in the two curves, over seeded draws in the decile
figure, where two orders are nested. Counts of accepted or wrong rows can so be broken numbers.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from guide.calibration.measures import wilson
from guide.eval.ranks import Floats, top_size

COVERAGES = tuple(share / 100 for share in range(1, 101))
SHARES = (1.0, 0.3, 0.2, 0.1)  # of GUIDE's figure
_ORDERS = 200


@dataclass(frozen=True, slots=True)
class Point:
    """One coverage of a selective curve.

    Attributes:
        n: rows kept.
        coverage: n as a share of all rows.
        k: rows of the counted kind among them, expected over the orders of ties.
        rate: k / n.
        low: of the 95 % Wilson interval of `rate`.
        high: of the same.
        threshold: the score or confidence of the last row kept.
    """

    n: int
    coverage: float
    k: float
    rate: float
    low: float
    high: float
    threshold: float


def precision_coverage(
    scores: Floats, accepted: NDArray[np.bool_], coverages: Iterable[float] = COVERAGES
) -> tuple[Point, ...]:
    """Precision on the accept side: `rate` is the share accepted among the n best, at each coverage.

    Args:
        scores: (n,) P(accept) or any score, higher is better.
        accepted: (n,) bool.
        coverages: shares of the rows to keep; n is rounded half up and at least 1, and each n comes once.

    Raises:
        ValueError: the lengths differ, or a score is nan.
    """
    return _points(scores, np.asarray(accepted, dtype=np.float64), coverages)


@dataclass(frozen=True, slots=True)
class RiskCoverage:
    """A risk-coverage curve and its area.

    Attributes:
        points: n surest calls, k wrong ones among them, `rate` the error rate (the risk).
        error_rate: of all calls; the expected area, too, of a confidence that says nothing.
        area: AURC, the mean risk over n = 1, 2, ... all (Geifman & El-Yaniv, NeurIPS 2017).
        oracle: the least area that this many errors leave possible: all of them last.
        excess: area less oracle, E-AURC (Geifman, Uziel & El-Yaniv, ICLR 2019).
    """

    points: tuple[Point, ...]
    error_rate: float
    area: float
    oracle: float
    excess: float


def risk_coverage(confidence: Floats, wrong: Floats, coverages: Iterable[float] = COVERAGES) -> RiskCoverage:
    """The error rate of the surest calls, and its area; nan without rows.

    Args:
        confidence: (n,) how sure each call is, any scale, higher is surer.
        wrong: (n,) 1 where the call is wrong, 0 where right (see `wrong_calls`, `wrong_top_calls`).
        coverages: as in `precision_coverage`.

    Raises:
        ValueError: the lengths differ, or a confidence is nan.
    """
    wrong = np.asarray(wrong, dtype=np.float64)
    points = _points(confidence, wrong, coverages)
    if not len(wrong):
        return RiskCoverage((), math.nan, math.nan, math.nan, math.nan)
    kept = np.arange(1, len(wrong) + 1)
    area = float((_found(confidence, wrong) / kept).mean())
    oracle = float((np.cumsum(np.sort(wrong)) / kept).mean())
    return RiskCoverage(points, float(wrong.mean()), area, oracle, area - oracle)


def wrong_calls(probabilities: Floats, accepted: NDArray[np.bool_], threshold: float = 0.5) -> Floats:
    """(n,) 1 where "accept if P(accept) is at least the threshold" is the wrong call, else 0."""
    return np.asarray((probabilities >= threshold) != accepted, dtype=np.float64)


def wrong_top_calls(scores: Floats, accepted: NDArray[np.bool_], fraction: float = 0.3) -> Floats:
    """(n,) 1 where "accept the top `fraction`" is the wrong call, else 0.

    Rows tied at the boundary are called accepted in a share of the orders, and are wrong in a share of them.
    """
    _, group, size = np.unique(-scores, return_inverse=True, return_counts=True)
    above = np.cumsum(size) - size
    called = (np.clip(top_size(fraction, len(scores)) - above, 0, size) / size)[group]
    return np.asarray(np.where(accepted, 1 - called, called))


@dataclass(frozen=True, slots=True)
class Cell:
    """The surest share of one decile of the predicted ranks.

    Attributes:
        decile: 1 for the best tenth of the ranking; 0 for several deciles together.
        share: of the decile's rows, the surest ones first.
        n: rows in the cell.
        accepted: of them, expected over the orders of ties.
        precision: accepted / n.
        low: of the 95 % Wilson interval of `precision`.
        high: of the same.
    """

    decile: int
    share: float
    n: int
    accepted: float
    precision: float
    low: float
    high: float


def decile_figure(
    scores: Floats,
    confidence: Floats,
    accepted: NDArray[np.bool_],
    *,
    deciles: Sequence[int] = tuple(range(1, 11)),
    shares: Sequence[float] = SHARES,
    orders: int = _ORDERS,
    seed: int = 0,
) -> tuple[Cell, ...]:
    """GUIDE's figure (arXiv 2507.08870): within each tenth of the predicted ranking, the precision of the surest.

    Deciles end at n d / 10 rounded half up; a cell has its share of the decile rounded half up, at least one row.
    Where scores or confidences are tied, the counts are means over seeded random orders of the ties.

    Args:
        scores: (n,) that give the rank, higher is better.
        confidence: (n,) how sure the system is of each, higher is surer (GUIDE: low entropy of the ratings).
        accepted: (n,) bool.
        deciles: which of 1 to 10; GUIDE prints 1 to 3.
        shares: of each decile, GUIDE's by default.
        orders: random orders to average over if there are ties.
        seed: of these.

    Returns:
        The cells, decile by decile and share by share; deciles without rows are left out.

    Raises:
        ValueError: the lengths differ, or a score or confidence is nan.
    """
    _check(scores, confidence, accepted)
    n = len(scores)
    tied = len(np.unique(scores)) < n or len(np.unique(confidence)) < n
    ends = [math.floor(n * decile / 10 + 0.5) for decile in range(11)]
    wanted = [
        (decile, share, int(top_size(share, ends[decile] - ends[decile - 1])))
        for decile in deciles
        for share in shares
        if ends[decile] > ends[decile - 1]
    ]
    random = np.random.default_rng(seed)
    found = np.zeros(len(wanted))
    for _ in range(orders if tied else 1):
        # Two lots: by one alone, who was lucky in the ranking would be lucky again within the decile.
        ranking = np.lexsort((random.permutation(n), -scores))
        surest = np.lexsort((random.permutation(n), -confidence))
        place = np.empty(n, dtype=np.int64)
        place[ranking] = np.arange(n)
        within = {decile: _inside(surest, place, ends[decile - 1], ends[decile]) for decile, _, _ in wanted}
        found += [np.count_nonzero(accepted[within[decile][:size]]) for decile, _, size in wanted]
    found /= orders if tied else 1
    return tuple(_cell(*one, float(count)) for one, count in zip(wanted, found, strict=True))


def pool_deciles(cells: Iterable[Cell]) -> tuple[Cell, ...]:
    """The cells of each share taken together, as decile 0: what a headline over several deciles rests on."""
    by_share: dict[float, list[Cell]] = {}
    for cell in cells:
        by_share.setdefault(cell.share, []).append(cell)
    return tuple(
        _cell(0, share, sum(one.n for one in some), sum(one.accepted for one in some))
        for share, some in by_share.items()
    )


def _cell(decile: int, share: float, n: int, accepted: float) -> Cell:
    return Cell(decile, share, n, accepted, accepted / n, *wilson(accepted, n))


def _inside(surest: NDArray[np.int64], place: NDArray[np.int64], begin: int, end: int) -> NDArray[np.int64]:
    """The rows ranked within [begin, end), the surest first."""
    ranks = place[surest]
    return surest[(ranks >= begin) & (ranks < end)]


def _check(values: Floats, *others: NDArray[np.generic]) -> None:
    if any(len(one) != len(values) for one in others):
        raise ValueError("scores, confidence and outcomes must be of one length")
    if any(one.dtype.kind == "f" and np.isnan(one).any() for one in (values, *others)):
        raise ValueError("a score, confidence or outcome is nan")


def _found(values: Floats, counted: Floats) -> Floats:
    """(n,) expected rows of the counted kind among the 1, 2, ... n rows of the greatest values.

    A row of a group of ties stands for the group's mean: over random orders each place in it is each row's equally.
    """
    _, group, size = np.unique(-values, return_inverse=True, return_counts=True)
    mean = np.bincount(group, counted, minlength=len(size)) / size
    return np.cumsum(np.repeat(mean, size))


def _points(values: Floats, counted: Floats, coverages: Iterable[float]) -> tuple[Point, ...]:
    _check(values, counted)
    n = len(values)
    if not n:
        return ()
    found, ordered = _found(values, counted), np.sort(values)[::-1]
    points = []
    for kept in sorted({int(top_size(share, n)) for share in coverages}):
        k = float(min(found[kept - 1], kept))
        points.append(Point(kept, kept / n, k, k / kept, *wilson(k, kept), float(ordered[kept - 1])))
    return tuple(points)
