"""The store's database: its tables, their version, and how a connection is opened.

A row of `papers` is never changed: a paper whose content changes is deleted and inserted under a new row
number, and row numbers are never used twice. So the set of row numbers in a vector index says exactly which
vectors are missing and which are stale, whatever moment a program was killed at.
"""

from __future__ import annotations

import json
import os
import sqlite3
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from sqlite_utils import Database

from guide.corpus.layout import DATABASE, translating
from guide.corpus.records import Paper
from guide.errors import StoreError

FORMAT_VERSION = 1
APPLICATION_ID = 0x47554944  # "GUID", in the header of every papers.db
# What a paper's content hash reads once verify has found the row altered; it equals no hash, so the next add
# replaces it.
ALTERED = "altered"

Access = Literal["read", "write"]

# Porter stems and folded accents: "networks" finds "network", "Schrodinger" finds "Schrödinger".
TOKENIZER = "porter unicode61 remove_diacritics 2"
_TABLES = (
    """CREATE TABLE papers (
        row INTEGER PRIMARY KEY AUTOINCREMENT,
        id TEXT NOT NULL UNIQUE,
        title TEXT NOT NULL,
        abstract TEXT NOT NULL,
        year INTEGER NOT NULL,
        venue TEXT NOT NULL,
        posted TEXT,
        url TEXT,
        keywords TEXT NOT NULL,
        decision TEXT,
        ratings TEXT NOT NULL,
        content_hash TEXT NOT NULL
    )""",
    """CREATE TABLE embedder (
        id TEXT NOT NULL,
        sha256 TEXT NOT NULL,
        dimension INTEGER NOT NULL
    )""",
    """CREATE TABLE journal (
        run INTEGER PRIMARY KEY AUTOINCREMENT,
        at TEXT NOT NULL,
        source TEXT,
        sha256 TEXT,
        added INTEGER NOT NULL,
        updated INTEGER NOT NULL,
        unchanged INTEGER NOT NULL,
        duplicates INTEGER NOT NULL,
        skipped INTEGER NOT NULL,
        finished INTEGER NOT NULL
    )""",
    f"""CREATE VIRTUAL TABLE papers_fts USING fts5(
        title, abstract, content='papers', content_rowid='row', tokenize='{TOKENIZER}'
    )""",
    "CREATE VIRTUAL TABLE papers_vocabulary USING fts5vocab('papers_fts', 'row')",
    """CREATE TRIGGER papers_inserted AFTER INSERT ON papers BEGIN
        INSERT INTO papers_fts(rowid, title, abstract) VALUES (new.row, new.title, new.abstract);
    END""",
    """CREATE TRIGGER papers_deleted AFTER DELETE ON papers BEGIN
        INSERT INTO papers_fts(papers_fts, rowid, title, abstract)
        VALUES ('delete', old.row, old.title, old.abstract);
    END""",
)


@dataclass(frozen=True, slots=True)
class Embedder:
    """The model a store's vectors come from."""

    id: str
    sha256: str
    dimension: int

    def __str__(self) -> str:
        return f"{self.id} ({self.sha256[:12]})"


def connect(folder: Path, access: Access) -> Database:
    """Open `folder`/papers.db and check that it is a store of a version this program knows.

    Raises:
        StoreError: the file is missing, is no store's database, or was made by a newer version.
    """
    path = folder / DATABASE
    if not path.is_file():
        raise StoreError(
            f"the store has lost its {DATABASE}, the one file that cannot be rebuilt",
            where=folder,
            fix="Bring it back from a copy, or build a new store: guide corpus add FILE --store NEW_DIR.",
        )
    with translating(folder):
        db = Database(_connection(path, access), execute_plugins=False)
        try:
            _check_header(db, folder)
        except BaseException:
            db.close()
            raise
    return db


def create_tables(folder: Path, embedder: Embedder) -> None:
    """Make `folder`/papers.db with empty tables, in one transaction; one that has them is left alone.

    Raises:
        StoreError: the file is there and is some other program's database, or the disk is full.
    """
    with translating(folder):
        db = Database(sqlite3.connect(folder / DATABASE, isolation_level=None), execute_plugins=False)
        try:
            with db.atomic():
                if _header(db) != (0, 0) or db.table_names():
                    _check_header(db, folder)
                    return
                for statement in _TABLES:
                    db.execute(statement)
                db.execute(f"PRAGMA application_id = {APPLICATION_ID}")
                db.execute(f"PRAGMA user_version = {FORMAT_VERSION}")
                write_embedder(db, embedder)
        finally:
            db.close()


