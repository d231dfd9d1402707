"""Rebuilding what a store derives from its papers: word index, vectors, the database's own indexes."""

from __future__ import annotations

import hashlib
import sqlite3
from contextlib import closing, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from guide.corpus import schema
from guide.corpus.indexing import PENDING, embed_missing
from guide.corpus.layout import VECTORS
from guide.corpus.lexical import indexed_words
from guide.corpus.papers import PaperTable
from guide.corpus.schema import PAPER_TABLES, Embedder
from guide.corpus.snapshot import Snapshot
from guide.corpus.vectors import AUTO
from guide.errors import InputError

if TYPE_CHECKING:
    from sqlite_utils import Database

    from guide.corpus.encoder import Encoder

_AGGREGATE = "SELECT term, count(*), sum(doc), sum((doc * 2654435761) % 4294967291) FROM papers_postings GROUP BY term"

# A search goes down a tree to the page of a word; reading all words in a row, as above, passes the tree by.
_LOST = """SELECT term FROM papers_vocabulary AS word
    WHERE doc <> (SELECT count(*) FROM papers_postings AS hit WHERE hit.term = word.term) LIMIT 1"""
_SHADOWS = ("data", "idx", "content", "docsize", "config")  # what FTS5 keeps an index in


def complaints(db: Database) -> list[str]:
    """What SQLite's integrity check says of the tables and their indexes; empty if they are sound."""
    try:
        lines = [str(line) for (line,) in db.execute("PRAGMA integrity_check(10)")]
    except sqlite3.DatabaseError as error:
        return [str(error)]
    # Newer versions of SQLite look into the word index here too, which has its own check and its own repair.
    return [line for line in lines if line != "ok" and "FTS5" not in line]


def word_complaint(db: Database) -> str | None:
    """What is wrong with the word index, None if it is just what the papers' words make."""
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as fresh:
        for statement in PAPER_TABLES:
            if "papers_fts" in statement:
                fresh.execute(statement)
        rows = (
            (stored.row, indexed_words(stored.record.paper.text))
            for stored in PaperTable(db).scan()
            if stored.record is not None
        )
        fresh.execute("BEGIN")
        fresh.executemany("INSERT INTO papers_fts(rowid, text) VALUES (?, ?)", rows)
        fresh.execute("COMMIT")
        due = _fingerprint(fresh)
    try:
        found = _fingerprint(db.conn)
        lost = db.execute(_LOST).fetchone()
    except sqlite3.DatabaseError as error:
        return str(error)
    if found != due:
        return "its words are not those of the papers"
    return f"a search does not find the word {lost[0]!r}" if lost else None


def rebuild_words(db: Database) -> None:
    """Build the word index anew from the papers, its tables too where they cannot be used.

    Raises:
        sqlite3.DatabaseError: the papers cannot be read, or the disk is full.
    """
    try:
        with db.atomic():
            PaperTable(db).rebuild_words()
    except sqlite3.DatabaseError:
        with db.atomic():
            _replace_word_tables(db)
            PaperTable(db).rebuild_words()


def rebuild_indexes(db: Database) -> bool:
    """Rebuild everything SQLite derives from the tables; tells whether the database is sound then."""
    try:
        db.execute("REINDEX")
        rebuild_words(db)
    except sqlite3.DatabaseError:
        return False
    return not complaints(db)


def rebuild_vectors(
    folder: Path, db: Database, encoder: Encoder, *, layout: str | None = None, progress: bool = False
) -> Snapshot:
    """Embed every paper anew with `encoder`, which becomes the store's embedder, and give the new indexes.

    Args:
        folder: of the store.
        db: its database.
        encoder: embeds the papers.
        layout: how to keep the vectors from now on (see `embed_missing`); None as before.
        progress: show progress on standard error if it is a terminal.

    Raises:
        InputError: FAISS does not know the layout; the papers are embedded all the same, and the layout is as before.
        StoreError: the disk is full or the folder is not writable.
    """
    snapshot = Snapshot.create(encoder.dimension)
    # The old vectors go first: at no moment may they stand beside the new embedder's name.
    snapshot.save(folder)
    (folder / VECTORS / PENDING).unlink(missing_ok=True)
    kept_as = AUTO
    with suppress(sqlite3.DataError):  # altered, the setting says nothing
        kept_as = schema.read_setting(db, "vectors") or AUTO
    with db.atomic():
        schema.write_embedder(db, Embedder(encoder.id, encoder.sha256, encoder.dimension))
        if layout is not None:
            # At once: a run that is killed goes on with it.
            schema.write_setting(db, "vectors", layout)
    try:
        embed_missing(folder, db, snapshot, encoder, layout=layout or kept_as, progress=progress)
    except InputError:
        # What is refused must not come back at the next run.
        with db.atomic():
            schema.write_setting(db, "vectors", kept_as)
        raise
    return snapshot


def _replace_word_tables(db: Database) -> None:
    """Make the tables of the word index anew, inside the caller's transaction."""
    # DROP TABLE asks the damaged index for its leave; what SQLite knows of it is a row of its list of tables.
    db.execute("PRAGMA writable_schema = ON")
    try:
        db.execute("DELETE FROM sqlite_schema WHERE name IN ('papers_fts', 'papers_vocabulary', 'papers_postings')")
    finally:
        db.execute("PRAGMA writable_schema = RESET")
    for shadow in _SHADOWS:
        db.execute(f"DROP TABLE IF EXISTS papers_fts_{shadow}")
    for statement in PAPER_TABLES:
        if "papers_fts" in statement:
            db.execute(statement)


def _fingerprint(db: sqlite3.Connection) -> str:
    digest = hashlib.sha256()
    for line in db.execute(_AGGREGATE):
        digest.update(repr(line).encode())
    return digest.hexdigest()
