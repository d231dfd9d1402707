"""From scores to log-odds, and from log-odds to a chance of acceptance at a base rate.

A score's log-odds are fitted on held-out decisions with each year's own base rate as an offset, so that the fitted
part is pure evidence; the chance at another base rate then follows by Bayes' rule (Saerens et al., Neural Computation
2002).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


def logit(p: float | NDArray[np.float64]) -> NDArray[np.float64]:
    """Log-odds of p, elementwise; p in (0, 1)."""
    q = np.asarray(p, dtype=np.float64)
    return np.asarray(np.log(q) - np.log1p(-q))


def sigmoid(x: float | NDArray[np.float64]) -> NDArray[np.float64]:
    """Inverse of `logit`, without overflow."""
    z = np.asarray(x, dtype=np.float64)
    return np.asarray(0.5 * (1 + np.tanh(z / 2)))


@dataclass(frozen=True, slots=True)
class LogisticFit:
    """A logistic regression with an offset: log-odds = offset + coefficients . x + intercept.

    Attributes:
        coefficients: (d + 1,) the intercept last.
        covariance: (d + 1, d + 1) inverse of the observed information, the coefficients' sampling covariance.
        n: decisions it was fitted on.
    """

    coefficients: NDArray[np.float64]
    covariance: NDArray[np.float64]
    n: int

    def evidence(self, x: NDArray[np.float64]) -> NDArray[np.float64]:
        """Log likelihood ratios (n,) of (n, d) scores: the log-odds without the base rate."""
        return np.asarray(x @ self.coefficients[:-1] + self.coefficients[-1])

    def evidence_variance(self, x: NDArray[np.float64]) -> NDArray[np.float64]:
        """Variance (n,) of `evidence` from the fit's own sampling error (delta method)."""
        design = np.column_stack([x, np.ones(len(x))])
        return np.asarray(np.einsum("ij,jk,ik->i", design, self.covariance, design))


def fit_logistic(x: NDArray[np.float64], accepted: NDArray[np.bool_], base_rates: NDArray[np.float64]) -> LogisticFit:
    """Fit by Newton's method (iteratively reweighted least squares), unpenalised.

    Args:
        x: (n, d) scores.
        accepted: (n,) decisions.
        base_rates: (n,) base rate of each decision's year; its log-odds are the offset.

    Raises:
        ValueError: both classes must be present.
    """
    if accepted.all() or not accepted.any():
        raise ValueError("a calibrator needs accepted and rejected submissions")
    design = np.column_stack([x, np.ones(len(x))])
    offset = logit(base_rates)
    beta = np.zeros(design.shape[1])
    for _ in range(100):
        p = sigmoid(offset + design @ beta)
        weight = np.maximum(p * (1 - p), 1e-12)
        information = design.T @ (design * weight[:, None])
        step = np.linalg.solve(information, design.T @ (accepted - p))
        beta = beta + step
        if np.abs(step).max() < 1e-10:
            break
    return LogisticFit(beta, np.linalg.inv(information), len(x))


def chance(evidence: NDArray[np.float64], base_rate: float) -> NDArray[np.float64]:
    """P(accept) from log likelihood ratios at a base rate (Bayes' rule in log-odds)."""
    return sigmoid(evidence + logit(base_rate))
