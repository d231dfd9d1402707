"""Percentile bootstrap over papers.

Every system is evaluated on the same resamples, so that differences between them are paired.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from guide.eval.metrics import METRICS, Prepared, Sample

LEVEL = 0.95
# Resampling adds noise of its own to what can only err upwards; their resamples are moved back by that much. The
# debiased error is among them: it takes off the noise of one draw, and a resample holds that of two.
BIASED_UPWARDS = ("ece", "ece_width", "rms_calibration_error")


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

    def to_json(self) -> dict[str, float | None]:
        """{value, low, high, p}; nan becomes null."""
        parts = {"value": self.value, "low": self.low, "high": self.high, "p": self.p}
        return {name: None if np.isnan(part) else part for name, part in parts.items()}


@dataclass(frozen=True, slots=True)
class Bootstrapped:
    """All metrics of one system: on the sample, and on every resample.

    Attributes:
        values: by metric.
        resampled: by metric, (resamples,).
        clusters: (n,) which rows were drawn together, numbered in order of their first rows.
        seed: of the resamples.
        level: nominal coverage of the intervals.
    """

    values: dict[str, float]
    resampled: dict[str, NDArray[np.float64]]
    clusters: NDArray[np.intp]
    seed: int
    level: float

    def estimate(self, metric: str) -> Estimate:
        """Value and percentile interval (Efron & Tibshirani, An Introduction to the Bootstrap 1993, ch. 13).

        Resamples that leave the metric undefined are left out. Those of the calibration errors are first shifted by
        the distance of their mean from the value (the bootstrap's estimate of bias) and cut off at 0.
        """
        value, drawn = self.values[metric], self.shifted(metric)
        drawn = drawn[~np.isnan(drawn)]
        if np.isnan(value) or not len(drawn):
            return Estimate(np.nan, np.nan, np.nan)
        return Estimate(value, *_interval(np.maximum(drawn, 0) if metric in BIASED_UPWARDS else drawn, self.level))

    def shifted(self, metric: str) -> NDArray[np.float64]:
        """(resamples,) the metric on every resample, less the bias that resampling adds to it."""
        drawn = self.resampled[metric]
        if metric not in BIASED_UPWARDS or np.isnan(drawn).all():
            return drawn
        return np.asarray(drawn - (np.nanmean(drawn) - self.values[metric]))

    def estimates(self) -> dict[str, Estimate]:
        """Every metric's estimate."""
        return {metric: self.estimate(metric) for metric in self.values}


def bootstrap(
    sample: Sample,
    *,
    resamples: int = 2000,
    seed: int = 0,
    level: float = LEVEL,
    metrics: Iterable[str] = METRICS,
    clusters: NDArray[Any] | None = None,
) -> Bootstrapped:
    """Evaluate the sample and `resamples` resamples of its papers, drawn with replacement.

    Two samples of the same length, clusters and seed are resampled alike, row by row. A resample is a vector of
    counts, so nothing is sorted again: all metrics of 2,000 rows take 0.6 ms a resample, AUROC alone 0.05 ms.

    Args:
        sample: what was scored.
        resamples: how many.
        seed: of the draws.
        level: nominal coverage of the intervals.
        metrics: names of those wanted.
        clusters: (n,) a label for each row; rows of one label (several of one paper) are drawn together, as often as
            there are labels. None if each row is a paper of its own.

    Raises:
        ValueError: a metric is unknown, or the labels are not as many as the rows.
    """
    rows, named = len(sample.accepted), tuple(metrics)
    number = _numbered(np.arange(rows) if clusters is None else clusters)
    if number.shape != (rows,):
        raise ValueError("clusters must label every row")
    prepared = Prepared(sample)
    values = prepared.evaluate(np.ones(rows), named)
    drawn = [prepared.evaluate(counts[number], named) for counts in _counts(number, resamples, seed)]
    resampled = {name: np.array([one[name] for one in drawn], dtype=np.float64) for name in values}
    return Bootstrapped(values, resampled, number, seed, level)


def difference(one: Bootstrapped, other: Bootstrapped, metric: str) -> Difference:
    """`one` less `other`, paired: the percentile interval and the p-value of the differences.

    The share of resamples beyond zero counts the sample itself (Davison & Hinkley, Bootstrap Methods 1997,
    ch. 4), so that p is never 0. Of the calibration errors each side is first freed of the bias of resampling,
    which is larger on the better calibrated one.

    Raises:
        ValueError: the two were not resampled alike.
        KeyError: one of them was not evaluated by this metric.
    """
    gaps = one.shifted(metric), other.shifted(metric)
    if not _alike(one, other):
        raise ValueError("a paired difference needs the same rows, clusters, resamples and seed on both sides")
    drawn = gaps[0] - gaps[1]
    drawn = drawn[~np.isnan(drawn)]
    value = one.values[metric] - other.values[metric]
    if np.isnan(value) or not len(drawn):
        return Difference(np.nan, np.nan, np.nan, np.nan)
    rarer = min(np.count_nonzero(drawn <= 0), np.count_nonzero(drawn >= 0))
    return Difference(value, *_interval(drawn, one.level), p=min(1.0, 2 * (rarer + 1) / (len(drawn) + 1)))


def average(several: Sequence[Bootstrapped]) -> Bootstrapped:
    """The mean of each metric over several systems that were resampled alike: several draws of one random system.

    A metric that one of them leaves undefined is undefined, on that resample or on the sample.

    Raises:
        ValueError: they were not resampled alike.
    """
    first = several[0]
    if not all(_alike(first, one) and one.values.keys() == first.values.keys() for one in several):
        raise ValueError("an average needs the same rows, clusters, metrics, resamples and seed throughout")
    return replace(
        first,
        values={name: float(np.mean([one.values[name] for one in several])) for name in first.values},
        resampled={name: np.mean([one.resampled[name] for one in several], axis=0) for name in first.values},
    )


def _alike(one: Bootstrapped, other: Bootstrapped) -> bool:
    times = [{len(drawn) for drawn in side.resampled.values()} for side in (one, other)]
    return one.seed == other.seed and times[0] == times[1] and np.array_equal(one.clusters, other.clusters)


def _interval(drawn: NDArray[np.float64], level: float) -> tuple[float, float]:
    low, high = np.percentile(drawn, [50 * (1 - level), 50 * (1 + level)])
    return float(low), float(high)


def _numbered(labels: NDArray[Any]) -> NDArray[np.intp]:
    """Labels as numbers from 0, in order of their first rows: all different, they are the rows' own numbers."""
    _, first, group = np.unique(labels, return_index=True, return_inverse=True)
    return np.asarray(np.argsort(np.argsort(first))[group], dtype=np.intp)


def _counts(number: NDArray[np.intp], resamples: int, seed: int) -> Iterator[NDArray[np.float64]]:
    """How often each cluster is in a resample, one resample after another."""
    clusters = int(number.max(initial=-1)) + 1
    random = np.random.default_rng(seed)
    for _ in range(resamples):
        drawn = random.integers(max(clusters, 1), size=clusters)
        yield np.bincount(drawn, minlength=clusters).astype(np.float64)
