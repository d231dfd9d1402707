"""Atomic file writes: a reader sees the old file or the new one, never half of either.

The bytes go to a temporary file in the same folder, are flushed to disk, and replace the target by one
rename; the folder is flushed after it. The price is twice the file's size on disk while it is written, and
after a kill a leftover `.guide-*` file.
"""

from __future__ import annotations

import errno
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

TEMPORARY = ".guide-"  # how the names of temporary files begin


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a temporary path to write to; on a clean exit it replaces `path`, on an error it is removed.

    A file that is replaced keeps its permissions, and a link keeps pointing at it. A device or pipe is
    written directly.

    Raises:
        OSError: the folder is missing or not writable, the disk is full, or `path` is a folder. `path` is
            then untouched.
    """
    target = path.resolve() if path.is_symlink() else path
    if target.is_dir():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    if target.exists() and not target.is_file():
        # Renaming would put an ordinary file in the place of /dev/null.
        yield target
        return
    temporary = _create_beside(target, named=path)
    try:
        yield temporary
        if target.exists():
            temporary.chmod(target.stat().st_mode & 0o777)
        _flush(temporary)
        temporary.replace(target)
        _flush(target.parent)
    finally:
        temporary.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write `text` to `path` as UTF-8, atomically. Raises OSError as `replacing` does."""
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def _create_beside(target: Path, *, named: Path) -> Path:
    """Create an empty file in the folder of `target`, with the permissions that the umask gives any new file.

    What replaces a file is nobody else's to read until it has that file's permissions.
    """
    temporary = target.parent / f"{TEMPORARY}{secrets.token_hex(8)}"
    mode = 0o600 if target.exists() else 0o666
    try:
        os.close(os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, mode))
    except OSError as error:
        # The user knows the file they named, not the temporary one.
        error.filename = str(named)
        raise
    return temporary


def _flush(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
