"""The distribution over reviewer ratings: scale-free bins, proportional odds, and the way back to a venue's scale.

Rating scales change from year to year (1-10; 1,3,6,8; 1,3,5,6,8,10), so a rating is first placed by its quantile
among its year's ratings (the probability integral transform, its probability mass spread evenly over the quantiles it
covers).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from guide.calibration.logistic import sigmoid

BINS = 10
RATINGS = 10


def bin_shares(ratings: Sequence[float], year_ratings: NDArray[np.float64]) -> NDArray[np.float64]:
    """Spread one paper's ratings over ten equal quantile bins of its year: (10,) shares, sum 1.

    Args:
        ratings: the paper's ratings, at least one.
        year_ratings: all ratings of that year, sorted ascending.
    """
    return np.asarray(np.mean([_cover(*_quantile_range(rating, year_ratings)) for rating in ratings], axis=0))


def mean_quantile(ratings: Sequence[float], year_ratings: NDArray[np.float64]) -> float:
    """Mean mid-quantile in [0, 1] of one paper's ratings among its year's (sorted ascending)."""
    return float(np.mean([np.mean(_quantile_range(rating, year_ratings)) for rating in ratings]))


def rating_map(reference: NDArray[np.float64]) -> NDArray[np.float64]:
    """P(rating = r | bin b) on a reference scale: (10 bins, 10 ratings), rows sum to 1.

    Args:
        reference: all ratings of the reference year, whole numbers 1..10, sorted ascending.
    """
    cover = np.stack([_cover(*_quantile_range(rating, reference)) for rating in range(1, RATINGS + 1)], axis=1)
    mass = np.array([np.mean(reference == rating) for rating in range(1, RATINGS + 1)])
    joint = cover * mass
    return np.asarray(joint / joint.sum(axis=1, keepdims=True))


def distribution(scores: NDArray[np.float64], slope: float, thresholds: NDArray[np.float64]) -> NDArray[np.float64]:
    """P(bin | score) of the proportional-odds model (McCullagh, JRSS B 1980): (n, 10), rows sum to 1.

    P(bin <= j) = sigmoid(thresholds[j] - slope * score), thresholds (9,) ascending.
    """
    below = sigmoid(thresholds[None, :] - slope * scores[:, None])
    edges = np.column_stack([np.zeros(len(scores)), below, np.ones(len(scores))])
    return np.diff(edges, axis=1)


def fit_ordinal(scores: NDArray[np.float64], shares: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
    """Fit slope and thresholds to (n, 10) bin shares by maximum likelihood (soft cross-entropy)."""
    from scipy.optimize import minimize

    scale = float(scores.std()) or 1.0
    centred = scores / scale

    def unpack(theta: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        # Exponential gaps keep the thresholds ascending.
        return float(theta[0]), theta[1] + np.concatenate([[0.0], np.cumsum(np.exp(theta[2:]))])

    def loss(theta: NDArray[np.float64]) -> float:
        p = distribution(centred, *unpack(theta))
        return float(-(shares * np.log(np.maximum(p, 1e-12))).sum(axis=1).mean())

    start = np.concatenate([[0.5, -2.2], np.log(np.full(BINS - 2, 0.55))])
    slope, thresholds = unpack(minimize(loss, start, method="BFGS").x)
    return slope / scale, thresholds


def _quantile_range(rating: float, year_ratings: NDArray[np.float64]) -> tuple[float, float]:
    low = np.searchsorted(year_ratings, rating, side="left") / len(year_ratings)
    high = np.searchsorted(year_ratings, rating, side="right") / len(year_ratings)
    return float(low), float(high)


def _cover(low: float, high: float) -> NDArray[np.float64]:
    edges = np.linspace(0, 1, BINS + 1)
    if high <= low:  # a rating nobody gave: all in the bin of its place
        one_hot = np.zeros(BINS)
        one_hot[min(int(low * BINS), BINS - 1)] = 1.0
        return one_hot
    overlap = np.clip(np.minimum(edges[1:], high) - np.maximum(edges[:-1], low), 0, None)
    return np.asarray(overlap / overlap.sum())
