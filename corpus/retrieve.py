"""The closest papers of a store: words and vectors, module by module, fused, with one place a paper.

Each module of the query is answered twice, by the words and by the vectors of the same kind of module, and the
rankings are fused by reciprocal rank (G. V. Cormack, C. L. A. Clarke and S. Büttcher, "Reciprocal rank fusion
outperforms Condorcet and individual rank learning methods", SIGIR 2009): a paper's score is the sum of 1 / (60 + rank)
over the rankings that have it.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from guide.corpus.chunking import module_vectors
from guide.corpus.layout import translating
from guide.corpus.modules import KINDS, split_modules
from guide.corpus.papers import Entry
from guide.corpus.records import MONTH, Paper
from guide.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from guide.corpus.encoder import Encoder
    from guide.corpus.store import Store

ABSTRACT = KINDS[0]
RANK_CONSTANT = 60  # k in the paper, which found the ranking not to depend on it much
NEAR_DUPLICATE = 0.95  # cosine from which a paper counts as the query itself
_DEPTH = 50  # papers that each ranking gives to the fusion at least
_SPARE = 14  # asked for beyond that, to make up for what is dropped
_WIDEN = 4  # a ranking that lost too many of its papers is asked again for this many times more

_SEPARATORS = re.compile(r"[\W_]+")


@dataclass(frozen=True, slots=True)
class Hit:
    """A paper found.

    Attributes:
        paper: as the store has it.
        module: the query that is nearest to it; "abstract" for a plain search.
        similarity: cosine of that query with the paper's module of the same kind, as far as the index tells them apart.
        score: of the fusion; orders the hits and means nothing across queries.
        words_rank: best rank (from 1) among the words' answers to any query, None if it is not in them.
        vectors_rank: best rank (from 1) among the vectors' answers to any query, None if it is not in them.
        also: ids of the store's other versions of the paper (a preprint and its proceedings), which take no place.
        compressed: shortened text by kind of module, as the store keeps it; a kind kept whole is absent.
    """

    paper: Paper
    module: str
    similarity: float
    score: float
    words_rank: int | None
    vectors_rank: int | None
    also: tuple[str, ...] = ()
    compressed: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Retrieval:
    """What a store has for a set of queries.

    Attributes:
        hits: best first; fewer than asked for only if the store has no more.
        dropped_self: ids of papers dropped because they are the query: a near-duplicate or the same title.
        dropped_after_cutoff: papers brought up but posted after the cut-off.
        dropped_other_venue: papers brought up but of none of the venues asked for.
        cutoff: the month used, "YYYY-MM", or None.
        without_vector: papers of the store that an interrupted ingest has not embedded yet; they cannot be
            found.
    """

    hits: tuple[Hit, ...]
    dropped_self: tuple[str, ...]
    dropped_after_cutoff: int
    dropped_other_venue: int
    cutoff: str | None
    without_vector: int = 0


@dataclass(frozen=True, slots=True)
class _Ranking:
    """Rows in order, best first, and whether the store has no more to give."""

    rows: tuple[int, ...]
    exhausted: bool


@dataclass(frozen=True, slots=True)
class _Rankings:
    """All rankings by ("words" or "vectors", module), and the best cosine known of each row with its module."""

    by_query: dict[tuple[str, str], _Ranking]
    nearest: dict[int, tuple[float, str]]


@dataclass(frozen=True, slots=True)
class _Fused:
    """A row with its fused score and its best ranks."""

    row: int
    score: float
    words_rank: int | None
    vectors_rank: int | None


def search(
    store: Store,
    encoder: Encoder | None,
    query: str,
    *,
    k: int = 10,
    cutoff: str | None = None,
    venues: Sequence[str] = (),
    vector: NDArray[np.float32] | None = None,
) -> Retrieval:
    """Find the `k` papers closest to a text.

    Args:
        store: to search.
        encoder: the store's embedder; may be None if `vector` is given.
        query: any text.
        k: how many.
        cutoff: "YYYY-MM"; leave out papers posted later (see `retrieve`).
        venues: leave out papers of other venues; case does not count.
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
        venues=venues,
        near_duplicate=None,
        vectors=None if vector is None else {ABSTRACT: vector},
    )


