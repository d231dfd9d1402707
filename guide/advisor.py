"""The way of a review: read the proposal, find its prior work, judge, explain, advise."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from guide import __version__
from guide.advice.concerns.foresight import foresee
from guide.advice.findings import advise, in_order
from guide.advice.influence import LeaveOneOut, leave_one_out
from guide.advice.prior_work import find_prior
from guide.calibration.base_rates import DEFAULT_VENUE, parse_venue
from guide.corpus.minilm.model import load_minilm
from guide.corpus.starter import starter_path
from guide.corpus.store import Store
from guide.engines import STUDENT, EngineChoice, load_engine
from guide.errors import ModelError
from guide.judging import Engine, Examination, Examines, Explains, Failure, JudgeRequest
from guide.review import Form, Proposal, Provenance, Review
from guide.student.engine import background_vocabulary
from guide.student.features import join_title
from guide.text.proposal import read_proposal
from guide.text.reading import as_paper, judged_text, judged_title
from guide.text.rubric import Rubric, load_rubric, missing_elements
from guide.text.sanitise import evidence_warnings

if TYPE_CHECKING:
    from guide.corpus.minilm.model import MiniLM
    from guide.student.features import Vocabulary

STARTER = "starter"
PROPOSAL = "proposal"  # the id under which it is judged


@dataclass(frozen=True, slots=True)
class Advisor:
    """All that a review needs, loaded once; closing it closes the store.

    Attributes:
        encoder: embeds proposals as the store's papers were.
        engine: who judges; it shares the encoder.
        vocabulary: tells which terms are telling.
        rubric: what reviewers look for.
        store: the literature, open.
        store_name: as reviews name it.
    """

    encoder: MiniLM
    engine: Engine
    vocabulary: Vocabulary
    rubric: Rubric
    store: Store
    store_name: str

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.store.close()

    def review(
        self, proposal: Proposal, *, venue: str = DEFAULT_VENUE, cutoff: str | None = None, count: int = 8
    ) -> Review:
        """Review one proposal; for the arguments see `review_idea`.

        Raises:
            InputError: nothing of the text is left to judge, or the venue or the cut-off cannot be used.
            StoreError: the store is damaged.
            ModelError: the engine has no answer.
        """
        stated_for = parse_venue(venue)
        text, warnings = judged_text(proposal)
        title = judged_title(proposal)
        whole = join_title(title, text)
        paper = as_paper(proposal)
        prior = find_prior(self.store, self.encoder, paper, self.vocabulary, text=whole, count=count, cutoff=cutoff)
        facts = self.store.info()
        warnings += evidence_warnings({hit.paper.id: hit.paper.text for hit in prior.found.hits})
        proposal = proposal.model_copy(update={"warnings": (*proposal.warnings, *warnings)})
        found, evidence = prior.found, prior.evidence
        request = JudgeRequest(PROPOSAL, title, text, stated_for, proposal.form, evidence, prior.passages)
        examined = _examine(self.engine, request, proposal.source)
        influence = LeaveOneOut((), 0)
        if isinstance(self.engine, Explains):
            influence = leave_one_out(title, text, self.engine, stated_for)
        foresight = foresee(self.encoder, title, text)
        missing = missing_elements(proposal, self.rubric)
        advice = advise(proposal, missing, evidence, influence.influences, foresight.concerns, foresight.names)
        return Review(
            proposal=proposal,
            judgement=examined.judgement,
            evidence=evidence,
            influences=influence.influences,
            findings=in_order((*examined.findings, *advice)),
            concerns=foresight.concerns,
            names=foresight.names,
            reasoning=examined.reasoning,
            provenance=Provenance(
                version=__version__,
                engine=self.engine.id,
                engine_sha256=self.engine.sha256,
                encoder=self.encoder.id,
                encoder_sha256=self.encoder.sha256,
                rubric_sha256=self.rubric.sha256,
                store=self.store_name,
                store_sha256=facts.content_hash,
                store_papers=facts.papers,
                cutoff=found.cutoff,
                near_duplicates_left_out=found.dropped_self,
                left_out_after_cutoff=found.dropped_after_cutoff,
                sentences_not_tried=influence.not_tried,
            ),
        )


def load_advisor(*, store: str | None = None, engine: EngineChoice = STUDENT) -> Advisor:
    """Load an engine, the encoder and a store, for any number of reviews.

    Args:
        store: folder of a literature store; None for the starter store.
        engine: who judges.

    Raises:
        InputError: there is no such engine, or a setting does not go with it.
        StoreError: the store cannot be used.
        ModelError: model weights are missing or altered.
    """
    encoder = load_minilm()
    loaded = load_engine(engine, encoder=encoder)
    opened = Store.open(Path(store) if store else starter_path())
    return Advisor(encoder, loaded, background_vocabulary(), load_rubric(), opened, store or STARTER)


def review_idea(
    source: str,
    *,
    store: str | None = None,
    engine: EngineChoice = STUDENT,
    venue: str = DEFAULT_VENUE,
    cutoff: str | None = None,
    form: Form | None = None,
    count: int = 8,
) -> Review:
    """Review one idea.

    Args:
        source: a Markdown, text or JSON file, or "-" for standard input.
        store: folder of a literature store; None for the starter store.
        engine: who judges.
        venue: see `parse_venue`.
        cutoff: "YYYY-MM"; later work does not count as prior.
        form: what the text is; None to guess.
        count: prior works to return at most.

    Raises:
        InputError: the file, the venue or the cut-off cannot be used.
        StoreError: the store cannot be used.
        ModelError: model weights are missing or altered.
    """
    # What is quick to check comes before what takes long to load.
    parse_venue(venue)
    proposal = read_proposal(source, form=form)
    with load_advisor(store=store, engine=engine) as advisor:
        return advisor.review(proposal, venue=venue, cutoff=cutoff, count=count)


def _examine(engine: Engine, request: JudgeRequest, where: str) -> Examination:
    """The engine's judgement, with the review that a language model writes beside it."""
    if isinstance(engine, Examines):
        examined = engine.examine([request])[request.id]
    else:
        judgement = engine.judge([request])[request.id]
        examined = judgement if isinstance(judgement, Failure) else Examination(judgement, (), None)
    if isinstance(examined, Failure):
        raise ModelError(f"{engine.id} has no answer: {examined.reason}", where=where)
    return examined
