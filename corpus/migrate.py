"""Bringing a store of an older format up to date, in place.

The papers move to the new tables in one transaction: killed at any moment, the store is of the old format or of the
new one. Vectors are derived and are made anew; format 1 had none for the modules.
"""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlite_utils import Database

from guide.corpus import schema
from guide.corpus.codec import Record
from guide.corpus.indexing import embed_missing
from guide.corpus.layout import DATABASE, VECTORS, acquire_lock, check_present, release_lock, translating
from guide.corpus.manifest import take_stock, write_manifest
from guide.corpus.papers import PaperTable
from guide.corpus.records import Paper
from guide.corpus.snapshot import INDEX, Snapshot
from guide.errors import StoreError

if TYPE_CHECKING:
    from guide.corpus.encoder import Encoder

_AT_ONCE = 1_000


def migrate(path: Path, encoder: Encoder, *, progress: bool = False) -> int:
    """Bring the store at `path` to this program's format and embed its papers.

    Returns:
        The format it had. A store that is up to date is left alone.

    Raises:
        StoreError: there is no store, another program is writing to it, it is damaged, or its format is newer.
    """
    check_present(path)
    lock = acquire_lock(path)
    try:
        with translating(path):
            version = _convert(path)
        if version == schema.FORMAT_VERSION and (path / VECTORS / INDEX).is_file():
            return version
        with closing(schema.connect(path, "write")) as db, translating(path):
            shutil.rmtree(path / VECTORS, ignore_errors=True)
            with db.atomic():
                schema.write_embedder(db, schema.Embedder(encoder.id, encoder.sha256, encoder.dimension))
            vectors = Snapshot.create(encoder.dimension)
            vectors.save(path)
            embed_missing(path, db, vectors, encoder, progress=progress)
            write_manifest(path, take_stock(db, vectors))
            schema.leave_log(db)
            db.execute("VACUUM")
        return version
    finally:
        release_lock(lock)


def _convert(path: Path) -> int:
    """Move the papers to the tables of the present format; gives the format they were in."""
    if not (path / DATABASE).is_file():
        raise StoreError(f"the store has lost its {DATABASE}", where=path, fix="Bring it back from a copy.")
    with closing(sqlite3.connect(path / DATABASE, isolation_level=None, timeout=30)) as connection:
        db = Database(connection, execute_plugins=False)
        application, version = schema.read_header(db)
        if application != schema.APPLICATION_ID or version > schema.FORMAT_VERSION:
            # Says what is wrong with it.
            schema.check_header(db, path)
        if version == schema.FORMAT_VERSION:
            return version
        with db.atomic():
            for trigger in ("papers_inserted", "papers_deleted"):
                db.execute(f"DROP TRIGGER {trigger}")
            db.execute("DROP TABLE papers_vocabulary")
            db.execute("DROP TABLE papers_fts")
            db.execute("ALTER TABLE papers RENAME TO papers_1")
            for statement in (*schema.PAPER_TABLES, *schema.SIDE_TABLES):
                db.execute(statement)
            table = PaperTable(db)
            batch: list[Record] = []
            for paper in _read_format_1(db):
                batch.append(Record(paper))
                if len(batch) == _AT_ONCE:
                    table.insert(batch)
                    batch.clear()
            table.insert(batch)
            table.train()
            db.execute("DROP TABLE papers_1")
            db.execute(f"PRAGMA user_version = {schema.FORMAT_VERSION}")
        return version


def _read_format_1(db: Database) -> Iterator[Paper]:
    # In one list, because the table is read while another is written in the same transaction.
    rows: list[dict[str, Any]] = list(db.query("SELECT * FROM papers_1 ORDER BY row"))
    for row in rows:
        try:
            yield Paper(
                id=row["id"],
                title=row["title"],
                abstract=row["abstract"],
                year=row["year"],
                venue=row["venue"],
                posted=row["posted"],
                url=row["url"],
                keywords=tuple(json.loads(row["keywords"])),
                decision=row["decision"],
                ratings=tuple(json.loads(row["ratings"])),
            )
        except (ValueError, TypeError) as error:
            raise sqlite3.DataError(f"row {row['row']} is not readable: {error}") from error
