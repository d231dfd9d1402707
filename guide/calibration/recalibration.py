"""What an engine's judgements are worth at one venue: the fitted value, its file, and a judgement restated by it.

It is learnt in `guide.calibration.fitting`.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from guide.atomic import write_text
from guide.calibration.base_rates import DEFAULT_VENUE
from guide.calibration.confidence import track_record
from guide.calibration.correctness import Correctness
from guide.calibration.domain import Seen
from guide.calibration.logistic import chance, logit
from guide.calibration.maps import Calibrator
from guide.calibration.selection import Figures, Trial
from guide.calibration.verdict import SLOPE, THRESHOLD
from guide.errors import InputError
from guide.judging import JudgeRequest
from guide.review import Calibration, Interval, Judgement
from guide.text.language import guess_language

LEVEL = 0.9  # of the interval: the student's
FORMAT = 2

Score = Literal["p_accept", "rating"]

_NEIGHBOURS, _LEAST_NEIGHBOURS = 400, 50
_LEAST_P = 1e-12
_AGAIN = "Make it again: guide calibrate FILE."
_YEAR = re.compile(r"[\s\-_']*(19|20)\d\d$")


@dataclass(frozen=True, slots=True)
class Band:
    """How far a refit on other submissions of the venue would move the log-odds of acceptance there.

    Attributes:
        at: (k,) evidence of the engine, rising.
        below: (k,) how much lower the lower end lies, not negative; `above`, how much higher the upper end.
    """

    at: tuple[float, ...]
    below: tuple[float, ...]
    above: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class HeldOut:
    """The decisions by the evidence that folds without them gave, rising: evidence, decision, base rate of the year."""

    evidence: tuple[float, ...]
    accepted: tuple[bool, ...]
    rates: tuple[float, ...]


@dataclass(frozen=True)
class EngineCalibration:
    """What was learnt of one engine at one venue; it fits no other engine.

    Attributes:
        engine: id.
        engine_sha256: of the engine and its settings.
        venue: its name.
        base_rate: share accepted there; `rate_interval`, Wilson's 95 % interval of it, None where the rate was stated.
        score: what of a judgement is calibrated.
        source: the file of decisions; `source_sha256` its hash.
        n: decisions; `accepted`, of them.
        last_year: of them, None where they do not say.
        calibrator: the chosen map.
        band: its error.
        correct: the second stage.
        seen: what the decisions' submissions were like.
        trials: the candidates, cross-validated.
        base_rate_alone: figures without the engine, cross-validated.
        uncalibrated: figures of what the engine says by itself, for `DEFAULT_VENUE`.
        gain: log loss of the base rate alone less that of the chosen map; `gain_error` its standard error.
        held_out: the decisions, for track records.
    """

    engine: str
    engine_sha256: str
    venue: str
    base_rate: float
    rate_interval: tuple[float, float] | None
    score: Score
    source: str
    source_sha256: str
    n: int
    accepted: int
    last_year: int | None
    calibrator: Calibrator
    band: Band
    correct: Correctness
    seen: Seen
    trials: tuple[Trial, ...]
    base_rate_alone: Figures
    uncalibrated: Figures
    gain: float
    gain_error: float
    held_out: HeldOut

    @property
    def figures(self) -> Figures:
        """Of the chosen map, cross-validated."""
        return next(trial.figures for trial in self.trials if trial.kind == self.calibrator.kind)

    @property
    def venue_option(self) -> str:
        """The venue as `--venue` takes it."""
        return f"{self.venue}={self.base_rate:.6f}"

    def covers(self, venue: str) -> bool:
        """Whether a venue is this one, be it in another year."""
        return without_year(venue).casefold() == without_year(self.venue).casefold()

    def apply(self, judgement: Judgement, request: JudgeRequest, *, doubts: tuple[str, ...] = ()) -> Judgement:
        """The judgement for the request's venue with P(accept), its interval and p_correct as learnt.

        The interval is the engine's own, where P(accept) is what was calibrated, widened by the error of the fit and
        of the base rate.
        """
        rate = request.venue.base_rate
        x = evidence_of(judgement, self.score)
        evidence, low, high = self._evidence_interval(judgement, x)
        p, p_low, p_high = chance(np.array([evidence, low, high]), rate).tolist()
        reasons = (*doubts, *self._doubts(judgement, request, x))
        moved = judgement.model_copy(update={"p_accept": p})
        return moved.model_copy(
            update={
                "interval": Interval(low=p_low, high=p_high, level=LEVEL),
                "p_correct": None if reasons else self.correct.chance(moved),
                "calibration": Calibration(
                    status="not calibrated" if reasons else "calibrated",
                    venue=request.venue.name,
                    base_rate=rate,
                    fitted_on=f"{self.venue} ({self.source})",
                    n=self.n,
                    sha256=self.sha256,
                    reasons=reasons,
                    track_record=self._track_record(evidence, rate),
                ),
            }
        )

    def chances(self, chances: NDArray[np.float64], base_rate: float) -> NDArray[np.float64]:
        """(n,) the engine's P(accept) at a base rate, as the calibration has it at that rate.

        Raises:
            ValueError: it is not P(accept) that was calibrated.
        """
        if self.score != "p_accept":
            raise ValueError("the calibration is of ratings")
        return chance(self.calibrator.evidence(_clipped_logit(chances) - logit(base_rate)), base_rate)

    def _evidence_interval(self, judgement: Judgement, x: float) -> tuple[float, float, float]:
        ends = [x, x, x]
        if self.score == "p_accept":
            own = np.array([judgement.interval.low, judgement.interval.high])
            ends[1:] = (_clipped_logit(own) - logit(judgement.calibration.base_rate)).tolist()
        middle, low, high = self.calibrator.evidence(np.array(ends)).tolist()
        below = float(np.hypot(max(middle - low, 0), np.interp(x, self.band.at, self.band.below)))
        above = float(np.hypot(max(high - middle, 0), np.interp(x, self.band.at, self.band.above)))
        return middle, middle - below, middle + above

    def _doubts(self, judgement: Judgement, request: JudgeRequest, x: float) -> tuple[str, ...]:
        """Why the number must not be taken as calibrated; they stand in the place of the engine's own reasons."""
        found = self.seen.doubts(
            evidence=x,
            words=len(request.text.split()),
            language=guess_language(request.text),
            distance=judgement.signals.distance,
        )
        if self.covers(request.venue.name):
            return found
        return (f"calibrated on decisions of {self.venue}; for this venue only the base rate was changed", *found)

    def _track_record(self, evidence: float, rate: float) -> str:
        told, accepted, rates = self._held_out
        # A fifth of few: all of them would be a record of the base rate.
        count = min(_NEIGHBOURS, max(_LEAST_NEIGHBOURS, len(told) // 5))
        nearest = np.argsort(np.abs(told - evidence), kind="stable")[:count]
        record = track_record(evidence, rate, told[nearest], accepted[nearest], rates[nearest])
        known = "" if self.told_apart else f" The engine's scores were not shown to say more of {self.venue} than that."
        alone, own = self.base_rate_alone.log_loss, self.figures.log_loss
        return f"{record.sentence()} Log loss {own:.3f}, the base rate alone {alone:.3f}.{known}"

    @property
    def told_apart(self) -> bool:
        """Whether the engine was shown to say more than the base rate: one-sided, at the 5 % level."""
        return self.gain > 1.645 * self.gain_error

    @cached_property
    def _held_out(self) -> tuple[NDArray[np.float32], NDArray[np.bool_], NDArray[np.float32]]:
        held = self.held_out
        return (
            np.array(held.evidence, dtype=np.float32),
            np.array(held.accepted, dtype=np.bool_),
            np.array(held.rates, dtype=np.float32),
        )

    @cached_property
    def sha256(self) -> str:
        """Hash of all of it."""
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()

    def save(self, path: Path) -> None:
        """Write it as JSON, whole or not at all. Raises OSError if it cannot be written."""
        write_text(path, json.dumps({"format": FORMAT, **asdict(self), "sha256": self.sha256}, indent=1) + "\n")


def load_calibration(path: Path) -> EngineCalibration:
    """Read what `save` wrote.

    Raises:
        InputError: it cannot be read, is of another format, or is not what was written.
    """
    try:
        found = json.loads(path.read_bytes())
        version = found.pop("format")
    except OSError as error:
        raise InputError(f"the calibration cannot be read ({error.strerror})", where=path) from error
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise InputError("this is no calibration", where=path, fix="Make one: guide calibrate FILE.") from error
    if version != FORMAT:
        raise InputError(
            f"the calibration has format {version!r}, and this version of guide reads {FORMAT}", where=path, fix=_AGAIN
        )
    try:
        stated = found.pop("sha256")
        calibration = _rebuilt(found)
        whole = stated == calibration.sha256
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise InputError("the calibration is damaged", where=path, fix=_AGAIN) from error
    if not whole:
        raise InputError("the calibration is altered", where=path, fix=_AGAIN)
    return calibration


def stated_venue(venue: str | None, calibration: Path | None, default: str = DEFAULT_VENUE) -> str:
    """The venue that a command states P(accept) for: the one asked for, or the calibration's, or `default`.

    Raises:
        InputError: the calibration cannot be used.
    """
    if venue is not None:
        return venue
    return default if calibration is None else load_calibration(calibration).venue_option


def without_year(venue: str) -> str:
    """What the years of a venue have in common; lower it to compare: "ICLR-2025" and "iclr" are one venue."""
    return _YEAR.sub("", venue.strip()).strip()


def evidence_of(judgement: Judgement, score: Score) -> float:
    """What a judgement says of acceptance beside the base rate, in log-odds.

    Of a rating it is what such a mean rating by human reviewers says (`guide.calibration.verdict`), which no model's
    ratings need agree with; calibration is to find out.
    """
    if score == "rating":
        return SLOPE * (judgement.rating - THRESHOLD)
    return float(_clipped_logit(np.array(judgement.p_accept)) - logit(judgement.calibration.base_rate))


def _clipped_logit(p: NDArray[np.float64]) -> NDArray[np.float64]:
    return logit(np.clip(p, _LEAST_P, 1 - _LEAST_P))


def _rebuilt(found: Mapping[str, Any]) -> EngineCalibration:
    """The value of which `found` is the JSON form. Raises TypeError or KeyError where it is not."""
    plain = {name: tuple(value) if isinstance(value, list) else value for name, value in found.items()}
    parts: dict[str, Any] = {
        "calibrator": Calibrator,
        "band": Band,
        "correct": Correctness,
        "seen": Seen,
        "base_rate_alone": Figures,
        "uncalibrated": Figures,
        "held_out": HeldOut,
    }
    rebuilt = {name: kind(**_as_tuples(found[name])) for name, kind in parts.items()}
    trials = tuple(Trial(**{**trial, "figures": Figures(**trial["figures"])}) for trial in found["trials"])
    return EngineCalibration(**{**plain, **rebuilt, "trials": trials})


def _as_tuples(part: Mapping[str, Any]) -> dict[str, Any]:
    return {name: tuple(value) if isinstance(value, list) else value for name, value in part.items()}
