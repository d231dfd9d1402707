"""From scores to a chance of acceptance at a named venue.

A score's log-odds are fitted on held-out decisions with each year's own base rate as an offset, so that the fitted
part is pure evidence; the chance at another base rate then follows by Bayes' rule (Saerens et al., Neural Computation
2002).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from guide.errors import InputError

# Share of submissions accepted, withdrawn ones counted as not accepted and desk rejects left out where the venue
# says so. ICLR 2025: 3,706 of 11,602. The other figures are the organisers' own, as they announced them.
BASE_RATES: dict[str, float] = {
    "ICLR-2020": 0.265,
    "ICLR-2021": 0.287,
    "ICLR-2022": 0.323,
    "ICLR-2023": 0.318,
    "ICLR-2024": 0.311,
    "ICLR-2025": 0.319,
    "ICML-2023": 0.279,
    "ICML-2024": 0.275,
    "NeurIPS-2022": 0.257,
    "NeurIPS-2023": 0.261,
    "NeurIPS-2024": 0.258,
}
DEFAULT_VENUE = "ICLR-2025"
_OWN_RATE = re.compile(r"(?P<name>[^=\s][^=]*)=(?P<rate>[0-9.]+)\s*(?P<percent>%?)")


@dataclass(frozen=True, slots=True)
class Venue:
    """A venue and year, and the share of submissions it accepts."""

    name: str
    base_rate: float

    @property
    def in_domain(self) -> bool:
        """Whether the engine was calibrated on decisions of this series (ICLR)."""
        return re.fullmatch(r"ICLR-\d{4}", self.name, re.IGNORECASE) is not None


def parse_venue(text: str) -> Venue:
    """Read `ICLR-2025`, any name of `BASE_RATES`, or `NAME=RATE` with a rate such as 0.25 or 25%.

    Raises:
        InputError: the venue is unknown or the rate is not strictly between 0 and 1.
    """
    known = {name.lower(): name for name in BASE_RATES}
    name = known.get(text.strip().lower().replace(" ", "-"))
    if name is not None:
        return Venue(name, BASE_RATES[name])
    match = _OWN_RATE.fullmatch(text.strip())
    if match is None:
        raise InputError(
            f"no base rate is known for venue {text!r}",
            fix=f"Use one of {', '.join(BASE_RATES)}, or state it: --venue 'NAME=0.25'.",
        )
    try:
        rate = float(match["rate"]) / (100 if match["percent"] else 1)
    except ValueError:
        rate = float("nan")
    if not 0 < rate < 1:
        raise InputError(f"the base rate in {text!r} is not between 0 and 1", fix="Write it like --venue 'NAME=0.25'.")
    return Venue(match["name"].strip(), rate)


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


def wilson(successes: float, n: float, z: float = 1.96) -> tuple[float, float]:
    """Wilson's score interval for a share (Wilson, JASA 1927); (0, 1) when n is 0."""
    if n <= 0:
        return 0.0, 1.0
    share = successes / n
    middle = share + z * z / (2 * n)
    half = z * float(np.sqrt(share * (1 - share) / n + z * z / (4 * n * n)))
    scale = 1 + z * z / n
    return max(0.0, (middle - half) / scale), min(1.0, (middle + half) / scale)


def calibration_error(p: NDArray[np.float64], accepted: NDArray[np.bool_], bins: int = 10) -> float:
    """Expected calibration error of (n,) probabilities over bins of equal mass (Naeini et al., AAAI 2015).

    Decisions told the same probability count as their mean, else a constant would err by their order.
    """
    _, group = np.unique(p, return_inverse=True)
    shares = (np.bincount(group, weights=accepted) / np.bincount(group))[group]
    parts = np.array_split(np.argsort(p, kind="stable"), bins)
    return float(sum(abs(p[part].mean() - shares[part].mean()) * len(part) for part in parts if len(part)) / len(p))
