"""The closest papers of a store: words and vectors, fused, with one place a paper.

Each query is answered twice, by BM25 over the words and by cosine over the vectors, and the rankings are
fused by reciprocal rank (G. V. Cormack, C. L. A. Clarke and S. Büttcher, "Reciprocal rank fusion outperforms
Condorcet and individual rank learning methods", SIGIR 2009): a paper's score is the sum of 1 / (60 + rank)
over the rankings that have it.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from guide.corpus.layout import translating
from guide.corpus.records import MONTH, Paper
from guide.corpus.vectors import ABSTRACT
from guide.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from guide.corpus.encoder import Encoder
    from guide.corpus.store import Store

RANK_CONSTANT = 60  # k in the paper, which found the ranking not to depend on it much
NEAR_DUPLICATE = 0.95  # cosine from which a paper counts as the query itself
_DEPTH = 50  # papers that each ranking gives to the fusion at least
_WIDEN = 4  # a ranking that lost too many of its papers is asked again for this many times more

_SEPARATORS = re.compile(r"[\W_]+")


@dataclass(frozen=True, slots=True)
class Hit:
    """A paper found.

    Attributes:
        paper: as the store has it.
        module: the query that is nearest to it; "abstract" for a plain search.
        similarity: cosine of the paper's vector with that query's.
        score: of the fusion; orders the hits and means nothing across queries.
        words_rank: best rank (from 1) among the words' answers to any query, None if it is not in them.
        vectors_rank: best rank (from 1) among the vectors' answers to any query, None if it is not in them.
    """

    paper: Paper
    module: str
    similarity: float
    score: float
    words_rank: int | None
    vectors_rank: int | None


@dataclass(frozen=True, slots=True)
class Retrieval:
    """What a store has for a set of queries.

    Attributes:
        hits: best first; fewer than asked for only if the store has no more.
        considered: papers that at least one ranking brought up, those dropped included.
        dropped_self: ids of papers dropped because they are the query: a near-duplicate or the same title.
        dropped_after_cutoff: papers brought up but posted after the cut-off.
        cutoff: the month used, "YYYY-MM", or None.
        without_vector: papers of the store that an interrupted ingest has not embedded yet; they cannot be
            found.
    """

    hits: tuple[Hit, ...]
    considered: int
    dropped_self: tuple[str, ...]
    dropped_after_cutoff: int
    cutoff: str | None
    without_vector: int = 0


@dataclass(frozen=True, slots=True)
class _Ranking:
    """Rows in order, best first, and whether the store has no more to give."""

    rows: tuple[int, ...]
    exhausted: bool


@dataclass(frozen=True, slots=True)
class _Candidate:
    paper: Paper
    module: str
    similarity: float


def search(
    store: Store,
    encoder: Encoder | None,
    query: str,
    *,
    k: int = 10,
    cutoff: str | None = None,
    exclude_self: bool = False,
    vector: NDArray[np.float32] | None = None,
) -> Retrieval:
    """Find the `k` papers closest to a text.

    Args:
        store: to search.
        encoder: the store's embedder; may be None if `vector` is given.
        query: any text.
        k: how many.
        cutoff: "YYYY-MM"; leave out papers posted later (see `retrieve`).
        exclude_self: leave out the paper that the query is the text or title of.
        vector: the query's embedding (dimension,), L2-normalised, if it is at hand.

    Raises:
        InputError: an empty query, `k` below 1, or a malformed cut-off.
        StoreError: the store was made with another embedder, or is damaged.
    """
    return retrieve(
        store,
        encoder,
        {ABSTRACT: query},
        k=k,
        cutoff=cutoff,
        title=query if exclude_self else None,
        near_duplicate=NEAR_DUPLICATE if exclude_self else None,
        vectors=None if vector is None else {ABSTRACT: vector},
    )


def retrieve(
    store: Store,
    encoder: Encoder | None,
    queries: Mapping[str, str],
    *,
    k: int = 8,
    cutoff: str | None = None,
    title: str | None = None,
    near_duplicate: float | None = NEAR_DUPLICATE,
    vectors: Mapping[str, NDArray[np.float32]] | None = None,
) -> Retrieval:
    """Find the `k` papers closest to the modules of a proposal, the proposal itself left out.

    Args:
        store: to search.
        encoder: the store's embedder; may be None if `vectors` has every query.
        queries: text by kind of module; empty ones are passed over.
        k: how many papers, over all modules together.
        cutoff: "YYYY-MM"; leave out papers posted later. A paper whose month is unknown is compared by its
            year alone, so one of the cut-off's own year stays in.
        title: of the proposal; a paper with the same title, but for case, accents and punctuation, is the
            proposal.
        near_duplicate: cosine with any query from which a paper is the proposal; None keeps all.
        vectors: embeddings (dimension,), L2-normalised, by kind of module, for queries embedded already.

    Raises:
        InputError: nothing but empty queries, `k` below 1, a malformed cut-off, or a vector that does not
            fit.
        StoreError: the store was made with another embedder, or is damaged.
    """
    if k < 1:
        raise InputError(f"asked for {k} papers", fix="Ask for at least one.")
    if cutoff is not None and not MONTH.fullmatch(cutoff):
        raise InputError(f"the cut-off {cutoff!r} is not a month", fix="Write it as YYYY-MM, for example 2024-09.")
    texts = {module: text for module, text in queries.items() if text.strip()}
    if not texts:
        raise InputError("the query is empty", fix="Give at least one word.")
    if encoder is not None:
        store.check_encoder(encoder)
    embedded = _embed(store, encoder, texts, vectors or {})
    depth = max(_DEPTH, 4 * k)
    wanted = depth
    while True:
        rankings = _rank(store, texts, embedded, wanted)
        candidates = _candidates(store, rankings, list(texts), embedded)
        selves = {row for row, one in candidates.items() if _is_self(one, title, near_duplicate)}
        late = {row for row, one in candidates.items() if row not in selves and _is_later(one.paper, cutoff)}
        kept = {
            name: [row for row in ranking.rows if row in candidates and row not in selves and row not in late]
            for name, ranking in rankings.items()
        }
        if all(ranking.exhausted or len(kept[name]) >= depth for name, ranking in rankings.items()):
            break
        wanted *= _WIDEN
    return Retrieval(
        hits=_fuse({name: rows[:depth] for name, rows in kept.items()}, candidates)[:k],
        considered=len(candidates),
        dropped_self=tuple(sorted(candidates[row].paper.id for row in selves)),
        dropped_after_cutoff=len(late),
        cutoff=cutoff,
        without_vector=max(0, store.count - len(store.index)),
    )


def normalised_title(title: str) -> str:
    """A title without case, accents, punctuation and spacing, for telling whether two are the same."""
    letters = unicodedata.normalize("NFKD", title.casefold())
    return _SEPARATORS.sub("", "".join(letter for letter in letters if not unicodedata.combining(letter)))


def _embed(
    store: Store, encoder: Encoder | None, texts: Mapping[str, str], given: Mapping[str, NDArray[np.float32]]
) -> NDArray[np.float32]:
    """The queries' vectors (queries, dimension), in the order of `texts`."""
    dimension = store.embedder.dimension
    vectors = {module: np.asarray(vector, dtype=np.float32) for module, vector in given.items()}
    missing = [module for module in texts if module not in vectors]
    if missing:
        if encoder is None:
            raise InputError(f"no vector and no encoder for the query {missing[0]!r}", fix="Give one of the two.")
        vectors.update(zip(missing, encoder.encode([texts[module] for module in missing]), strict=True))
    for module in texts:
        if vectors[module].shape != (dimension,):
            what = f"the vector of the query {module!r} has shape {vectors[module].shape}"
            raise InputError(what, fix=f"The store needs ({dimension},).")
    return np.stack([vectors[module] for module in texts])


