"""Learn from decisions of a venue what an engine's judgements are worth there."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from guide.calibration.correctness import Correctness, fit_correctness
from guide.calibration.domain import describe
from guide.calibration.logistic import chance, logit
from guide.calibration.maps import Calibrator, Kind, fit_calibrator
from guide.calibration.measures import wilson
from guide.calibration.recalibration import LEVEL, Band, EngineCalibration, HeldOut, Score, evidence_of
from guide.calibration.selection import CrossValidated, cross_validate, measure, year_rates
from guide.errors import InputError
from guide.review import Judgement

LEAST_OF_EACH = 30  # ten decisions of the rarer kind for each of the three parameters of the largest map with any
WIDEST = 0.07  # half the Wilson interval of the base rate, which every chance rests on
_MOST_LABELS = 1_000_000
_RESAMPLES = 200
_KNOTS = 21


@dataclass(frozen=True, slots=True)
class Decided:
    """A judgement for the default venue, and what was decided of the text.

    Attributes:
        id: unique among the decisions.
        judgement: of the text as judged.
        accepted: the decision.
        words: of the text.
        language: ISO 639-1 code, "und" where it is not known.
        year: of the decision, None where it is not stated.
    """

    id: str
    judgement: Judgement
    accepted: bool
    words: int
    language: str
    year: int | None = None


@dataclass(frozen=True, slots=True)
class Origin:
    """What is calibrated, and where from.

    Attributes:
        engine: id; `engine_sha256`, its hash.
        score: what of a judgement is calibrated.
        venue: whose decisions they are.
        base_rate: where it is known better than from them; None to take it from them.
        source: the file of decisions; `source_sha256`, its hash.
    """

    engine: str
    engine_sha256: str
    score: Score
    venue: str
    base_rate: float | None
    source: str
    source_sha256: str


def labels_needed(accepted: int, n: int) -> int:
    """How many decisions are enough where `accepted` of `n` are to accept; n itself if it is enough.

    At this share there are `LEAST_OF_EACH` of each kind among them, and Wilson's 95 % interval of the share is no
    wider than `WIDEST` on either side. Both must be present, else there is no share to go by.
    """
    share = accepted / n

    def enough(count: int) -> bool:
        low, high = wilson(share * count, count)
        return count * min(share, 1 - share) >= LEAST_OF_EACH - 1e-9 and (high - low) / 2 <= WIDEST

    if enough(n):
        return n
    below, above = n, _MOST_LABELS
    while above - below > 1:
        middle = (below + above) // 2
        below, above = (below, middle) if enough(middle) else (middle, above)
    return above


def check_labels(accepted: Sequence[bool], source: str) -> None:
    """Raises InputError if the decisions are too few, saying how many are missing."""
    n, taken = len(accepted), sum(accepted)
    if not 0 < taken < n:
        raise InputError(
            f"{n} labelled submissions, {taken} of them accepted, say nothing of how the two differ",
            where=source,
            fix=f"Give accepted and rejected ones: at least {LEAST_OF_EACH} of each.",
        )
    needed = labels_needed(taken, n)
    if needed > n:
        raise InputError(
            f"{n} labelled submissions, {taken} of them accepted, are too few to calibrate on: {needed} are needed at "
            f"this share ({LEAST_OF_EACH} of each decision, and a base rate known to {WIDEST * 100:.0f} points)",
            where=source,
            fix=f"Add {needed - n} more.",
        )


def fit_engine(decided: Sequence[Decided], origin: Origin, *, seed: int = 0) -> EngineCalibration:
    """Learn what an engine's judgements are worth at a venue. The order of the decisions does not matter.

    Raises:
        InputError: there are too few decisions (`check_labels`), or all are judged alike.
    """
    check_labels([one.accepted for one in decided], origin.source)
    decided = sorted(decided, key=lambda one: hashlib.sha256(one.id.encode()).digest())
    accepted = np.array([one.accepted for one in decided], dtype=np.bool_)
    evidence = np.array([evidence_of(one.judgement, origin.score) for one in decided])
    years = np.array([-1 if one.year is None else one.year for one in decided])
    if np.ptp(evidence) < 1e-9:
        raise InputError("the engine judges every submission alike", where=origin.source, fix="Use another engine.")
    validated = cross_validate(evidence, accepted, years, seed=seed)
    rate = float(accepted.mean()) if origin.base_rate is None else origin.base_rate
    order = np.argsort(validated.evidence, kind="stable")
    return EngineCalibration(
        engine=origin.engine,
        engine_sha256=origin.engine_sha256,
        venue=origin.venue,
        base_rate=rate,
        rate_interval=wilson(float(accepted.sum()), len(accepted)) if origin.base_rate is None else None,
        score=origin.score,
        source=origin.source,
        source_sha256=origin.source_sha256,
        n=len(decided),
        accepted=int(accepted.sum()),
        last_year=max((one.year for one in decided if one.year is not None), default=None),
        calibrator=fit_calibrator(validated.chosen, evidence, accepted, year_rates(accepted, years)),
        band=_band(validated.chosen, evidence, accepted, years, origin.base_rate, seed),
        correct=_fit_correct(decided, validated, accepted, rate),
        seen=describe(
            evidence,
            [one.words for one in decided],
            [one.language for one in decided],
            [one.judgement.signals.distance for one in decided],
        ),
        trials=validated.trials,
        base_rate_alone=validated.base_rate,
        uncalibrated=measure(np.clip([one.judgement.p_accept for one in decided], 1e-12, 1 - 1e-12), accepted),
        gain=validated.gain,
        gain_error=validated.gain_error,
        held_out=HeldOut(
            tuple(np.round(validated.evidence[order], 5).tolist()),
            tuple(accepted[order].tolist()),
            tuple(np.round(validated.rates[order], 5).tolist()),
        ),
    )


def _fit_correct(
    decided: Sequence[Decided], validated: CrossValidated, accepted: NDArray[np.bool_], rate: float
) -> Correctness:
    """The second stage at the venue's base rate, on evidence from folds that did not hold the decision.

    A decision weighs as much more or less as it is commoner or rarer at that rate than in its own year (label shift).
    """
    told = chance(validated.evidence, rate).tolist()
    moved = [one.judgement.model_copy(update={"p_accept": p}) for one, p in zip(decided, told, strict=True)]
    weights = np.where(accepted, rate / validated.rates, (1 - rate) / (1 - validated.rates))
    return fit_correctness(moved, accepted, weights)


def _band(
    kind: Kind,
    evidence: NDArray[np.float64],
    accepted: NDArray[np.bool_],
    years: NDArray[np.int64],
    base_rate: float | None,
    seed: int,
) -> Band:
    """Percentile bootstrap of the log-odds at the venue's rate, which is drawn anew too unless it was stated.

    A slope or intercept that the chosen map does not have is not known to be 1 or 0; the labels only do not show
    otherwise. So the refits have both.
    """
    at = np.unique(np.quantile(evidence, np.linspace(0, 1, _KNOTS)))

    def log_odds(fitted: Calibrator, rate: float) -> NDArray[np.float64]:
        return fitted.evidence(at) + logit(rate if base_rate is None else base_rate)

    whole = log_odds(fit_calibrator(kind, evidence, accepted, year_rates(accepted, years)), float(accepted.mean()))
    refitted: Kind = "logistic" if kind in ("as it is", "temperature") else kind
    random, drawn = np.random.default_rng(seed), []
    for _ in range(_RESAMPLES):
        rows = random.integers(len(accepted), size=len(accepted))
        # With thirty of each kind, a resample without one of them comes once in 10^13.
        own = accepted[rows]
        fitted = fit_calibrator(refitted, evidence[rows], own, year_rates(own, years[rows]))
        drawn.append(log_odds(fitted, float(own.mean())))
    low, high = np.percentile(drawn, [50 * (1 - LEVEL), 50 * (1 + LEVEL)], axis=0)
    below, above = np.maximum(whole - low, 0), np.maximum(high - whole, 0)
    return Band(tuple(at.tolist()), tuple(below.tolist()), tuple(above.tolist()))
