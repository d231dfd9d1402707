"""The literature store: a folder with a database of papers, an index of their vectors, and a manifest.

The database is the only source; the index and the manifest are derived from it. A batch of papers is one
transaction, and the index is replaced as a whole file, so a program may be killed at any moment: what was
committed stays, and the next `add` goes on from there. One program writes at a time; any number read
meanwhile.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from contextlib import closing
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from guide.corpus import schema
from guide.corpus.ingest import AddReport, Journal, ingest
from guide.corpus.layout import (
    MANIFEST,
    VECTORS,
    acquire_lock,
    check_free,
    check_present,
    index_path,
    leftovers,
    release_lock,
    translating,
)
from guide.corpus.lexical import Lexicon
from guide.corpus.manifest import StoreInfo, describe, read_manifest, take_stock, write_manifest
from guide.corpus.records import Paper, Skipped
from guide.corpus.schema import Embedder
from guide.corpus.vectors import ABSTRACT, VectorIndex, embed_missing
from guide.errors import StoreError

if TYPE_CHECKING:
    from sqlite_utils import Database

    from guide.corpus.encoder import Encoder

__all__ = ["AddReport", "Store", "StoreInfo"]

_ROWS_AT_ONCE = 500


class Store:
    """An open literature store; close it, or use it in a `with` statement.

    Attributes:
        path: its folder.
        embedder: the model its vectors come from.
        index: the vectors, by row number.
        words: the search by words.
    """

    def __init__(self, path: Path, db: Database, index: VectorIndex, writer: tuple[Encoder, int] | None) -> None:
        self.path = path
        with translating(path):
            self.embedder = schema.read_embedder(db)
            self.words = Lexicon(db)
        self.index = index
        self._db = db
        # Who writes has the encoder and the lock; who reads has neither.
        self._writer = writer

    @classmethod
    def open(cls, path: Path) -> Store:
        """Open a store for reading; works on read-only media and while another program writes.

        Raises:
            StoreError: there is no store, a file of it is missing or damaged, or its format is newer than
                this program's.
        """
        check_present(path)
        read_manifest(path)
        db = schema.connect(path, "read")
        try:
            with translating(path):
                dimension = schema.read_embedder(db).dimension
            return cls(path, db, VectorIndex.load(index_path(path, ABSTRACT), dimension, mapped=True), None)
        except BaseException:
            db.close()
            raise

    @classmethod
    def create_or_open(cls, path: Path, encoder: Encoder) -> Store:
        """Open a store for writing, making it first where there is none; holds its lock until closed.

        Raises:
            StoreError: another program writes to it, it was made with another embedder, a file of it is
                missing or damaged, its format is newer than this program's, or the folder holds something
                else.
        """
        embedder = embedder_of(encoder)
        with translating(path):
            path.mkdir(parents=True, exist_ok=True)
            check_free(path)
        lock = acquire_lock(path)
        try:
            _complete(path, embedder)
            read_manifest(path)
            db = schema.connect(path, "write")
            try:
                with translating(path):
                    check_embedder(path, schema.read_embedder(db), embedder)
                index = VectorIndex.load(index_path(path, ABSTRACT), embedder.dimension)
                return cls(path, db, index, (encoder, lock))
            except BaseException:
                db.close()
                raise
        except BaseException:
            release_lock(lock)
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the database and give the lock back. Closing twice does nothing."""
        self.words.close()
        writer, self._writer = self._writer, None
        if writer is None:
            self._db.close()
            return
        try:
            schema.leave_log(self._db)
            self._db.close()
        finally:
            release_lock(writer[1])

    @property
    def count(self) -> int:
        """How many papers the store holds."""
        with translating(self.path):
            papers: int = self._db.execute("SELECT count(*) FROM papers").fetchone()[0]
        return papers

    def info(self) -> StoreInfo:
        """Counts, cut-off, embedder, hash and sizes, read from the database itself."""
        with translating(self.path):
            return describe(self.path, self._db, len(self.index))

    def papers(self, ids: Iterable[str]) -> dict[str, Paper]:
        """The papers of these ids, by id, in the order asked for; an unknown id is left out."""
        wanted = list(dict.fromkeys(ids))
        found = {paper.id: paper for paper in self._select("id", wanted).values()}
        return {identifier: found[identifier] for identifier in wanted if identifier in found}

    def papers_at(self, rows: Iterable[int]) -> dict[int, Paper]:
        """The papers in these rows of the database, by row number; a row that is gone is left out."""
        return self._select("row", list(rows))

    def document_frequency(self, terms: Iterable[str]) -> dict[str, int]:
        """In how many papers each term occurs (see `Lexicon.document_frequency`)."""
        with translating(self.path):
            return self.words.document_frequency(terms)

    def check_encoder(self, encoder: Encoder) -> None:
        """Raise StoreError, naming both models, unless `encoder` is the one the store was made with."""
        check_embedder(self.path, self.embedder, embedder_of(encoder))

    def add(
        self,
        records: Iterable[Paper | Skipped],
        *,
        source: Path | None = None,
        at: datetime | None = None,
        progress: bool = False,
        checkpoint_seconds: float = 30.0,
    ) -> AddReport:
        """Take papers in, then embed every paper that has no vector. Adding the same again changes nothing.

        Args:
            records: papers, and the skipped records that `read_records` yields between them.
            source: the file they come from, for the journal.
            at: time for the journal; the clock's, or SOURCE_DATE_EPOCH, by default.
            progress: show progress on standard error if it is a terminal.
            checkpoint_seconds: how often the growing index is saved; a kill costs the embedding since the
                last time.

        Raises:
            StoreError: the store was opened for reading, or the disk is full or damaged; what was committed
                stays.
        """
        if self._writer is None:
            raise StoreError("the store was opened for reading", where=self.path, fix="Open it with create_or_open.")
        encoder, _ = self._writer
        begun = time.perf_counter()
        with translating(self.path):
            tally = ingest(self._db, records, Journal(self._db, source, at), progress=progress)
            self.words.forget()
            embedded = embed_missing(
                self.index,
                index_path(self.path, ABSTRACT),
                self._db,
                encoder,
                progress=progress,
                checkpoint_seconds=checkpoint_seconds,
            )
            write_manifest(self.path, take_stock(self._db, len(self.index)))
        seconds = time.perf_counter() - begun
        return AddReport(
            added=tally.added,
            updated=tally.updated,
            unchanged=tally.unchanged,
            duplicates=tally.duplicates,
            skipped=tuple(tally.skipped),
            embedded=embedded,
            seconds=seconds,
            papers_per_second=tally.papers / seconds,
        )

    def _select(self, column: str, values: Sequence[str] | Sequence[int]) -> dict[int, Paper]:
        found: dict[int, Paper] = {}
        with translating(self.path):
            for start in range(0, len(values), _ROWS_AT_ONCE):
                part = values[start : start + _ROWS_AT_ONCE]
                marks = ",".join("?" * len(part))
                rows = self._db.query(f"SELECT * FROM papers WHERE {column} IN ({marks})", part)  # noqa: S608 - marks
                found.update((row["row"], schema.paper_of(row)) for row in rows)
        return found


