"""The vectors of one kind of module in a FAISS index, by row number.

A small store keeps 16-bit floats and searches them all, which loses nothing. A large one keeps four bits a number: the
vectors are rotated and cut by principal components, filed under the nearest of a thousand centres (IVF), and what is
left is coded by RaBitQ (J. Gao et al., "Practical and asymptotically optimal quantization of high-dimensional vectors
in Euclidean space for approximate nearest neighbor search", SIGMOD 2025).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from guide.errors import InputError, StoreError

if TYPE_CHECKING:
    from numpy.typing import NDArray

FLAT = "flat"
AUTO = "auto"
FLAT_UP_TO = 20_000  # vectors of a kind: searching that many 16-bit floats takes a millisecond or two
# Share of the principal components that are kept. Seven eighths of MiniLM's 384 lose nothing that shows; five eighths,
# for the modules, which nobody reads alone, cost a few of the ten nearest and keep a store under 1.2 KB a paper.
_COMPONENTS = {"abstract": 7 / 8}
_FEWER_COMPONENTS = 5 / 8
_BITS = 4
_TRAINING_A_CENTRE = 64  # FAISS asks for 39 at least
_PROBED_SHARE = 1 / 4  # of the lists are looked into at a query
_PROBED_LEAST = 32


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A row near a query, and the cosine of the two."""

    row: int
    cosine: float


