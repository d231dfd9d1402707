"""From papers to indexes: embed what has no vectors yet, then fold them in."""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from guide.corpus.embedding import embed_blocks
from guide.corpus.layout import VECTORS, translating
from guide.corpus.modules import KINDS
from guide.corpus.papers import PaperTable
from guide.corpus.pending import PendingVectors
from guide.corpus.records import Paper
from guide.corpus.schema import read_embedder
from guide.corpus.snapshot import Snapshot
from guide.corpus.vectors import AUTO, FLAT, VectorIndex, choose_layout, training_size
from guide.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from sqlite_utils import Database

    from guide.corpus.encoder import Encoder

PENDING = "pending.log"
_PAPERS_AT_ONCE = 1024
_SEED = 20_250_711  # of the training sample


def embed_missing(
    folder: Path,
    db: Database,
    snapshot: Snapshot,
    encoder: Encoder,
    *,
    layout: str = AUTO,
    ray: str | None = None,
    progress: bool = False,
) -> int:
    """Embed the rows that have no vector, drop the vectors whose row is gone, and save the snapshot if it changed.

    What is embedded goes to a log first, so a run that is killed loses a thousand papers' work at most.

    Args:
        folder: of the store.
        db: its database.
        snapshot: its indexes, which are changed.
        encoder: the store's embedder.
        layout: how to keep the vectors: "flat", a FAISS factory string, or "auto" by their number.
        ray: address of a Ray cluster to embed on (see `embed_blocks`); None embeds here.
        progress: show progress on standard error if it is a terminal.

    Returns:
        How many papers were embedded.

    Raises:
        InputError: the vectors are kept in another layout already, and it loses what the asked one needs.
        StoreError: the vectors cannot be written or the database cannot be read.
    """
    from tqdm import tqdm

    pending = open_pending(folder, db)
    stored = np.array([row for (row,) in db.execute("SELECT row FROM papers ORDER BY row")], dtype=np.int64)
    held = snapshot.rows
    missing = np.setdiff1d(stored, np.union1d(held, pending.rows))
    sent: deque[NDArray[np.int64]] = deque()
    with tqdm(total=len(missing), desc="embedding", unit="paper", delay=2, file=sys.stderr,
              disable=None if progress else True) as bar:  # fmt: skip
        for vectors in embed_blocks(_blocks(PaperTable(db), missing, sent), encoder, ray=ray):
            rows = sent.popleft()
            with translating(folder):
                pending.append(rows, {KINDS.index(kind): found for kind, found in vectors.items()})
            bar.update(len(rows))
    stale = np.setdiff1d(held, stored)
    changes_layout = layout not in (AUTO, snapshot.layout) and len(stored)
    if snapshot.is_saved and not len(stale) and not len(np.setdiff1d(pending.rows, held)) and not changes_layout:
        pending.discard()
        return len(missing)
    # Until it is saved, the log is all that the disk has of the new vectors.
    snapshot.is_saved = False
    _fold(snapshot, pending, stored, layout)
    snapshot.save(folder)
    pending.discard()
    return len(missing)


def open_pending(folder: Path, db: Database) -> PendingVectors:
    """The log of vectors that wait to be folded into the indexes of a store."""
    embedder = read_embedder(db)
    (folder / VECTORS).mkdir(exist_ok=True)
    path = folder / VECTORS / PENDING
    return PendingVectors(path, f"{embedder.id} {embedder.sha256}", kinds=len(KINDS), dimension=embedder.dimension)


def _blocks(
    table: PaperTable, missing: NDArray[np.int64], sent: deque[NDArray[np.int64]]
) -> Iterator[tuple[Paper, ...]]:
    """The papers to embed, a thousand at a time; their rows are put behind `sent`.

    A damaged record has no text: verify finds it, and until then it has no vector.
    """
    for start in range(0, len(missing), _PAPERS_AT_ONCE):
        rows = missing[start : start + _PAPERS_AT_ONCE]
        found = {one.row: one.record.paper for one in table.select(rows.tolist()) if one.record is not None}
        sent.append(np.array(sorted(found), dtype=np.int64))
        yield tuple(found[row] for row in sorted(found))


def _fold(snapshot: Snapshot, pending: PendingVectors, stored: NDArray[np.int64], layout: str) -> None:
    """Bring every index up to date with the rows in the database."""
    for place, kind in enumerate(KINDS):
        index = snapshot.kinds[kind]
        held = index.rows
        index.remove(np.setdiff1d(held, stored))
        held = np.intersect1d(held, stored)
        new = [_among(*block.of_kind(place), stored, held) for block in pending.blocks()]
        total = len(held) + sum(len(rows) for rows, _ in new)
        wanted = choose_layout(total, index.dimension, kind) if layout == AUTO else layout
        if index.layout != FLAT and layout not in (AUTO, index.layout):
            raise InputError(
                f"the store keeps its vectors as {index.layout}, and what that lost cannot be brought back",
                fix="To embed its papers anew: guide corpus reindex --vectors LAYOUT.",
            )
        if index.layout == FLAT and wanted != FLAT and total:
            old = index.vectors(held.tolist())
            new.insert(0, (held, np.array(list(old.values()), dtype=np.float32).reshape(-1, index.dimension)))
            index = VectorIndex.train(_sample([vectors for _, vectors in new], training_size(wanted)), wanted)
            if not place:
                snapshot.trained_on = total
        for rows, vectors in new:
            index.add(rows, vectors)
        snapshot.kinds[kind] = index


def _among(
    rows: NDArray[np.int64], vectors: NDArray[np.float32], stored: NDArray[np.int64], held: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    fresh = np.isin(rows, stored) & ~np.isin(rows, held)
    return rows[fresh], vectors[fresh]


def _sample(parts: list[NDArray[np.float32]], size: int) -> NDArray[np.float32]:
    total = sum(map(len, parts))
    if total <= size:
        return np.concatenate(parts)
    chosen = np.sort(np.random.default_rng(_SEED).choice(total, size, replace=False))
    starts = np.cumsum([0, *map(len, parts)])
    picks = (part[chosen[(chosen >= a) & (chosen < a + len(part))] - a] for part, a in zip(parts, starts, strict=False))
    return np.concatenate(list(picks))
