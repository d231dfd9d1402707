"""Percentile bootstrap over papers.

Every system is evaluated on the same resamples, so that differences between them are paired.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from guide.eval.metrics import Prepared, Sample

LEVEL = 0.95
# Resampling adds noise of its own to what can only err upwards; their resamples are moved back by that much.
BIASED_UPWARDS = ("ece",)


@dataclass(frozen=True, slots=True)
class Estimate:
    """A metric and its bootstrap interval; all nan where the sample leaves the metric undefined."""

    value: float
    low: float
    high: float

    def to_json(self) -> dict[str, float | None]:
        """{value, low, high}; nan, which JSON has no word for, becomes null."""
        parts = {"value": self.value, "low": self.low, "high": self.high}
        return {name: None if np.isnan(part) else part for name, part in parts.items()}


@dataclass(frozen=True, slots=True)
class Difference:
    """A metric of one system less that of another, over the same resamples.

    Attributes:
        value: on the sample itself.
        low: of the interval.
        high: of the same.
        p: two-sided, for no difference: twice the share of resamples on the rarer side of zero, and at
            least 2 / (resamples + 1).
    """

    value: float
    low: float
    high: float
    p: float


@dataclass(frozen=True, slots=True)
class Bootstrapped:
    """All metrics of one system: on the sample, and on every resample.

    Attributes:
        values: by metric.
        resampled: by metric, (resamples,).
        rows: how many the sample has.
        seed: of the resamples.
        level: nominal coverage of the intervals.
    """

    values: dict[str, float]
    resampled: dict[str, NDArray[np.float64]]
    rows: int
    seed: int
    level: float

    def estimate(self, metric: str) -> Estimate:
        """Value and percentile interval (Efron & Tibshirani, An Introduction to the Bootstrap 1993, ch. 13).

        Resamples that leave the metric undefined are left out. Those of the ECE are first shifted by the
        distance of their mean from the value (the bootstrap's estimate of bias) and cut off at 0.
        """
        value, drawn = self.values[metric], self.resampled[metric]
        drawn = drawn[~np.isnan(drawn)]
        if np.isnan(value) or not len(drawn):
            return Estimate(np.nan, np.nan, np.nan)
        if metric in BIASED_UPWARDS:
            drawn = np.maximum(drawn - (drawn.mean() - value), 0)
        return Estimate(value, *_interval(drawn, self.level))

    def estimates(self) -> dict[str, Estimate]:
        """Every metric's estimate."""
        return {metric: self.estimate(metric) for metric in self.values}


def bootstrap(sample: Sample, *, resamples: int = 2000, seed: int = 0, level: float = LEVEL) -> Bootstrapped:
    """Evaluate the sample and `resamples` resamples of its rows, drawn with replacement.

    Two samples of the same length and seed are resampled alike, row by row. A resample is a vector of counts,
    so nothing is sorted again: 2,000 resamples of 2,000 rows take half a second.
    """
    prepared = Prepared(sample)
    rows = len(sample.accepted)
    values = prepared.evaluate(np.ones(rows))
    drawn = [prepared.evaluate(counts) for counts in _counts(rows, resamples, seed)]
    resampled = {name: np.array([one[name] for one in drawn]) for name in values}
    return Bootstrapped(values, resampled, rows, seed, level)


def difference(one: Bootstrapped, other: Bootstrapped, metric: str) -> Difference:
    """`one` less `other`, paired: the percentile interval and the p-value of the differences.

    The share of resamples beyond zero counts the sample itself (Davison & Hinkley, Bootstrap Methods 1997,
    ch. 4), so that p is never 0.

    Raises:
        ValueError: the two were not resampled alike.
    """
    gaps = one.resampled[metric], other.resampled[metric]
    if (one.rows, one.seed, len(gaps[0])) != (other.rows, other.seed, len(gaps[1])):
        raise ValueError("a paired difference needs the same rows, resamples and seed on both sides")
    drawn = gaps[0] - gaps[1]
    drawn = drawn[~np.isnan(drawn)]
    value = one.values[metric] - other.values[metric]
    if np.isnan(value) or not len(drawn):
        return Difference(np.nan, np.nan, np.nan, np.nan)
    rarer = min(np.count_nonzero(drawn <= 0), np.count_nonzero(drawn >= 0))
    return Difference(value, *_interval(drawn, one.level), p=min(1.0, 2 * (rarer + 1) / (len(drawn) + 1)))


def _interval(drawn: NDArray[np.float64], level: float) -> tuple[float, float]:
    low, high = np.percentile(drawn, [50 * (1 - level), 50 * (1 + level)])
    return float(low), float(high)


def _counts(rows: int, resamples: int, seed: int) -> Iterator[NDArray[np.float64]]:
    random = np.random.default_rng(seed)
    for _ in range(resamples):
        drawn = random.integers(max(rows, 1), size=rows)
        yield np.bincount(drawn, minlength=rows).astype(np.float64)
