"""Vectors computed but not yet in an index: a log that a killed program can go on from.

Embedding is what costs hours; an index is built in seconds once all vectors are there, and a compressed one cannot be
trained before. So each block of vectors is appended to one file and flushed, with its own checksum. A block that was
cut off by a kill is dropped, and everything before it counts.
"""

from __future__ import annotations

import hashlib
import os
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_MAGIC = b"GUIDEPND"
_HEAD = struct.Struct("<8sIIQ")  # letters, papers, vectors, bytes of what follows
_DIGEST = hashlib.sha256().digest_size


@dataclass(frozen=True, slots=True)
class Block:
    """Vectors of some papers.

    Attributes:
        rows: (n,) row numbers of the papers.
        has: (n, kinds) whether a paper has a vector of a kind.
        vectors: (has.sum(), dimension) 16-bit floats, paper by paper, kind by kind.
    """

    rows: NDArray[np.int64]
    has: NDArray[np.bool_]
    vectors: NDArray[np.float16]

    def of_kind(self, kind: int) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Rows (m,) and vectors (m, dimension) of one kind, by its place among the kinds."""
        papers, kinds = np.nonzero(self.has)
        mine = kinds == kind
        return self.rows[papers[mine]], self.vectors[mine].astype(np.float32)


class PendingVectors:
    """The log of one store. `key` names what decides the vectors; a log with another key is not used."""

    def __init__(self, path: Path, key: str, *, kinds: int, dimension: int) -> None:
        self.path = path
        self._key = hashlib.sha256(key.encode()).digest()
        self._kinds = kinds
        self._dimension = dimension

    def append(
        self, rows: NDArray[np.int64], vectors: Mapping[int, tuple[NDArray[np.int64], NDArray[np.float32]]]
    ) -> None:
        """Add a block and flush it to the disk.

        Args:
            rows: (n,) row numbers of the papers.
            vectors: by place of the kind: (m,) places within `rows`, and (m, dimension) vectors.

        Raises:
            OSError: the disk is full or the file cannot be written; what was there before still counts.
        """
        has = np.zeros((len(rows), self._kinds), dtype=np.bool_)
        whole = np.zeros((len(rows), self._kinds, self._dimension), dtype=np.float16)
        for kind, (places, values) in vectors.items():
            has[places, kind] = True
            whole[places, kind] = values
        body = b"".join((rows.astype("<i8").tobytes(), has.tobytes(), whole[has].astype("<f2").tobytes()))
        head = _HEAD.pack(_MAGIC, len(rows), int(has.sum()), len(body))
        sound = self._sound_length()
        with self.path.open("r+b" if self.path.exists() else "wb") as file:
            if sound == 0:
                file.write(self._key)
                sound = len(self._key)
            file.truncate(sound)
            file.seek(sound)
            file.write(head + body + hashlib.sha256(head + body).digest())
            file.flush()
            os.fsync(file.fileno())
        self._known = sound + len(head) + len(body) + _DIGEST

    def blocks(self) -> Iterator[Block]:
        """The complete blocks, in the order they were added."""
        return (block for block, _ in self._read())

    @property
    def rows(self) -> NDArray[np.int64]:
        """The row numbers of all papers in the log."""
        return np.concatenate([np.empty(0, dtype=np.int64), *(block.rows for block in self.blocks())])

    def discard(self) -> None:
        """Remove the log."""
        self.path.unlink(missing_ok=True)
        self._known = None

    _known: int | None = None

    def _sound_length(self) -> int:
        """Bytes up to the end of the last complete block; 0 for a log that is missing or has another key."""
        if self._known is None:
            whole = max((end for _, end in self._read()), default=0)
            self._known = whole or (len(self._key) if self._has_key() else 0)
        return self._known

    def _has_key(self) -> bool:
        if not self.path.is_file():
            return False
        with self.path.open("rb") as file:
            return file.read(len(self._key)) == self._key

    def _read(self) -> Iterator[tuple[Block, int]]:
        if not self._has_key():
            return
        with self.path.open("rb") as file:
            file.seek(len(self._key))
            while len(head := file.read(_HEAD.size)) == _HEAD.size:
                magic, papers, vectors, length = _HEAD.unpack(head)
                expected = papers * (8 + self._kinds) + vectors * self._dimension * 2
                if magic != _MAGIC or length != expected:
                    return
                body, digest = file.read(length), file.read(_DIGEST)
                if digest != hashlib.sha256(head + body).digest():
                    return
                rows = np.frombuffer(body, dtype="<i8", count=papers).astype(np.int64)
                has = np.frombuffer(body, dtype=np.bool_, count=papers * self._kinds, offset=papers * 8)
                values = np.frombuffer(
                    body, dtype="<f2", count=vectors * self._dimension, offset=papers * (8 + self._kinds)
                )
                yield Block(rows, has.reshape(papers, self._kinds), values.reshape(-1, self._dimension)), file.tell()
