"""What a technique did to each problem, and how far that can be trusted: shares and differences with 95 % intervals."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from guide.calibration.measures import wilson

_RESAMPLES = 2000


@dataclass(frozen=True, slots=True)
class Outcomes:
    """One way to answer the problems.

    Attributes:
        answers: (problems,) the likeliest digit; -1 where there is none.
        tokens: (problems,) that it cost.
        seconds: for all problems together.
        peak_cache_bytes: of the largest batch while it was drawn from; None where caches are not measured.
    """

    answers: NDArray[np.int64]
    tokens: NDArray[np.int64]
    seconds: float
    peak_cache_bytes: int | None = None

    def right(self, truth: NDArray[np.int64]) -> NDArray[np.bool_]:
        """(problems,) whether the answer is the true one."""
        found: NDArray[np.bool_] = self.answers == truth
        return found

    def line(self, truth: NDArray[np.int64], plain: Outcomes | None = None) -> dict[str, Any]:
        """Its figures, and beside a plain run how far it agrees with that and what it costs in points of accuracy."""
        right = self.right(truth)
        told: dict[str, Any] = {
            "tokens": round(float(self.tokens.mean()), 1),
            "seconds": round(self.seconds, 2),
            "accuracy": share(right),
        }
        if self.peak_cache_bytes is not None:
            told["peak_cache_bytes"] = self.peak_cache_bytes
        if plain is not None:
            told["agrees_with_plain"] = share(self.answers == plain.answers)
            told["points_gained"] = difference(right, plain.right(truth))
            told["tokens_saved"] = round(1 - float(self.tokens.sum() / plain.tokens.sum()), 4)
        return told


def share(hits: NDArray[np.bool_]) -> dict[str, Any]:
    """A share with Wilson's interval."""
    low, high = wilson(float(hits.sum()), len(hits))
    return {"value": round(float(hits.mean()), 4), "low": round(low, 4), "high": round(high, 4)}


def mean_share(shares: NDArray[np.float64]) -> dict[str, Any]:
    """Mean of shares, one a problem, with a bootstrap interval."""
    low, high = _resampled(shares)
    return {"value": round(float(shares.mean()), 4), "low": round(low, 4), "high": round(high, 4)}


def difference(ours: NDArray[Any], theirs: NDArray[Any]) -> dict[str, Any]:
    """Mean difference of two figures of the same problems, in points (of 100), with a paired bootstrap interval."""
    gaps = 100 * (np.asarray(ours, dtype=np.float64) - np.asarray(theirs, dtype=np.float64))
    low, high = _resampled(gaps)
    return {"value": round(float(gaps.mean()), 2), "low": round(low, 2), "high": round(high, 2)}


def _resampled(figures: NDArray[np.float64]) -> tuple[float, float]:
    rng = np.random.default_rng(0)
    means = [figures[rng.integers(len(figures), size=len(figures))].mean() for _ in range(_RESAMPLES)]
    low, high = np.quantile(means, (0.025, 0.975))
    return float(low), float(high)
