"""Embedding blocks of papers. (The Ray path is being written.)"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from guide.corpus.chunking import module_vectors
from guide.corpus.records import Paper

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from guide.corpus.encoder import Encoder


def embed_blocks(
    blocks: Iterable[tuple[Paper, ...]], encoder: Encoder, *, ray: str | None = None
) -> Iterator[dict[str, tuple[NDArray[np.int64], NDArray[np.float32]]]]:
    """The module vectors of each block."""
    for block in blocks:
        yield module_vectors(encoder, block)
