"""Rebuilding what a store derives from its papers: word index, vectors, the database's own indexes."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING

from guide.corpus import schema
from guide.corpus.layout import index_path
from guide.corpus.schema import Embedder
from guide.corpus.vectors import ABSTRACT, VectorIndex, embed_missing

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlite_utils import Database

    from guide.corpus.encoder import Encoder


def complaints(db: Database) -> list[str]:
    """What SQLite's integrity check says of the tables and their indexes; empty if they are sound."""
    try:
        lines = [str(line) for (line,) in db.execute("PRAGMA integrity_check(10)")]
    except sqlite3.DatabaseError as error:
        return [str(error)]
    # Newer versions of SQLite look into the word index here too, which has its own check and its own repair.
    return [line for line in lines if line != "ok" and "FTS5" not in line]


def word_complaint(db: sqlite3.Connection) -> str | None:
    """What FTS5 says of the word index, None if it matches the papers. Needs a writable connection."""
    try:
        # Rank 1 asks for the comparison with the papers themselves, not only within the index.
        db.execute("INSERT INTO papers_fts(papers_fts, rank) VALUES ('integrity-check', 1)")
    except sqlite3.DatabaseError as error:
        return str(error)
    return None


def rebuild_words(db: Database) -> None:
    """Build the word index anew from the papers."""
    with db.atomic():
        db.execute("INSERT INTO papers_fts(papers_fts) VALUES ('rebuild')")


def rebuild_indexes(db: Database) -> bool:
    """Rebuild everything SQLite derives from the tables; tells whether the database is sound then."""
    try:
        db.execute("REINDEX")
        rebuild_words(db)
    except sqlite3.DatabaseError:
        return False
    return not complaints(db)


def mark_altered(db: Database, rows: Iterable[int]) -> None:
    """Make the papers in `rows` differ from any source, so that adding theirs again replaces them."""
    with db.atomic():
        for row in rows:
            db.execute("UPDATE papers SET content_hash = ? WHERE row = ?", [schema.ALTERED, row])


def rebuild_vectors(folder: Path, db: Database, encoder: Encoder, *, progress: bool = False) -> None:
    """Embed every paper anew with `encoder`, which becomes the store's embedder.

    Raises:
        StoreError: the disk is full or the folder is not writable.
    """
    file = index_path(folder, ABSTRACT)
    file.parent.mkdir(exist_ok=True)
    index = VectorIndex.create(encoder.dimension)
    # The old vectors go first: at no moment may they stand beside the new embedder's name.
    index.save(file)
    with db.atomic():
        schema.write_embedder(db, Embedder(encoder.id, encoder.sha256, encoder.dimension))
    embed_missing(index, file, db, encoder, progress=progress)
