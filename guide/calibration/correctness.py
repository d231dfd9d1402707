"""The chance that a call is right, from confidence signals that are kept apart until here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from guide.calibration.logistic import logit, sigmoid
from guide.review import Judgement

_LEAST_P = 1e-12
_FOLDS = 5
_PENALTY = 0.1  # a signal that never varies must not run away


@dataclass(frozen=True, slots=True)
class Correctness:
    """A logistic regression of "the call was right" over the standardised signals.

    Attributes:
        coefficients: the intercept last.
        means: of the signals in the order of `signals_of`; `scales`, their standard deviations.
        right: share of right calls among the decisions it was fitted on, as they weigh.
        brier: of the chance on folds held out; `brier_share`, of the share of right calls alone.
    """

    coefficients: tuple[float, ...]
    means: tuple[float, ...]
    scales: tuple[float, ...]
    right: float
    brier: float
    brier_share: float

    def chance(self, judgement: Judgement) -> float:
        """That the judgement's call, "accept" if P(accept) is at least one half, is right."""
        scaled = (signals_of(judgement) - np.array(self.means)) / np.array(self.scales)
        return float(sigmoid(scaled @ np.array(self.coefficients[:-1]) + self.coefficients[-1]))


def fit_correctness(
    judgements: Sequence[Judgement], accepted: NDArray[np.bool_], weights: NDArray[np.float64]
) -> Correctness:
    """Fit on n judgements whose P(accept) comes from folds that did not hold their own decision.

    Args:
        judgements: all for one base rate.
        accepted: (n,) decisions.
        weights: (n,) what each counts for at that rate.
    """
    p = np.array([one.p_accept for one in judgements])
    right = (p >= 0.5) == accepted
    signals = np.stack([signals_of(one) for one in judgements])
    means, scales = signals.mean(axis=0), np.maximum(signals.std(axis=0), 1e-9)
    scaled = (signals - means) / scales
    fold = np.arange(len(right)) % _FOLDS
    guessed, shares = np.empty(len(right)), np.empty(len(right))
    for held in range(_FOLDS):
        rest = fold != held
        own = _fit(scaled[rest], right[rest], weights[rest])
        guessed[~rest] = sigmoid(scaled[~rest] @ own[:-1] + own[-1])
        shares[~rest] = np.average(right[rest], weights=weights[rest])
    return Correctness(
        coefficients=tuple(_fit(scaled, right, weights).tolist()),
        means=tuple(means.tolist()),
        scales=tuple(scales.tolist()),
        right=float(np.average(right, weights=weights)),
        brier=float(np.average((guessed - right) ** 2, weights=weights)),
        brier_share=float(np.average((shares - right) ** 2, weights=weights)),
    )


def signals_of(judgement: Judgement) -> NDArray[np.float64]:
    """The signals a call is weighed by (3,): how far P(accept) is from even, and two of the engine's own."""
    p = min(max(judgement.p_accept, _LEAST_P), 1 - _LEAST_P)
    return np.array([abs(float(logit(p))), judgement.signals.disagreement, judgement.signals.entropy])


def _fit(scaled: NDArray[np.float64], right: NDArray[np.bool_], weights: NDArray[np.float64]) -> NDArray[np.float64]:
    from sklearn.linear_model import LogisticRegression

    if right.all() or not right.any():
        share = (right.sum() + 1) / (len(right) + 2)
        return np.array([0.0] * scaled.shape[1] + [float(logit(share))])
    fit = LogisticRegression(C=1 / _PENALTY).fit(scaled, right, sample_weight=weights)
    return np.concatenate([fit.coef_[0], fit.intercept_])
