"""How far two models agree on the same inputs: figures on arrays, and their bootstrap intervals.

What is undefined (a rank among equal scores, a share of nothing) is nan, never an error or a warning.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Rows = NDArray[np.int64]


def spearman(a: Floats, b: Floats) -> float:
    """Spearman's rank correlation of (rows,) and (rows,), ties at their mean rank; rows with a nan are left out."""
    from scipy.stats import spearmanr

    a, b = _complete(a, b)
    return float(spearmanr(a, b).statistic) if _varies(a) and _varies(b) else np.nan


def kendall(a: Floats, b: Floats) -> float:
    """Kendall's tau-b of (rows,) and (rows,); rows with a nan are left out."""
    from scipy.stats import kendalltau

    a, b = _complete(a, b)
    return float(kendalltau(a, b).statistic) if _varies(a) and _varies(b) else np.nan


def standardised_shift(a: Floats, b: Floats) -> float:
    """Mean of b less that of a, in standard deviations of a; 0 where they are equal, whatever the deviation."""
    a, b = _complete(a, b)
    if not len(a):
        return np.nan
    shift = float(b.mean() - a.mean())
    return shift and ratio(shift, float(a.std()))


def spread(values: Floats) -> float:
    """Standard deviation of what is not nan; nan if nothing is left."""
    values = values[~np.isnan(values)]
    return float(values.std()) if len(values) else np.nan


def spread_ratio(a: Floats, b: Floats) -> float:
    """Standard deviation of b over that of a; rows with a nan are left out."""
    a, b = _complete(a, b)
    return ratio(spread(b), spread(a))


def top_k_overlap(a: Floats, b: Floats, k: int) -> Floats:
    """Share of the k largest of each row of `a` that are among the k largest of that row of `b`.

    Args:
        a: (rows, labels).
        b: the same shape.
        k: at most the labels; what would exceed them is cut.

    Returns:
        (rows,) from 0 to 1; nan where a row of either has a nan. Of equal entries the earlier counts as larger.
    """
    k = min(k, a.shape[1])
    # Pushing a random number of equals out at the edge of the top would make a model disagree with itself.
    first, second = (np.argsort(-rows, axis=1, kind="stable")[:, :k] for rows in (a, b))
    shared = (first[:, :, None] == second[:, None, :]).any(axis=2).mean(axis=1)
    return np.where(np.isnan(a).any(axis=1) | np.isnan(b).any(axis=1), np.nan, shared)


def energy(logits: NDArray[np.floating[Any]], temperature: float = 1.0) -> Floats:
    """-T logsumexp(z / T) over the last axis (Liu et al. 2020, arXiv 2010.03759; ACBench's "energy").

    Of log-probabilities of some labels, at temperature 1, it is the negative log of the probability they share.
    """
    from scipy.special import logsumexp

    scaled = np.asarray(logits, dtype=np.float64) / temperature
    return np.asarray(-temperature * logsumexp(scaled, axis=-1), dtype=np.float64)


def effective_rank(representations: NDArray[np.floating[Any]]) -> float:
    """ERank of (rows, width): how many directions the rows spread over, from 1 to min(rows - 1, width).

    exp of the entropy of the eigenvalues, as shares, of the covariance of the rows, which are centred and then scaled
    to length 1 (Wei et al. 2024, arXiv 2401.17139, as ACBench has it). Rows at the centre count as zero.

    Returns:
        nan if all rows are equal or anything is not finite.
    """
    rows = np.asarray(representations, dtype=np.float64)
    if not len(rows) or not np.isfinite(rows).all():
        return np.nan
    rows = rows - rows.mean(axis=0)
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    rows = np.divide(rows, lengths, out=np.zeros_like(rows), where=lengths > 0)
    # The covariance's eigenvalues are the squares of these; their common factor 1/n goes out with the shares.
    weights = np.linalg.svd(rows, compute_uv=False) ** 2
    shares = weights[weights > 0] / weights.sum()
    return float(np.exp(-(shares * np.log(shares)).sum())) if len(shares) else np.nan


def share(part: NDArray[np.integer[Any]], whole: NDArray[np.integer[Any]]) -> float:
    """Sum of `part` over sum of `whole`; nan if there is nothing."""
    return float(part.sum() / whole.sum()) if whole.any() else np.nan


def ratio(part: float, whole: float) -> float:
    """`part` over `whole`: 1 if they are equal, infinite over zero."""
    if part == whole:
        return 1.0
    return part / whole if whole else float(np.copysign(np.inf, part))


def mean(values: Floats) -> float:
    """Mean of what is not nan; nan if nothing is left."""
    values = values[~np.isnan(values)]
    return float(values.mean()) if len(values) else np.nan


def bootstrap_interval(
    of: Callable[[Rows], float], rows: int, *, resamples: int, seed: int, level: float
) -> tuple[float, float]:
    """Percentile interval of a figure over resampled rows; resamples that leave it undefined are left out.

    Figures of the same `rows`, `resamples` and `seed` see the same resamples.

    Args:
        of: the figure, given which rows to take.
        rows: how many there are, 2 or more.
        resamples: how many to draw.
        seed: of the draws.
        level: nominal coverage.
    """
    # scipy's bootstrap takes an undefined resample for a fault, and warns or answers nan.
    random = np.random.default_rng(seed)
    drawn = np.array([of(random.integers(rows, size=rows)) for _ in range(resamples)])
    drawn = drawn[~np.isnan(drawn)]
    if not len(drawn):
        return np.nan, np.nan
    # "higher" and "lower" draw no line between resamples, which infinite ones would turn into nan.
    low = np.quantile(drawn, (1 - level) / 2, method="lower")
    high = np.quantile(drawn, (1 + level) / 2, method="higher")
    return float(low), float(high)


def _complete(a: Floats, b: Floats) -> tuple[Floats, Floats]:
    kept = ~(np.isnan(a) | np.isnan(b))
    return a[kept], b[kept]


def _varies(values: Floats) -> bool:
    return len(values) > 1 and bool(np.ptp(values) > 0)