def retrieve(
    store: Store,
    encoder: Encoder | None,
    queries: Mapping[str, str],
    *,
    k: int = 8,
    cutoff: str | None = None,
    venues: Sequence[str] = (),
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
        venues: leave out papers of other venues; case does not count.
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
    wanted = depth + _SPARE
    while True:
        rankings = _rank(store, texts, embedded, wanted)
        rows = {row for ranking in rankings.by_query.values() for row in ranking.rows}
        entries = store.entries_at(rows)
        near = {
            row for row, (cosine, _) in rankings.nearest.items()
            if row in entries and near_duplicate is not None and cosine >= near_duplicate
        }  # fmt: skip
        late = {row for row, entry in entries.items() if row not in near and _is_later(entry, cutoff)}
        allowed = {venue.casefold() for venue in venues}
        foreign = {
            row for row, entry in entries.items()
            if allowed and row not in near | late and entry.venue.casefold() not in allowed
        }  # fmt: skip
        kept = {
            name: [row for row in ranking.rows if row in entries and row not in near | late | foreign]
            for name, ranking in rankings.by_query.items()
        }
        fused = _fuse({name: rows[:depth] for name, rows in kept.items()})
        hits, same_title = _first_hits(store, fused, rankings.nearest, k, title)
        # Every ranking that has more to give must have filled its share of the fusion, or its papers count too little.
        if all(r.exhausted or len(kept[name]) >= depth for name, r in rankings.by_query.items()):
            break
        wanted *= _WIDEN
    return Retrieval(
        hits=_with_similarity(store, hits, list(texts), embedded),
        dropped_self=tuple(sorted({*(entries[row].id for row in near), *same_title})),
        dropped_after_cutoff=len(late),
        dropped_other_venue=len(foreign),
        cutoff=cutoff,
        without_vector=max(0, store.count - len(store.vectors)),
    )


def retrieve_like(
    store: Store,
    encoder: Encoder,
    paper: Paper,
    *,
    k: int = 8,
    cutoff: str | None = None,
    venues: Sequence[str] = (),
    near_duplicate: float | None = NEAR_DUPLICATE,
) -> Retrieval:
    """Find the `k` papers closest to a paper or a proposal, which is split and embedded as the store's papers are.

    The proposal itself is left out (see `retrieve`, which also says what the arguments mean and what is raised).
    """
    store.check_encoder(encoder)
    texts = {module.kind: module.text for module in split_modules(paper)}
    texts[ABSTRACT] = paper.text
    found = module_vectors(encoder, [paper])
    vectors = {kind: values[0] for kind, (places, values) in found.items() if len(places)}
    return retrieve(
        store,
        encoder,
        {kind: text for kind, text in texts.items() if kind in vectors},
        k=k,
        cutoff=cutoff,
        venues=venues,
        title=paper.title or None,
        near_duplicate=near_duplicate,
        vectors=vectors,
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
    missing = {module: text for module, text in texts.items() if module not in vectors}
    if missing:
        if encoder is None:
            raise InputError(
                f"no vector and no encoder for the query {next(iter(missing))!r}", fix="Give one of the two."
            )
        vectors.update(zip(missing, encoder.encode(list(missing.values())), strict=True))
    for module in texts:
        if vectors[module].shape != (dimension,):
            what = f"the vector of the query {module!r} has shape {vectors[module].shape}"
            raise InputError(what, fix=f"The store needs ({dimension},).")
    return np.stack([vectors[module] for module in texts])


def _rank(store: Store, texts: Mapping[str, str], embedded: NDArray[np.float32], wanted: int) -> _Rankings:
    """Two rankings of at most `wanted` rows for each query."""
    with translating(store.path):
        answers = store.words.search(texts, wanted)
    rankings = {
        ("words", module): _Ranking(tuple(hit.row for hit in hits), len(hits) < wanted)
        for module, hits in answers.items()
    }
    nearest: dict[int, tuple[float, str]] = {}
    for at, module in enumerate(texts):
        (near,) = store.vectors.kinds[_kind(module)].search(embedded[at : at + 1], wanted)
        rankings["vectors", module] = _Ranking(tuple(one.row for one in near), len(near) < wanted)
        for one in near:
            nearest[one.row] = max(nearest.get(one.row, (-2.0, "")), (one.cosine, module))
    return _Rankings(rankings, nearest)


def _kind(module: str) -> str:
    """The kind of module that a query is held against."""
    return module if module in KINDS else ABSTRACT


def _is_later(entry: Entry, cutoff: str | None) -> bool:
    if cutoff is None:
        return False
    return entry.posted > cutoff if entry.posted else entry.year > int(cutoff[:4])


def _fuse(rankings: Mapping[tuple[str, str], list[int]]) -> list[_Fused]:
    """Every row of the rankings once, by reciprocal rank; equal scores by row."""
    scores: dict[int, float] = {}
    best: dict[tuple[str, int], int] = {}
    for (source, _), rows in rankings.items():
        for rank, row in enumerate(rows, start=1):
            scores[row] = scores.get(row, 0.0) + 1 / (RANK_CONSTANT + rank)
            best[source, row] = min(rank, best.get((source, row), rank))
    fused = [_Fused(row, score, best.get(("words", row)), best.get(("vectors", row))) for row, score in scores.items()]
    return sorted(fused, key=lambda one: (-one.score, one.row))


def _first_hits(
    store: Store, fused: Sequence[_Fused], nearest: Mapping[int, tuple[float, str]], k: int, title: str | None
) -> tuple[list[tuple[_Fused, Hit]], list[str]]:
    """The first `k` papers of the fusion, and the ids of those left out because their title is the query's.

    Versions of one paper, told by the title, share the place of the best of them. Only as many records are unpacked
    as it takes.
    """
    own = normalised_title(title or "")
    by_title: dict[str, tuple[_Fused, Hit]] = {}
    same: list[str] = []
    for start in range(0, len(fused), 2 * k):
        part = fused[start : start + 2 * k]
        records = store.records_at([one.row for one in part])
        for one in part:
            if one.row not in records:
                continue
            record = records[one.row]
            # A title without a letter or a digit says nothing.
            name = normalised_title(record.paper.title) or record.paper.id
            if name == own:
                same.append(record.paper.id)
            elif name in by_title:
                first, hit = by_title[name]
                by_title[name] = (first, replace(hit, also=(*hit.also, record.paper.id)))
            elif len(by_title) < k:
                cosine, module = nearest.get(one.row, (-2.0, ABSTRACT))
                hit = Hit(
                    record.paper, module, cosine, one.score, one.words_rank, one.vectors_rank, (), record.compressed
                )
                by_title[name] = (one, hit)
        if len(by_title) == k:
            break
    return list(by_title.values()), same


def _with_similarity(
    store: Store, hits: Sequence[tuple[_Fused, Hit]], modules: list[str], embedded: NDArray[np.float32]
) -> tuple[Hit, ...]:
    """The hits, those that only words found with the cosine of the first query that their paper has a module for."""
    unknown = [one.row for one, hit in hits if hit.similarity < -1]
    found: dict[int, tuple[float, str]] = {}
    for at, module in enumerate(modules):
        rest = [row for row in unknown if row not in found]
        if rest:
            (cosines,) = store.vectors.kinds[_kind(module)].cosines(embedded[at : at + 1], rest)
            found.update({row: (cosine, module) for row, cosine in cosines.items()})
    return tuple(
        replace(hit, similarity=found[one.row][0], module=found[one.row][1]) if one.row in found else hit
        for one, hit in hits
        # A paper that an interrupted ingest has not embedded yet has no cosine with anything.
        if hit.similarity >= -1 or one.row in found
    )
