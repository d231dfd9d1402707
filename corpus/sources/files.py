"""Opening a file of papers by its format, which its name or its first bytes tell."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from guide.corpus.sources import Mark, Paper, Skipped, Source
from guide.corpus.sources.acl import AclAnthology
from guide.corpus.sources.bibtex import Bibtex
from guide.corpus.sources.jsonlines import JsonLines
from guide.corpus.sources.papercopilot import Papercopilot
from guide.corpus.sources.ris import Ris
from guide.corpus.sources.table import Table
from guide.corpus.sources.text import open_bytes
from guide.errors import InputError

__all__ = ["FORMATS", "open_file"]

FORMATS: Mapping[str, Callable[[Path], Source]] = {
    "jsonl": JsonLines,
    "papercopilot": Papercopilot,
    "acl": AclAnthology,
    "bibtex": Bibtex,
    "ris": Ris,
    "csv": Table,
}
_SUFFIXES = {
    ".jsonl": "jsonl", ".ndjson": "jsonl", ".xml": "acl", ".bib": "bibtex", ".ris": "ris", ".csv": "csv", ".tsv": "csv",
}  # fmt: skip
_COMPRESSED = {".gz", ".zst"}


def open_file(path: Path, file_format: str | None = None) -> Source:
    """The source that reads a file, or every known file of a folder.

    Args:
        path: a file, plain, .gz or .zst, or a folder.
        file_format: a key of `FORMATS`; None goes by the name, and for .json by the content.

    Raises:
        InputError: there is no such file, the format is none of `FORMATS`, or nothing tells it.
    """
    if file_format is not None and file_format not in FORMATS:
        raise InputError(f"there is no format {file_format!r}", fix=f"Use --format with one of: {', '.join(FORMATS)}.")
    if path.is_dir():
        return _Folder(path, file_format)
    chosen = file_format or _tell(path)
    if chosen is None:
        fix = f"Say which it is: --format {', '.join(FORMATS)}."
        raise InputError("its name does not tell the format", where=path, fix=fix)
    return FORMATS[chosen](path)


@dataclass(slots=True)
class _Folder:
    """The files of a folder, one after the other by name."""

    path: Path
    file_format: str | None

    @property
    def name(self) -> str:
        return f"folder {self.path}"

    def read(self, state: Mapping[str, Any] | None = None) -> Iterator[Paper | Skipped | Mark]:
        files = sorted(file for file in self.path.iterdir() if file.is_file())
        known = [(file, self.file_format or _tell(file)) for file in files]
        if not any(chosen for _, chosen in known):
            fix = f"Name a folder with files of papers, or say what they are: --format {', '.join(FORMATS)}."
            raise InputError("the folder has no file whose name tells its format", where=self.path, fix=fix)
        for file, chosen in known:
            if chosen is None:
                yield Skipped(str(file), "its name does not tell a format; the file is not read")
                continue
            # The folder is done when its last file is.
            yield from (record for record in FORMATS[chosen](file).read() if not isinstance(record, Mark))
        yield Mark(None)


def _tell(path: Path) -> str | None:
    suffixes = [suffix.lower() for suffix in path.suffixes]
    if suffixes and suffixes[-1] in _COMPRESSED:
        suffixes.pop()
    if not suffixes:
        return None
    if suffixes[-1] == ".json":
        with open_bytes(path) as file:
            start = file.read(4096).lstrip(b"\xef\xbb\xbf \t\r\n")
        return "papercopilot" if start.startswith(b"[") else "jsonl"
    return _SUFFIXES.get(suffixes[-1])
