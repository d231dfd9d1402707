"""Engines judge proposals: batch in, batch out, keyed by id."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from guide.errors import InputError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from guide.calibration import Venue
    from guide.corpus.budget import Passage
    from guide.corpus.encoder import MiniLM
    from guide.review import Evidence, Form, Judgement

ENGINES = ("student",)


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

    def judge(self, requests: Sequence[JudgeRequest], *, progress: bool = False) -> dict[str, Judgement]:
        """Judge every request; the answer has exactly the ids asked.

        Raises:
            InputError: two requests have one id.
        """


@runtime_checkable
class Explains(Protocol):
    """An engine cheap enough to ask again for every sentence left out."""

    def chances_without_each(
        self, title: str, sentences: Sequence[str], tried: int, venue: Venue
    ) -> NDArray[np.float64]:
        """P(accept) of the whole text, then without each of its first `tried` sentences: (1 + tried,)."""


def load_engine(name: str, *, encoder: MiniLM | None = None) -> Engine:
    """Load the engine called `name`; an encoder already loaded is shared with it.

    Raises:
        InputError: there is no such engine.
        ModelError: its weights are missing or altered.
    """
    if name == "student":
        from guide.engines.student import load_student

        return load_student(encoder=encoder)
    raise InputError(f"no engine called {name!r}", fix=f"Use one of: {', '.join(ENGINES)}.")
