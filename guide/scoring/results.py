"""The results of batch scoring: one SQLite file that a run may be killed beside at any moment.

Three things are kept apart. A judgement is kept under what it was made from: the hash of the text, and the settings
(engine, prompts, store, options) by content. The list is the input of the latest run, in its order. Pending is the text
of that input that has no judgement yet. A unit of outcomes is one transaction, so a row is there whole or not at all,
and the view `scores`, which every export is read from, joins the list with the judgements.
"""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from guide.corpus.records import canonical
from guide.scoring.result_tables import acquire_lock, prepare, translating
from guide.text.submissions import Submission, Unreadable

if TYPE_CHECKING:
    from sqlite_utils import Database

    from guide.scoring.outcomes import Outcome

# Of the columns of `scores`, those that hold JSON.
_JSON = ("ratings", "doubts", "signals", "prior", "self_excluded")
# The columns of `judgements` behind the failure.
_JUDGED = (
    "rating", "p_accept", "p_correct", "interval_low", "interval_high", "interval_level", "ratings", "calibration",
    "doubts", "signals", "prior", "self_excluded", "after_cutoff",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Listing:
    """What an input holds.

    Attributes:
        records: how many.
        unreadable: of them, that cannot be judged as they are.
        repeats: of them, whose text stands earlier in the input and is judged there.
    """

    records: int
    unreadable: int
    repeats: int

    @property
    def texts(self) -> int:
        """Different texts to judge."""
        return self.records - self.unreadable - self.repeats


@dataclass(frozen=True, slots=True)
class Ties:
    """How many submissions share their rank with another, and how many such ranks there are."""

    submissions: int
    ranks: int


class Results:
    """A file of results, open for one run; close it, or use it in a `with` statement.

    Raises:
        InputError: the file is something else's.
        GuideError: another run writes to it, or it cannot be read or written.
    """

    def __init__(self, path: Path) -> None:
        from sqlite_utils import Database

        self.path = path
        with translating(path):
            self._lock = acquire_lock(path)
            connection = sqlite3.connect(path, isolation_level=None, timeout=30)
            self._db: Database = Database(connection, execute_plugins=False)
            try:
                prepare(self._db, path)
            except BaseException:
                self.close()
                raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._db.close()
        # Only now: closing any handle of a file lets go of the locks that SQLite holds on it.
        os.close(self._lock)

    def settings(self, what: Mapping[str, Any], asked: Mapping[str, Any]) -> int:
        """The number of these settings, by content; `asked` is how the user named them."""
        with translating(self.path), self._db.atomic():
            self._db.execute(
                "INSERT INTO settings (what, asked) VALUES (?, ?)"
                " ON CONFLICT (what) DO UPDATE SET asked = excluded.asked",
                [canonical(what), canonical(asked)],
            )
            row = self._db.execute("SELECT settings FROM settings WHERE what = ?", [canonical(what)]).fetchone()
        return int(row[0])

    def settings_asked(self, asked: Mapping[str, Any]) -> int | None:
        """The settings that were last used under these names, None if there are none."""
        row = self._db.execute("SELECT max(settings) FROM settings WHERE asked = ?", [canonical(asked)]).fetchone()
        return None if row[0] is None else int(row[0])

    def enter(self, records: Iterable[Submission | Unreadable]) -> Listing:
        """Put down the input, and all its texts as pending; in one transaction.

        A record whose id stands earlier in the input keeps its line and is not judged: it could be told from the
        other one by nothing but its place.
        """
        seen: set[str] = set()
        place = unreadable = repeats = 0
        with translating(self.path), self._db.atomic():
            self._db.execute("DELETE FROM listed")
            self._db.execute("DELETE FROM pending")
            for place, record in enumerate(records, start=1):
                reason = record.reason if isinstance(record, Unreadable) else None
                if record.id in seen and reason is None:
                    reason = "the id is not unique"
                seen.add(record.id)
                key = input_key(record) if isinstance(record, Submission) and reason is None else None
                title = None if record.title is None else _storable(" ".join(record.title.split()))
                self._db.execute(
                    "INSERT INTO listed VALUES (?, ?, ?, ?, ?, NULL, ?)",
                    [place, _storable(record.id), title, _storable(record.where), key, reason],
                )
                unreadable += reason is not None
                if key is not None:
                    row = [place, key, json.dumps(asdict(record))]
                    repeats += not self._db.execute("INSERT OR IGNORE INTO pending VALUES (?, ?, ?)", row).rowcount
        return Listing(place, unreadable, repeats)

    def settle(self, settings: int, *, retry_failed: bool = True) -> int:
        """Judge the list under these settings: what has a judgement is not pending; how many texts are, after that."""
        with translating(self.path), self._db.atomic():
            self._db.execute("UPDATE listed SET settings = ?", [settings])
            self._db.execute(
                "DELETE FROM pending WHERE input IN"
                " (SELECT input FROM judgements WHERE settings = ? AND (failure IS NULL OR NOT ?))",
                [settings, retry_failed],
            )
            return int(self._db.execute("SELECT count(*) FROM pending").fetchone()[0])

    @contextmanager
    def undone(self) -> Iterator[None]:
        """Take back whatever is entered within."""
        self._db.execute("BEGIN")
        try:
            yield
        finally:
            self._db.execute("ROLLBACK")

    def pending(self, size: int) -> Iterator[tuple[Submission, ...]]:
        """The texts to judge, in the order of the input, `size` to a unit."""
        last = 0
        while True:
            with translating(self.path):
                rows = self._db.execute(
                    "SELECT place, submission FROM pending WHERE place > ? ORDER BY place LIMIT ?", [last, size]
                ).fetchall()
            if not rows:
                return
            last = rows[-1][0]
            yield tuple(Submission(**json.loads(packed)) for _, packed in rows)

    def record(self, settings: int, unit: Sequence[Submission], outcomes: Sequence[Outcome]) -> None:
        """Keep the outcomes of a unit, in one transaction."""
        rows = [_row(settings, *pair) for pair in zip(unit, outcomes, strict=True)]
        with translating(self.path), self._db.atomic():
            self._db.table("judgements").insert_all(rows, pk=("input", "settings"), replace=True)
            for one in unit:
                self._db.execute("DELETE FROM pending WHERE input = ?", [input_key(one)])

    def rows(self) -> Iterator[dict[str, Any]]:
        """Every record of the list with what came of it, in the order of the input."""
        with translating(self.path):
            cursor = self._db.execute("SELECT * FROM scores")
            names = [column[0] for column in cursor.description]
            for values in cursor:
                row = dict(zip(names, values, strict=True))
                del row["place"]
                for name in _JSON:
                    row[name] = None if row[name] is None else json.loads(row[name])
                yield row

    def statuses(self) -> dict[str, int]:
        """How many records of the list have each status, most frequent first."""
        query = "SELECT status, count(*) AS n FROM scores GROUP BY status ORDER BY n DESC, status"
        with translating(self.path):
            return dict(self._db.execute(query).fetchall())

    def left_out(self) -> tuple[int, int]:
        """How many papers of the store were left out over all rows: as the submission itself, and as too late."""
        query = "SELECT coalesce(sum(json_array_length(self_excluded)), 0), coalesce(sum(after_cutoff), 0) FROM scores"
        with translating(self.path):
            itself, late = self._db.execute(query).fetchone()
        return int(itself), int(late)

    def ties(self) -> Ties:
        """How many records share a rank."""
        query = """SELECT coalesce(sum(n), 0), count(*) FROM
            (SELECT count(*) AS n FROM scores WHERE rank IS NOT NULL GROUP BY rank HAVING n > 1)"""
        with translating(self.path):
            return Ties(*self._db.execute(query).fetchone())


def input_key(submission: Submission) -> str:
    """What a submission is judged from: its text, and its form where the source tells it."""
    return submission.sha256 if submission.form is None else f"{submission.sha256}-{submission.form}"


def _row(settings: int, submission: Submission, outcome: Outcome) -> dict[str, Any]:
    judgement, search = outcome.judgement, outcome.search
    row: dict[str, Any] = {"input": input_key(submission), "settings": settings, "failure": outcome.failure}
    row |= dict.fromkeys(_JUDGED)
    if judgement is not None:
        row |= {
            "rating": judgement.rating,
            "p_accept": judgement.p_accept,
            "p_correct": judgement.p_correct,
            "interval_low": judgement.interval.low,
            "interval_high": judgement.interval.high,
            "interval_level": judgement.interval.level,
            "ratings": canonical(judgement.ratings),
            "calibration": judgement.calibration.status,
            "doubts": canonical(judgement.calibration.reasons),
            "signals": canonical(judgement.signals.model_dump()),
        }
    if search is not None:
        row |= {
            "prior": canonical([asdict(near) for near in search.prior]),
            "self_excluded": canonical(search.itself),
            "after_cutoff": search.after_cutoff,
        }
    return row


def _storable(text: str) -> str:
    """A text without half surrogate pairs, which no database and no file takes."""
    return text.encode("utf-8", "replace").decode("utf-8")
