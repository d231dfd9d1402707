"""Checking a store against itself, and mending what can be mended.

The database is the source. Its structure, its word index and each paper's content hash are checked; then the
vector index and the manifest against it. Repair rebuilds whatever is derived. What it cannot do is bring
altered text back: it marks the paper, so that adding the source file again replaces it, and goes on saying
so until then.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from guide.corpus import repair as mend
from guide.corpus import schema
from guide.corpus.layout import (
    DATABASE,
    MANIFEST,
    acquire_lock,
    check_present,
    index_path,
    leftovers,
    release_lock,
    translating,
)
from guide.corpus.manifest import read_manifest, take_stock, write_manifest
from guide.corpus.store import embedder_of
from guide.corpus.vectors import ABSTRACT, VectorIndex, embed_missing
from guide.errors import StoreError

if TYPE_CHECKING:
    from sqlite_utils import Database

    from guide.corpus.encoder import Encoder

_SPOT_CHECKS = 8
# 16-bit floats and other batches move a cosine by less than 0.001; another text or model moves it far more.
_SAME_VECTOR = 0.99
_NAMED = 3  # altered papers named in a message


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
        db = schema.connect(path, "write" if writable else "read")
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
        self._index_path = index_path(path, ABSTRACT)
        self._db = db
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
        self._check_embedder()
        index = self._check_index()
        if index is not None:
            index = self._check_vectors(index)
        self._check_manifest(None if index is None else len(index))
        self._check_leftovers()

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
        if self._writable:
            complaint = mend.word_complaint(self._db.conn)
        else:
            # FTS5 takes its check for a write, so a read-only database is checked as a copy in memory.
            with closing(sqlite3.connect(":memory:", isolation_level=None)) as copy:
                self._db.conn.backup(copy)
                complaint = mend.word_complaint(copy)
        if complaint:
            what = f"the word index does not match the papers ({complaint})"
            self._found(DATABASE, what, lambda: mend.rebuild_words(self._db))

    def _check_papers(self) -> None:
        self.checked.append("content hash of every paper")
        rows = self._db.query("SELECT * FROM papers")
        altered = {row["row"]: str(row["id"]) for row in rows if _is_altered(row)}
        if not altered:
            return
        if self._repair:
            mend.mark_altered(self._db, altered)
        names = ", ".join(list(altered.values())[:_NAMED]) + (", …" if len(altered) > _NAMED else "")
        what = f"{len(altered)} of the papers are not what was added ({names}); "
        cure = "add their source file again" if self._repair else "repair, then add their source file again"
        self.problems.append(Problem(DATABASE, what + cure, repaired=False))

    def _check_embedder(self) -> None:
        if self._encoder is None:
            return
        self.checked.append("embedder")
        stored, given = schema.read_embedder(self._db), embedder_of(self._encoder)
        if stored != given:
            what = f"the vectors come from {stored}, this program embeds with {given}"
            self._found(self._name(self._index_path), what, self._vector_cure(anew=True))

    def _check_index(self) -> VectorIndex | None:
        self.checked.append("vector index against papers")
        where = self._name(self._index_path)
        try:
            index = self._load()
        except StoreError as error:
            self._found(where, error.what, self._vector_cure(anew=True))
            return self._load() if self.problems[-1].repaired else None
        rows = np.array([row for (row,) in self._db.execute("SELECT row FROM papers")], dtype=np.int64)
        held = np.unique(index.rows)
        missing, stale, twice = np.setdiff1d(rows, held), np.setdiff1d(held, rows), len(index) - len(held)
        if len(missing) or len(stale) or twice:
            what = f"{len(missing)} papers without vector, {len(stale)} vectors without paper, {twice} twice"
            self._found(where, what, self._vector_cure(anew=bool(twice)))
            return self._load()
        return index

    def _check_vectors(self, index: VectorIndex) -> VectorIndex:
        """Embed a few papers again, evenly spread over the rows, and compare."""
        encoder = self._encoder
        if encoder is None or embedder_of(encoder) != schema.read_embedder(self._db) or not len(index):
            return index
        rows = np.sort(index.rows)
        chosen = rows[np.linspace(0, len(rows) - 1, min(_SPOT_CHECKS, len(rows)), dtype=int)].tolist()
        marks = ",".join("?" * len(chosen))
        query = f"SELECT row, title || '. ' || abstract FROM papers WHERE row IN ({marks})"  # noqa: S608 - marks only
        texts = dict(self._db.execute(query, chosen).fetchall())
        self.checked.append(f"{len(texts)} vectors against fresh ones")
        stored = index.vectors(texts)
        fresh = dict(zip(texts, encoder.encode(list(texts.values())), strict=True))
        nearest = min((float(stored[row] @ fresh[row]) for row in texts), default=1.0)
        if nearest >= _SAME_VECTOR:
            return index
        what = f"a stored vector has cosine {nearest:.3f} with a fresh one of the same paper"
        self._found(self._name(self._index_path), what, self._vector_cure(anew=True))
        return self._load()

    def _check_manifest(self, vectors: int | None) -> None:
        self.checked.append("manifest against database")
        due = take_stock(self._db, vectors or 0)
        try:
            found = asdict(read_manifest(self._path))
        except StoreError as error:
            self._found(MANIFEST, error.what, lambda: write_manifest(self._path, due))
            return
        if vectors is None:
            # The index cannot be read, which has been said already.
            found["vectors"] = due.vectors
        differing = [name for name, value in asdict(due).items() if found[name] != value]
        if differing:
            what = f"not as the database has it: {', '.join(differing)} (an interrupted ingest, or an edit)"
            self._found(MANIFEST, what, lambda: write_manifest(self._path, due))

    def _check_leftovers(self) -> None:
        if not self._writable:
            # Without the lock there is no telling a killed writer's files from a living one's.
            return
        self.checked.append("leftover temporary files")
        for file in leftovers(self._path):
            self._found(self._name(file), "a killed program left it behind", file.unlink)

    def _vector_cure(self, *, anew: bool) -> Callable[[], object] | None:
        encoder = self._encoder
        if encoder is None:
            return None
        if anew:
            return lambda: mend.rebuild_vectors(self._path, self._db, encoder, progress=self._progress)
        return lambda: embed_missing(self._load(), self._index_path, self._db, encoder, progress=self._progress)

    def _load(self) -> VectorIndex:
        return VectorIndex.load(self._index_path, schema.read_embedder(self._db).dimension)

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


def _is_altered(row: dict[str, Any]) -> bool:
    try:
        return bool(schema.paper_of(row).content_hash != row["content_hash"])
    except (sqlite3.DataError, TypeError, ValueError):
        # Not even a paper any more.
        return True
