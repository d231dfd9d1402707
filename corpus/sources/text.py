"""Files as streams of bytes and of lines: plain, gzip or zstd."""

from __future__ import annotations

import gzip
import io
import zlib
from collections.abc import Iterator
from pathlib import Path

from guide.corpus.jsonl import compression_of, read_chunks
from guide.errors import InputError

__all__ = ["lines_of", "open_bytes"]

_FETCH = "Fetch the file again."


class _Stream(io.RawIOBase):
    """Chunks of bytes as a file."""

    def __init__(self, path: Path, chunks: Iterator[bytes]) -> None:
        self._path = path
        self._chunks, self._rest = chunks, b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        while not self._rest:
            try:
                chunk = next(self._chunks, None)
            except (EOFError, zlib.error, gzip.BadGzipFile) as error:
                what = f"the compressed data are cut off or damaged ({error})"
                raise InputError(what, where=self._path, fix=_FETCH) from error
            except OSError as error:
                raise InputError(f"cannot be read ({error.strerror or error})", where=self._path) from error
            if chunk is None:
                return 0
            self._rest = chunk
        size = min(len(buffer), len(self._rest))
        buffer[:size], self._rest = self._rest[:size], self._rest[size:]
        return size


def open_bytes(path: Path) -> io.BufferedReader:
    """Open a file for reading its decompressed bytes.

    Raises:
        InputError: the file cannot be read, its name promises a compression it does not have, or, while it is read,
            the compressed data break off.
    """
    return io.BufferedReader(_Stream(path, read_chunks(path, compression_of(path))))


def lines_of(path: Path, newline: str | None = None) -> Iterator[str]:
    """Stream a text file's lines; bytes that are not UTF-8 come through as halves of surrogate pairs.

    Args:
        path: of the file, plain or compressed.
        newline: as for `open`; "" leaves the ends of lines alone.

    Raises:
        InputError: see `open_bytes`.
    """
    with io.TextIOWrapper(open_bytes(path), encoding="utf-8-sig", errors="surrogateescape", newline=newline) as file:
        yield from file
