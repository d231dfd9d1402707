"""Submissions to judge: from JSON lines, a table, a folder of texts, one text, or a venue of OpenReview.

Every record of a source comes out, in its order, as a `Submission` or as an `Unreadable` with the reason. What is read
of a text is what `guide.text.proposal` reads of it for a single review; what of it an engine judges is the matter of
`guide.text.reading`, for both alike.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

from guide.corpus.jsonl import Skipped, compression_of, read_jsonl
from guide.corpus.records import canonical
from guide.corpus.sources import Mark
from guide.corpus.sources.table import COLUMNS
from guide.corpus.sources.text import open_bytes
from guide.errors import InputError
from guide.review import MODULE_KINDS, Form, ModuleKind
from guide.text.documents.record import notes_of, unwrapped
from guide.text.proposal import read_proposal
from guide.text.sanitise import neutralise
from guide.text.submission_table import read_table

DOCUMENTS = (
    *(".md", ".markdown", ".txt", ".text", ".tex", ".latex", ".pdf", ".docx", ".odt", ".html", ".htm", ".ipynb"),
)
TABLES = (".csv", ".tsv")
_MAX_NOTES_BYTES = 200_000_000  # read whole; the submissions of a large venue have 60 MB
_LINES = (".jsonl", ".ndjson")
_COMPRESSED = (".gz", ".zst")
_SHAPES = (
    "Give JSON lines or CSV with title and abstract, a folder of .md, .tex, .pdf or .docx files, or one such file."
)
_FIELDS: Mapping[str, tuple[str, ...]] = {
    **{name: COLUMNS[name] for name in ("id", "title", "abstract")},
    **{kind: (kind,) for kind in MODULE_KINDS if kind != "abstract"},
}


@dataclass(frozen=True, slots=True)
class Submission:
    """One text to judge, without hidden text and control tokens; links and the like are still in it.

    Attributes:
        id: as the source names it: its id, "line-N", or a path within the folder.
        title: on one line; a text in a file may have none.
        text: the abstract, or all there is of a text that has none.
        modules: by kind; {} if only an abstract is given.
        where: its place: file:line, file, or address.
        sha256: of title, text and modules.
        form: what the text is, guessed as for a review; None for records, which are not guessed at.
    """

    id: str
    title: str
    text: str
    modules: Mapping[str, str]
    where: str
    sha256: str
    form: Form | None = field(default=None)


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A record that cannot be judged, and why; the title is None where none was found."""

    id: str
    title: str | None
    reason: str
    where: str


def read_submissions(source: str, *, limit: int | None = None) -> Iterator[Submission | Unreadable]:
    """Read the submissions of a file or folder, in its order.

    JSON lines and tables (plain, .gz or .zst) have `title`, `abstract`, and optionally `id`, `contribution`, `method`
    and `experiments`; a table's header names them in any case. A folder is read with the folders in it, by name;
    hidden files are passed over. An id that comes twice is left to the reader.

    Args:
        source: path of a JSON lines file, of a table (.csv, .tsv), of a folder, or of one text in a file.
        limit: records to read at most, unreadable ones included.

    Raises:
        InputError: the source cannot be read at all, or, once it is read to its end, it held no record.
    """
    path = Path(source)
    if path.is_dir():
        return islice(_some(_folder(path), path), limit)
    _check_there(path)
    if _suffix(path) in DOCUMENTS:
        records = iter((_document(path, path.name),))
    elif _suffix(path) in TABLES:
        compression_of(path)
        records = _records(path, read_table(path, _FIELDS))
    elif (notes := _notes(path)) is not None:
        records = _records(path, ((number, unwrapped(note)) for number, note in enumerate(notes, start=1)))
    elif _suffix(path) in _LINES or _begins_as_json(path):
        records = _records(path, read_jsonl(path))
    else:
        raise InputError("its name does not tell what it holds, and it is not JSON lines", where=path, fix=_SHAPES)
    return islice(_some(records, path), limit)


def read_venue(
    venue: str, *, url: str | None = None, url_v1: str | None = None, limit: int | None = None
) -> Iterator[Submission | Unreadable]:
    """Read the submissions of a venue of OpenReview, in the order of their ids.

    Args:
        venue: id of its group, as in "ICLR.cc/2025/Conference".
        url: API 2; None for OpenReview's own.
        url_v1: API 1; None for OpenReview's own.
        limit: records to read at most, unreadable ones included.

    Raises:
        InputError: OpenReview does not know the venue or shows nothing of it, or openreview-py is not installed.
        SourceError: it does not answer, or refuses.
    """
    from guide.corpus.sources.openreview import OpenReview

    source = OpenReview(venue, url, url_v1, with_reviews=False)
    return islice(_papers(source.read()), limit)


def _papers(delivered: Iterator[Any]) -> Iterator[Submission | Unreadable]:
    for one in delivered:
        if isinstance(one, Mark):
            continue
        if isinstance(one, Skipped):
            yield Unreadable(one.where, None, one.reason, one.where)
        else:
            record = {"id": one.id, "title": one.title, "abstract": one.abstract}
            yield _record(record, one.id, one.url or one.id)


def _some(records: Iterator[Submission | Unreadable], path: Path) -> Iterator[Submission | Unreadable]:
    first = next(records, None)
    if first is None:
        raise InputError("there are no records in it", where=path, fix=_SHAPES)
    yield first
    yield from records


