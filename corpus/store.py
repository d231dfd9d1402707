"""The literature store: a folder with a database of papers, indexes of their vectors, and a manifest.

The database is the only source; the indexes and the manifest are derived from it. A batch of papers is one
transaction, and the indexes are replaced as one snapshot, so a program may be killed at any moment: what was
committed stays, and the next `add` goes on from there. One program writes at a time; any number read
meanwhile.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from contextlib import closing
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from guide.corpus import schema
from guide.corpus.codec import Record
from guide.corpus.compress import Compressor, load_compressor
from guide.corpus.indexing import embed_missing
from guide.corpus.ingest import AddReport, Journal, ingest, read_mark
from guide.corpus.layout import (
    MANIFEST,
    acquire_lock,
    check_free,
    check_present,
    leftovers,
    release_lock,
    translating,
    verify_command,
)
from guide.corpus.lexical import Lexicon
from guide.corpus.manifest import StoreInfo, describe, read_manifest, take_stock, write_manifest
from guide.corpus.papers import Entry, PaperTable, StoredPaper
from guide.corpus.records import Paper, Skipped
from guide.corpus.repair import rebuild_vectors
from guide.corpus.schema import Embedder
from guide.corpus.shortening import Shortener
from guide.corpus.snapshot import Snapshot, unnamed
from guide.corpus.sources import Mark
from guide.corpus.vectors import AUTO
from guide.errors import InputError, StoreError

if TYPE_CHECKING:
    from sqlite_utils import Database

    from guide.corpus.encoder import Encoder

__all__ = ["AddReport", "Store", "StoreInfo"]


class Store:
    """An open literature store; close it, or use it in a `with` statement.

    Attributes:
        path: its folder.
        embedder: the model its vectors come from.
        vectors: the indexes, by kind of module.
        words: the search by words.
    """

    def __init__(self, path: Path, db: Database, vectors: Snapshot, writer: tuple[Encoder, int] | None) -> None:
        self.path = path
        with translating(path):
            self.embedder = schema.read_embedder(db)
            self.words = Lexicon(db)
        self.vectors = vectors
        self._db = db
        self._table = PaperTable(db)
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
            return cls(path, db, Snapshot.load(path, dimension, mapped=True), None)
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
                return cls(path, db, Snapshot.load(path, embedder.dimension), (encoder, lock))
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
            return len(self._table)

    def info(self) -> StoreInfo:
        """Counts, cut-off, embedder, hash and sizes, read from the database itself."""
        with translating(self.path):
            return describe(self.path, self._db, self.vectors)

    def papers(self, ids: Iterable[str]) -> dict[str, Paper]:
        """The papers of these ids, by id, in the order asked for; an unknown id is left out.

        Raises:
            StoreError: a paper's record is damaged.
        """
        wanted = list(dict.fromkeys(ids))
        with translating(self.path):
            found = {one.id: self._sound(one).paper for one in self._table.select(wanted, by="id")}
        return {identifier: found[identifier] for identifier in wanted if identifier in found}

    def records_at(self, rows: Iterable[int]) -> dict[int, Record]:
        """The papers in these rows of the database, by row number; a row that is gone is left out.

        Raises:
            StoreError: a paper's record is damaged.
        """
        with translating(self.path):
            return {one.row: self._sound(one) for one in self._table.select(list(rows))}

    def entries_at(self, rows: Iterable[int]) -> dict[int, Entry]:
        """What the papers in these rows can be chosen by, by row number; a row that is gone is left out."""
        with translating(self.path):
            return self._table.entries(list(rows))

    def export(self) -> Iterator[Paper]:
        """Every paper, in the order they came in.

        Raises:
            StoreError: a paper's record is damaged.
        """
        with translating(self.path):
            for one in self._table.scan():
                yield self._sound(one).paper

    @property
    def compression(self) -> str:
        """How the texts of the modules are shortened: the id of a compressor, or "none"."""
        with translating(self.path):
            return schema.read_setting(self._db, "compress") or "none"

    def check_encoder(self, encoder: Encoder) -> None:
        """Raise StoreError, naming both models, unless `encoder` is the one the store was made with."""
        check_embedder(self.path, self.embedder, embedder_of(encoder))

    def mark(self, source: str) -> dict[str, Any] | None:
        """Where an interrupted run of this source can go on (see `guide.corpus.sources`); None for the start."""
        with translating(self.path):
            return read_mark(self._db, source)

    def add(
        self,
        records: Iterable[Paper | Skipped | Mark],
        *,
        source: Path | str | None = None,
        compressor: Compressor | None = None,
        layout: str | None = None,
        ray: str | None = None,
        at: datetime | None = None,
        progress: bool = False,
    ) -> AddReport:
        """Take papers in, then embed every paper that has no vector. Adding the same again changes nothing.

        Args:
            records: papers, and the skipped records and marks that a source yields between them.
            source: the file they come from, or the name of the source, for the journal and the marks.
            compressor: shortens the modules; the store's papers are all shortened by one method. None leaves
                it at what the store does already, which for a new one is nothing.
            layout: how to keep the vectors: "auto", "flat", or a FAISS factory string; None as it was.
            ray: address of a Ray cluster to embed on; None embeds here.
            at: time for the journal; the clock's, or SOURCE_DATE_EPOCH, by default.
            progress: show progress on standard error if it is a terminal.

        Raises:
            InputError: the compressor or the layout is not the one the store was made with.
            StoreError: the store was opened for reading, or the disk is full or damaged; what was committed
                stays.
        """
        if self._writer is None:
            raise StoreError("the store was opened for reading", where=self.path, fix="Open it with create_or_open.")
        encoder, _ = self._writer
        begun = time.perf_counter()
        with translating(self.path):
            shortener = self._shortener(compressor)
            kept_as = schema.read_setting(self._db, "vectors") or AUTO
            wanted = layout or kept_as
            tally = ingest(
                self._db,
                records,
                Journal(self._db, source, at),
                compress=shortener,
                source=source if isinstance(source, str) else None,
                progress=progress,
            )
            if tally.trained:
                # Records that have become smaller leave holes in their pages.
                self._db.execute("VACUUM")
            self.words.forget()
            embedded = embed_missing(
                self.path, self._db, self.vectors, encoder, layout=wanted, ray=ray, progress=progress
            )
            if wanted != kept_as:
                # Only now, when the vectors are kept so: a layout that is refused must not come back at the next run.
                with self._db.atomic():
                    schema.write_setting(self._db, "vectors", wanted)
            write_manifest(self.path, take_stock(self._db, self.vectors))
        seconds = time.perf_counter() - begun
        return AddReport(
            added=tally.added,
            updated=tally.updated,
            unchanged=tally.unchanged,
            duplicates=tally.duplicates,
            skipped=tuple(tally.skipped),
            embedded=embedded,
            compression=shortener.counts if shortener else None,
            seconds=seconds,
            papers_per_second=tally.papers / seconds,
        )

    def _shortener(self, compressor: Compressor | None) -> Shortener | None:
        """What shortens the papers of this run, after checking that it is what shortened the others."""
        made_with = schema.read_setting(self._db, "compress")
        if compressor is None:
            if made_with is None or not self.count:
                return None
            method, _, rate = made_with.partition("@")
            known = load_compressor("extractive", rate=float(rate)) if method.startswith("extractive") else None
            if known is not None and known.id == made_with:
                return Shortener(known)
            raise InputError(
                f"the store's texts are compressed by {made_with}",
                where=self.path,
                fix="Name the same method: --compress, and its --rate and --compress-model.",
            )
        if self.count and compressor.id != (made_with or "none"):
            raise InputError(
                f"the store's texts are compressed by {made_with or 'none'}, not by {compressor.id}",
                where=self.path,
                fix="Name the same method, or build a new store: --store NEW_DIR.",
            )
        if compressor.method == "none":
            return None
        if made_with != compressor.id:
            with self._db.atomic():
                schema.write_setting(self._db, "compress", compressor.id)
        return Shortener(compressor)

    def _sound(self, stored: StoredPaper) -> Record:
        if stored.record is None:
            what = f"the record of paper {stored.id!r} is damaged ({stored.damage})"
            raise StoreError(what, where=self.path, fix=verify_command(self.path))
        return stored.record


def reindex_store(path: Path, encoder: Encoder, *, layout: str | None = None, progress: bool = False) -> StoreInfo:
    """Embed every paper of the store at `path` anew and build its indexes from nothing.

    Raises:
        InputError: FAISS does not know the layout.
        StoreError: there is no store, another program is writing to it, or the disk is full.
    """
    check_present(path)
    lock = acquire_lock(path)
    try:
        with closing(schema.connect(path, "write")) as db, translating(path):
            vectors = rebuild_vectors(path, db, encoder, layout=layout, progress=progress)
            write_manifest(path, take_stock(db, vectors))
            schema.leave_log(db)
            return describe(path, db, vectors)
    finally:
        release_lock(lock)


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
            # An older format is said by the manifest, before its files are looked for.
            read_manifest(path)
            for file in unnamed(path):
                file.unlink()
            return
        schema.create_tables(path, embedder)
        with closing(schema.connect(path, "write")) as db:
            if len(PaperTable(db)):
                return
            with db.atomic():
                schema.write_embedder(db, embedder)
            vectors = Snapshot.create(embedder.dimension)
            vectors.save(path)
            write_manifest(path, take_stock(db, vectors))
