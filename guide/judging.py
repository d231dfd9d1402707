"""Engines judge proposals: batch in, batch out, keyed by id."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from guide.corpus.budget import Passage
    from guide.review import Evidence, Finding, Form, Judgement, Reasoning, Venue

UNKNOWN_YEAR = 9999  # of a model that does not say until when it was trained: no replay is later


@dataclass(frozen=True, slots=True)
class Failure:
    """Why there is no answer: one line, without any key or prompt."""

    reason: str


@dataclass(frozen=True, slots=True)
class JudgeRequest:
    """One proposal to judge.

    Attributes:
        id: names the answer; unique within a batch.
        title: may be empty.
        text: the text to judge, without the title.
        venue: the venue P(accept) is stated for.
        form: an idea is not blamed for missing experiments.
        evidence: prior work found for it.
        passages: modules of that work, for engines that read them; each of a paper in `evidence`.
    """

    id: str
    title: str
    text: str
    venue: Venue
    form: Form = "paper"
    evidence: tuple[Evidence, ...] = field(default=())
    passages: tuple[Passage, ...] = field(default=())


@dataclass(frozen=True, slots=True)
class Examination:
    """A judgement with the review written beside it.

    Attributes:
        judgement: as `Engine.judge` would give it.
        findings: checked against what was retrieved.
        reasoning: how it was come to; None where nothing was written.
    """

    judgement: Judgement
    findings: tuple[Finding, ...]
    reasoning: Reasoning | None


class Engine(Protocol):
    """Anything that judges."""

    @property
    def id(self) -> str:
        """Name of the engine and its version."""

    @property
    def sha256(self) -> str:
        """Hash of all parameters that can change an answer."""

    @property
    def last_training_year(self) -> int:
        """The latest year whose decisions or ratings its answers rest on; a replay must be later."""

    def judge(self, requests: Sequence[JudgeRequest], *, progress: bool = False) -> Mapping[str, Judgement | Failure]:
        """Judge every request; the answer has exactly the ids asked, each with a judgement or why there is none.

        Raises:
            InputError: two requests have one id.
        """


@runtime_checkable
class Explains(Protocol):
    """An engine that can tell what every sentence does to its answer."""

    def chances_without_each(self, title: str, text: str, tried: int, venue: Venue) -> NDArray[np.float64]:
        """P(accept) of the whole text, then without each of its first `tried` sentences: (1 + tried,)."""


@runtime_checkable
class Spends(Protocol):
    """An engine whose answers cost tokens."""

    @property
    def spent(self) -> str:
        """What its model was made to do so far, in a line."""


@runtime_checkable
class Examines(Protocol):
    """An engine that writes a review of its own."""

    def examine(self, requests: Sequence[JudgeRequest]) -> Mapping[str, Examination | Failure]:
        """Judge every request and write its review; exactly the ids asked.

        Raises:
            InputError: two requests have one id.
        """
