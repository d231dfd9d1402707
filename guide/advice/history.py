"""A file of reviews, one JSON object per line, in which a text finds its last review; written only where asked for."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from guide.atomic import replacing
from guide.errors import InputError
from guide.review import SCHEMA_VERSION, Review
from guide.text.source import STANDARD_INPUT


def last_review(path: Path, review: Review) -> Review | None:
    """The last review in a history of the same title; failing that, of the same file name.

    Reviews written in another version of the format are passed over. None where there is none, or no file.

    Raises:
        InputError: a line is no review.
    """
    by_title = by_source = None
    for number, row in _rows(path):
        title, source = _known_by(row, path, number)
        if row["provenance"].get("schema_version") != SCHEMA_VERSION:
            continue
        if title and title == review.proposal.title:
            by_title = (number, row)
        elif source == review.proposal.source != STANDARD_INPUT:
            by_source = (number, row)
    found = by_title or by_source
    return _parse(path, *found) if found else None


def append_review(path: Path, review: Review) -> None:
    """Append a review as one line; the file is replaced whole, so that a reader or a kill finds no half line.

    Two programs that append at the same moment: the later one wins, and the other's line is lost.

    Raises:
        OSError: the file cannot be written; it is then untouched.
    """
    with replacing(path) as temporary:
        whole = True
        if path.exists() and temporary != path:
            shutil.copyfile(path, temporary)
            whole = _ends_whole(temporary)
        with temporary.open("a", encoding="utf-8") as file:
            file.write(("" if whole else "\n") + review.model_dump_json() + "\n")


def remember(path: Path, review: Review) -> Review | None:
    """Append a review to a history, and return the one to compare it with (see `last_review`).

    Raises:
        InputError: a line of the file is no review; nothing is then written.
        OSError: the file cannot be read or written.
    """
    last = last_review(path, review)
    append_review(path, review)
    return last


def _ends_whole(path: Path) -> bool:
    with path.open("rb") as file:
        if not file.seek(0, 2):
            return True
        file.seek(-1, 2)
        return file.read(1) == b"\n"


def _rows(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    if not path.exists():
        return
    with path.open(encoding="utf-8") as file:
        try:
            for number, line in enumerate(file, 1):
                if line.strip():
                    yield number, _object(line, path, number)
        except UnicodeDecodeError as error:
            raise _damage(path, None) from error


def _object(line: str, path: Path, number: int) -> dict[str, Any]:
    try:
        row = json.loads(line)
    except ValueError as error:
        raise _damage(path, number) from error
    if not isinstance(row, dict):
        raise _damage(path, number)
    return row


def _known_by(row: dict[str, Any], path: Path, number: int) -> tuple[str, str]:
    proposal, provenance = row.get("proposal"), row.get("provenance")
    if not isinstance(proposal, dict) or not isinstance(provenance, dict):
        raise _damage(path, number)
    return str(proposal.get("title", "")), str(proposal.get("source", ""))


def _parse(path: Path, number: int, row: dict[str, Any]) -> Review:
    try:
        return Review.model_validate_json(json.dumps(row))
    except ValidationError as error:
        raise _damage(path, number) from error


def _damage(path: Path, number: int | None) -> InputError:
    where = f"{path}, line {number}" if number else path
    return InputError(
        "that is no review", where=where, fix="Name a file that only --history has written, or a new one."
    )
