"""Vectors of the papers in a FAISS index, by row number.

The index is derived data: it can be rebuilt from the database at any time. Its file is one that FAISS reads
as it is, with a trailer behind FAISS's own bytes: eight letters and the SHA-256 of everything before them.
FAISS takes what it finds in a file for an index, flipped bytes included; the trailer is what makes damage
visible.
"""

from __future__ import annotations

import hashlib
import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from guide.atomic import replacing
from guide.corpus.layout import translating, verify_command
from guide.errors import StoreError

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from sqlite_utils import Database

    from guide.corpus.encoder import Encoder

ABSTRACT = "abstract"  # the one kind of module that format 1 embeds: title and abstract together

_MAGIC = b"GUIDEVEC"
_TRAILER = len(_MAGIC) + hashlib.sha256().digest_size
_ENCODE_AT_ONCE = 1024
# A checkpoint rewrites the whole file; it may cost a twentieth of the time at most.
_CHECKPOINT_SHARE = 20


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A row near a query, and the cosine of the two."""

    row: int
    cosine: float


class VectorIndex:
    """Unit vectors as 16-bit floats, searched exhaustively by inner product, which is their cosine."""

    def __init__(self, index: Any, dimension: int) -> None:
        self._index = index
        self.dimension = dimension

    @classmethod
    def create(cls, dimension: int) -> VectorIndex:
        """An empty index for vectors of `dimension` numbers."""
        import faiss

        codes = faiss.IndexScalarQuantizer(dimension, faiss.ScalarQuantizer.QT_fp16, faiss.METRIC_INNER_PRODUCT)
        return cls(faiss.IndexIDMap2(codes), dimension)

    @classmethod
    def load(cls, path: Path, dimension: int, *, mapped: bool = False) -> VectorIndex:
        """Read an index, its checksum first.

        Args:
            path: of the index file.
            dimension: that the store's embedder has.
            mapped: map the file into memory instead of reading it; such an index cannot be changed.

        Raises:
            StoreError: the file is missing, cut off, altered, or of another dimension.
        """
        import faiss

        store = path.parent.parent
        if not path.is_file():
            raise StoreError("the vector index is missing", where=path, fix=verify_command(store))
        with translating(store):
            intact = _checksum_holds(path)
        if not intact:
            raise StoreError("the vector index is damaged", where=path, fix=verify_command(store))
        try:
            index = faiss.read_index(str(path), faiss.IO_FLAG_MMAP_IFC if mapped else 0)
        except RuntimeError as error:
            what = f"the vector index cannot be read ({_first_line(error)})"
            raise StoreError(what, where=path, fix=verify_command(store)) from error
        if index.d != dimension:
            raise StoreError(
                f"the vector index has {index.d} dimensions, the store's embedder {dimension}",
                where=path,
                fix=verify_command(store),
            )
        return cls(index, dimension)

    def __len__(self) -> int:
        return int(self._index.ntotal)

    @property
    def rows(self) -> NDArray[np.int64]:
        """The row numbers that have a vector, in the order they were added."""
        import faiss

        rows: NDArray[np.int64] = faiss.vector_to_array(self._index.id_map)
        return rows

    def add(self, rows: NDArray[np.int64], vectors: NDArray[np.float32]) -> None:
        """Add `vectors` (n, dimension), each L2-normalised, under the row numbers `rows` (n,)."""
        self._index.add_with_ids(np.ascontiguousarray(vectors, dtype=np.float32), rows)

    def remove(self, rows: NDArray[np.int64]) -> None:
        """Remove the vectors of `rows` (n,); the order of the others stays."""
        if len(rows):
            self._index.remove_ids(np.ascontiguousarray(rows, dtype=np.int64))

    def search(self, queries: NDArray[np.float32], limit: int) -> list[list[Neighbour]]:
        """The `limit` nearest rows of each query (n, dimension), nearest first."""
        limit = min(limit, len(self))
        if not limit or not len(queries):
            return [[] for _ in queries]
        cosines, rows = self._index.search(np.ascontiguousarray(queries, dtype=np.float32), limit)
        return [
            [Neighbour(int(row), float(cosine)) for row, cosine in zip(*pair, strict=True) if row >= 0]
            for pair in zip(rows, cosines, strict=True)
        ]

    def vectors(self, rows: Iterable[int]) -> dict[int, NDArray[np.float32]]:
        """The stored vectors (dimension,) by row number; a row that has none is left out."""
        found = {}
        for row in rows:
            try:
                found[row] = self._index.reconstruct(row)
            except RuntimeError:
                # FAISS's way of saying that it does not know the number.
                continue
        return found

    def save(self, path: Path) -> None:
        """Write the index with its checksum, atomically. Raises StoreError if it cannot be written."""
        import faiss

        store = path.parent.parent
        with translating(store), replacing(path) as temporary:
            try:
                faiss.write_index(self._index, str(temporary))
            except RuntimeError as error:
                what = f"the vector index cannot be written ({_first_line(error)})"
                raise StoreError(what, where=path, fix="Free some space and run the same command again.") from error
            with temporary.open("rb+") as file:
                digest = hashlib.file_digest(file, "sha256").digest()
                file.write(_MAGIC + digest)


def embed_missing(
    index: VectorIndex,
    path: Path,
    db: Database,
    encoder: Encoder,
    *,
    progress: bool = False,
    checkpoint_seconds: float = 30.0,
) -> int:
    """Drop vectors whose row is gone, embed the rows that have none, and save `index` if it changed.

    The file is saved every `checkpoint_seconds`, or more rarely where saving is slow, and at the end; a run
    that is killed loses what it embedded since the last time.

    Returns:
        How many papers were embedded.

    Raises:
        StoreError: the index cannot be written or the database cannot be read.
    """
    from tqdm import tqdm

    stored = np.array([row for (row,) in db.execute("SELECT row FROM papers ORDER BY row")], dtype=np.int64)
    stale = np.setdiff1d(index.rows, stored)
    missing = np.setdiff1d(stored, index.rows)
    index.remove(stale)
    saved, rest = time.monotonic(), checkpoint_seconds
    unsaved = bool(len(stale))
    with tqdm(total=len(missing), desc="embedding", unit="paper", delay=2, file=sys.stderr,
              disable=None if progress else True) as bar:  # fmt: skip
        for rows in _portions(missing, _ENCODE_AT_ONCE):
            texts = _texts(db, rows)
            index.add(rows, encoder.encode(texts))
            unsaved = True
            bar.update(len(rows))
            if time.monotonic() - saved >= rest:
                begun = time.monotonic()
                index.save(path)
                saved, unsaved = time.monotonic(), False
                rest = max(checkpoint_seconds, _CHECKPOINT_SHARE * (saved - begun))
    if unsaved:
        index.save(path)
    return len(missing)


def _portions(rows: NDArray[np.int64], size: int) -> Iterator[NDArray[np.int64]]:
    for start in range(0, len(rows), size):
        yield rows[start : start + size]


def _texts(db: Database, rows: NDArray[np.int64]) -> list[str]:
    marks = ",".join("?" * len(rows))
    query = f"SELECT title, abstract FROM papers WHERE row IN ({marks}) ORDER BY row"  # noqa: S608 - question marks only
    # Rows come sorted, and so were asked for.
    return [f"{title}. {abstract}" for title, abstract in db.execute(query, rows.tolist())]


def _checksum_holds(path: Path) -> bool:
    size = path.stat().st_size - _TRAILER
    if size < 0:
        return False
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while size:
            block = file.read(min(size, 2**20))
            if not block:
                return False
            digest.update(block)
            size -= len(block)
        return file.read() == _MAGIC + digest.digest()


def _first_line(error: Exception) -> str:
    return str(error).strip().split("\n", 1)[0]
