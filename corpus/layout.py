"""The store's folder: which files it has, who may write to it, and what its failures are called."""

from __future__ import annotations

import errno
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from guide.atomic import TEMPORARY
from guide.errors import StoreError

DATABASE = "papers.db"
MANIFEST = "manifest.json"
VECTORS = "vectors"
LOCK = ".lock"

# What the making of a store may have left before there was a database. Not the folder of the vectors, which comes after
# it: one without a database may be somebody else's, and a save removes the index files in it that it does not know.
_OWN = frozenset({f"{DATABASE}-wal", f"{DATABASE}-shm", f"{DATABASE}-journal", LOCK})


def verify_command(folder: Path) -> str:
    """The sentence that names the command which mends a store."""
    return f"Run: guide corpus verify --store {folder} --repair."


def leftovers(folder: Path) -> list[Path]:
    """Temporary files that a killed writer left (see `guide.atomic`); a running writer has them too."""
    vectors = folder / VECTORS
    return sorted([*folder.glob(f"{TEMPORARY}*"), *vectors.glob(f"{TEMPORARY}*"), *vectors.glob("*.new")])


def check_present(folder: Path) -> None:
    """Raise StoreError unless `folder` is there and holds a store, damaged or not."""
    build = f"Build one: guide corpus add FILE --store {folder}."
    with translating(folder):
        if not folder.exists():
            raise StoreError("there is no store", where=folder, fix=build)
        if not folder.is_dir():
            raise StoreError("is a file, a store is a folder", where=folder, fix="Name the store's folder.")
        if not any((folder / name).exists() for name in (DATABASE, MANIFEST)):
            raise StoreError("the folder is no literature store", where=folder, fix=build)


def check_free(folder: Path) -> None:
    """Raise StoreError if something that is no part of a store stands in a folder that has no store yet."""
    if any((folder / name).exists() for name in (DATABASE, MANIFEST)):
        return
    own = {*_OWN, *(path.name for path in leftovers(folder))}
    foreign = sorted(path.name for path in folder.iterdir() if path.name not in own)
    if foreign:
        raise StoreError(
            f"the folder is no store and holds other files ({foreign[0]})",
            where=folder,
            fix="Name a new or an empty folder.",
        )


def acquire_lock(folder: Path) -> int:
    """Take the folder's lock, for `release_lock` to give back; the system does so if the program dies.

    Raises:
        StoreError: another program holds it, or the folder cannot be written.
    """
    # Not on every system; reading a store needs no lock.
    import fcntl

    with translating(folder):
        handle = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(handle)
            raise StoreError(
                "another program is writing to the store",
                where=folder,
                fix="Wait until it has finished, then run the same command again.",
            ) from None
        except BaseException:
            os.close(handle)
            raise
    return handle


def release_lock(handle: int) -> None:
    """Give the lock back. The file stays: removed, two programs could hold two locks of one name."""
    os.close(handle)


@contextmanager
def translating(folder: Path) -> Iterator[None]:
    """Turn what SQLite and the disk raise into a StoreError that names the store and what to do.

    Raises:
        StoreError: in place of sqlite3.Error and OSError.
    """
    try:
        yield
    except sqlite3.Error as error:
        if "disk is full" in str(error):
            raise _full(folder) from error
        what = "cannot be used" if isinstance(error, sqlite3.OperationalError) else "is damaged"
        raise StoreError(f"the database {what} ({error})", where=folder, fix=verify_command(folder)) from error
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise _full(folder) from error
        raise StoreError(
            f"the store cannot be read or written ({error.strerror or error})",
            where=error.filename or folder,
            fix="Check that the folder is there and that you may use it.",
        ) from error


def _full(folder: Path) -> StoreError:
    fix = "Free some space and run the same command again; it goes on where it stopped."
    return StoreError("the disk is full", where=folder, fix=fix)
