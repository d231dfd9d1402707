"""Percentile bootstrap over papers: one set of resamples, shared by every system, so that differences are paired."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from guide.eval.metrics import Ranking, Sample, evaluate

LEVEL = 0.95


@dataclass(frozen=True, slots=True)
class Estimate:
    """A metric and its 95 % bootstrap interval; all nan where the sample leaves the metric undefined."""

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
        low: of the 95 % interval.
        high: of the same.
        p: two-sided: twice the smaller share of resamples on either side of zero, at least 1 / resamples.
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
    """

    values: dict[str, float]
    resampled: dict[str, NDArray[np.float64]]

    def estimate(self, metric: str) -> Estimate:
        """Value and percentile interval (Efron & Tibshirani 1993, ch. 13); resamples that leave it undefined are left out."""
        drawn = self.resampled[metric]
        drawn = drawn[~np.isnan(drawn)]
        if np.isnan(self.values[metric]) or not len(drawn):
            return Estimate(np.nan, np.nan, np.nan)
        low, high = np.percentile(drawn, [100 * (1 - LEVEL) / 2, 100 * (1 + LEVEL) / 2])
        return Estimate(self.values[metric], float(low), float(high))

    def estimates(self) -> dict[str, Estimate]:
        """Every metric's estimate."""
        return {metric: self.estimate(metric) for metric in self.values}


def bootstrap(sample: Sample, *, resamples: int = 2000, seed: int = 0) -> Bootstrapped:
    """Evaluate the sample and `resamples` resamples of its rows, drawn with replacement.

    Two samples of the same length and seed are resampled alike, row by row.
    """
    ranking = Ranking(sample)
    n = len(sample.accepted)
    values = evaluate(sample, ranking, np.ones(n))
    drawn = [evaluate(sample, ranking, counts) for counts in _counts(n, resamples, seed)]
    return Bootstrapped(values, {name: np.array([one[name] for one in drawn]) for name in values})


def difference(one: Bootstrapped, other: Bootstrapped, metric: str) -> Difference:
    """`one` less `other`; both must come from the same rows, resamples and seed."""
    gaps = one.resampled[metric] - other.resampled[metric]
    gaps = gaps[~np.isnan(gaps)]
    value = one.values[metric] - other.values[metric]
    if np.isnan(value) or not len(gaps):
        return Difference(np.nan, np.nan, np.nan, np.nan)
    low, high = np.percentile(gaps, [100 * (1 - LEVEL) / 2, 100 * (1 + LEVEL) / 2])
    side = min(np.mean(gaps <= 0), np.mean(gaps >= 0))
    return Difference(value, float(low), float(high), float(min(1.0, max(2 * side, 1 / len(gaps)))))


def _counts(n: int, resamples: int, seed: int) -> Iterator[NDArray[np.float64]]:
    random = np.random.default_rng(seed)
    for _ in range(resamples):
        yield np.bincount(random.integers(n, size=n), minlength=n).astype(np.float64)


__all__: Sequence[str] = ("Bootstrapped", "Difference", "Estimate", "bootstrap", "difference")