def _rank(
    store: Store, texts: Mapping[str, str], embedded: NDArray[np.float32], wanted: int
) -> dict[tuple[str, str], _Ranking]:
    """Two rankings of at most `wanted` rows for each query, by ("words" or "vectors", module)."""
    rankings = {}
    with translating(store.path):
        for module, text in texts.items():
            hits = store.words.search(text, wanted)
            rankings["words", module] = _Ranking(tuple(hit.row for hit in hits), len(hits) < wanted)
    for module, near in zip(texts, store.index.search(embedded, wanted), strict=True):
        rankings["vectors", module] = _Ranking(tuple(one.row for one in near), len(near) < wanted)
    return rankings


def _candidates(
    store: Store,
    rankings: Mapping[tuple[str, str], _Ranking],
    modules: list[str],
    embedded: NDArray[np.float32],
) -> dict[int, _Candidate]:
    """The papers that any ranking has, by row; without those that have gone or have no vector yet."""
    vectors = store.index.vectors(sorted({row for ranking in rankings.values() for row in ranking.rows}))
    papers = store.papers_at(vectors)
    if not papers:
        return {}
    # 16-bit floats can make the cosine of equal texts 1.00003.
    cosines = np.clip(np.stack([vectors[row] for row in papers]) @ embedded.T, -1.0, 1.0)
    best = cosines.argmax(axis=1)
    return {
        row: _Candidate(paper, modules[best[at]], float(cosines[at, best[at]]))
        for at, (row, paper) in enumerate(papers.items())
    }


def _is_self(candidate: _Candidate, title: str | None, near_duplicate: float | None) -> bool:
    if near_duplicate is not None and candidate.similarity >= near_duplicate:
        return True
    wanted = normalised_title(title or "")
    return bool(wanted) and normalised_title(candidate.paper.title) == wanted


def _is_later(paper: Paper, cutoff: str | None) -> bool:
    if cutoff is None:
        return False
    return paper.posted > cutoff if paper.posted else paper.year > int(cutoff[:4])


def _fuse(rankings: Mapping[tuple[str, str], list[int]], candidates: Mapping[int, _Candidate]) -> tuple[Hit, ...]:
    """Every paper of the rankings once, by reciprocal rank; equal scores by similarity, then by id."""
    scores: dict[int, float] = {}
    best: dict[tuple[str, int], int] = {}
    for (source, _), rows in rankings.items():
        for rank, row in enumerate(rows, start=1):
            scores[row] = scores.get(row, 0.0) + 1 / (RANK_CONSTANT + rank)
            best[source, row] = min(rank, best.get((source, row), rank))
    hits = [
        Hit(
            paper=candidates[row].paper,
            module=candidates[row].module,
            similarity=candidates[row].similarity,
            score=score,
            words_rank=best.get(("words", row)),
            vectors_rank=best.get(("vectors", row)),
        )
        for row, score in scores.items()
    ]
    return tuple(sorted(hits, key=lambda hit: (-hit.score, -hit.similarity, hit.paper.id)))
