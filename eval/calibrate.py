"""Calibrate an engine on a venue's decisions: judge them all, and learn what its judgements are worth there."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from guide.calibration.base_rates import DEFAULT_VENUE, parse_venue
from guide.calibration.fitting import Decided, Origin, check_labels, fit_engine
from guide.calibration.recalibration import EngineCalibration, without_year
from guide.corpus.jsonl import Skipped, read_jsonl
from guide.engines import EngineChoice, load_engine
from guide.errors import InputError
from guide.eval.decisions import Decision, read_decisions
from guide.judging import UNKNOWN_YEAR, Engine, Failure, JudgeRequest
from guide.text.instructions import without_instructions
from guide.text.language import guess_language
from guide.text.leaks import strip_leaks
from guide.text.sanitise import neutralise

_STUDENT = "student"
_STUDENT_SERIES = "iclr"  # whose decisions the student was trained on


@dataclass(frozen=True, slots=True)
class CalibrationReport:
    """What came of it.

    Attributes:
        calibration: as fitted.
        left_out: submissions it does not rest on, by reason.
        notes: what a reader must know to trust it.
    """

    calibration: EngineCalibration
    left_out: dict[str, int]
    notes: tuple[str, ...]


def calibrate_engine(
    file: Path, engine: EngineChoice, *, venue: str | None = None, limit: int | None = None
) -> CalibrationReport:
    """Judge the decisions of `file` (see `read_decisions`) as `guide score` would, and fit on them.

    Args:
        file: the labelled submissions.
        engine: who judges.
        venue: their name, or "NAME=RATE" where the rate is known and the file is no fair sample; None to take the
            name from the records' `venue`.
        limit: use only so many.

    Raises:
        InputError: the file or the venue cannot be used, or too few decisions are left.
        ModelError: the engine cannot be loaded.
    """
    if engine.calibration is not None:
        raise InputError("the engine is calibrated already", fix="Leave --calibration out.")
    decisions = read_decisions(file, limit=limit)
    name, rate = _venue(venue, file)
    # Before anything is judged, which may cost hours or money.
    check_labels([one.accepted for one in decisions.records], file.name)
    loaded = load_engine(engine)
    left_out, notes = Counter(decisions.dropped), []
    records, known = _not_trained_on(decisions.records, engine, loaded, name)
    if known:
        left_out[f"the student was trained on the decisions of ICLR up to {loaded.last_training_year}"] = known
        check_labels([one.accepted for one in records], file.name)
    if loaded.last_training_year == UNKNOWN_YEAR:
        notes.append("nobody knows which of these decisions the language model has read")
    elif _at_home(engine, name) and any(one.year is None for one in records):
        notes.append(f"NOT A TEST of records without a year: the student knows ICLR up to {loaded.last_training_year}")
    decided = _judge(records, loaded)
    if len(decided) < len(records):
        left_out["the engine had no judgement"] = len(records) - len(decided)
    origin = Origin(
        engine=loaded.id,
        engine_sha256=loaded.sha256,
        # A language model's P(accept) is a fixed function of its ratings, made for those of human reviewers.
        score="p_accept" if engine.name == _STUDENT else "rating",
        venue=name,
        base_rate=rate,
        source=file.name,
        source_sha256=hashlib.sha256(file.read_bytes()).hexdigest(),
    )
    fitted = fit_engine(decided, origin)
    if not fitted.told_apart:
        notes.append("the engine was not shown to say more of these decisions than their base rate")
    return CalibrationReport(fitted, dict(left_out), tuple(notes))


def _not_trained_on(
    records: Sequence[Decision], engine: EngineChoice, loaded: Engine, venue: str
) -> tuple[Sequence[Decision], int]:
    """The records but those that the student learnt from, and how many these are: of them it is too sure."""
    if not _at_home(engine, venue):
        return records, 0
    kept = [one for one in records if one.year is None or one.year > loaded.last_training_year]
    return kept, len(records) - len(kept)


def _at_home(engine: EngineChoice, venue: str) -> bool:
    """Whether the engine was trained on this venue's decisions of other years."""
    return engine.name == _STUDENT and without_year(venue).casefold() == _STUDENT_SERIES


def _judge(records: Sequence[Decision], engine: Engine) -> list[Decided]:
    venue = parse_venue(DEFAULT_VENUE)
    requests = [JudgeRequest(one.id, _shown(one.title), _stripped(one.abstract), venue) for one in records]
    answers = engine.judge(requests, progress=True)
    return [
        Decided(one.id, answer, one.accepted, len(request.text.split()), guess_language(request.text), one.year)
        for one, request in zip(records, requests, strict=True)
        if not isinstance(answer := answers[one.id], Failure)
    ]


def _stripped(abstract: str) -> str:
    return " ".join(strip_leaks(_shown(abstract)).text.split())


def _shown(text: str) -> str:
    """A text without hidden parts, control tokens and what speaks to the reviewer."""
    return " ".join(without_instructions(neutralise(text).text).text.split())


def _venue(given: str | None, file: Path) -> tuple[str, float | None]:
    """The venue's name, and its base rate if that is stated."""
    if given is not None and given.strip():
        if "=" not in given:
            return given.strip(), None
        stated = parse_venue(given)
        return stated.name, stated.base_rate
    fix = "Name it: --venue NAME, or 'NAME=RATE' where FILE does not hold accepted and rejected ones as they came."
    named = {
        str(record["venue"]).strip()
        for _, record in (line for line in read_jsonl(file) if not isinstance(line, Skipped))
        if record.get("venue")
    }
    if len({without_year(name).casefold() for name in named}) != 1:
        found = f"name {len(named)} venues" if named else "do not name their venue"
        raise InputError(f"the records {found}", where=file, fix=fix)
    name = min(named) if len(named) == 1 else without_year(min(named))
    if "=" in name:
        raise InputError(f"the venue {name!r} has a sign that --venue parts names and rates by", where=file, fix=fix)
    return name, None