def embedder_of(encoder: Encoder) -> Embedder:
    """The identity of an encoder, as a store records it."""
    return Embedder(encoder.id, encoder.sha256, encoder.dimension)


def check_embedder(path: Path, stored: Embedder, given: Embedder) -> None:
    """Raise StoreError, naming both models and the command that re-embeds, unless they are the same."""
    if stored != given:
        raise StoreError(
            f"the store's vectors come from {stored}, this program embeds with {given}",
            where=path,
            fix=f"To embed its papers anew: guide corpus verify --store {path} --repair.",
        )


def _complete(path: Path, embedder: Embedder) -> None:
    """Clear what a killed writer left, and make the files of a store that is new; the lock is held.

    The manifest comes last: without it and without papers, the making itself was cut short and starts over.
    """
    with translating(path):
        for file in leftovers(path):
            file.unlink()
        if (path / MANIFEST).exists():
            return
        schema.create_tables(path, embedder)
        with closing(schema.connect(path, "write")) as db:
            if take_stock(db, 0).papers:
                return
            with db.atomic():
                schema.write_embedder(db, embedder)
            (path / VECTORS).mkdir(exist_ok=True)
            VectorIndex.create(embedder.dimension).save(index_path(path, ABSTRACT))
            write_manifest(path, take_stock(db, 0))
