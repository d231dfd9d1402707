"""Papers out of a store again, as the JSON lines that go into one."""

from __future__ import annotations

import gzip
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, cast

from guide.atomic import replacing
from guide.corpus.records import Paper, canonical
from guide.errors import InputError

if TYPE_CHECKING:
    from guide.corpus.store import Store

_EMPTY = (None, (), "")


def export_papers(store: Store, file: Path) -> int:
    """Write every paper of `store` to `file`, one JSON object a line, in the order they came in.

    Args:
        store: to read.
        file: compressed if its name ends in .gz or .zst; "-" is standard output. Written atomically.

    Returns:
        How many papers were written.

    Raises:
        InputError: the file cannot be written.
        StoreError: the store is damaged.
    """
    if str(file) == "-":
        return _write(store, sys.stdout.buffer)
    try:
        with replacing(file) as temporary, temporary.open("wb") as raw, _compressing(raw, file.suffix) as out:
            return _write(store, out)
    except OSError as error:
        what = f"cannot be written ({error.strerror or error})"
        raise InputError(what, where=file, fix="Name a file in a folder that you may write to.") from error


def as_json(paper: Paper) -> str:
    """A paper as one line of JSON, fields without a value left out."""
    return canonical({name: value for name, value in asdict(paper).items() if value not in _EMPTY})


def _write(store: Store, out: BinaryIO) -> int:
    papers = 0
    for paper in store.export():
        out.write(as_json(paper).encode() + b"\n")
        papers += 1
    return papers


@contextmanager
def _compressing(raw: BinaryIO, suffix: str) -> Iterator[BinaryIO]:
    if suffix == ".gz":
        # No name and no time in the header: the same papers give the same bytes.
        with gzip.GzipFile(filename="", fileobj=raw, mode="wb", mtime=0) as out:
            yield cast(BinaryIO, out)
    elif suffix == ".zst":
        import zstandard

        with zstandard.ZstdCompressor(level=10).stream_writer(raw, closefd=False) as out:
            yield cast(BinaryIO, out)
    else:
        yield raw