def read_embedder(db: Database) -> Embedder:
    """The embedder that the store was made with."""
    row = db.execute("SELECT id, sha256, dimension FROM embedder").fetchone()
    return Embedder(*row)


def write_embedder(db: Database, embedder: Embedder) -> None:
    """Replace the embedder's row, inside the caller's transaction."""
    db.execute("DELETE FROM embedder")
    db.execute("INSERT INTO embedder VALUES (?, ?, ?)", [embedder.id, embedder.sha256, embedder.dimension])


def enter_log(db: Database) -> None:
    """Write through a write-ahead log, so that readers go on while a transaction is open."""
    db.execute("PRAGMA journal_mode = WAL")


def leave_log(db: Database) -> None:
    """Fold the log back, so that a store at rest is one file that can be read from anywhere."""
    db.execute("PRAGMA busy_timeout = 0")
    try:
        db.execute("PRAGMA journal_mode = DELETE")
    except sqlite3.OperationalError:
        # A reader is still at it: the log stays beside the database and the next writer folds it back.
        return


def row_of(paper: Paper) -> dict[str, Any]:
    """The columns of `papers` for one paper, row number left out."""
    return {
        "id": paper.id,
        "title": paper.title,
        "abstract": paper.abstract,
        "year": paper.year,
        "venue": paper.venue,
        "posted": paper.posted,
        "url": paper.url,
        "keywords": json.dumps(paper.keywords, ensure_ascii=False),
        "decision": paper.decision,
        "ratings": json.dumps(paper.ratings),
        "content_hash": paper.content_hash,
    }


def paper_of(row: dict[str, Any]) -> Paper:
    """The paper in one row of `papers`. Raises sqlite3.DataError if the row is damaged."""
    try:
        keywords, ratings = tuple(json.loads(row["keywords"])), tuple(json.loads(row["ratings"]))
    except (ValueError, TypeError) as error:
        raise sqlite3.DataError(f"row {row['row']} is not readable: {error}") from error
    return Paper(
        id=row["id"],
        title=row["title"],
        abstract=row["abstract"],
        year=row["year"],
        venue=row["venue"],
        posted=row["posted"],
        url=row["url"],
        keywords=keywords,
        decision=row["decision"],
        ratings=ratings,
    )


def _connection(path: Path, access: Access) -> sqlite3.Connection:
    address = path.resolve().as_uri()
    if access == "write":
        # Autocommit mode: transactions are opened by name, never as a side effect.
        return sqlite3.connect(f"{address}?mode=rw", uri=True, isolation_level=None, timeout=30)
    # A store at rest keeps a rollback journal and needs no side files, so `mode=ro` reads it from any medium
    # and still sees a writer's locks. Only a store copied while it was being written claims a write-ahead
    # log it does not have.
    if _claims_log(path) and not path.with_name(f"{path.name}-wal").exists() and not os.access(path.parent, os.W_OK):
        address += "?mode=ro&immutable=1"
    else:
        address += "?mode=ro"
    return sqlite3.connect(address, uri=True, isolation_level=None, timeout=30)


def _claims_log(path: Path) -> bool:
    """Whether the header says write-ahead log: byte 18 is then 2 (SQLite's file format, section 1.3.3)."""
    with path.open("rb") as file:
        return file.read(19)[18:] == b"\2"


def _header(db: Database) -> tuple[int, int]:
    application: int = db.execute("PRAGMA application_id").fetchone()[0]
    version: int = db.execute("PRAGMA user_version").fetchone()[0]
    return application, version


def _check_header(db: Database, folder: Path) -> None:
    application, version = _header(db)
    if application != APPLICATION_ID:
        raise StoreError(
            f"{DATABASE} is not the database of a literature store",
            where=folder,
            fix="Name another folder: guide corpus add FILE --store NEW_DIR.",
        )
    if version > FORMAT_VERSION:
        raise StoreError(
            f"the store has format {version}, this program reads formats up to {FORMAT_VERSION}",
            where=folder,
            fix="Update guide: pip install --upgrade guide-advisor.",
        )
