"""What an engine's judgements are worth, learnt from decisions: P(accept), and the chance that the call is right.

Two logistic regressions. The first turns a rating into evidence of acceptance, each year's own rate as the offset. The
second turns the confidence signals, which are kept apart until here, into the chance that the call "accept" or
"reject" is right; the calls it learns from come from folds that the first was not fitted on.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from guide.atomic import write_text
from guide.calibration import LogisticFit, chance, fit_logistic, logit, sigmoid
from guide.errors import InputError
from guide.review import Calibration, Interval, Judgement
from guide.training import auroc

LEAST = 200  # decisions: with fewer, the interval of a share is wider than seven points on either side
FOLDS = 5
LEVEL = 0.95
_Z = 1.96
_FORMAT = 1
_SIGNALS = ("certainty", "disagreement", "entropy")


@dataclass(frozen=True, slots=True)
class Decided:
    """A judgement, and what was decided: `base_rate` is the share accepted in that year, None a year not stated."""

    id: str
    judgement: Judgement
    accepted: bool
    base_rate: float
    year: int | None = None


@dataclass(frozen=True, slots=True)
class HeldOut:
    """How it did on folds it was not fitted on.

    Attributes:
        auroc: of P(accept).
        brier: of P(accept); `brier_base`, of the base rate alone.
        brier_correct: of the chance of being right; `brier_correct_base`, of the share of right calls alone.
        right: share of right calls.
    """

    auroc: float
    brier: float
    brier_base: float
    brier_correct: float
    brier_correct_base: float
    right: float


@dataclass(frozen=True, slots=True)
class EngineCalibration:
    """What was learnt of one engine; it fits no other.

    Attributes:
        engine_sha256: of the engine.
        source: the file of decisions; `source_sha256` its hash.
        n: decisions.
        last_year: of them, None where they do not say.
        rating: coefficients (slope, intercept) of the evidence in a rating, and their covariance (2, 2) as rows.
        correct: coefficients over the standardised signals, the intercept last.
        means: of the signals, in the order of `_SIGNALS`; `scales`, their standard deviations.
        lowest: rating among the decisions; `highest`.
        held_out: how it did.
    """

    engine_sha256: str
    source: str
    source_sha256: str
    n: int
    last_year: int | None
    rating: tuple[float, ...]
    covariance: tuple[tuple[float, ...], ...]
    correct: tuple[float, ...]
    means: tuple[float, ...]
    scales: tuple[float, ...]
    lowest: float
    highest: float
    held_out: HeldOut

    def apply(self, judgement: Judgement, *, in_domain: bool, doubts: tuple[str, ...] = ()) -> Judgement:
        """The judgement with P(accept), its interval and p_correct as learnt.

        The interval is that of the fit; what runs differ by is among the signals.
        """
        rate = judgement.calibration.base_rate
        fit = LogisticFit(np.array(self.rating), np.array(self.covariance), self.n)
        at = np.array([[judgement.rating]])
        evidence, half = fit.evidence(at)[0], _Z * float(np.sqrt(fit.evidence_variance(at)[0]))
        p, low, high = chance(np.array([evidence, evidence - half, evidence + half]), rate).tolist()
        reasons = list(doubts)
        if not in_domain:
            reasons.append("calibrated on ICLR decisions; for this venue only the base rate was changed")
        if not self.lowest <= judgement.rating <= self.highest:
            reasons.append("no decided submission was given so high or so low a rating")
        moved = judgement.model_copy(update={"p_accept": p})
        scaled = (_signals(moved) - np.array(self.means)) / np.array(self.scales)
        right = float(sigmoid(scaled @ np.array(self.correct[:-1]) + self.correct[-1]))
        held = self.held_out
        return moved.model_copy(
            update={
                "interval": Interval(low=low, high=high, level=LEVEL),
                "p_correct": None if reasons else right,
                "calibration": Calibration(
                    status="not calibrated" if reasons else "calibrated",
                    venue=judgement.calibration.venue,
                    base_rate=rate,
                    fitted_on=self.source,
                    n=self.n,
                    sha256=self.sha256,
                    reasons=tuple(reasons),
                    track_record=(
                        f"On folds it was not fitted on: AUROC {held.auroc:.3f}, {held.right:.0%} of the calls right."
                    ),
                ),
            }
        )

    @property
    def sha256(self) -> str:
        """Hash of all of it."""
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()

    def save(self, path: Path) -> None:
        """Write it as JSON, whole or not at all. Raises OSError if it cannot be written."""
        write_text(path, json.dumps({"format": _FORMAT, **asdict(self), "sha256": self.sha256}, indent=2) + "\n")


def fit_engine(decided: Sequence[Decided], *, engine_sha256: str, source: str, source_sha256: str) -> EngineCalibration:
    """Learn from decisions what an engine's judgements are worth.

    Raises:
        InputError: there are fewer than `LEAST` decisions, or they are all alike.
    """
    accepted = np.array([one.accepted for one in decided], dtype=np.bool_)
    if len(decided) < LEAST or accepted.all() or not accepted.any():
        raise InputError(
            f"{len(decided)} decisions, {int(accepted.sum())} of them to accept, are too few to learn from",
            where=source,
            fix=f"Give at least {LEAST}, of both kinds.",
        )
    ratings = np.array([[one.judgement.rating] for one in decided])
    if np.ptp(ratings) == 0:
        raise InputError("the engine gives every submission the same rating", where=source)
    rates = np.array([one.base_rate for one in decided])
    fold = np.array([int(hashlib.sha256(one.id.encode()).hexdigest(), 16) % FOLDS for one in decided])
    p = np.empty(len(decided))
    for held in range(FOLDS):
        rest = fold != held
        fit = fit_logistic(ratings[rest], accepted[rest], rates[rest])
        p[~rest] = [chance(fit.evidence(ratings[at : at + 1]), rates[at])[0] for at in np.flatnonzero(~rest)]
    right = (p >= 0.5) == accepted
    signals = np.stack(
        [_signals(one.judgement.model_copy(update={"p_accept": q})) for one, q in zip(decided, p, strict=True)]
    )
    means, scales = signals.mean(axis=0), np.maximum(signals.std(axis=0), 1e-9)
    scaled = (signals - means) / scales
    correct = _fit_correct(scaled, right)
    guessed = np.empty(len(decided))
    for held in range(FOLDS):
        rest = fold != held
        own = _fit_correct(scaled[rest], right[rest])
        guessed[~rest] = sigmoid(scaled[~rest] @ own[:-1] + own[-1])
    whole = fit_logistic(ratings, accepted, rates)
    return EngineCalibration(
        engine_sha256=engine_sha256,
        source=source,
        source_sha256=source_sha256,
        n=len(decided),
        last_year=max((one.year for one in decided if one.year is not None), default=None),
        rating=tuple(whole.coefficients.tolist()),
        covariance=tuple(tuple(row) for row in whole.covariance.tolist()),
        correct=tuple(correct.tolist()),
        means=tuple(means.tolist()),
        scales=tuple(scales.tolist()),
        lowest=float(ratings.min()),
        highest=float(ratings.max()),
        held_out=HeldOut(
            auroc=auroc(p, accepted),
            brier=float(np.mean((p - accepted) ** 2)),
            brier_base=float(np.mean((rates - accepted) ** 2)),
            brier_correct=float(np.mean((guessed - right) ** 2)),
            brier_correct_base=float(np.mean((right.mean() - right) ** 2)),
            right=float(right.mean()),
        ),
    )


def load_calibration(path: Path) -> EngineCalibration:
    """Read what `save` wrote.

    Raises:
        InputError: it cannot be read, or is not what was written.
    """
    try:
        found: dict[str, Any] = json.loads(path.read_bytes())
        stated, version = found.pop("sha256"), found.pop("format")
        held = HeldOut(**found.pop("held_out"))
        rows = tuple(tuple(row) for row in found.pop("covariance"))
        tuples: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value for name, value in found.items()
        }
        calibration = EngineCalibration(covariance=rows, held_out=held, **tuples)
    except OSError as error:
        raise InputError(f"the calibration cannot be read ({error.strerror})", where=path) from error
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise InputError("this is no calibration", where=path, fix="Make one: guide calibrate.") from error
    if version != _FORMAT or stated != calibration.sha256:
        raise InputError("the calibration is altered", where=path, fix="Make it again: guide calibrate.")
    return calibration


def _signals(judgement: Judgement) -> NDArray[np.float64]:
    """The signals a call is weighed by: how far P(accept) is from even, and two of the engine's own."""
    p = min(max(judgement.p_accept, 1e-6), 1 - 1e-6)
    return np.array([abs(float(logit(p))), judgement.signals.disagreement, judgement.signals.entropy])


def _fit_correct(scaled: NDArray[np.float64], right: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Coefficients over the scaled signals, lightly penalised: a signal that never varies must not run away."""
    from sklearn.linear_model import LogisticRegression

    if right.all() or not right.any():
        share = (right.sum() + 1) / (len(right) + 2)
        return np.array([0.0] * scaled.shape[1] + [float(logit(share))])
    fit = LogisticRegression(C=10.0).fit(scaled, right)
    return np.concatenate([fit.coef_[0], fit.intercept_])
