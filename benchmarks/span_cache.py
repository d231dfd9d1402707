"""Vectors kept between benchmarks: embedding 220,000 papers takes an hour on two cores, and several need the same ones.

An encoder that looks each text up in a SQLite file before it computes. Vectors are kept as 16-bit floats, 8 KB a paper.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from guide.corpus.encoder import Encoder, SpanVectors

_AT_ONCE = 500


class CachedSpans:
    """An encoder whose `encode_spans` computes each text once and keeps the result in a file."""

    def __init__(self, encoder: Encoder, path: Path) -> None:
        self._encoder = encoder
        self._db = sqlite3.connect(path, isolation_level=None)
        self._db.execute(
            "CREATE TABLE IF NOT EXISTS vectors (key BLOB PRIMARY KEY, whole BLOB, sums BLOB, tokens BLOB)"
        )
        self.id = encoder.id
        self.sha256 = encoder.sha256
        self.dimension = encoder.dimension
        self.computed = 0

    def encode(self, texts: Sequence[str], *, progress: bool = False) -> NDArray[np.float32]:
        """Vectors of the texts, computed anew."""
        return self._encoder.encode(texts, progress=progress)

    def encode_spans(
        self, texts: Sequence[str], spans: Sequence[Sequence[tuple[int, int]]], *, progress: bool = False
    ) -> SpanVectors:
        """What the wrapped encoder gives, from the file where it is there."""
        keys = [key_of(text, own) for text, own in zip(texts, spans, strict=True)]
        known = self._read(keys)
        missing = [place for place, key in enumerate(keys) if key not in known]
        if missing:
            fresh = self._encoder.encode_spans([texts[place] for place in missing], [spans[place] for place in missing])
            self.computed += len(missing)
            for at, place in enumerate(missing):
                rows = slice(fresh.starts[at], fresh.starts[at + 1])
                known[keys[place]] = (fresh.whole[at], fresh.sums[rows], fresh.tokens[rows])
            self.write({keys[place]: known[keys[place]] for place in missing})
        found = [known[key] for key in keys]
        return SpanVectors(
            whole=np.stack([whole for whole, _, _ in found]),
            sums=np.concatenate([np.zeros((0, self.dimension), dtype=np.float32), *(sums for _, sums, _ in found)]),
            tokens=np.concatenate([np.zeros(0, dtype=np.int64), *(tokens for _, _, tokens in found)]),
            starts=np.cumsum([0, *(len(tokens) for _, _, tokens in found)]),
            truncated=0,
        )

    def write(self, entries: dict[bytes, tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.int64]]]) -> None:
        """Keep results by key, in one transaction."""
        rows = (
            (key, whole.astype("<f2").tobytes(), sums.astype("<f2").tobytes(), tokens.astype("<i4").tobytes())
            for key, (whole, sums, tokens) in entries.items()
        )
        self._db.execute("BEGIN")
        self._db.executemany("INSERT OR REPLACE INTO vectors VALUES (?, ?, ?, ?)", rows)
        self._db.execute("COMMIT")

    def _read(
        self, keys: Sequence[bytes]
    ) -> dict[bytes, tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.int64]]]:
        known = {}
        for start in range(0, len(keys), _AT_ONCE):
            part = keys[start : start + _AT_ONCE]
            marks = ",".join("?" * len(part))
            query = f"SELECT key, whole, sums, tokens FROM vectors WHERE key IN ({marks})"  # noqa: S608 - marks only
            for key, whole, sums, tokens in self._db.execute(query, part):
                known[key] = (
                    np.frombuffer(whole, dtype="<f2").astype(np.float32),
                    np.frombuffer(sums, dtype="<f2").astype(np.float32).reshape(-1, self.dimension),
                    np.frombuffer(tokens, dtype="<i4").astype(np.int64),
                )
        return known


def key_of(text: str, spans: Sequence[tuple[int, int]]) -> bytes:
    """What a text and its spans are kept under."""
    return hashlib.sha256(f"{text}\0{list(spans)}".encode()).digest()[:16]
