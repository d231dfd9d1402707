"""Late chunking: a vector for each module of a paper, from one pass over its text.

The token vectors of a module's sentences are averaged, each computed in the light of the whole abstract (M. Günther et
al., "Late chunking: contextual chunk embeddings using long-context embedding models", arXiv 2409.04701). Four vectors
cost what one does.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING

import numpy as np

from guide.corpus.encoder import normalise
from guide.corpus.modules import KINDS, label_sentences, split_modules
from guide.corpus.records import Paper
from guide.corpus.sentences import span_sentences

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from guide.corpus.encoder import Encoder


@dataclass(frozen=True, slots=True)
class _Piece:
    """A text to embed for one paper: its kinds, and the character spans that belong to each."""

    paper: int
    text: str
    spans: list[tuple[int, int]]
    kinds: list[str]
    is_whole: bool


def module_vectors(
    encoder: Encoder, papers: Sequence[Paper]
) -> dict[str, tuple[NDArray[np.int64], NDArray[np.float32]]]:
    """The vectors of the papers' modules.

    Returns:
        By kind: places of the papers that have such a module (m,), ascending, and unit vectors (m, dimension).
    """
    pieces = [piece for place, paper in enumerate(papers) for piece in _pieces(place, paper)]
    found = encoder.encode_spans([piece.text for piece in pieces], [piece.spans for piece in pieces])
    sums: dict[str, dict[int, NDArray[np.float32]]] = {kind: {} for kind in KINDS}
    for at, piece in enumerate(pieces):
        if piece.is_whole:
            sums[KINDS[0]][piece.paper] = found.whole[at]
        rows = found.sums[found.starts[at] : found.starts[at + 1]]
        for kind, row in zip(piece.kinds, rows, strict=True):
            if kind in sums:
                sums[kind][piece.paper] = sums[kind].get(piece.paper, 0) + row
    vectors = {}
    for kind, by_paper in sums.items():
        # A sentence without a single known token has the zero vector, which is near nothing.
        places = sorted(place for place, total in by_paper.items() if np.any(total))
        stacked = np.array([by_paper[place] for place in places], dtype=np.float32).reshape(-1, encoder.dimension)
        vectors[kind] = (np.array(places, dtype=np.int64), normalise(stacked))
    return vectors


def _pieces(place: int, paper: Paper) -> Iterator[_Piece]:
    offset = len(paper.text) - len(paper.abstract)
    if not paper.sections:
        sentences = label_sentences(paper.abstract)
        spans = [(sentence.start + offset, sentence.end + offset) for sentence in sentences]
        yield _Piece(place, paper.text, spans, [sentence.role for sentence in sentences], is_whole=True)
        return
    if paper.abstract == " ".join(section.text for section in paper.sections):
        # An idea, whose modules are all there is of it: one pass, which the student shares.
        yield _Piece(place, paper.text, *_sections_of_sentences(paper, offset), is_whole=True)
        return
    # Of a full text, each module is read by itself: together they would not fit one window anyway.
    yield _Piece(place, paper.text, [], [], is_whole=True)
    for module in split_modules(paper):
        if module.kind != KINDS[0]:
            yield _Piece(place, module.text, [(0, len(module.text))], [module.kind], is_whole=False)


def _sections_of_sentences(paper: Paper, offset: int) -> tuple[list[tuple[int, int]], list[str]]:
    """The sentences of title and sections, and the kind of section each stands in ("title" in title and abstract)."""
    spans = span_sentences(paper.text)
    ends = list(accumulate((len(section.text) + 1 for section in paper.sections), initial=offset))[1:]
    # The vector of the abstract is that of the whole.
    kinds = ["title", *("title" if section.heading == KINDS[0] else section.heading for section in paper.sections)]
    return spans, [kinds[0 if start < offset else 1 + bisect_right(ends, start)] for start, _ in spans]