def _suffix(path: Path) -> str:
    """What tells the kind of a file: its last ending that names no compression."""
    endings = [ending.lower() for ending in path.suffixes]
    if len(endings) > 1 and endings[-1] in _COMPRESSED:
        return endings[-2]
    return endings[-1] if endings else ""


def _check_there(path: Path) -> None:
    if not path.exists():
        raise InputError("there is no such file", where=path, fix=f"Check the path. {_SHAPES}")
    if not path.is_file():
        # A file is opened more than once: to tell what it holds, and to read it.
        raise InputError("a pipe or device is not read", where=path, fix="Save what comes from it, and name the file.")


def _notes(path: Path) -> list[dict[str, Any]] | None:
    """The notes of a .json file that holds a list of them, as OpenReview answers; None for any other file."""
    if path.suffix.lower() != ".json" or path.stat().st_size > _MAX_NOTES_BYTES:
        return None
    try:
        return notes_of(json.loads(path.read_text(encoding="utf-8")))
    except (ValueError, RecursionError):
        return None  # JSON lines, or damaged: the reader of lines says which


def _begins_as_json(path: Path) -> bool:
    _check_there(path)
    with open_bytes(path) as file:
        return file.read(4096).lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{")


def _records(path: Path, lines: Iterable[tuple[int, Mapping[str, Any]] | Skipped]) -> Iterator[Submission | Unreadable]:
    for number, line in enumerate(lines, start=1):
        if isinstance(line, Skipped):
            yield Unreadable(f"record-{number}", None, line.reason, line.where)
        else:
            yield _record(line[1], f"line-{line[0]}", f"{path}:{line[0]}")


def _record(record: Mapping[str, Any], name: str, where: str) -> Submission | Unreadable:
    """Make a submission of fields; `name` is its id where it has none."""
    identifier = record.get("id")
    # A number with a point is an id too: spreadsheets and data frames write whole ones so.
    if isinstance(identifier, str | int | float) and not isinstance(identifier, bool) and str(identifier).strip():
        name = str(identifier).strip()
    title, abstract = record.get("title"), record.get("abstract")
    if not isinstance(title, str) or not title.strip():
        return Unreadable(name, None, "title is missing", where)
    title = _one_line(title)
    if not isinstance(abstract, str) or not abstract.strip():
        return Unreadable(name, title, "abstract is missing", where)
    modules: dict[ModuleKind, str] = {}
    for kind in MODULE_KINDS:
        given = record.get(kind)
        if given is not None and not isinstance(given, str):
            return Unreadable(name, title, f"{kind} is not a text", where)
        if given and (text := _paragraphs(given)):
            modules[kind] = text
    further = len(modules) > 1 or "abstract" not in modules
    return _submission(name, title, modules.get("abstract", ""), modules if further and modules else {}, where)


def _submission(
    name: str, title: str, text: str, modules: Mapping[ModuleKind, str], where: str, form: Form | None = None
) -> Submission:
    given = {str(kind): module for kind, module in modules.items()}
    digest = hashlib.sha256(canonical({"title": title, "text": text, "modules": given}).encode()).hexdigest()
    return Submission(name, title, text, given, where, digest, form)


def _one_line(text: str) -> str:
    return " ".join(neutralise(text).text.split())


def _paragraphs(text: str) -> str:
    """A text made safe, its lines joined, its paragraphs kept."""
    parts = (" ".join(part.split()) for part in re.split(r"\n\s*\n", neutralise(text).text))
    return "\n\n".join(part for part in parts if part)


def _folder(path: Path) -> Iterator[Submission | Unreadable]:
    """The files of a folder and of those in it, by relative path."""
    files: list[Path] = []

    def refuse(error: OSError) -> None:
        what = f"a folder cannot be read ({error.strerror})"
        raise InputError(what, where=error.filename, fix="Change its permissions.") from error

    for folder, inner, names in os.walk(path, onerror=refuse):
        inner[:] = [name for name in inner if not name.startswith(".")]
        files += [Path(folder, name) for name in names if not name.startswith(".")]
        # A link to a folder is not walked into; it may lead in a circle.
        files += [Path(folder, name) for name in inner if Path(folder, name).is_symlink()]
    if not any(file.suffix.lower() in DOCUMENTS for file in files):
        raise InputError(f"the folder has no {', '.join(DOCUMENTS)} file", where=path, fix=_SHAPES)
    for file in sorted(files, key=lambda file: file.relative_to(path).as_posix()):
        name = file.relative_to(path).as_posix()
        if file.is_dir():
            yield Unreadable(name, None, "a link to a folder is not followed", str(file))
        elif file.exists() and not file.is_file():
            # Opening a pipe would wait for a writer that may never come.
            yield Unreadable(name, None, "a pipe or device is not read", str(file))
        elif file.suffix.lower() not in DOCUMENTS:
            kind = f"{file.suffix.lower()} file" if file.suffix else "file without an ending"
            yield Unreadable(name, None, f"a {kind} is not read", str(file))
        else:
            yield _document(file, name)


def _document(file: Path, name: str) -> Submission | Unreadable:
    """Read a text in a file as `guide review` does."""
    try:
        proposal = read_proposal(str(file))
    except InputError as error:
        return Unreadable(name, None, f"{error.what}. {error.fix}" if error.fix else error.what, str(file))
    modules = {} if list(proposal.modules) == ["abstract"] else proposal.modules
    text = proposal.modules.get("abstract") or "\n\n".join(proposal.modules.values())
    return _submission(name, proposal.title, text, modules, str(file), proposal.form)
