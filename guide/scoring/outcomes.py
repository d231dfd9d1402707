"""What the judging of a batch rests on, and what comes of each submission; values only, which travel to workers."""

from __future__ import annotations

from dataclasses import dataclass

from guide.calibration.base_rates import DEFAULT_VENUE
from guide.engines import STUDENT, EngineChoice
from guide.review import Form, Judgement


@dataclass(frozen=True, slots=True)
class Setup:
    """All that the judging of a batch depends on, but for the submissions.

    Attributes:
        engine: who judges.
        venue: see `parse_venue`.
        store: folder of the literature to search, or None to search none.
        cutoff: "YYYY-MM"; later work does not count as prior.
        form: what the submissions are; None for what each says it is, which for a record is a paper.
        count: prior works to keep of each at most.
    """

    engine: EngineChoice = STUDENT
    venue: str = DEFAULT_VENUE
    store: str | None = None
    cutoff: str | None = None
    form: Form | None = None
    count: int = 8

    @property
    def alone(self) -> bool:
        """Whether each submission is judged by itself, so that no other can move its last digits.

        A language model is asked about a whole unit at once: by itself each would cost many times as much.
        """
        return self.engine.name == "student"


@dataclass(frozen=True, slots=True)
class Identity:
    """Who answered, by content.

    Attributes:
        engine: name and version.
        engine_sha256: of all parameters that can change an answer.
        prompts_sha256: of the prompts; None for an engine that has none.
        store_sha256: content hash of the store; None without one.
    """

    engine: str
    engine_sha256: str
    prompts_sha256: str | None
    store_sha256: str | None


@dataclass(frozen=True, slots=True)
class Near:
    """A prior work found: its id in the store and the cosine of its nearest module."""

    id: str
    similarity: float


@dataclass(frozen=True, slots=True)
class Search:
    """What a store had for a submission.

    Attributes:
        prior: nearest first.
        itself: ids of papers left out because they are the submission.
        after_cutoff: papers brought up and left out because they are later than the cut-off.
    """

    prior: tuple[Near, ...]
    itself: tuple[str, ...]
    after_cutoff: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one submission: a judgement, or the reason why there is none; the search where one was made."""

    judgement: Judgement | None
    failure: str | None = None
    search: Search | None = None
