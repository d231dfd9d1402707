"""The way of a review: read the proposal, find its prior work, judge, explain, advise."""

from __future__ import annotations

from pathlib import Path

from guide import __version__
from guide.advice import advise
from guide.calibration import DEFAULT_VENUE, parse_venue
from guide.corpus.encoder import load_minilm
from guide.corpus.fusion import Hit
from guide.corpus.records import Paper, Section
from guide.corpus.retrieve import retrieve_like
from guide.corpus.starter import starter_path
from guide.corpus.store import Store
from guide.engines import Explains, JudgeRequest, load_engine
from guide.engines.student import background_vocabulary
from guide.errors import InputError
from guide.features import Vocabulary, join_title
from guide.influence import LeaveOneOut, leave_one_out
from guide.leakage import strip_leaks
from guide.proposal import read_proposal
from guide.review import MODULE_KINDS, CitedPaper, Evidence, Form, ModuleKind, Proposal, Provenance, Review
from guide.rubric import load_rubric, missing_elements
from guide.terms import compare_terms

MAX_WORDS = 2_000  # of a proposal that are judged; more is a paper, of which the abstract should be given
STARTER = "starter"


def review_idea(
    source: str,
    *,
    store: str | None = None,
    engine_name: str = "student",
    venue: str = DEFAULT_VENUE,
    cutoff: str | None = None,
    form: Form | None = None,
    count: int = 8,
) -> Review:
    """Review one idea.

    Args:
        source: a Markdown, text or JSON file, or "-" for standard input.
        store: folder of a literature store; None for the starter store.
        engine_name: see `load_engine`.
        venue: see `parse_venue`.
        cutoff: "YYYY-MM"; later work does not count as prior.
        form: what the text is; None to guess.
        count: prior works to return at most.

    Raises:
        InputError: the file, the venue or the cut-off cannot be used.
        StoreError: the store cannot be used.
        ModelError: model weights are missing or altered.
    """
    stated_for = parse_venue(venue)
    proposal = read_proposal(source, form=form)
    encoder = load_minilm()
    engine = load_engine(engine_name, encoder=encoder)
    vocabulary = background_vocabulary()
    text, warnings = judged_text(proposal)
    proposal = proposal.model_copy(update={"warnings": (*proposal.warnings, *warnings)})
    with Store.open(Path(store) if store else starter_path()) as opened:
        found = retrieve_like(opened, encoder, as_paper(proposal), k=count, cutoff=cutoff)
        facts = opened.info()
    whole = join_title(proposal.title, text)
    evidence = tuple(_as_evidence(hit, whole, vocabulary) for hit in found.hits)
    request = JudgeRequest("proposal", proposal.title, text, stated_for, proposal.form, evidence)
    judgement = engine.judge([request])["proposal"]
    influence = LeaveOneOut((), 0)
    if isinstance(engine, Explains):
        influence = leave_one_out(proposal.title, text, engine, stated_for)
    rubric = load_rubric()
    return Review(
        proposal=proposal,
        judgement=judgement,
        evidence=evidence,
        influences=influence.influences,
        findings=advise(proposal, missing_elements(proposal, rubric), evidence, influence.influences),
        provenance=Provenance(
            version=__version__,
            engine=engine.id,
            engine_sha256=engine.sha256,
            encoder=encoder.id,
            encoder_sha256=encoder.sha256,
            rubric_sha256=rubric.sha256,
            store=store or STARTER,
            store_sha256=facts.content_hash,
            store_papers=facts.papers,
            cutoff=found.cutoff,
            near_duplicates_left_out=found.dropped_self,
            left_out_after_cutoff=found.dropped_after_cutoff,
            sentences_not_tried=influence.not_tried,
        ),
    )


def as_paper(proposal: Proposal) -> Paper:
    """The proposal as the store's papers are, so that it is split and embedded like them.

    Its abstract, or all it has where there is none, stands for the whole; every other module is a section of its own.
    """
    abstract = proposal.modules.get("abstract") or "\n\n".join(proposal.modules.values())
    sections = tuple(Section(kind, text) for kind, text in proposal.modules.items() if kind != "abstract")
    return Paper(
        id="proposal", title=proposal.title, abstract=abstract or proposal.title, year=0, venue="", sections=sections
    )


def judged_text(proposal: Proposal) -> tuple[str, list[str]]:
    """The text an engine judges, and what was left out of it.

    A draft or paper with an abstract is judged by it, as the submissions were that the student learnt from; anything
    else by all its modules in order. Links and release sentences are taken out: nothing learnt from them helps an
    author.

    Raises:
        InputError: nothing is left.
    """
    warnings = []
    headed = len(proposal.modules) > 1 and "abstract" in proposal.modules and proposal.form != "idea"
    parts: list[ModuleKind] = ["abstract"] if headed else [kind for kind in MODULE_KINDS if kind in proposal.modules]
    stripped = strip_leaks("\n\n".join(proposal.modules[kind] for kind in parts))
    if stripped.removals:
        count = len(stripped.removals)
        warnings.append(f"{count} passage{'s' if count > 1 else ''} with links or release notes not judged")
    words = stripped.text.split()
    if len(words) > MAX_WORDS:
        warnings.append(f"judged by its first {MAX_WORDS:,} of {len(words):,} words")
    if not words and not proposal.title:
        raise InputError("nothing is left to judge", where=proposal.source, fix="Describe the idea in a few sentences.")
    return " ".join(words[:MAX_WORDS]), warnings


def _as_evidence(hit: Hit, text: str, vocabulary: Vocabulary) -> Evidence:
    terms = compare_terms(text, hit.paper.text, vocabulary)
    return Evidence(
        paper=_cite(hit.paper),
        module=hit.module,
        similarity=hit.similarity,
        shared=terms.shared,
        only_proposal=terms.only_first,
        only_paper=terms.only_second,
    )


def _cite(paper: Paper) -> CitedPaper:
    return CitedPaper(
        id=paper.id,
        title=paper.title,
        year=paper.year,
        venue=paper.venue,
        url=paper.url,
        posted=paper.posted,
        decision=paper.decision,
    )