class VectorIndex:
    """Unit vectors by row number, searched for the largest cosine.

    Attributes:
        dimension: of a vector.
        layout: "flat", or the FAISS factory string of the compression.
    """

    def __init__(self, index: Any, dimension: int, layout: str) -> None:
        self._index = index
        self.dimension = dimension
        self.layout = layout
        if layout != FLAT:
            lists = self._inner()
            lists.nprobe = min(lists.nlist, max(_PROBED_LEAST, round(lists.nlist * _PROBED_SHARE)))

    @classmethod
    def create(cls, dimension: int) -> VectorIndex:
        """An empty flat index for vectors of `dimension` numbers."""
        import faiss

        codes = faiss.IndexScalarQuantizer(dimension, faiss.ScalarQuantizer.QT_fp16, faiss.METRIC_INNER_PRODUCT)
        return cls(faiss.IndexIDMap2(codes), dimension, FLAT)

    @classmethod
    def train(cls, sample: NDArray[np.float32], layout: str) -> VectorIndex:
        """An empty compressed index, trained on `sample` (n, dimension); the same sample gives the same index.

        Raises:
            InputError: FAISS does not know the layout, or the sample is too small for it.
        """
        import faiss

        dimension = sample.shape[1]
        try:
            # Distances between unit vectors order them as cosines do, and do not mind that the components are centred.
            index = faiss.index_factory(dimension, layout, faiss.METRIC_L2)
            lists = faiss.extract_index_ivf(index)
            lists.cp.max_points_per_centroid = _TRAINING_A_CENTRE
            index.train(np.ascontiguousarray(sample, dtype=np.float32))
        except RuntimeError as error:
            what = f"vectors cannot be kept as {layout!r} ({first_line(error)})"
            raise InputError(what, fix="Leave the choice to the store: --vectors auto.") from error
        return cls(index, dimension, layout)

    @classmethod
    def read(cls, path: Path, dimension: int, layout: str, *, mapped: bool = False) -> VectorIndex:
        """Read an index file whose checksum has been seen to hold.

        Args:
            path: of the file.
            dimension: that its vectors should have.
            layout: that it was made with.
            mapped: map the file into memory instead of reading it; such an index cannot be changed.

        Raises:
            StoreError: FAISS cannot read it, or it has another dimension.
        """
        import faiss

        flag = 0 if not mapped else faiss.IO_FLAG_MMAP_IFC
        try:
            index = faiss.read_index(str(path), flag)
        except RuntimeError as error:
            raise StoreError(f"the vector index cannot be read ({first_line(error)})", where=path) from error
        if index.d != dimension:
            what = f"the vector index has {index.d} dimensions, the store's embedder {dimension}"
            raise StoreError(what, where=path)
        return cls(index, dimension, layout)

    def __len__(self) -> int:
        return int(self._index.ntotal)

    @property
    def rows(self) -> NDArray[np.int64]:
        """The row numbers that have a vector, ascending."""
        import faiss

        if self.layout == FLAT:
            rows: NDArray[np.int64] = faiss.vector_to_array(self._index.id_map)
        else:
            lists = self._inner().invlists
            filled = [number for number in range(lists.nlist) if lists.list_size(number)]
            parts = [faiss.rev_swig_ptr(lists.get_ids(number), lists.list_size(number)).copy() for number in filled]
            rows = np.concatenate([np.empty(0, dtype=np.int64), *parts])
        return np.sort(rows)

    def add(self, rows: NDArray[np.int64], vectors: NDArray[np.float32]) -> None:
        """Add `vectors` (n, dimension), each L2-normalised, under the row numbers `rows` (n,)."""
        if len(rows):
            self._index.add_with_ids(np.ascontiguousarray(vectors, dtype=np.float32), rows)

    def remove(self, rows: NDArray[np.int64]) -> None:
        """Remove the vectors of `rows` (n,)."""
        if len(rows):
            self._index.remove_ids(np.ascontiguousarray(rows, dtype=np.int64))

    def search(self, queries: NDArray[np.float32], limit: int) -> list[list[Neighbour]]:
        """The `limit` nearest rows of each query (n, dimension), nearest first."""
        limit = min(limit, len(self))
        if not limit or not len(queries):
            return [[] for _ in queries]
        return self._neighbours(*self._search(queries, limit))

    def cosines(self, queries: NDArray[np.float32], rows: Iterable[int]) -> list[dict[int, float]]:
        """The cosine of each query (n, dimension) with the vectors of `rows`; a row that has none is left out."""
        import faiss

        # The stubs of FAISS do not know that its parameters take keywords.
        kinds: Any = faiss
        wanted = np.unique(np.fromiter(rows, dtype=np.int64))
        if not len(wanted) or not len(self) or not len(queries):
            return [{} for _ in queries]
        chosen = kinds.IDSelectorBatch(wanted)
        if self.layout == FLAT:
            parameters = kinds.SearchParameters(sel=chosen)
        else:
            everywhere = kinds.SearchParametersIVF(sel=chosen, nprobe=self._inner().nlist)
            parameters = kinds.SearchParametersPreTransform(index_params=everywhere) if self._rotates() else everywhere
        found = self._search(queries, len(wanted), params=parameters)
        return [{one.row: one.cosine for one in near} for near in self._neighbours(*found)]

    def vectors(self, rows: Iterable[int]) -> dict[int, NDArray[np.float32]]:
        """The stored vectors (dimension,) of a flat index by row number; a row that has none is left out."""
        found = {}
        for row in rows:
            try:
                found[row] = self._index.reconstruct(row)
            except RuntimeError:
                # FAISS's way of saying that it does not know the number.
                continue
        return found

    def write(self, path: Path) -> None:
        """Write the index to a file. Raises OSError if it cannot be written."""
        import faiss

        try:
            faiss.write_index(self._index, str(path))
        except RuntimeError as error:
            # FAISS does not say why; writing one byte does, and a full disk is to be called one.
            with path.open("ab") as file:
                file.write(b"\0" * 65_536)
                file.flush()
            raise OSError(f"FAISS cannot write ({first_line(error)})") from error

    def _search(
        self, queries: NDArray[np.float32], limit: int, **options: Any
    ) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        import faiss

        # Threads are for many queries: for one they wait for each other longer than they work.
        threads = faiss.omp_get_max_threads()
        faiss.omp_set_num_threads(1 if len(queries) == 1 else threads)
        try:
            measures, rows = self._index.search(np.ascontiguousarray(queries, dtype=np.float32), limit, **options)
        finally:
            faiss.omp_set_num_threads(threads)
        return measures, rows

    def _neighbours(self, measures: NDArray[np.float32], rows: NDArray[np.int64]) -> list[list[Neighbour]]:
        # |q - v|² = 2 - 2 cos for unit vectors; rounding and coding can put either a little outside the cosine's range.
        cosines = np.clip(measures if self.layout == FLAT else 1 - measures / 2, -1.0, 1.0)
        return [
            [Neighbour(int(row), float(cosine)) for row, cosine in zip(*pair, strict=True) if row >= 0]
            for pair in zip(rows, cosines, strict=True)
        ]

    def _inner(self) -> Any:
        import faiss

        return faiss.downcast_index(faiss.extract_index_ivf(self._index))

    def _rotates(self) -> bool:
        import faiss

        return isinstance(faiss.downcast_index(self._index), faiss.IndexPreTransform)


def choose_layout(vectors: int, dimension: int, kind: str) -> str:
    """The layout for so many vectors of a kind of module: flat, or a FAISS factory string.

    The number of lists is the power of two nearest to four times the square root of the number of vectors, FAISS's own
    guideline; half of it for the modules, whose centres would weigh more than they bring.
    """
    if vectors <= FLAT_UP_TO:
        return FLAT
    lists = 2 ** round(np.log2(4 * np.sqrt(vectors)))
    if kind not in _COMPONENTS:
        lists //= 2
    components = int(dimension * _COMPONENTS.get(kind, _FEWER_COMPONENTS)) // 8 * 8
    return f"PCAR{components},IVF{lists},RaBitQ{_BITS}"


def training_size(layout: str) -> int:
    """How many vectors a layout is trained on at most; more would be sampled down by FAISS."""
    lists = next((part[3:] for part in layout.split(",") if part.startswith("IVF") and part[3:].isdigit()), "1024")
    return int(lists) * _TRAINING_A_CENTRE


def first_line(error: Exception) -> str:
    """The first line of an error's message."""
    return str(error).strip().split("\n", 1)[0]
