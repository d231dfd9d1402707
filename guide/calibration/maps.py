"""Maps from an engine's evidence to evidence that holds at a venue, from none to free of any form.

Evidence is a log likelihood ratio: the log-odds of acceptance without the base rate. Every map is fitted with each
decision's own base rate as the offset, so that what is learnt is evidence too and another base rate follows by Bayes'
rule (`guide.calibration`). Every map rises or is flat: none turns an engine's order round.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import combinations
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from guide.calibration.logistic import logit, sigmoid

Kind = Literal["as it is", "temperature", "logistic", "beta", "isotonic"]
KINDS: tuple[Kind, ...] = ("as it is", "temperature", "logistic", "beta", "isotonic")  # from the simplest on
# Pulls coefficients towards the map that changes nothing, by as much as a twentieth of a decision. It keeps them
# finite where the scores part accepted from rejected without an error.
_RIDGE = 0.01
_STEPS = 200


@dataclass(frozen=True, slots=True)
class Calibrator:
    """A fitted map.

    Attributes:
        kind: of the map.
        parameters: none; (slope,); (slope, intercept); (a, b, c); none for isotonic.
        inputs: knots of an isotonic map, rising; `outputs`, the evidence at them. Empty for the others.
        limit: evidence is cut at this on either side.
    """

    kind: Kind
    parameters: tuple[float, ...] = ()
    inputs: tuple[float, ...] = ()
    outputs: tuple[float, ...] = ()
    limit: float = math.inf

    def evidence(self, x: NDArray[np.float64]) -> NDArray[np.float64]:
        """Evidence (n,) that holds at the venue, from the engine's (n,). Isotonic: constant beyond its knots."""
        return np.clip(self._uncut(np.asarray(x, dtype=np.float64)), -self.limit, self.limit)

    def _uncut(self, x: NDArray[np.float64]) -> NDArray[np.float64]:
        if self.kind == "isotonic":
            return np.interp(x, self.inputs, self.outputs)
        if self.kind == "as it is":
            return x
        return np.asarray(_design(self.kind, x) @ np.array(self.parameters))


def fit_calibrator(
    kind: Kind, evidence: NDArray[np.float64], accepted: NDArray[np.bool_], base_rates: NDArray[np.float64]
) -> Calibrator:
    """Fit one map by maximum likelihood.

    temperature: log-odds = offset + slope x (Guo et al., ICML 2017, on evidence). logistic: + intercept (Platt 1999).
    beta: offset + a ln s - b ln(1 - s) + c with s = sigmoid(x) (Kull et al., AISTATS 2017, section 4). Slopes, a and b
    are not negative. isotonic: pool adjacent violators (scikit-learn) on decisions weighted to one base rate.

    The evidence of all is cut at ln(n + 1) on either side: what n decisions can show if not one speaks against it.

    Args:
        kind: of the map.
        evidence: (n,) the engine's.
        accepted: (n,) decisions.
        base_rates: (n,) of each decision's year, strictly between 0 and 1.

    Raises:
        ValueError: both classes must be present.
    """
    if accepted.all() or not accepted.any():
        raise ValueError("a calibrator needs accepted and rejected submissions")
    limit = math.log(len(accepted) + 1)
    if kind == "as it is":
        return Calibrator(kind, limit=limit)
    if kind == "isotonic":
        return _fit_isotonic(evidence, accepted, base_rates, limit)
    identity = {"temperature": [1.0], "logistic": [1.0, 0.0], "beta": [1.0, 1.0, 0.0]}[kind]
    slopes = 2 if kind == "beta" else 1
    found = _fit_slopes(_design(kind, evidence), accepted, logit(base_rates), np.array(identity), slopes)
    return Calibrator(kind, tuple(found.tolist()), limit=limit)


