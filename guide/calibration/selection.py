"""Which calibrator to take: repeated stratified cross-validation, and the one-standard-error rule."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from guide.calibration.logistic import logit, sigmoid
from guide.calibration.maps import KINDS, Kind, fit_calibrator
from guide.calibration.measures import auroc, calibration_error

FOLDS = 5
REPEATS = 10
_BINS = 10
# A year's own share is drawn towards the share of all as if it had so many more decisions of that share: a year of a
# dozen decisions does not know its own, and one of all alike would have log-odds without end.
_PRIOR = 20.0


@dataclass(frozen=True, slots=True)
class Figures:
    """How probabilities did against decisions: the mean log loss (nats), Brier score, ECE (ten bins of equal mass)
    and AUROC (nan where all are alike).
    """  # noqa: D205 - one sentence

    log_loss: float
    brier: float
    ece: float
    auroc: float


@dataclass(frozen=True, slots=True)
class Trial:
    """A candidate's cross-validated figures.

    Attributes:
        kind: of the calibrator.
        figures: means over the repeats.
        excess: log loss less that of the candidate with the least; 0 for that one.
        error: standard error of `excess`, from the differences decision by decision.
    """

    kind: Kind
    figures: Figures
    excess: float
    error: float


@dataclass(frozen=True, slots=True)
class CrossValidated:
    """Every candidate on folds that it was not fitted on.

    Attributes:
        trials: one a candidate, from the simplest on.
        chosen: by `choose`.
        evidence: (n,) of the chosen one, held out, mean over the repeats.
        rates: (n,) the base rate of each decision's year as the other folds have it, mean over the repeats.
        base_rate: figures of those rates alone.
        gain: mean log loss of the base rate alone less that of the chosen one; `gain_error`, its standard error.
    """

    trials: tuple[Trial, ...]
    chosen: Kind
    evidence: NDArray[np.float64]
    rates: NDArray[np.float64]
    base_rate: Figures
    gain: float
    gain_error: float


def measure(p: NDArray[np.float64], accepted: NDArray[np.bool_]) -> Figures:
    """The figures of (n,) probabilities, each strictly between 0 and 1."""
    losses = -np.where(accepted, np.log(p), np.log1p(-p))
    return Figures(
        float(losses.mean()),
        float(np.mean((p - accepted) ** 2)),
        calibration_error(p, accepted, _BINS),
        auroc(p, accepted),
    )


def year_rates(
    accepted: NDArray[np.bool_], years: NDArray[np.int64], fit_on: NDArray[np.bool_] | None = None
) -> NDArray[np.float64]:
    """The share accepted in each decision's year (n,), drawn towards the share of all; of the rows `fit_on` alone.

    A year without any such row has the share of all.
    """
    inside = np.ones(len(accepted), dtype=np.bool_) if fit_on is None else fit_on
    pooled = float(accepted[inside].mean())
    _, number = np.unique(years, return_inverse=True)
    counts = np.bincount(number[inside], minlength=number.max() + 1)
    taken = np.bincount(number[inside], weights=accepted[inside], minlength=number.max() + 1)
    return np.asarray(((taken + _PRIOR * pooled) / (counts + _PRIOR))[number], dtype=np.float64)


def cross_validate(
    evidence: NDArray[np.float64],
    accepted: NDArray[np.bool_],
    years: NDArray[np.int64],
    *,
    kinds: Sequence[Kind] = KINDS,
    seed: int = 0,
) -> CrossValidated:
    """Fit every candidate on four of five folds and ask it about the fifth, `REPEATS` times over.

    The base rates are those of the four folds too, so that no decision is told by its own.

    Args:
        evidence: (n,) the engine's.
        accepted: (n,) decisions, of each kind at least `FOLDS`.
        years: (n,) of the decisions; all alike where they are not known.
        kinds: the candidates, from the simplest on.
        seed: of the folds.
    """
    from sklearn.model_selection import RepeatedStratifiedKFold

    folds = RepeatedStratifiedKFold(n_splits=FOLDS, n_repeats=REPEATS, random_state=seed)
    rates = np.empty((REPEATS, len(accepted)))
    mapped = {kind: np.empty((REPEATS, len(accepted))) for kind in kinds}
    for number, (inside, outside) in enumerate(folds.split(np.zeros(len(accepted)), accepted)):
        fit_on = np.zeros(len(accepted), dtype=np.bool_)
        fit_on[inside] = True
        known = year_rates(accepted, years, fit_on)
        rates[number // FOLDS, outside] = known[outside]
        for kind in kinds:
            fitted = fit_calibrator(kind, evidence[inside], accepted[inside], known[inside])
            mapped[kind][number // FOLDS, outside] = fitted.evidence(evidence[outside])
    offset = logit(rates)
    losses = {kind: _losses(offset + found, accepted) for kind, found in mapped.items()}
    best = min(kinds, key=lambda kind: losses[kind].mean())
    trials = tuple(
        Trial(kind, _mean_figures(offset + mapped[kind], accepted), *_mean_and_error(losses[kind] - losses[best]))
        for kind in kinds
    )
    chosen = choose(trials)
    gain, gain_error = _mean_and_error(_losses(offset, accepted) - losses[chosen])
    alone = _mean_figures(offset, accepted)
    return CrossValidated(trials, chosen, mapped[chosen].mean(axis=0), rates.mean(axis=0), alone, gain, gain_error)


def choose(trials: Sequence[Trial]) -> Kind:
    """The simplest candidate whose log loss is within one standard error of the least.

    The rule is Breiman et al.'s (Classification and Regression Trees 1984, section 3.4.3), with the error of the
    paired difference: the error of a log loss by itself is mostly that of the decisions, which all candidates share.
    """
    return next(trial.kind for trial in trials if trial.excess <= trial.error)


def _losses(log_odds: NDArray[np.float64], accepted: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Log loss (n,) of each decision, mean over the repeats of (repeats, n) log-odds."""
    return np.asarray((np.logaddexp(0, log_odds) - accepted * log_odds).mean(axis=0))


def _mean_and_error(differences: NDArray[np.float64]) -> tuple[float, float]:
    return float(differences.mean()), float(differences.std(ddof=1) / len(differences) ** 0.5)


def _mean_figures(log_odds: NDArray[np.float64], accepted: NDArray[np.bool_]) -> Figures:
    # Log-odds beyond this are 1 in double precision, whose log loss has no end.
    every = [measure(sigmoid(np.clip(row, -30, 30)), accepted) for row in log_odds]
    return Figures(
        log_loss=float(np.mean([one.log_loss for one in every])),
        brier=float(np.mean([one.brier for one in every])),
        ece=float(np.mean([one.ece for one in every])),
        auroc=float(np.mean([one.auroc for one in every])),
    )
