"""The prior work of a proposal, as engines and reports are given it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from guide.advice.terms import TermComparison, compare_terms
from guide.corpus.budget import Passage, choose_passages
from guide.corpus.retrieve import Retrieval, retrieve_like
from guide.review import CitedPaper, Evidence
from guide.student.features import join_title

if TYPE_CHECKING:
    from guide.corpus.encoder import Encoder
    from guide.corpus.fusion import Hit
    from guide.corpus.records import Paper
    from guide.corpus.store import Store
    from guide.student.features import Vocabulary

PASSAGE_TOKENS = 2_000  # of prior work that a language model is shown


@dataclass(frozen=True, slots=True)
class Prior:
    """What a store has on a proposal.

    Attributes:
        found: the retrieval itself, with what it left out.
        evidence: the papers, nearest first, and how each relates to the proposal.
        passages: whole modules of them, for a language model to read.
    """

    found: Retrieval
    evidence: tuple[Evidence, ...]
    passages: tuple[Passage, ...]


def find_prior(
    store: Store,
    encoder: Encoder,
    paper: Paper,
    vocabulary: Vocabulary | None,
    *,
    text: str | None = None,
    count: int = 8,
    cutoff: str | None = None,
) -> Prior:
    """Look a proposal up in a store.

    Args:
        store: to search.
        encoder: the store's.
        paper: the proposal in the form of the store's papers.
        vocabulary: tells which terms are telling; without it no terms are compared and no passages chosen, which takes
            as long as the search, for who only has to know what is near.
        text: what the papers' terms are compared with; the proposal's own without it.
        count: papers at most.
        cutoff: "YYYY-MM"; later work does not count.

    Raises:
        InputError: the cut-off is no month, or there is nothing to look up.
        StoreError: the store was made with another encoder, or is damaged.
    """
    found = retrieve_like(store, encoder, paper, k=count, cutoff=cutoff)
    whole = join_title(paper.title, paper.abstract) if text is None else text
    evidence = tuple(_as_evidence(hit, whole, vocabulary) for hit in found.hits)
    passages = () if vocabulary is None else choose_passages(found.hits, PASSAGE_TOKENS).passages
    return Prior(found, evidence, passages)


def _as_evidence(hit: Hit, text: str, vocabulary: Vocabulary | None) -> Evidence:
    terms = TermComparison((), (), ()) if vocabulary is None else compare_terms(text, hit.paper.text, vocabulary)
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
