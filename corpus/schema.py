"""The store's database: its tables, their version, and how a connection is opened.

A row of `papers` is never changed: a paper whose content changes is deleted and inserted under a new row
number, and row numbers are never used twice. So the set of row numbers in a vector index says exactly which
vectors are missing and which are stale, whatever moment a program was killed at.
"""

from __future__ import annotations

import hashlib
import os
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from sqlite_utils import Database

from guide.corpus.layout import DATABASE, translating
from guide.errors import StoreError

FORMAT_VERSION = 2
APPLICATION_ID = 0x47554944  # "GUID", in the header of every papers.db

Access = Literal["read", "write"]

# Porter stems and folded accents: "networks" finds "network", "Schrodinger" finds "Schrödinger".
TOKENIZER = "porter unicode61 remove_diacritics 2"
# Larger pages waste less behind the last record of each; 4,096, SQLite's own choice, costs 6 % more.
_PAGE_BYTES = 16_384
_JOURNAL = """CREATE TABLE journal (
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
    )"""
_EMBEDDER = """CREATE TABLE embedder (
        id TEXT NOT NULL,
        sha256 TEXT NOT NULL,
        dimension INTEGER NOT NULL
    )"""
# What format 2 brought; a migration from format 1 makes these too.
PAPER_TABLES = (
    """CREATE TABLE venues (
        venue INTEGER PRIMARY KEY,
        name TEXT NOT NULL UNIQUE
    )""",
    """CREATE TABLE dictionaries (
        dictionary INTEGER PRIMARY KEY,
        bytes BLOB NOT NULL
    )""",
    """CREATE TABLE papers (
        row INTEGER PRIMARY KEY AUTOINCREMENT,
        id TEXT NOT NULL UNIQUE,
        year INTEGER NOT NULL,
        venue INTEGER NOT NULL REFERENCES venues(venue),
        posted INTEGER,
        dictionary INTEGER NOT NULL,
        content_hash BLOB NOT NULL,
        record BLOB NOT NULL
    )""",
    # Without text of its own and without positions: half the size, and what is not asked for is not kept.
    f"CREATE VIRTUAL TABLE papers_fts USING fts5(text, content='', detail=none, columnsize=0, tokenize='{TOKENIZER}')",
    "CREATE VIRTUAL TABLE papers_vocabulary USING fts5vocab('papers_fts', 'row')",
    "CREATE VIRTUAL TABLE papers_postings USING fts5vocab('papers_fts', 'instance')",
)
SIDE_TABLES = (
    """CREATE TABLE marks (
        source TEXT PRIMARY KEY,
        state TEXT NOT NULL,
        at TEXT NOT NULL,
        digest TEXT NOT NULL
    )""",
    """CREATE TABLE settings (
        name TEXT PRIMARY KEY,
        value TEXT NOT NULL,
        digest TEXT NOT NULL
    )""",
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
            check_header(db, folder)
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
            db.execute(f"PRAGMA page_size = {_PAGE_BYTES}")
            with db.atomic():
                if read_header(db) != (0, 0) or db.table_names():
                    check_header(db, folder)
                    return
                for statement in (_EMBEDDER, _JOURNAL, *PAPER_TABLES, *SIDE_TABLES):
                    db.execute(statement)
                db.execute(f"PRAGMA application_id = {APPLICATION_ID}")
                db.execute(f"PRAGMA user_version = {FORMAT_VERSION}")
                write_embedder(db, embedder)
        finally:
            db.close()


def read_embedder(db: Database) -> Embedder:
    """The embedder that the store was made with.

    Raises:
        StoreError: its row is gone.
    """
    # One flipped bit makes a text a blob of the same bytes; cast, it is the name it was.
    columns = "CAST(id AS TEXT), CAST(sha256 AS TEXT), CAST(dimension AS INTEGER)"
    row = db.execute(f"SELECT {columns} FROM embedder").fetchone()  # noqa: S608 - a constant
    if row is None:
        raise StoreError(
            "the database does not say which model its vectors come from",
            fix="To embed its papers anew: guide corpus reindex.",
        )
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


def read_setting(db: Database, name: str) -> str | None:
    """What a setting of the store says; None if it was never made.

    Raises:
        sqlite3.DataError: it is not what was written.
    """
    row = db.execute("SELECT value, digest FROM settings WHERE name = ?", [name]).fetchone()
    if row is None:
        return None
    if row[1] != digest_of(name, row[0]):
        raise sqlite3.DataError(f"the setting {name!r} is altered")
    return str(row[0])


def write_setting(db: Database, name: str, value: str) -> None:
    """Make or change a setting, inside the caller's transaction."""
    db.execute("INSERT OR REPLACE INTO settings VALUES (?, ?, ?)", [name, value, digest_of(name, value)])


def digest_of(*texts: object) -> str:
    """What tells whether a row of texts is as it was written: 16 hex digits of SHA-256.

    One flipped bit makes a text a blob; such a value has another digest than the text.
    """
    return hashlib.sha256("\0".join(map(str, texts)).encode("utf-8", "replace")).hexdigest()[:16]


def _connection(path: Path, access: Access) -> sqlite3.Connection:
    address = path.resolve().as_uri()
    if access == "read" and path.with_name(f"{path.name}-journal").exists():
        _roll_back(address)
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


def _roll_back(address: str) -> None:
    """Undo what a killed writer left half done: its journal asks for that, and a reader may not write.

    While the writer lives the journal is its own and nothing is touched.

    Raises:
        sqlite3.OperationalError: the folder cannot be written.
    """
    with closing(sqlite3.connect(f"{address}?mode=rw", uri=True, timeout=30)) as db:
        db.execute("SELECT count(*) FROM sqlite_master").fetchone()


def _claims_log(path: Path) -> bool:
    """Whether the header says write-ahead log: byte 18 is then 2 (SQLite's file format, section 1.3.3)."""
    with path.open("rb") as file:
        return file.read(19)[18:] == b"\2"


def read_header(db: Database) -> tuple[int, int]:
    """The application id and the format version in the database's header."""
    application: int = db.execute("PRAGMA application_id").fetchone()[0]
    version: int = db.execute("PRAGMA user_version").fetchone()[0]
    return application, version


def check_header(db: Database, folder: Path) -> None:
    """Raise StoreError unless this is a store's database of this program's format."""
    application, version = read_header(db)
    if application != APPLICATION_ID:
        raise StoreError(
            f"{DATABASE} is not the database of a literature store",
            where=folder,
            fix="Name another folder: guide corpus add FILE --store NEW_DIR.",
        )
    if version < FORMAT_VERSION:
        raise StoreError(
            f"the store has format {version}, this program works on format {FORMAT_VERSION}",
            where=folder,
            fix=f"Bring it up to date: guide corpus migrate --store {folder}.",
        )
    if version > FORMAT_VERSION:
        raise StoreError(
            f"the store has format {version}, this program reads formats up to {FORMAT_VERSION}",
            where=folder,
            fix="Update guide: pip install --upgrade guide-advisor.",
        )
