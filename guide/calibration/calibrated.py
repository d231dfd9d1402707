"""An engine whose judgements are restated as what was learnt of it from decisions has it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from guide.errors import InputError
from guide.judging import Engine, Examination, Examines, Explains, Failure, Spends

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from guide.calibration.recalibration import EngineCalibration
    from guide.judging import JudgeRequest
    from guide.review import Judgement, Venue

# A review asks for more, and shows prior work; `judge`, which the decisions went through, does neither.
_ANOTHER_QUESTION = "calibrated on ratings that were given without prior work and without a review beside them"


class Calibrated:
    """An engine whose judgements are stated as its calibration has it.

    Raises:
        InputError: the calibration was made for another engine, or for other settings of it.
    """

    def __init__(self, engine: Engine, calibration: EngineCalibration) -> None:
        if calibration.engine_sha256 != engine.sha256:
            raise InputError(
                f"the calibration is of {calibration.engine} with hash {calibration.engine_sha256[:12]}, "
                f"and {engine.id} with these settings has {engine.sha256[:12]}",
                fix="Use the model, runs, thinking and seed it was made with, or make one: guide calibrate FILE.",
            )
        self._engine = engine
        self._calibration = calibration

    @property
    def id(self) -> str:
        """The engine's."""
        return self._engine.id

    @property
    def sha256(self) -> str:
        """Hash of the engine and the calibration."""
        return hashlib.sha256(f"{self._engine.sha256} {self._calibration.sha256}".encode()).hexdigest()

    @property
    def last_training_year(self) -> int:
        """The engine's, or that of the decisions it was calibrated on if they are later."""
        return max(self._engine.last_training_year, self._calibration.last_year or 0)

    @property
    def spent(self) -> str:
        """As the engine tells it; nothing where its answers cost no tokens."""
        return self._engine.spent if isinstance(self._engine, Spends) else ""

    def judge(self, requests: Sequence[JudgeRequest], *, progress: bool = False) -> dict[str, Judgement | Failure]:
        """Judge every request (see `Engine.judge`)."""
        answers = self._engine.judge(requests, progress=progress)
        return {one.id: self._restated(answers[one.id], one) for one in requests}

    def _restated(self, answer: Judgement | Failure, request: JudgeRequest) -> Judgement | Failure:
        if isinstance(answer, Failure):
            return answer
        return self._calibration.apply(answer, request, doubts=self._doubts(request))

    def _doubts(self, request: JudgeRequest) -> tuple[str, ...]:
        """What sets a request apart from those that the calibration was learnt from."""
        return ()


class CalibratedExplainer(Calibrated):
    """As `Calibrated`, for an engine that also tells what each sentence does to P(accept)."""

    def chances_without_each(self, title: str, text: str, tried: int, venue: Venue) -> NDArray[np.float64]:
        """P(accept) as calibrated of the whole and without each of the first `tried` sentences (see `Explains`)."""
        explains: Explains = self._engine  # type: ignore[assignment]
        own = explains.chances_without_each(title, text, tried, venue)
        return self._calibration.chances(own, venue.base_rate)


class CalibratedExaminer(Calibrated):
    """As `Calibrated`, for an engine that also writes reviews."""

    def examine(self, requests: Sequence[JudgeRequest]) -> Mapping[str, Examination | Failure]:
        """Judge every request and write its review (see `Examines.examine`)."""
        examined: Mapping[str, Examination | Failure] = self._engine.examine(requests)  # type: ignore[attr-defined]
        answers: dict[str, Examination | Failure] = {}
        for request in requests:
            found = examined[request.id]
            if not isinstance(found, Failure):
                judgement = self._calibration.apply(found.judgement, request, doubts=(_ANOTHER_QUESTION,))
                found = Examination(judgement, found.findings, found.reasoning)
            answers[request.id] = found
        return answers

    def _doubts(self, request: JudgeRequest) -> tuple[str, ...]:
        return (_ANOTHER_QUESTION,) if request.evidence or request.passages else ()


def calibrated(engine: Engine, calibration: EngineCalibration) -> Calibrated:
    """The engine with its calibration, able to do what it could without.

    Raises:
        InputError: the calibration was made for another engine, or for other settings of it.
    """
    if isinstance(engine, Examines):
        return CalibratedExaminer(engine, calibration)
    if isinstance(engine, Explains) and calibration.score == "p_accept":
        return CalibratedExplainer(engine, calibration)
    return Calibrated(engine, calibration)
