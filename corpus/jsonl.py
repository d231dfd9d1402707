"""JSON lines, read as a stream from plain, gzip or zstd files.

A line that cannot be used becomes a `Skipped` with its place and reason, and the reading goes on. Only a
file that cannot be read at all is an error.
"""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

from guide.errors import InputError

MAX_LINE_BYTES = 4 * 2**20

_ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"
_GZIP_MAGIC = b"\x1f\x8b"
# Frames made with `zstd --long=27`, which the data sets use.
_ZSTD_WINDOW = 2**27
_CHUNK = 2**20
# A zstd block can inflate 32,000-fold; small bites keep a hostile file from filling the memory.
_ZSTD_BITE = 2**13

Compression = Literal["plain", "gzip", "zstd"]


@dataclass(frozen=True, slots=True)
class Skipped:
    """A record left out: where it stood (file:line) and why."""

    where: str
    reason: str


def read_jsonl(path: Path) -> Iterator[tuple[int, dict[str, Any]] | Skipped]:
    """Stream (line number from 1, object) of a JSON lines file (plain, .gz or .zst), blank lines left out.

    A line that is not a JSON object, not UTF-8, or longer than `MAX_LINE_BYTES` comes as a `Skipped`, and so
    does the place where a compressed stream breaks off.

    Raises:
        InputError: the file is missing, unreadable, or its name promises a compression it does not have.
    """
    return _objects(path, compression_of(path))


def _objects(path: Path, compression: Compression) -> Iterator[tuple[int, dict[str, Any]] | Skipped]:
    number = 0
    try:
        for number, line in enumerate(_lines(read_chunks(path, compression)), start=1):
            if line is None:
                yield Skipped(f"{path}:{number}", f"the line is longer than {MAX_LINE_BYTES:,} bytes")
                continue
            try:
                # A byte order mark may open the file; it is no part of the first record.
                text = line.decode("utf-8-sig" if number == 1 else "utf-8")
                if not text.strip():
                    continue
                record = json.loads(text)
            except UnicodeDecodeError:
                yield Skipped(f"{path}:{number}", "the line is not UTF-8")
            except (ValueError, RecursionError):
                yield Skipped(f"{path}:{number}", "the line is not JSON")
            else:
                if isinstance(record, dict):
                    yield number, record
                else:
                    yield Skipped(f"{path}:{number}", "the line is not a JSON object")
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        reason = f"the compressed data are cut off or damaged here ({error}); the rest was not read"
        yield Skipped(f"{path}:{number + 1}", reason)
    except OSError as error:
        raise InputError(f"cannot be read ({error.strerror or error})", where=path) from error


def _lines(chunks: Iterable[bytes]) -> Iterator[bytes | None]:
    """Cut a byte stream at newlines; None stands for a line over the limit, which is never held in memory."""
    parts: list[bytes] = []
    length = 0
    for chunk in chunks:
        *ended, tail = chunk.split(b"\n")
        for piece in ended:
            yield b"".join([*parts, piece]) if length + len(piece) <= MAX_LINE_BYTES else None
            parts, length = [], 0
        length += len(tail)
        if length > MAX_LINE_BYTES:
            parts = []
        else:
            parts.append(tail)
    if length:
        yield b"".join(parts) if length <= MAX_LINE_BYTES else None


def compression_of(path: Path) -> Compression:
    """How a file is compressed, by its first bytes.

    Raises:
        InputError: it cannot be read, or its name promises a compression it does not have.
    """
    fix = "Name a file that you may read (plain, .gz or .zst)."
    try:
        with path.open("rb") as file:
            start = file.read(4)
    except OSError as error:
        raise InputError(f"cannot be read ({error.strerror})", where=path, fix=fix) from error
    found: Compression = "plain"
    if start == _ZSTD_MAGIC:
        found = "zstd"
    elif start.startswith(_GZIP_MAGIC):
        found = "gzip"
    promised = {".gz": "gzip", ".zst": "zstd"}.get(path.suffix)
    if promised is not None and found != promised:
        raise InputError(
            f"is not a {promised} file, whatever its name says",
            where=path,
            fix="Rename it, or fetch it again.",
        )
    return found


def read_chunks(path: Path, compression: Compression) -> Iterator[bytes]:
    """The file's bytes, decompressed. Raises EOFError or zlib.error where a compressed stream is broken."""
    if compression == "zstd":
        yield from _zstd_chunks(path)
        return
    with gzip.open(path, "rb") if compression == "gzip" else path.open("rb") as file:
        yield from iter(partial(file.read, _CHUNK), b"")


def _zstd_chunks(path: Path) -> Iterator[bytes]:
    import zstandard

    decompressor = zstandard.ZstdDecompressor(max_window_size=_ZSTD_WINDOW)
    # zstandard's stream reader takes a truncated file for a complete one, so frames are followed by hand.
    frame = decompressor.decompressobj()
    fed = False
    with path.open("rb") as file:
        try:
            for bite in iter(partial(file.read, _ZSTD_BITE), b""):
                rest = bite
                while rest:
                    yield frame.decompress(rest)
                    fed = True
                    rest = b""
                    if frame.eof:
                        rest = frame.unused_data
                        frame, fed = decompressor.decompressobj(), False
        except zstandard.ZstdError as error:
            raise zlib.error(str(error)) from error
    if fed:
        raise EOFError("the last frame is not complete")
