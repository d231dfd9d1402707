"""A unit of submissions becomes a unit of outcomes: the one function behind every way of scoring a batch.

Here, in a process of its own or on a Ray cluster, the same `Judging` reads the same units. What cannot be had for a
submission is said in its own outcome; what would be wrong with every submission is raised.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Self

from guide.calibration.base_rates import parse_venue
from guide.corpus.records import MONTH
from guide.engines import load_engine
from guide.errors import GuideError, InputError
from guide.judging import Failure, JudgeRequest, Spends
from guide.review import Venue
from guide.scoring.outcomes import Identity, Near, Outcome, Search, Setup
from guide.student.features import join_title
from guide.text.reading import Reading, as_paper, judged_text, judged_title, reading_of

if TYPE_CHECKING:
    from guide.advice.prior_work import Prior
    from guide.corpus.minilm.model import MiniLM
    from guide.corpus.store import Store
    from guide.judging import Engine
    from guide.student.features import Vocabulary
    from guide.text.submissions import Submission


@dataclass(frozen=True, slots=True)
class _Asked:
    """A submission made ready for the engine."""

    place: int
    request: JudgeRequest
    search: Search | None = field(default=None)


class Judging:
    """An engine and a store, loaded; close it, or use it in a `with` statement.

    One thread computes, whatever the machine has, when submissions are judged one by one: sums over several threads
    are added up in another order, and cores are better used by further processes.

    Raises:
        InputError: the venue, the cut-off or an engine's setting cannot be used.
        ModelError: the engine cannot be loaded.
        StoreError: the store cannot be used.
    """

    def __init__(self, setup: Setup) -> None:
        self.setup = setup
        _check_cutoff(setup)
        self._venue = parse_venue(setup.venue)
        self._encoder: MiniLM | None = None
        self._vocabulary: Vocabulary | None = None
        self._store: Store | None = None
        if setup.alone:
            from guide.corpus.minilm.model import load_minilm

            self._encoder = load_minilm(threads=1)
        self._engine: Engine = load_engine(setup.engine, encoder=self._encoder)
        if setup.store is not None:
            from guide.corpus.minilm.model import load_minilm
            from guide.corpus.store import Store
            from guide.student.engine import background_vocabulary

            self._encoder = self._encoder or load_minilm()
            # The student reads neither terms nor passages.
            self._vocabulary = None if setup.alone else background_vocabulary()
            self._store = Store.open(Path(setup.store))
            self._store.check_encoder(self._encoder)
        self._threads = ExitStack()
        if setup.alone:
            self._threads.enter_context(one_thread())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the store, and give the threads back."""
        self._threads.close()
        if self._store is not None:
            self._store.close()

    @property
    def identity(self) -> Identity:
        """Who answers."""
        from guide.llm.prompt import prompts_sha256

        return Identity(
            engine=self._engine.id,
            engine_sha256=self._engine.sha256,
            prompts_sha256=None if self.setup.alone else prompts_sha256(),
            store_sha256=None if self._store is None else self._store.info().content_hash,
        )

    @property
    def spent(self) -> str:
        """What a language model was made to do so far; "" for other engines."""
        return self._engine.spent if isinstance(self._engine, Spends) else ""

    def judge(self, unit: Sequence[Submission]) -> list[Outcome]:
        """The outcome of each submission, in order.

        Raises:
            GuideError: something is wrong that would be wrong with every submission.
        """
        outcomes: dict[int, Outcome] = {}
        for start in range(0, len(unit), 1 if self.setup.alone else len(unit)):
            asked = []
            for place in range(start, start + 1 if self.setup.alone else len(unit)):
                try:
                    asked.append(self._ask(place, unit[place]))
                except InputError as error:
                    outcomes[place] = Outcome(None, error.what)
            outcomes.update(self._answers(asked))
        return [outcomes[place] for place in range(len(unit))]

    def _answers(self, asked: Sequence[_Asked]) -> dict[int, Outcome]:
        try:
            answers = self._engine.judge([one.request for one in asked]) if asked else {}
        except (GuideError, OSError, MemoryError):
            raise
        except Exception as error:
            if not self.setup.alone:
                raise
            # Something in this very text: said in its row, listed, and tried again by the next run.
            failure = Failure(f"{type(error).__name__}: {' '.join(str(error).split())}")
            answers = {one.request.id: failure for one in asked}
        outcomes = {}
        for one in asked:
            answer = answers[one.request.id]
            if isinstance(answer, Failure):
                outcomes[one.place] = Outcome(None, answer.reason, one.search)
            else:
                outcomes[one.place] = Outcome(answer, None, one.search)
        return outcomes

    def _ask(self, place: int, submission: Submission) -> _Asked:
        reading = reading_of(submission, self.setup.form)
        request = _request(str(place), reading, self._venue)
        if self._store is None:
            return _Asked(place, request)
        prior = self._find(reading, join_title(request.title, request.text))
        request = replace(request, evidence=prior.evidence, passages=prior.passages)
        search = Search(
            tuple(Near(item.paper.id, item.similarity) for item in prior.evidence),
            prior.found.dropped_self,
            prior.found.dropped_after_cutoff,
        )
        return _Asked(place, request, search)

    def _find(self, reading: Reading, whole: str) -> Prior:
        from guide.advice.prior_work import find_prior

        if self._store is None or self._encoder is None:
            raise ValueError("there is no store to look into")
        return find_prior(
            self._store,
            self._encoder,
            as_paper(reading),
            self._vocabulary,
            text=whole,
            count=self.setup.count,
            cutoff=self.setup.cutoff,
        )


@contextmanager
def one_thread() -> Iterator[None]:
    """Let the libraries that compute use one thread, in the whole process."""
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    # OpenBLAS and OpenMP, and with the latter FAISS.
    with threadpool_limits(1):
        yield


def _check_cutoff(setup: Setup) -> None:
    if setup.cutoff is None:
        return
    if setup.store is None:
        raise InputError("a cut-off is of the literature, and none is searched", fix="Name a store: --store DIR.")
    if not MONTH.fullmatch(setup.cutoff):
        what = f"the cut-off {setup.cutoff!r} is not a month"
        raise InputError(what, fix="Write it as YYYY-MM, for example 2024-09.")


def requests_of(submissions: Iterable[Submission], setup: Setup) -> Iterator[JudgeRequest]:
    """What an engine would be asked about the submissions, prior work left out; those it cannot be are passed over."""
    venue = parse_venue(setup.venue)
    for place, submission in enumerate(submissions):
        try:
            yield _request(str(place), reading_of(submission, setup.form), venue)
        except InputError:
            continue


def _request(name: str, reading: Reading, venue: Venue) -> JudgeRequest:
    return JudgeRequest(name, judged_title(reading), judged_text(reading)[0], venue, reading.form)
