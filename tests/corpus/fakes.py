"""A small encoder and made-up papers for the tests of the store: no model, the same everywhere."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from guide.corpus.encoder import SpanVectors
from guide.corpus.records import Paper

_TOPICS = (
    "graph",
    "vision",
    "speech",
    "protein",
    "robot",
    "dialogue",
    "privacy",
    "causal",
    "weather",
    "music",
)
_METHODS = (
    "diffusion",
    "attention",
    "boosting",
    "kernel",
    "bandit",
    "transport",
    "pruning",
    "retrieval",
    "contrast",
)
_CLAIMS = (
    "fewer labels",
    "less memory",
    "tighter bounds",
    "faster training",
    "robust decisions",
    "longer inputs",
)


class WordsEncoder:
    """Hashed bag of words, normalised: texts that share words are near each other."""

    def __init__(self, name: str = "fake/words", dimension: int = 32) -> None:
        self.id = name
        self.sha256 = hashlib.sha256(name.encode()).hexdigest()
        self.dimension = dimension
        self.texts_read = 0

    def encode(self, texts: Sequence[str], *, progress: bool = False) -> NDArray[np.float32]:
        self.texts_read += len(texts)
        vectors = np.stack([self._sum(text) for text in texts]) if texts else np.zeros((0, self.dimension))
        lengths: NDArray[np.float32] = np.linalg.norm(vectors, axis=1, keepdims=True)
        return (vectors / lengths).astype(np.float32)

    def encode_spans(
        self, texts: Sequence[str], spans: Sequence[Sequence[tuple[int, int]]], *, progress: bool = False
    ) -> SpanVectors:
        parts = [text[start:end] for text, own in zip(texts, spans, strict=True) for start, end in own]
        sums = np.stack([self._sum(part) for part in parts]) if parts else np.zeros((0, self.dimension))
        return SpanVectors(
            whole=self.encode(texts),
            sums=sums.astype(np.float32),
            tokens=np.array([len(part.split()) for part in parts], dtype=np.int64),
            starts=np.cumsum([0, *map(len, spans)]),
            truncated=0,
        )

    def _sum(self, text: str) -> NDArray[np.float64]:
        total = np.zeros(self.dimension)
        for word in re.findall(r"\w+", text.casefold()) or ["nothing"]:
            digest = hashlib.blake2b(word.encode("utf-8", "replace"), digest_size=8).digest()
            total[int.from_bytes(digest[:4], "big") % self.dimension] += 1.0 if digest[4] % 2 else -1.0
        total[0] += 1e-3  # never the zero vector
        return total


def paper(number: int, **changes: object) -> Paper:
    """The made-up paper with this number; `changes` replace its fields."""
    topic, method = _TOPICS[number % len(_TOPICS)], _METHODS[number % len(_METHODS)]
    claim = _CLAIMS[number % len(_CLAIMS)]
    fields: dict[str, object] = {
        "id": f"made:{number:05d}",
        "title": f"{method.title()} for {topic} problems, part {number}",
        "abstract": f"We study {topic} tasks with {method}. Study {number} reaches {claim} on benchmark B{number % 7}.",
        "year": 2012 + number % 12,
        "venue": ("ICLR", "NeurIPS", "ACL")[number % 3],
        "posted": f"{2012 + number % 12}-{1 + number % 12:02d}",
        "url": f"https://example.org/{number}",
        "keywords": (topic, method),
    }
    return Paper(**{**fields, **changes})  # type: ignore[arg-type]


def papers(count: int, start: int = 0) -> Iterator[Paper]:
    """`count` made-up papers, numbered from `start`."""
    return (paper(number) for number in range(start, start + count))
