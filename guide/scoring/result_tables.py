"""The tables of a file of results, and opening it for one run at a time."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from guide.errors import GuideError, InputError

if TYPE_CHECKING:
    from sqlite_utils import Database

FORMAT_VERSION = 1
APPLICATION_ID = 0x47554453  # "GUDS"

_TABLES = (
    """CREATE TABLE settings (
        settings INTEGER PRIMARY KEY,
        what TEXT NOT NULL UNIQUE,
        asked TEXT NOT NULL
    )""",
    """CREATE TABLE judgements (
        input TEXT NOT NULL,
        settings INTEGER NOT NULL REFERENCES settings(settings),
        failure TEXT,
        rating REAL,
        p_accept REAL,
        p_correct REAL,
        interval_low REAL,
        interval_high REAL,
        interval_level REAL,
        ratings TEXT,
        calibration TEXT,
        doubts TEXT,
        signals TEXT,
        prior TEXT,
        self_excluded TEXT,
        after_cutoff INTEGER,
        PRIMARY KEY (input, settings)
    )""",
    """CREATE TABLE listed (
        place INTEGER PRIMARY KEY,
        id TEXT NOT NULL,
        title TEXT,
        place_in_source TEXT NOT NULL,
        input TEXT,
        settings INTEGER,
        unreadable TEXT
    )""",
    """CREATE TABLE pending (
        place INTEGER PRIMARY KEY,
        input TEXT NOT NULL UNIQUE,
        submission TEXT NOT NULL
    )""",
    # The rank is the place by P(accept); equal chances share the best place of theirs, and the places after it stay
    # empty, as in sport.
    """CREATE VIEW scores AS
        SELECT place, id, title, rating, p_accept, p_correct,
            CASE WHEN unreadable IS NOT NULL THEN 'unreadable: ' || unreadable
                WHEN failure IS NOT NULL THEN 'failed: ' || failure
                WHEN judgements.input IS NULL THEN 'missing'
                ELSE 'ok' END AS status,
            CASE WHEN p_accept IS NOT NULL THEN rank() OVER (ORDER BY p_accept DESC NULLS LAST) END AS rank,
            interval_low, interval_high, interval_level, ratings, calibration, doubts, signals, prior, self_excluded,
            after_cutoff
        FROM listed LEFT JOIN judgements USING (input, settings)
        ORDER BY place""",
)


def prepare(db: Database, path: Path) -> None:
    """Make the tables of a new file, or see that a file has them.

    Raises:
        InputError: it is something else's, or of another format.
    """
    application = db.execute("PRAGMA application_id").fetchone()[0]
    version = db.execute("PRAGMA user_version").fetchone()[0]
    if (application, version) == (0, 0) and not db.table_names():
        with db.atomic():
            for statement in _TABLES:
                db.execute(statement)
            db.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            db.execute(f"PRAGMA user_version = {FORMAT_VERSION}")
    elif application != APPLICATION_ID:
        raise InputError("is a database of something else", where=path, fix="Name another file or folder: --out FILE.")
    elif version != FORMAT_VERSION:
        raise InputError(
            f"results of format {version}, this program reads format {FORMAT_VERSION}",
            where=path,
            fix="Write to another file: --out FILE.",
        )


@contextmanager
def translating(path: Path) -> Iterator[None]:
    """Turn what SQLite raises into an error that names the file and what to do."""
    try:
        yield
    except sqlite3.DatabaseError as error:
        if isinstance(error, sqlite3.OperationalError):
            fix = "Mend that and run the same command again; it goes on where it stopped."
            raise GuideError(f"the results cannot be read or written ({error})", where=path, fix=fix) from error
        fix = "Move it away and run the command again, or write to another file: --out FILE."
        raise InputError(f"the results cannot be read ({error})", where=path, fix=fix) from error


def acquire_lock(path: Path) -> int:
    """Hold the file against a second run until the handle is closed; the system lets go if the program dies."""
    # Not on every system.
    import fcntl

    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        fix = "Wait until it has finished, or write elsewhere: --out FILE."
        raise GuideError("another guide score writes its results here", where=path, fix=fix) from None
    except BaseException:
        os.close(handle)
        raise
    return handle
