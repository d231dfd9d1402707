"""Prior work for a replay: only what was public by the cut-off, never the submission itself, and evidence by lot."""

from __future__ import annotations

import re
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from guide.advice.prior_work import Prior, find_prior
from guide.corpus.minilm.model import MiniLM, load_minilm
from guide.corpus.records import Paper
from guide.corpus.store import Store
from guide.errors import InputError
from guide.student.engine import background_vocabulary

# The months of ICLR's submission deadlines, by venue year (of 2025 that of the abstracts: 27 September 2024). Work of
# the whole month counts as prior, so a deadline in a month's first days (2021, 2022) counts as the month before.
DEADLINES = {
    2018: "2017-10",
    2019: "2018-09",
    2020: "2019-09",
    2021: "2020-09",
    2022: "2021-09",
    2023: "2022-09",
    2024: "2023-09",
    2025: "2024-09",
}


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a store has on n submissions.

    Attributes:
        priors: by the submission's id.
        left_out: counted: submissions found as themselves and dropped, papers past the cut-off, and what else a reader
            of the evidence must know.
        store: folder searched; `sha256` its content hash, `papers` how many it has.
        cutoff: the month, "YYYY-MM".
    """

    priors: Mapping[str, Prior]
    left_out: dict[str, int]
    store: str
    sha256: str
    papers: int
    cutoff: str


def cutoff_of(venue: str, given: str | None) -> str:
    """The cut-off to search with: the one given, or the month of the venue's deadline.

    Raises:
        InputError: none is given, and the venue's deadline is not known.
    """
    year = re.fullmatch(r"ICLR-(\d{4})", venue, re.IGNORECASE)
    known = DEADLINES.get(int(year[1])) if year else None
    if given is None and known is None:
        raise InputError(
            f"no literature cut-off is known for {venue}",
            fix="State it: --cutoff YYYY-MM, the month of the submission deadline.",
        )
    return given or str(known)


def gather_evidence(
    folder: Path, papers: Sequence[Paper], *, cutoff: str, count: int = 8, encoder: MiniLM | None = None
) -> Evidence:
    """Search a store for the prior work of every submission.

    Args:
        folder: of the store.
        papers: the submissions in the form of the store's papers, each under its own id.
        cutoff: "YYYY-MM"; later work does not count.
        count: papers a submission, at most.
        encoder: the store's, if it is loaded already.

    Raises:
        InputError: the cut-off is no month.
        StoreError: the store cannot be used.
    """
    from tqdm import tqdm

    encoder, vocabulary, year = encoder or load_minilm(), background_vocabulary(), int(cutoff[:4])
    priors: dict[str, Prior] = {}
    left_out: Counter[str] = Counter()
    with Store.open(folder) as store:
        facts = store.info()
        for paper in tqdm(papers, desc="prior work", unit="submission", delay=2, disable=None, file=sys.stderr):
            prior = find_prior(store, encoder, paper, vocabulary, count=count, cutoff=cutoff)
            # A camera-ready version may have another title and other words, but it keeps its identifier.
            own = {paper.id} & {hit.paper.id for hit in prior.found.hits} if ":" in paper.id else set()
            prior = _without(prior, own)
            priors[paper.id] = prior
            left_out["submissions that found themselves, left out"] += bool(prior.found.dropped_self)
            left_out["papers posted after the cut-off, left out"] += prior.found.dropped_after_cutoff
            left_out["submissions without any prior work found"] += not prior.evidence
            undated = sum(hit.paper.posted is None and hit.paper.year == year for hit in prior.found.hits)
            left_out["papers of the cut-off's year whose month is not known, kept"] += undated
    return Evidence(priors, dict(left_out), folder.name, facts.content_hash, facts.papers, cutoff)


def shuffle_evidence(evidence: Evidence, ids: Sequence[str], seed: int) -> Evidence:
    """Give every submission another one's evidence: what the words of an engine owe to any prior work at all.

    The submissions are set in a ring by lot and each takes its neighbour's, so that none keeps its own. What a
    submission found to be itself it is not shown in its neighbour's either.
    """
    ring = np.random.default_rng(seed).permutation(len(ids))
    given = {
        ids[at]: _without(
            evidence.priors[ids[ring[(place + 1) % len(ring)]]], set(evidence.priors[ids[at]].found.dropped_self)
        )
        for place, at in enumerate(ring)
    }
    return Evidence(given, {}, evidence.store, evidence.sha256, evidence.papers, evidence.cutoff)


def _without(prior: Prior, own: set[str]) -> Prior:
    """The prior work less the papers of these ids, which count as the submission itself."""
    if own.isdisjoint(hit.paper.id for hit in prior.found.hits):
        return prior
    found = replace(
        prior.found,
        hits=tuple(hit for hit in prior.found.hits if hit.paper.id not in own),
        dropped_self=tuple(sorted({*prior.found.dropped_self, *own})),
    )
    return Prior(
        found,
        tuple(one for one in prior.evidence if one.paper.id not in own),
        tuple(one for one in prior.passages if one.paper_id not in own),
    )
