"""The rankings of one search made one: by words, by vectors, and what comes first over them all.

Fusion is by reciprocal rank (G. V. Cormack, C. L. A. Clarke and S. Büttcher, "Reciprocal rank fusion outperforms
Condorcet and individual rank learning methods", SIGIR 2009): a paper's score is the sum of 1 / (60 + rank) over the
rankings that have it.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from guide.corpus.layout import translating
from guide.corpus.modules import KINDS
from guide.corpus.records import Paper

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from guide.corpus.store import Store
    from guide.corpus.vectors import Neighbour

ABSTRACT = KINDS[0]
RANK_CONSTANT = 60  # k in the paper, which found the ranking not to depend on it much

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
class Ranking:
    """Rows in order, best first, and whether the store has no more to give."""

    rows: tuple[int, ...]
    exhausted: bool


@dataclass(frozen=True, slots=True)
class Fused:
    """A row with its fused score and its best ranks."""

    row: int
    score: float
    words_rank: int | None
    vectors_rank: int | None


@dataclass(frozen=True, slots=True)
class Rankings:
    """All rankings by ("words" or "vectors", module), and the best cosine known of each row with its module."""

    by_query: dict[tuple[str, str], Ranking]
    nearest: dict[int, tuple[float, str]]


def rank(
    store: Store, texts: Mapping[str, str], vectors: Mapping[str, NDArray[np.float32]], wanted: int, threads: Executor
) -> Rankings:
    """Two rankings of at most `wanted` rows for each query that has a vector (dimension,)."""

    def search(module: str) -> list[Neighbour]:
        return store.vectors.kinds[_kind(module)].search(vectors[module][np.newaxis], wanted)[0]

    # FAISS searches for one query on one core and leaves the others free; the database belongs to this thread.
    searches = {module: threads.submit(search, module) for module in vectors}
    with translating(store.path):
        answers = store.words.search({module: texts[module] for module in vectors}, wanted)
    rankings = {
        ("words", module): Ranking(tuple(hit.row for hit in hits), len(hits) < wanted)
        for module, hits in answers.items()
    }
    nearest: dict[int, tuple[float, str]] = {}
    for module, searching in searches.items():
        near = searching.result()
        rankings["vectors", module] = Ranking(tuple(one.row for one in near), len(near) < wanted)
        for one in near:
            nearest[one.row] = max(nearest.get(one.row, (-2.0, "")), (one.cosine, module))
    return Rankings(rankings, nearest)


def fuse(rankings: Mapping[tuple[str, str], list[int]]) -> list[Fused]:
    """Every row of the rankings once, by reciprocal rank; equal scores by row."""
    scores: dict[int, float] = {}
    best: dict[tuple[str, int], int] = {}
    for (source, _), rows in rankings.items():
        for rank, row in enumerate(rows, start=1):
            scores[row] = scores.get(row, 0.0) + 1 / (RANK_CONSTANT + rank)
            best[source, row] = min(rank, best.get((source, row), rank))
    fused = [Fused(row, score, best.get(("words", row)), best.get(("vectors", row))) for row, score in scores.items()]
    return sorted(fused, key=lambda one: (-one.score, one.row))


def first_hits(
    store: Store, fused: Sequence[Fused], nearest: Mapping[int, tuple[float, str]], k: int, title: str | None
) -> tuple[list[tuple[Fused, Hit]], list[str]]:
    """The first `k` papers of the fusion, and the ids of those left out because their title is the query's.

    Versions of one paper, told by the title, share the place of the best of them. Only as many records are unpacked
    as it takes.
    """
    own = normalised_title(title or "")
    by_title: dict[str, tuple[Fused, Hit]] = {}
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


def with_similarity(
    store: Store, hits: Sequence[tuple[Fused, Hit]], vectors: Mapping[str, NDArray[np.float32]]
) -> tuple[Hit, ...]:
    """The hits, those that only words found with the cosine of the first query that their paper has a module for."""
    unknown = [one.row for one, hit in hits if hit.similarity < -1]
    found: dict[int, tuple[float, str]] = {}
    for module, vector in vectors.items():
        rest = [row for row in unknown if row not in found]
        if rest:
            (cosines,) = store.vectors.kinds[_kind(module)].cosines(vector[np.newaxis], rest)
            found.update({row: (cosine, module) for row, cosine in cosines.items()})
    return tuple(
        replace(hit, similarity=found[one.row][0], module=found[one.row][1]) if one.row in found else hit
        for one, hit in hits
        # A paper that an interrupted ingest has not embedded yet has no cosine with anything.
        if hit.similarity >= -1 or one.row in found
    )


def normalised_title(title: str) -> str:
    """A title without case, accents, punctuation and spacing, for telling whether two are the same."""
    letters = unicodedata.normalize("NFKD", title.casefold())
    return _SEPARATORS.sub("", "".join(letter for letter in letters if not unicodedata.combining(letter)))


def _kind(module: str) -> str:
    """The kind of module that a query is held against."""
    return module if module in KINDS else ABSTRACT
