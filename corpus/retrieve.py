"""The closest papers of a store: words and vectors, module by module, fused, with one place a paper.

Each module of the query is answered twice, by the words and by the vectors of the same kind of module, and the
rankings are fused (guide.corpus.fusion). What is the query itself, too late or of another venue takes no place.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from guide.corpus.chunking import module_vectors
from guide.corpus.fusion import (
    ABSTRACT,
    Hit,
    first_hits,
    fuse,
    rank,
    with_similarity,
)
from guide.corpus.modules import KINDS, split_modules
from guide.corpus.papers import Entry
from guide.corpus.records import MONTH, Paper
from guide.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from guide.corpus.encoder import Encoder
    from guide.corpus.store import Store

NEAR_DUPLICATE = 0.95  # cosine from which a paper counts as the query itself
_DEPTH = 50  # papers that each ranking gives to the fusion at least
_SPARE = 14  # asked for beyond that, to make up for what is dropped
_WIDEN = 4  # a ranking that lost too many of its papers is asked again for this many times more


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
    _check_options(k, cutoff)
    texts = {module: text for module, text in queries.items() if text.strip()}
    if not texts:
        raise InputError("the query is empty", fix="Give at least one word.")
    if encoder is not None:
        store.check_encoder(encoder)
    return _retrieve(
        store,
        texts,
        _embed(store, encoder, texts, vectors or {}),
        k=k,
        cutoff=cutoff,
        venues=venues,
        title=title,
        near_duplicate=near_duplicate,
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
    _check_options(k, cutoff)
    store.check_encoder(encoder)
    texts = {module.kind: module.text for module in split_modules(paper)}
    texts[ABSTRACT] = paper.text
    found = module_vectors(encoder, [paper])
    return _retrieve(
        store,
        texts,
        {kind: values[0] for kind, (places, values) in found.items() if len(places)},
        k=k,
        cutoff=cutoff,
        venues=venues,
        title=paper.title or None,
        near_duplicate=near_duplicate,
    )


def _check_options(k: int, cutoff: str | None) -> None:
    if k < 1:
        raise InputError(f"asked for {k} papers", fix="Ask for at least one.")
    if cutoff is not None and not MONTH.fullmatch(cutoff):
        raise InputError(f"the cut-off {cutoff!r} is not a month", fix="Write it as YYYY-MM, for example 2024-09.")


def _embed(
    store: Store, encoder: Encoder | None, texts: Mapping[str, str], given: Mapping[str, NDArray[np.float32]]
) -> dict[str, NDArray[np.float32]]:
    """The queries' vectors (dimension,) by kind of module."""
    dimension = store.embedder.dimension
    vectors = {module: np.asarray(vector, dtype=np.float32) for module, vector in given.items() if module in texts}
    missing = {module: text for module, text in texts.items() if module not in vectors}
    if missing:
        if encoder is None:
            raise InputError(
                f"no vector and no encoder for the query {next(iter(missing))!r}", fix="Give one of the two."
            )
        vectors.update(zip(missing, encoder.encode(list(missing.values())), strict=True))
    for module, vector in vectors.items():
        if vector.shape != (dimension,):
            what = f"the vector of the query {module!r} has shape {vector.shape}"
            raise InputError(what, fix=f"The store needs ({dimension},).")
    return {module: vectors[module] for module in texts}


def _retrieve(
    store: Store,
    texts: Mapping[str, str],
    vectors: Mapping[str, NDArray[np.float32]],
    *,
    k: int,
    cutoff: str | None,
    venues: Sequence[str],
    title: str | None,
    near_duplicate: float | None,
) -> Retrieval:
    """Find the `k` papers closest to the queries that have a vector, all checked (see `retrieve`)."""
    if not vectors:
        raise InputError("the query is empty", fix="Give at least one word.")
    depth = max(_DEPTH, 4 * k)
    wanted = depth + _SPARE
    allowed = {venue.casefold() for venue in venues}
    with ThreadPoolExecutor(max_workers=len(KINDS)) as threads:
        while True:
            found = rank(store, texts, vectors, wanted, threads)
            rows = {row for ranking in found.by_query.values() for row in ranking.rows}
            close = [
                row
                for row, (cosine, _) in found.nearest.items()
                if near_duplicate is not None and cosine >= near_duplicate
            ]
            # What a row can be chosen by is only read where something is chosen by it.
            entries = store.entries_at(rows if cutoff is not None or allowed else close)
            near = entries.keys() & set(close)
            late = {row for row, entry in entries.items() if row not in near and _is_later(entry, cutoff)}
            foreign = {
                row for row, entry in entries.items()
                if allowed and row not in near | late and entry.venue.casefold() not in allowed
            }  # fmt: skip
            left_out = near | late | foreign
            kept = {
                name: [row for row in ranking.rows if row not in left_out] for name, ranking in found.by_query.items()
            }
            fused = fuse({name: rows[:depth] for name, rows in kept.items()})
            hits, same_title = first_hits(store, fused, found.nearest, k, title)
            # Every ranking that has more to give must have filled its share of the fusion, or its papers count too
            # little.
            if all(ranking.exhausted or len(kept[name]) >= depth for name, ranking in found.by_query.items()):
                break
            wanted *= _WIDEN
    return Retrieval(
        hits=with_similarity(store, hits, vectors),
        dropped_self=tuple(sorted({*(entries[row].id for row in near), *same_title})),
        dropped_after_cutoff=len(late),
        dropped_other_venue=len(foreign),
        cutoff=cutoff,
        without_vector=max(0, store.count - len(store.vectors)),
    )


def _is_later(entry: Entry, cutoff: str | None) -> bool:
    if cutoff is None:
        return False
    return entry.posted > cutoff if entry.posted else entry.year > int(cutoff[:4])
