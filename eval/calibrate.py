"""Calibrate an engine on decisions: judge them all, and learn what its judgements are worth."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np

from guide.calibration import Venue
from guide.engines import JudgeRequest
from guide.engines.choice import EngineChoice, load_engine
from guide.engines.language import Failure
from guide.errors import InputError
from guide.eval.decisions import read_decisions
from guide.leakage import strip_leaks
from guide.recalibration import Decided, EngineCalibration, fit_engine


def calibrate_engine(file: Path, engine: EngineChoice, *, limit: int | None = None) -> tuple[EngineCalibration, int]:
    """Judge the decisions of `file` (see `read_decisions`), stripped of leaks, and fit on them.

    Returns:
        The calibration, and how many submissions the engine had no judgement on; they are left out.

    Raises:
        InputError: the file cannot be used, or too few decisions are left.
        ModelError: the engine cannot be loaded.
    """
    records = read_decisions(file, limit=limit).records
    if engine.calibration is not None:
        raise InputError("the engine is calibrated already", fix="Leave --calibration out.")
    loaded = load_engine(engine)
    rates = {
        year: float(np.mean([one.accepted for one in records if one.year == year]))
        for year in {one.year for one in records}
    }
    for year, rate in rates.items():
        if not 0 < rate < 1:
            raise InputError(
                f"all decisions of {year} are alike", where=file, fix="Give accepted and rejected ones of each year."
            )
    requests = [
        JudgeRequest(one.id, one.title, strip_leaks(one.abstract).text, Venue(f"ICLR-{one.year}", rates[one.year]))
        for one in records
    ]
    answers = loaded.judge(requests, progress=True)
    decided = [
        Decided(one.id, answer, one.accepted, rates[one.year], one.year)
        for one in records
        if not isinstance(answer := answers[one.id], Failure)
    ]
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    fitted = fit_engine(decided, engine_sha256=loaded.sha256, source=file.name, source_sha256=digest)
    return fitted, len(records) - len(decided)
