"""The replay's metrics by name, each on row weights, so that a bootstrap resample is a vector of counts.

Definitions stand in docs/metrics.md. What a sample leaves undefined (one class only, no ratings, a correlation with a
constant, scores that are not probabilities, no rows) is nan; nothing raises or warns for that.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from guide.eval.probabilities import BINS, Binning, Forecasts, ReliabilityBin, ece_by_chance, reliability_bins
from guide.eval.ranks import Agreement, Floats, Ranking

__all__ = [
    "METRICS",
    "Binning",
    "Floats",
    "Prepared",
    "ReliabilityBin",
    "Sample",
    "ece_if_calibrated",
    "reliability",
]

# Of the order of the scores and the decisions; of that and the ratings; of the probabilities.
RANKING = ("auroc", "average_precision", "top5_precision", "top30_precision", "accept_recall", "accuracy", "f1")
AGREEMENT = ("spearman", "kendall")
PROBABILITY = ("brier", "log_loss", "ece", "ece_width", "rms_calibration_error", "slope", "intercept")
METRICS = RANKING + AGREEMENT + PROBABILITY


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


class Prepared:
    """A sample with everything sorted that does not depend on the weights.

    Every metric takes the weights of the rows, (n,): ones for the sample itself, counts for a resample of it.

    Attributes:
        sample: what was prepared.
        ranking: its scores beside the decisions.
        agreement: its scores beside the ratings, over the rows that have ratings.
        forecasts: its probabilities beside the decisions; None if the scores are not probabilities.
    """

    def __init__(self, sample: Sample) -> None:
        self.sample = sample
        self.ranking = Ranking(sample.scores, sample.accepted)
        self._rated = np.flatnonzero(~np.isnan(sample.ratings))
        self.agreement = Agreement(sample.scores[self._rated], sample.ratings[self._rated])
        self.forecasts = None if sample.probabilities is None else Forecasts(sample.probabilities, sample.accepted)

    def evaluate(self, weights: Floats, metrics: Iterable[str] = METRICS) -> dict[str, float]:
        """The named metrics of the replay at these weights, by their names in the JSON.

        Raises:
            ValueError: there is no metric of such a name.
        """
        tally = self.ranking.tally(weights)
        rated = weights[self._rated]
        of: dict[str, Callable[[], float]] = {
            "auroc": tally.auroc,
            "average_precision": tally.average_precision,
            "top5_precision": lambda: tally.top_precision(0.05),
            "top30_precision": lambda: tally.top_precision(0.30),
            "accept_recall": lambda: tally.accept_recall(0.30),
            "accuracy": lambda: tally.accuracy(0.30),
            "f1": lambda: tally.f1(0.30),
            "spearman": lambda: self.agreement.spearman(rated),
            "kendall": lambda: self.agreement.kendall(rated),
        }
        forecasts = self.forecasts
        if forecasts is None:
            of.update(dict.fromkeys(PROBABILITY, lambda: math.nan))
        else:
            mass = cache(lambda: forecasts.binned(weights))
            of |= {
                "brier": lambda: forecasts.brier(weights),
                "log_loss": lambda: forecasts.log_loss(weights),
                "ece": lambda: mass().ece(),
                "ece_width": lambda: forecasts.binned(weights, binning="width").ece(),
                "rms_calibration_error": lambda: mass().rms_calibration_error(),
                "slope": lambda: forecasts.slope(weights),
                "intercept": lambda: forecasts.intercept(weights),
            }
        named = tuple(metrics)
        if unknown := [name for name in named if name not in of]:
            raise ValueError(f"there is no metric {unknown[0]!r}; there are {', '.join(METRICS)}")
        return {name: of[name]() for name in named}

    def auroc(self, weights: Floats) -> float:
        """See `Tally.auroc`."""
        return self.ranking.tally(weights).auroc()

    def brier(self, weights: Floats) -> float:
        """See `Forecasts.brier`; nan if the scores are not probabilities."""
        return math.nan if self.forecasts is None else self.forecasts.brier(weights)


def reliability(sample: Sample, bins: int = BINS, binning: Binning = "mass") -> tuple[ReliabilityBin, ...]:
    """The bins behind the ECE, ascending, empty ones left out; none at all if the scores are not probabilities."""
    if sample.probabilities is None:
        return ()
    return reliability_bins(sample.probabilities, sample.accepted, bins, binning)


def ece_if_calibrated(sample: Sample, *, draws: int = 1000, seed: int = 0, binning: Binning = "mass") -> float:
    """Mean ECE that chance alone would give if every probability were right, at this n (see `ece_by_chance`).

    nan if the scores are not probabilities.
    """
    if sample.probabilities is None:
        return math.nan
    return ece_by_chance(sample.probabilities, draws=draws, seed=seed, binning=binning)
