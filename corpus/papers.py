"""The papers in the database: putting them in, taking them out, reading them back.

Beside the packed record a row holds what is searched by: id, year, venue, month. The word index keeps no text of its
own, so it is told by hand what comes and what goes, in the transaction that moves the row.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from guide.corpus.codec import (
    SAMPLE,
    TRAINED_AT,
    Codec,
    DamagedRecordError,
    Record,
    serialise,
    train_dictionary,
)
from guide.corpus.lexical import indexed_words
from guide.corpus.records import Paper

if TYPE_CHECKING:
    from sqlite_utils import Database

_T = TypeVar("_T", int, str)

# Two contents of one id are told apart, and a damaged row is seen, with a chance of error of one in 10^19; the other 24
# bytes of SHA-256 would be a fiftieth of the store.
_HASH_BYTES = 8
_ROWS_AT_ONCE = 500

_COLUMNS = "p.row, p.id, p.year, v.name, p.posted, p.dictionary, p.content_hash, p.record"
# A row whose venue is gone is a damaged row, to be found; an inner join would pass over it in silence.
_SELECT = f"SELECT {_COLUMNS} FROM papers AS p LEFT JOIN venues AS v USING (venue)"  # noqa: S608 - a constant


@dataclass(frozen=True, slots=True)
class StoredPaper:
    """One row of the table.

    Attributes:
        row: its number.
        id: of the paper.
        record: the paper, or None if its bytes are damaged.
        damage: what is wrong with them, "" if nothing is.
    """

    row: int
    id: str
    record: Record | None
    damage: str = ""


@dataclass(frozen=True, slots=True)
class Entry:
    """What a row can be chosen by, without its record being unpacked."""

    id: str
    year: int
    venue: str
    posted: str | None


class PaperTable:
    """The tables `papers`, `venues` and `dictionaries` of one store, and the word index over them."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._codec: Codec | None = None
        self._venues: dict[str, int] = {}

    def __len__(self) -> int:
        papers: int = self._db.execute("SELECT count(*) FROM papers").fetchone()[0]
        return papers

    def hashes(self, ids: Sequence[str]) -> dict[str, tuple[int, bytes]]:
        """Row and content hash of the papers with these ids, by id."""
        found = {}
        for part in _portions(ids):
            query = f"SELECT id, row, content_hash FROM papers WHERE id IN ({_marks(part)})"  # noqa: S608 - marks
            found.update({identifier: (row, content) for identifier, row, content in self._db.execute(query, part)})
        return found

    def insert(self, records: Sequence[Record]) -> None:
        """Put papers into new rows, inside the caller's transaction; their ids must be new."""
        codec = self._open_codec()
        for record in records:
            paper = record.paper
            row = self._db.execute(
                "INSERT INTO papers (id, year, venue, posted, dictionary, content_hash, record)"
                " VALUES (?, ?, ?, ?, ?, ?, ?)",
                [
                    paper.id, paper.year, self._venue(paper.venue), _months(paper.posted), codec.current,
                    content_hash(paper), codec.pack(record),
                ],
            ).lastrowid  # fmt: skip
            self._db.execute("INSERT INTO papers_fts(rowid, text) VALUES (?, ?)", [row, indexed_words(paper.text)])

    def delete(self, rows: Sequence[int]) -> None:
        """Take rows out, inside the caller's transaction.

        The words of a row whose record is damaged stay in the index and lead nowhere until it is rebuilt.
        """
        for stored in list(self.select(rows)):
            if stored.record is not None:
                words = indexed_words(stored.record.paper.text)
                self._db.execute(
                    "INSERT INTO papers_fts(papers_fts, rowid, text) VALUES ('delete', ?, ?)", [stored.row, words]
                )
        for part in _portions(rows):
            self._db.execute(f"DELETE FROM papers WHERE row IN ({_marks(part)})", part)  # noqa: S608 - marks

    def select(self, values: Sequence[_T], *, by: str = "row") -> Iterator[StoredPaper]:
        """The papers in these rows, or with these ids, in no particular order; unknown ones are left out."""
        for part in _portions(values):
            yield from self._read(f"{_SELECT} WHERE p.{by} IN ({_marks(part)})", part)

    def entries(self, rows: Sequence[int]) -> dict[int, Entry]:
        """What these rows can be chosen by, by row; a row that is gone is left out."""
        found = {}
        for part in _portions(rows):
            query = (
                "SELECT p.row, p.id, p.year, coalesce(v.name, ''), p.posted"  # noqa: S608 - marks
                f" FROM papers AS p LEFT JOIN venues AS v USING (venue) WHERE p.row IN ({_marks(part)})"
            )
            for row, identifier, year, venue, posted in self._db.execute(query, part):
                found[row] = Entry(identifier, year, venue, month_of(posted))
        return found

    def scan(self, after: int = 0) -> Iterator[StoredPaper]:
        """Every paper in the order of the rows, from the one behind `after`."""
        return self._read(f"{_SELECT} WHERE p.row > ? ORDER BY p.row", [after])

    def altered(self) -> Iterator[StoredPaper]:
        """The papers that are not what was put in: damaged, or of another content than their hash says."""
        for stored, kept in self._read_hashed(f"{_SELECT} ORDER BY p.row", []):
            if stored.record is None or content_hash(stored.record.paper) != kept:
                yield stored

    def train(self) -> bool:
        """Train the store's dictionary and pack every record with it, once there are papers enough.

        Inside the caller's transaction. A store that has grown sixteenfold since is trained once more: what came first
        seldom speaks for the rest. Tells whether it trained.
        """
        trained = self._open_codec().current
        if trained >= len(TRAINED_AT) or len(self) < TRAINED_AT[trained]:
            return False
        number = trained + 1
        step = max(1, len(self) // SAMPLE)
        sample = self._read(f"{_SELECT} WHERE p.row % ? = 0 ORDER BY p.row LIMIT ?", [step, SAMPLE])
        texts = [serialise(stored.record) for stored in sample if stored.record is not None]
        self._db.execute("INSERT INTO dictionaries VALUES (?, ?)", [number, train_dictionary(texts)])
        self._codec = None
        codec = self._open_codec()
        for rows in _portions([row for (row,) in self._db.execute("SELECT row FROM papers").fetchall()]):
            for stored in list(self.select(rows)):
                if stored.record is not None:
                    packed = [number, codec.pack(stored.record), stored.row]
                    self._db.execute("UPDATE papers SET dictionary = ?, record = ? WHERE row = ?", packed)
        return True

    def rebuild_words(self) -> None:
        """Make the word index anew from the papers, inside the caller's transaction."""
        self._db.execute("INSERT INTO papers_fts(papers_fts) VALUES ('delete-all')")
        for stored in self.scan():
            if stored.record is not None:
                words = indexed_words(stored.record.paper.text)
                self._db.execute("INSERT INTO papers_fts(rowid, text) VALUES (?, ?)", [stored.row, words])

    def _read(self, query: str, values: Sequence[int | str]) -> Iterator[StoredPaper]:
        return (stored for stored, _ in self._read_hashed(query, values))

    def _read_hashed(self, query: str, values: Sequence[int | str]) -> Iterator[tuple[StoredPaper, bytes]]:
        codec = self._open_codec()
        for row, identifier, year, venue, posted, dictionary, kept, raw in self._db.execute(query, values):
            try:
                _check_columns(identifier, year, venue, posted)
                record = codec.unpack(
                    raw, dictionary, identifier=identifier, year=year, venue=venue, posted=month_of(posted)
                )
            except DamagedRecordError as error:
                yield StoredPaper(row, str(identifier), None, str(error)), kept
            else:
                yield StoredPaper(row, identifier, record), kept

    def _open_codec(self) -> Codec:
        if self._codec is None:
            stored: Mapping[int, bytes] = dict(
                self._db.execute("SELECT dictionary, bytes FROM dictionaries").fetchall()
            )
            self._codec = Codec(stored)
        return self._codec

    def _venue(self, name: str) -> int:
        if name not in self._venues:
            self._db.execute("INSERT OR IGNORE INTO venues (name) VALUES (?)", [name])
            (self._venues[name],) = self._db.execute("SELECT venue FROM venues WHERE name = ?", [name]).fetchone()
        return self._venues[name]


def _check_columns(identifier: object, year: object, venue: object, posted: object) -> None:
    """SQLite keeps whatever type a flipped byte makes of a value.

    Raises:
        DamagedRecordError: a value cannot be what was put in.
    """
    for name, value, kind in (("id", identifier, str), ("year", year, int), ("venue", venue, str)):
        if not isinstance(value, kind):
            raise DamagedRecordError(f"its {name} is {value!r}")
    try:
        month_of(posted)
    except sqlite3.DataError as error:
        raise DamagedRecordError(str(error)) from error


def content_hash(paper: Paper) -> bytes:
    """What tells two contents of a paper apart: the first 8 bytes of `Paper.content_hash`."""
    return bytes.fromhex(paper.content_hash)[:_HASH_BYTES]


def _months(posted: str | None) -> int | None:
    """Months since the year 0 of a month written "YYYY-MM"."""
    return None if posted is None else int(posted[:4]) * 12 + int(posted[5:]) - 1


def month_of(months: object) -> str | None:
    """Months since the year 0 as "YYYY-MM".

    Raises:
        sqlite3.DataError: the database's value is no number of months.
    """
    if months is None:
        return None
    if not isinstance(months, int):
        raise sqlite3.DataError(f"its month is {months!r}")
    return f"{months // 12:04d}-{months % 12 + 1:02d}"


def _portions(values: Sequence[_T]) -> Iterator[list[_T]]:
    for start in range(0, len(values), _ROWS_AT_ONCE):
        yield list(values[start : start + _ROWS_AT_ONCE])


def _marks(values: Sequence[object]) -> str:
    return ",".join("?" * len(values))
