"""What the student reads of a text: averaged MiniLM layers, and TF-IDF over a fixed vocabulary.

Averaging every layer, not only the last, and adding words beside embeddings each raised the time-split AUROC
(docs/student.md).
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from guide.corpus.encoder import Pooled
from guide.corpus.sentences import span_sentences

_TOKEN = re.compile(r"\b\w\w+\b")


class Pools(Protocol):
    """Anything that averages encoder layers over the tokens of texts, as MiniLM does."""

    def pool(self, texts: Sequence[str], *, progress: bool = False) -> Pooled:
        """See `MiniLM.pool`."""


class PoolsParts(Pools, Protocol):
    """Anything that also averages them without each of a text's spans."""

    def pool_without_each(self, text: str, spans: Sequence[tuple[int, int]]) -> Pooled:
        """See `MiniLM.pool_without_each`."""


@dataclass(frozen=True, slots=True)
class SparseRows:
    """n sparse rows in compressed form: row i holds `data[indptr[i]:indptr[i+1]]` at `indices[...]`."""

    indptr: NDArray[np.int64]
    indices: NDArray[np.int64]
    data: NDArray[np.float32]

    def dot(self, columns: NDArray[np.float32]) -> NDArray[np.float32]:
        """Product (n, h) with a dense (terms, h) matrix."""
        products = np.vstack([self.data[:, None] * columns[self.indices], np.zeros_like(columns[:1])])
        sums = np.add.reduceat(products, self.indptr[:-1], axis=0)
        sums[np.diff(self.indptr) == 0] = 0  # reduceat gives an empty row its neighbour's first term
        return np.asarray(sums, dtype=np.float32)


@dataclass(frozen=True, slots=True)
class Features:
    """What the heads read for n texts.

    Attributes:
        dense: (n, layers * width) token-averaged encoder layers.
        sparse: TF-IDF rows over the vocabulary.
        unit: (n, width) L2-normalised sentence embedding, for distances.
        words: (n,) number of words.
    """

    dense: NDArray[np.float32]
    sparse: SparseRows
    unit: NDArray[np.float32]
    words: NDArray[np.int64]


class Vocabulary:
    """Terms (words and pairs of words) with their inverse document frequencies.

    `weigh` equals scikit-learn's TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True), which made the vocabulary;
    it is repeated here because importing scikit-learn takes longer than scoring.
    """

    def __init__(self, terms: Sequence[str], idf: NDArray[np.float32]) -> None:
        if len(terms) != len(idf):
            raise ValueError(f"{len(terms)} terms but {len(idf)} frequencies")
        self.terms = tuple(terms)
        self.idf = idf
        self._index = {term: number for number, term in enumerate(self.terms)}

    def __len__(self) -> int:
        return len(self.terms)

    def idf_of(self, term: str) -> float | None:
        """Inverse document frequency of a term, None if it is not in the vocabulary."""
        number = self._index.get(term)
        return None if number is None else float(self.idf[number])

    def weigh(self, texts: Sequence[str]) -> SparseRows:
        """TF-IDF rows: (1 + ln tf) * idf, L2-normalised; unknown terms are ignored."""
        indptr, indices, data = [0], list[int](), list[float]()
        for text in texts:
            counts = Counter(n for term in terms_of(text) if (n := self._index.get(term)) is not None)
            row = {n: (1 + math.log(count)) * float(self.idf[n]) for n, count in sorted(counts.items())}
            norm = math.sqrt(sum(value * value for value in row.values())) or 1.0
            indices.extend(row)
            data.extend(value / norm for value in row.values())
            indptr.append(len(indices))
        return SparseRows(np.array(indptr), np.array(indices, dtype=np.int64), np.array(data, dtype=np.float32))


def terms_of(text: str) -> list[str]:
    """Lower-case words of two or more characters, and adjacent pairs of them, as scikit-learn cuts them."""
    words = _TOKEN.findall(text.lower())
    return words + [f"{left} {right}" for left, right in pairwise(words)]


def join_title(title: str, text: str) -> str:
    """The form every text is read in: the title as a first sentence."""
    title = title.strip()
    return f"{title}. {text.strip()}" if title else text.strip()


def extract(
    encoder: Pools,
    vocabulary: Vocabulary,
    texts: Sequence[tuple[str, str]],
    *,
    progress: bool = False,
) -> Features:
    """Read (title, text) pairs."""
    joined = [join_title(*pair) for pair in texts]
    return assemble(encoder.pool(joined, progress=progress).layers, vocabulary.weigh(joined), joined)


def extract_without_each(encoder: PoolsParts, vocabulary: Vocabulary, title: str, text: str, tried: int) -> Features:
    """Read a text whole, then without each of its first `tried` sentences: 1 + tried rows.

    A sentence's words are taken out of the terms, and its token vectors out of the averages; the others keep theirs.
    """
    joined = join_title(title, text)
    offset = len(joined) - len(text.strip())
    spans = [(start + offset, end + offset) for start, end in span_sentences(text.strip())[:tried]]
    variants = [joined, *(f"{joined[:start].rstrip()} {joined[end:].lstrip()}".strip() for start, end in spans)]
    return assemble(encoder.pool_without_each(joined, spans).layers, vocabulary.weigh(variants), variants)


def assemble(layers: NDArray[np.float32], sparse: SparseRows, joined: Sequence[str]) -> Features:
    """Put together what was read of n texts; `layers` is (n, layers, width)."""
    last = layers[:, -1]
    unit = last / np.maximum(np.linalg.norm(last, axis=1, keepdims=True), 1e-12)
    words = np.array([len(text.split()) for text in joined], dtype=np.int64)
    return Features(layers.reshape(len(layers), -1), sparse, unit, words)
