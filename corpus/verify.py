"""Checking a store against itself, and mending what can be mended.

The database is the source. Its structure, its word index and each paper's content hash are checked; then the
vector indexes and the manifest against it. Repair rebuilds whatever is derived. What it cannot do is bring
an altered paper back, or tell which of its fields is the altered one, the id included: it takes the paper out
and names it, and adding the source file again brings it back.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from guide.corpus import repair as mend
from guide.corpus import schema
from guide.corpus.chunking import module_vectors
from guide.corpus.indexing import PENDING, embed_missing
from guide.corpus.ingest import altered_marks
from guide.corpus.layout import (
    DATABASE,
    MANIFEST,
    VECTORS,
    acquire_lock,
    check_present,
    leftovers,
    release_lock,
    translating,
    verify_command,
)
from guide.corpus.manifest import read_manifest, take_stock, write_manifest
from guide.corpus.papers import PaperTable
from guide.corpus.snapshot import INDEX, Snapshot, unnamed
from guide.corpus.store import embedder_of
from guide.corpus.vectors import AUTO
from guide.errors import StoreError

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from sqlite_utils import Database

    from guide.corpus.encoder import Encoder

_SPOT_CHECKS = 8
# 16-bit floats, four-bit codes and other batches move a cosine by less than 0.02, another text or model by far more.
_SAME_VECTOR = 0.97
_REBUILD = "It cannot be mended: bring it back from a copy, or build a new store from its sources."
_NAMED = 3  # altered papers named in a message
_INDEX_NAME = f"{VECTORS}/{INDEX}"


@dataclass(frozen=True, slots=True)
class Problem:
    """Something wrong with a store: at which of its files, what, and whether this run mended it."""

    where: str
    what: str
    repaired: bool


@dataclass(frozen=True, slots=True)
class VerifyReport:
    """What a verification found.

    Attributes:
        ok: nothing was wrong, or all of it is mended.
        problems: in the order found.
        checked: what was looked at; a check that was not possible is not in it.
    """

    ok: bool
    problems: tuple[Problem, ...]
    checked: tuple[str, ...]


def verify(path: Path, *, repair: bool = False, encoder: Encoder | None = None, progress: bool = False) -> VerifyReport:
    """Check every file of the store at `path`.

    Args:
        path: the store's folder.
        repair: rebuild what is derived: word index, vectors, manifest.
        encoder: compares a few papers' vectors with fresh ones, and is needed to rebuild vectors; one that
            is not the store's own is a problem, and repair embeds all papers anew with it.
        progress: show progress of the embedding on standard error if it is a terminal.

    Raises:
        StoreError: there is no store, its database cannot be opened at all, or another program is writing to
            it.
    """
    check_present(path)
    with _alone(path, repair=repair) as writable, translating(path):
        try:
            db = schema.connect(path, "write" if writable else "read")
        except StoreError as error:
            # The usual advice is to run this very command.
            fix = _REBUILD if error.fix == verify_command(path) else error.fix
            raise StoreError(error.what, where=error.where, fix=fix) from error
        with closing(db):
            # A flipped byte can make text that is no UTF-8; it is to be found, not to stop the search.
            db.conn.text_factory = lambda raw: raw.decode(errors="replace")
            run = _Verification(path, db, encoder, repair=repair, writable=writable, progress=progress)
            run.check_all()
            if repair:
                schema.leave_log(db)
    return VerifyReport(all(one.repaired for one in run.problems), tuple(run.problems), tuple(run.checked))


class _Verification:
    """One run over a store: the checks in order, each noting what it found."""

    def __init__(
        self,
        path: Path,
        db: Database,
        encoder: Encoder | None,
        *,
        repair: bool,
        writable: bool,
        progress: bool,
    ) -> None:
        self.problems: list[Problem] = []
        self.checked: list[str] = []
        self._path = path
        self._db = db
        self._table = PaperTable(db)
        self._papers_sound = True
        self._settings_sound = True
        self._encoder = encoder
        self._repair = repair
        self._writable = writable
        self._progress = progress

    def check_all(self) -> None:
        """All checks; without a sound database the others would say nothing."""
        if not self._check_structure():
            return
        self._check_words()
        self._check_papers()
        self._check_marks()
        self._check_settings()
        self._check_embedder()
        vectors = self._check_snapshot()
        if vectors is not None:
            vectors = self._check_vectors(vectors)
        if self._settings_sound and self._papers_sound:
            self._check_manifest(vectors)
        self._check_leftovers(vectors)

    def _found(self, where: str, what: str, cure: Callable[[], object] | None) -> None:
        """Note a problem, after mending it if this run repairs and there is a cure."""
        mended = self._repair and cure is not None
        if mended and cure is not None:
            cure()
        self.problems.append(Problem(where, what, mended))

    def _check_structure(self) -> bool:
        self.checked.append("database structure")
        complaints = mend.complaints(self._db)
        if not complaints:
            return True
        mended = self._repair and mend.rebuild_indexes(self._db)
        what = f"SQLite finds it damaged ({complaints[0]})"
        self.problems.append(Problem(DATABASE, what if mended else f"{what}; build the store again", mended))
        return mended

    def _check_words(self) -> None:
        self.checked.append("word index against papers")
        complaint = mend.word_complaint(self._db)
        if complaint:
            what = f"the word index does not match the papers ({complaint})"
            self._found(DATABASE, what, lambda: mend.rebuild_words(self._db))

    def _check_papers(self) -> None:
        self.checked.append("content hash of every paper")
        altered = {stored.row: stored.id for stored in self._table.altered()}
        if not altered:
            return
        ids = list(altered.values())
        what = f"{len(ids)} of the papers are not what was added"
        if self._repair:
            with self._db.atomic():
                self._table.delete(list(altered))
            # No later run can name them: they are all in this message.
            what += f" and are taken out ({', '.join(ids)}); add their source file again"
        else:
            # Their fields may not even be numbers and texts: no manifest can be made to compare with.
            self._papers_sound = False
            names = ", ".join(ids[:_NAMED]) + (", …" if len(ids) > _NAMED else "")
            what += f" ({names}); repair takes them out, adding their source file again then brings them back"
        # Not repaired, even where they are out: the store has lost them until their source is added.
        self.problems.append(Problem(DATABASE, what, repaired=False))

    def _check_marks(self) -> None:
        self.checked.append("marks of interrupted sources")
        for source in altered_marks(self._db):
            what = f"the mark of the source {source!r} is altered; the source begins again"
            self._found(DATABASE, what, self._mark_cure(source))

    def _mark_cure(self, source: str) -> Callable[[], object]:
        return lambda: self._db.execute("DELETE FROM marks WHERE source = ?", [source])

    def _check_settings(self) -> None:
        self.checked.append("settings")
        for name in ("compress", "vectors"):
            try:
                schema.read_setting(self._db, name)
            except sqlite3.DataError as error:
                self._found(DATABASE, str(error), self._setting_cure(name))
                self._settings_sound = self.problems[-1].repaired

    def _setting_cure(self, name: str) -> Callable[[], object] | None:
        """What brings a setting back: the manifest has that of the compression, the layout can be chosen anew."""
        if name == "vectors":
            return lambda: schema.write_setting(self._db, name, AUTO)
        try:
            kept = read_manifest(self._path).compression
        except StoreError:
            return None
        ((digest,),) = self._db.execute("SELECT digest FROM settings WHERE name = ?", [name]).fetchall()
        return (lambda: schema.write_setting(self._db, name, kept)) if schema.digest_of(name, kept) == digest else None

    def _check_embedder(self) -> None:
        if self._encoder is None:
            return
        self.checked.append("embedder")
        stored, given = schema.read_embedder(self._db), embedder_of(self._encoder)
        if stored != given:
            what = f"the vectors come from {stored}, this program embeds with {given}"
            self._found(_INDEX_NAME, what, self._vector_cure(anew=True))

    def _check_snapshot(self) -> Snapshot | None:
        self.checked.append("vector indexes against papers")
        try:
            vectors = self._load()
        except StoreError as error:
            where = Path(error.where or _INDEX_NAME)
            name = self._name(where) if where.is_relative_to(self._path) else _INDEX_NAME
            self._found(name, error.what, self._vector_cure(anew=True))
            return self._load() if self.problems[-1].repaired else None
        rows = np.array([row for (row,) in self._db.execute("SELECT row FROM papers")], dtype=np.int64)
        what, anew = _compare(vectors, rows)
        if what:
            self._found(_INDEX_NAME, what, self._vector_cure(anew=anew))
            return self._load()
        return vectors

    def _check_vectors(self, vectors: Snapshot) -> Snapshot:
        """Embed a few papers again, evenly spread over the rows, and compare."""
        encoder = self._encoder
        if encoder is None or embedder_of(encoder) != schema.read_embedder(self._db) or not len(vectors):
            return vectors
        rows = vectors.rows
        chosen = rows[np.linspace(0, len(rows) - 1, min(_SPOT_CHECKS, len(rows)), dtype=int)].tolist()
        papers = {one.row: one.record.paper for one in self._table.select(chosen) if one.record is not None}
        self.checked.append(f"the vectors of {len(papers)} papers against fresh ones")
        numbers = list(papers)
        nearest = 1.0
        for kind, (places, fresh) in module_vectors(encoder, list(papers.values())).items():
            for place, vector in zip(places, fresh, strict=True):
                (stored,) = vectors.kinds[kind].cosines(vector[np.newaxis], [numbers[place]])
                nearest = min(nearest, stored.get(numbers[place], -1.0))
        if nearest >= _SAME_VECTOR:
            return vectors
        what = f"a stored vector has cosine {nearest:.3f} with a fresh one of the same paper"
        self._found(_INDEX_NAME, what, self._vector_cure(anew=True))
        return self._load()

    def _check_manifest(self, vectors: Snapshot | None) -> None:
        self.checked.append("manifest against database")
        due = take_stock(self._db, vectors)
        try:
            found = asdict(read_manifest(self._path))
        except StoreError as error:
            self._found(MANIFEST, error.what, lambda: write_manifest(self._path, due))
            return
        if vectors is None:
            # The indexes cannot be read, which has been said already.
            found |= {"vectors": due.vectors, "layout": due.layout}
        differing = [name for name, value in asdict(due).items() if found[name] != value]
        if differing:
            what = f"not as the database has it: {', '.join(differing)} (an interrupted ingest, or an edit)"
            self._found(MANIFEST, what, lambda: write_manifest(self._path, due))

    def _check_leftovers(self, vectors: Snapshot | None) -> None:
        if not self._writable:
            # Without the lock there is no telling a killed writer's files from a living one's.
            return
        self.checked.append("leftover temporary files")
        files = leftovers(self._path)
        if vectors is not None:
            files += unnamed(self._path)
        for file in files:
            self._found(self._name(file), "a killed program left it behind", file.unlink)
        log = self._path / VECTORS / PENDING
        if log.exists():
            self._found(self._name(log), "an interrupted ingest left vectors to be folded in", self._vector_cure())

    def _vector_cure(self, *, anew: bool = False) -> Callable[[], object] | None:
        encoder = self._encoder
        if encoder is None:
            return None
        if anew:
            return lambda: mend.rebuild_vectors(self._path, self._db, encoder, progress=self._progress)
        layout = schema.read_setting(self._db, "vectors") or AUTO
        return lambda: embed_missing(
            self._path, self._db, self._load(), encoder, layout=layout, progress=self._progress
        )

    def _load(self) -> Snapshot:
        return Snapshot.load(self._path, schema.read_embedder(self._db).dimension)

    def _name(self, file: Path) -> str:
        return str(file.relative_to(self._path))


@contextmanager
def _alone(path: Path, *, repair: bool) -> Iterator[bool]:
    """Hold the store's lock where the folder can be written; tells whether it can.

    Raises:
        StoreError: another program is writing, or the store is to be repaired and cannot be written.
    """
    if not repair and not os.access(path, os.W_OK):
        yield False
        return
    lock = acquire_lock(path)
    try:
        yield True
    finally:
        release_lock(lock)


def _compare(vectors: Snapshot, rows: NDArray[np.int64]) -> tuple[str, bool]:
    """What is wrong between the indexes and the rows of the papers, "" if nothing; whether to embed all anew."""
    held = vectors.rows
    unique = np.unique(held)
    missing, stale, twice = np.setdiff1d(rows, unique), np.setdiff1d(unique, rows), len(held) - len(unique)
    if len(missing) or len(stale) or twice:
        what = f"{len(missing)} papers without vectors, {len(stale)} vectors without paper, {twice} twice"
        return what, bool(twice)
    for kind, index in vectors.kinds.items():
        strays = len(np.setdiff1d(index.rows, rows)) + len(index.rows) - len(np.unique(index.rows))
        if strays:
            return f"{strays} vectors of the kind {kind} without paper, or twice", True
    return "", False
