"""How right stated chances are, on row weights: their errors, their calibration in bins, and on the log-odds scale."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from guide.calibration.logistic import logit, sigmoid
from guide.calibration.measures import wilson
from guide.eval.ranks import Floats, Ranked

BINS = 10
# A chance of 0 or 1 has no log-odds and an unbounded log loss: it is read as this far from it. One that is sure and
# wrong so costs 13.8 nats.
CLIP = 1e-6

Binning = Literal["mass", "width"]

_NEWTON_STEPS = 60
_LARGEST_STEP = 3.0  # in log-odds: a full Newton step from afar can overshoot and never come back
_SETTLED = 1e-10


@dataclass(frozen=True, slots=True)
class Binned:
    """Sums over the rows of each bin.

    Attributes:
        n: (bins,) rows.
        predicted: (bins,) sum of P(accept).
        accepted: (bins,) accepted rows.
    """

    n: Floats
    predicted: Floats
    accepted: Floats

    def ece(self) -> float:
        """Expected calibration error: |predicted - observed| of each bin, weighed by its rows.

        Naeini et al., AAAI 2015. It is never below 0, so chance alone makes it positive: compare with
        `ece_if_calibrated`.
        """
        rows = self.n.sum()
        return float(np.abs(self.predicted - self.accepted).sum() / rows) if rows else math.nan

    def rms_calibration_error(self) -> float:
        """Root mean square gap with the part that chance alone makes taken off, cut off at 0.

        The debiased estimator of Kumar, Liang & Ma (NeurIPS 2019, section 5; before them Bröcker, Climate Dynamics
        2012): of each bin's squared gap, observed * (1 - observed) / (n - 1) is taken off. As in their code, bins of
        one row count as free of error, and what falls below 0 is 0.
        """
        rows = self.n.sum()
        if not rows:
            return math.nan
        known = self.n > 1
        n = self.n[known]
        observed = self.accepted[known] / n
        squared = np.square(self.predicted[known] / n - observed) - observed * (1 - observed) / (n - 1)
        return math.sqrt(max(0.0, float(n @ squared / rows)))


class Forecasts:
    """Chances of acceptance beside decisions, prepared once for many weightings.

    Args:
        probabilities: (n,) P(accept), within 0 to 1.
        accepted: (n,) bool.
    """

    def __init__(self, probabilities: Floats, accepted: NDArray[np.bool_]) -> None:
        self._p = probabilities
        self._accepted = accepted.astype(np.float64)
        self._order = Ranked(probabilities)
        self._squared = np.square(probabilities - self._accepted)
        clipped = np.clip(probabilities, CLIP, 1 - CLIP)
        self._loss = -np.log(np.where(accepted, clipped, 1 - clipped))
        self._log_odds = logit(clipped)
        # Around their middle, lest the two unknowns of the slope's fit be nearly one; it leaves the slope as it is.
        self._centred = self._log_odds - (self._log_odds.mean() if len(accepted) else 0.0)
        self._start_slope = (0.0, 0.0)
        self._start_intercept = 0.0
        # A resample's fit is near the sample's own: from there it takes half the steps.
        ones = np.ones(len(accepted))
        self._start_slope = self._fit_slope(ones) or (0.0, 0.0)
        intercept = self.intercept(ones)
        self._start_intercept = 0.0 if math.isnan(intercept) else intercept

    def brier(self, weights: Floats) -> float:
        """Mean squared error of the probabilities (Brier, Monthly Weather Review 1950)."""
        rows = weights.sum()
        return float(weights @ self._squared / rows) if rows else math.nan

    def log_loss(self, weights: Floats) -> float:
        """Mean of -log of the chance that was given to what happened, in nats, chances clipped to `CLIP` from 0, 1."""
        rows = weights.sum()
        return float(weights @ self._loss / rows) if rows else math.nan

    def bins(self, weights: Floats, bins: int = BINS, binning: Binning = "mass") -> NDArray[np.int64]:
        """(n,) the number of each row's bin, 0 for the lowest probabilities; equal ones always share a bin.

        Bins of equal mass take the rows by the middle of their range of ranks, so that ties make them uneven. Bins of
        equal width cut 0 to 1, each closed on the left and the last on both sides.
        """
        if binning == "width":
            place = self._p * bins
        else:
            place = self._order.middles(weights) * bins / max(float(weights.sum()), 1.0)
        return np.minimum(place.astype(np.int64), bins - 1)

    def binned(self, weights: Floats, bins: int = BINS, binning: Binning = "mass") -> Binned:
        """The sums behind the calibration errors, see `bins`."""
        number = self.bins(weights, bins, binning)
        sums = (weights, weights * self._p, weights * self._accepted)
        return Binned(*(np.bincount(number, one, minlength=bins).astype(np.float64, copy=False) for one in sums))

    def slope(self, weights: Floats) -> float:
        """B of log-odds = a + b logit(p), fitted to the decisions by maximum likelihood (Cox, Biometrika 1958).

        1 is right; below 1 the chances are too extreme, above 1 too timid. nan with one class only, one distinct
        chance only, or where the chances part the classes without an overlap.
        """
        fitted = self._fit_slope(weights)
        return fitted[1] if fitted else math.nan

    def intercept(self, weights: Floats) -> float:
        """A of log-odds = a + logit(p), fitted by maximum likelihood: calibration-in-the-large.

        Van Calster et al., Journal of Clinical Epidemiology 2016. 0 is right; below 0 the chances are too high on the
        whole. nan with one class only.
        """
        positive, rows = float(weights @ self._accepted), float(weights.sum())
        if not 0 < positive < rows:
            return math.nan
        a = self._start_intercept
        for _ in range(_NEWTON_STEPS):
            p = sigmoid(self._log_odds + a)
            expected = weights * p
            step = (positive - float(expected.sum())) / max(float(expected @ (1 - p)), 1e-300)
            a += min(max(step, -_LARGEST_STEP), _LARGEST_STEP)
            if abs(step) < _SETTLED:
                return a
        return math.nan

    def _fit_slope(self, weights: Floats) -> tuple[float, float] | None:
        """(intercept at the mean log-odds, slope), or None where the likelihood has no single maximum."""
        positive, rows = float(weights @ self._accepted), float(weights.sum())
        if not 0 < positive < rows:
            return None
        x = self._centred
        reach = float(np.abs(x).max())
        a, b = self._start_slope
        for _ in range(_NEWTON_STEPS):
            p = sigmoid(a + b * x)
            error = weights * (self._accepted - p)
            certainty = weights * p * (1 - p)
            tilted = certainty * x
            one, both, two = float(certainty.sum()), float(tilted.sum()), float(tilted @ x)
            determinant = one * two - both * both
            if determinant <= 1e-12 * one * two:
                return None
            pull, twist = float(error.sum()), float(error @ x)
            step_a, step_b = (two * pull - both * twist) / determinant, (one * twist - both * pull) / determinant
            change = abs(step_a) + abs(step_b) * reach
            share = min(1.0, _LARGEST_STEP / change) if change else 1.0
            a, b = a + share * step_a, b + share * step_b
            if change < _SETTLED:
                return a, b
        return None


@dataclass(frozen=True, slots=True)
class ReliabilityBin:
    """One bin of a reliability table.

    Attributes:
        n: rows in it.
        predicted: their mean P(accept).
        observed: share accepted.
        low: of the 95 % Wilson interval of `observed`.
        high: of the same.
        least: smallest P(accept) in it.
        greatest: largest P(accept) in it.
    """

    n: int
    predicted: float
    observed: float
    low: float
    high: float
    least: float
    greatest: float


def reliability_bins(
    probabilities: Floats, accepted: NDArray[np.bool_], bins: int = BINS, binning: Binning = "mass"
) -> tuple[ReliabilityBin, ...]:
    """The bins behind the ECE, ascending, empty ones left out."""
    number = Forecasts(probabilities, accepted).bins(np.ones(len(accepted)), bins, binning)
    rows = []
    for one in np.unique(number):
        inside = number == one
        p, n, k = probabilities[inside], int(inside.sum()), int(accepted[inside].sum())
        rows.append(ReliabilityBin(n, float(p.mean()), k / n, *wilson(k, n), float(p.min()), float(p.max())))
    return tuple(rows)


def ece_by_chance(probabilities: Floats, *, draws: int, seed: int, binning: Binning = "mass") -> float:
    """Mean ECE of decisions drawn from the probabilities themselves: what chance alone makes of it at this n.

    Consistency resampling (Bröcker & Smith, Weather and Forecasting 2007); nan without rows.
    """
    n = len(probabilities)
    if not n:
        return math.nan
    random = np.random.default_rng(seed)
    number = Forecasts(probabilities, np.zeros(n, dtype=np.bool_)).bins(np.ones(n), binning=binning)
    drawn = (random.random(n) < probabilities for _ in range(draws))
    return float(np.mean([np.abs(np.bincount(number, probabilities - row)).sum() / n for row in drawn]))