def _design(kind: Kind, x: NDArray[np.float64]) -> NDArray[np.float64]:
    """The columns that the parameters weigh: (n, 1), (n, 2) or (n, 3)."""
    if kind == "temperature":
        return np.asarray(x, dtype=np.float64)[:, None]
    if kind == "logistic":
        return np.column_stack([x, np.ones(len(x))])
    return np.column_stack([-np.logaddexp(0, -x), np.logaddexp(0, x), np.ones(len(x))])


def _fit_slopes(
    design: NDArray[np.float64],
    accepted: NDArray[np.bool_],
    offset: NDArray[np.float64],
    identity: NDArray[np.float64],
    slopes: int,
) -> NDArray[np.float64]:
    """The most likely coefficients of which the first `slopes` are not negative.

    The problem is convex: its solution is the free one of the columns that are not held at zero. There are at most
    two to hold, so all ways are tried.
    """
    best, least = np.zeros(len(identity)), np.inf
    for held in (set(some) for size in range(slopes + 1) for some in combinations(range(slopes), size)):
        free = [column for column in range(len(identity)) if column not in held]
        found, loss = _fit_free(design[:, free], accepted, offset, identity[free])
        loss += _RIDGE / 2 * float(sum(identity[column] ** 2 for column in held))
        whole = np.zeros(len(identity))
        whole[free] = found
        if (whole[:slopes] < 0).any() or loss >= least:
            continue
        best, least = whole, loss
        if not held:
            break
    return best


def _fit_free(
    design: NDArray[np.float64], accepted: NDArray[np.bool_], offset: NDArray[np.float64], identity: NDArray[np.float64]
) -> tuple[NDArray[np.float64], float]:
    """Newton's method with halved steps, from the identity; the coefficients and their penalised loss."""

    def loss_at(beta: NDArray[np.float64]) -> float:
        z = offset + design @ beta
        return float((np.logaddexp(0, z) - accepted * z).sum() + _RIDGE / 2 * ((beta - identity) ** 2).sum())

    beta, loss = identity.copy(), loss_at(identity)
    for _ in range(_STEPS if len(beta) else 0):
        p = sigmoid(offset + design @ beta)
        gradient = design.T @ (accepted - p) - _RIDGE * (beta - identity)
        information = design.T @ (design * (p * (1 - p))[:, None]) + _RIDGE * np.eye(len(beta))
        step = np.linalg.solve(information, gradient)
        moved, lower = beta + step, loss_at(beta + step)
        while lower > loss and np.abs(step).max() > 1e-10:
            step = step / 2
            moved, lower = beta + step, loss_at(beta + step)
        if lower > loss:
            break
        beta, loss = moved, lower
        if np.abs(step).max() < 1e-9:
            break
    return beta, loss


def _fit_isotonic(
    evidence: NDArray[np.float64], accepted: NDArray[np.bool_], base_rates: NDArray[np.float64], limit: float
) -> Calibrator:
    """Isotonic regression of the decision on the evidence, at the share accepted of all.

    Each decision weighs as much more or less as it is commoner or rarer at that share than in its own year (label
    shift). At the lowest evidence one acceptance is made up and at the highest one rejection, each of weight one:
    the lowest block then holds an acceptance and the highest a rejection, so no block says 0 or 1.
    """
    from sklearn.isotonic import IsotonicRegression

    pooled = float(accepted.mean())
    weights = np.where(accepted, pooled / base_rates, (1 - pooled) / (1 - base_rates))
    model = IsotonicRegression().fit(
        np.concatenate([[evidence.min()], evidence, [evidence.max()]]),
        np.concatenate([[1.0], accepted.astype(np.float64), [0.0]]),
        sample_weight=np.concatenate([[1.0], weights, [1.0]]),
    )
    outputs = logit(np.asarray(model.y_thresholds_, dtype=np.float64)) - logit(pooled)
    return Calibrator("isotonic", (), tuple(np.asarray(model.X_thresholds_).tolist()), tuple(outputs.tolist()), limit)
