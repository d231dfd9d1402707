"""What the fault bench works with: made-up papers, and an encoder that hashes words."""

from __future__ import annotations

import functools
import hashlib
import json
import random
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from guide.corpus.encoder import SpanVectors

if TYPE_CHECKING:
    from numpy.typing import NDArray

DIMENSION = 32
TOPICS = ("graph", "vision", "speech", "protein", "robot", "dialogue", "privacy", "causal", "weather", "music", "soil")
_METHODS = ["diffusion", "attention", "boosting", "kernel", "bandit", "transport", "pruning", "retrieval", "contrast"]
_SENTENCES = (
    "{Topic} systems still fail when the data of {place} differ from what they were trained on.",
    "Earlier work on {topic} at {place} treats this with ever larger models.",
    "We propose a {method} approach that asks for {number} times fewer labels.",
    "It alternates a {method} step with a check against {place}, so errors stay small.",
    "The {method} step is cheap because {topic} data share most of their structure.",
    "Our method also learns from {topic} records of {place} that nobody has labelled.",
    "On {number} data sets it gains {share}% over the strongest baseline.",
    "Experiments with {topic} data from {place} show that the gain grows with the size of the model.",
    "A study of the parts shows that {method} matters most at {place}.",
    "Code, logs and the trained models for {topic} are part of the supplement.",
)


class HashedWords:
    """An encoder that hashes words into unit vectors; what `guide.corpus.encoder.Encoder` asks for."""

    def __init__(self, name: str = "made/words", notify: Callable[[str, int], None] | None = None) -> None:
        self.id = name
        self.sha256 = hashlib.sha256(name.encode()).hexdigest()
        self.dimension = DIMENSION
        self._notify = notify
        self._calls = 0

    def encode(self, texts: Sequence[str], *, progress: bool = False) -> NDArray[np.float32]:
        """Vectors (texts, dimension)."""
        sums = np.array([self._sum(text) for text in texts], dtype=np.float32).reshape(-1, DIMENSION)
        unit: NDArray[np.float32] = sums / np.linalg.norm(sums, axis=1, keepdims=True)
        return unit

    def encode_spans(
        self, texts: Sequence[str], spans: Sequence[Sequence[tuple[int, int]]], *, progress: bool = False
    ) -> SpanVectors:
        """Vectors of the texts, and sums of the words of their spans."""
        self._calls += 1
        if self._notify:
            self._notify("embedding", self._calls)
        parts = [text[start:end] for text, own in zip(texts, spans, strict=True) for start, end in own]
        return SpanVectors(
            whole=self.encode(texts),
            sums=np.array([self._sum(part) for part in parts], dtype=np.float32).reshape(-1, DIMENSION),
            tokens=np.array([len(part.split()) for part in parts], dtype=np.int64),
            starts=np.cumsum([0, *map(len, spans)]),
            truncated=0,
        )

    def _sum(self, text: str) -> NDArray[np.float64]:
        total = np.full(DIMENSION, 1e-3)
        for word in re.findall(r"\w+", text.casefold()):
            place, sign = _word_place(word)
            total[place] += sign
        return total


@functools.cache
def _word_place(word: str) -> tuple[int, float]:
    digest = hashlib.blake2b(word.encode("utf-8", "replace"), digest_size=8).digest()
    return digest[0] % DIMENSION, 1.0 if digest[1] % 2 else -1.0


def make_paper(number: int, *, edition: int = 1) -> dict[str, Any]:
    """The record of the made-up paper with this number; another edition has another text."""
    rng = random.Random(f"{number} {edition}")  # noqa: S311 - made-up text
    topic, method = TOPICS[number % len(TOPICS)], _METHODS[number // 3 % len(_METHODS)]
    words = {"topic": topic, "Topic": topic.title(), "method": method}
    lines = [
        line.format(**words, place=f"site {rng.choice('ABCDEFGH')}{rng.randrange(90)}", number=rng.randrange(2, 99),
                    share=rng.randrange(1, 200) / 10)
        for line in rng.sample(_SENTENCES, k=rng.randrange(5, 10))
    ]  # fmt: skip
    return {
        "id": f"made:{number:06d}",
        "title": f"{method.title()} for {topic} problems, part {number}",
        "abstract": " ".join(lines),
        "year": 2015 + number % 10,
        "venue": ("ICLR", "NeurIPS", "ACL", "")[number % 4],
        "posted": f"{2015 + number % 10}-{1 + number % 12:02d}",
        "keywords": [topic, method],
    }


def write_sources(folder: Path, count: int) -> tuple[Path, Path]:
    """Two files: `count` papers, and then new editions of some of them with a few new papers between."""
    folder.mkdir(parents=True, exist_ok=True)
    first = [make_paper(number) for number in range(count)]
    second = [make_paper(number, edition=2) for number in range(0, count, 7)]
    second += [make_paper(number) for number in range(count, count + count // 10)]
    files = (folder / "first.jsonl", folder / "second.jsonl")
    for file, records in zip(files, (first, second), strict=True):
        file.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")
    return files
