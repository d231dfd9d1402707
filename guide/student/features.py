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
from guide.corpus.sentences import split_sentences

_TOKEN = re.compile(r"\b\w\w+\b")
_WORDS_A_WINDOW = 180  # about 240 word pieces of scientific English, mostly short of the encoder's 256
_WORDS_A_VARIANT = 90  # leaving a sentence out costs one window, and so half as much


class Pools(Protocol):
    """Anything that averages encoder layers over the tokens of texts, as MiniLM does."""

    def pool(self, texts: Sequence[str], *, progress: bool = False) -> Pooled:
        """See `MiniLM.pool`."""


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


def cut_windows(title: str, text: str) -> list[str]:
    """Cut a text into windows of whole sentences, few of which the encoder must truncate."""
    return join_windows(group_sentences(title, split_sentences(text)))


def group_sentences(title: str, sentences: Sequence[str], limit: int = _WORDS_A_WINDOW) -> list[list[str]]:
    """Fill windows of at most `limit` words with whole sentences in order; the title, if any, opens the first."""
    opening = title.strip()
    windows: list[list[str]] = [[f"{opening}."]] if opening else [[]]
    filled = len(opening.split())
    for sentence in sentences:
        length = len(sentence.split())
        if filled + length > limit and windows[-1]:
            windows.append([])
            filled = 0
        windows[-1].append(sentence)
        filled += length
    return windows


def join_windows(windows: Sequence[Sequence[str]]) -> list[str]:
    """The windows as texts, empty ones left out; an empty text is one empty window."""
    return [" ".join(window) for window in windows if window] or [""]


def pool_windows(encoder: Pools, windows: Sequence[Sequence[str]], *, progress: bool = False) -> NDArray[np.float32]:
    """Encode each text's windows once and average them by their tokens: (n, layers, width).

    A window that stands in several texts (leaving one sentence out changes one window only) is encoded once.
    """
    distinct = list(dict.fromkeys(window for text in windows for window in text))
    at = {window: number for number, window in enumerate(distinct)}
    pooled = encoder.pool(distinct, progress=progress)
    rows = []
    for text in windows:
        numbers = [at[window] for window in text]
        weights = pooled.tokens[numbers].astype(np.float32)
        rows.append(np.tensordot(weights / weights.sum(), pooled.layers[numbers], axes=1))
    return np.stack(rows).astype(np.float32)


def extract(
    encoder: Pools,
    vocabulary: Vocabulary,
    texts: Sequence[tuple[str, str]],
    *,
    progress: bool = False,
) -> Features:
    """Read (title, text) pairs."""
    layers = pool_windows(encoder, [cut_windows(*pair) for pair in texts], progress=progress)
    joined = [join_title(*pair) for pair in texts]
    return assemble(layers, vocabulary.weigh(joined), joined)


def extract_without_each(
    encoder: Pools, vocabulary: Vocabulary, title: str, sentences: Sequence[str], tried: int
) -> Features:
    """Read a text whole, then without each of its first `tried` sentences: 1 + tried rows.

    The windows stay where they are, so that each variant has one window of its own to encode; they are shorter than
    those a judgement reads, so the first row may differ from it a little.
    """
    whole = group_sentences(title, sentences, _WORDS_A_VARIANT)
    # (window, place in it) of each sentence; the title holds the first place of the first window.
    places = [(number, place) for number, window in enumerate(whole) for place in range(len(window))]
    places = places[1:] if title.strip() else places
    variants = [whole]
    for number, place in places[:tried]:
        window = whole[number]
        variants.append([*whole[:number], window[:place] + window[place + 1 :], *whole[number + 1 :]])
    windows = [join_windows(variant) for variant in variants]
    kept = [list(sentences), *([*sentences[:gone], *sentences[gone + 1 :]] for gone in range(tried))]
    joined = [join_title(title, " ".join(variant)) for variant in kept]
    return assemble(pool_windows(encoder, windows), vocabulary.weigh(joined), joined)


def assemble(layers: NDArray[np.float32], sparse: SparseRows, joined: Sequence[str]) -> Features:
    """Put together what was read of n texts; `layers` is (n, layers, width)."""
    last = layers[:, -1]
    unit = last / np.maximum(np.linalg.norm(last, axis=1, keepdims=True), 1e-12)
    words = np.array([len(text.split()) for text in joined], dtype=np.int64)
    return Features(layers.reshape(len(layers), -1), sparse, unit, words)
