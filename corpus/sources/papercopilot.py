"""Lists of a venue's submissions as Papercopilot publishes them: a JSON array, named for venue and year."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from guide.corpus.records import Paper, Skipped, parse_paper
from guide.corpus.sources import Mark
from guide.corpus.sources.text import open_bytes
from guide.errors import InputError

__all__ = ["Papercopilot"]

MAX_BYTES = 2**30  # of the whole list, which is held in memory
_NAMED = re.compile(r"([a-z]+)[-_]?((?:19|20)\d\d)", re.IGNORECASE)
_SPELLED = {
    "iclr": "ICLR", "nips": "NeurIPS", "neurips": "NeurIPS", "icml": "ICML", "cvpr": "CVPR", "iccv": "ICCV",
    "eccv": "ECCV", "aaai": "AAAI", "acl": "ACL", "emnlp": "EMNLP", "corl": "CoRL", "colm": "COLM", "www": "WWW",
}  # fmt: skip
_FORUM = re.compile(r"openreview\.net/(?:forum|pdf)\?id=([\w-]+)")


@dataclass(slots=True)
class Papercopilot:
    """The submissions of one list.

    Attributes:
        path: the file, plain, .gz or .zst; its name, such as iclr2024.json, tells venue and year where the records
            do not.
    """

    path: Path

    @property
    def name(self) -> str:
        """Names the format and the file."""
        return f"papercopilot {self.path}"

    def read(self, state: Mapping[str, Any] | None = None) -> Iterator[Paper | Skipped | Mark]:
        """Deliver the papers in the list's order and one mark at the end; any state starts from the beginning.

        Raises:
            InputError: the file cannot be read, is larger than `MAX_BYTES`, or is no JSON array.
        """
        named = _NAMED.search(self.path.name)
        venue, year = ("", None) if named is None else (_spell(named[1]), int(named[2]))
        for number, record in enumerate(_load(self.path), 1):
            where = f"{self.path}:record {number}"
            if not isinstance(record, dict):
                yield Skipped(where, "the record is not an object")
                continue
            try:
                yield parse_paper(_fields(record, venue, year))
            except ValueError as error:
                yield Skipped(where, str(error))
        yield Mark(None)


def _load(path: Path) -> list[Any]:
    with open_bytes(path) as file:
        raw = file.read(MAX_BYTES + 1)
    if len(raw) > MAX_BYTES:
        raise InputError(f"the list is larger than {MAX_BYTES:,} bytes", where=path, fix="Part it into smaller lists.")
    try:
        found = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise InputError(f"is not JSON ({error})", where=path, fix="Fetch the file again.") from error
    if not isinstance(found, list):
        raise InputError("is JSON, but no list of papers", where=path, fix="Name a JSON array of objects.")
    return found


def _fields(record: dict[str, Any], venue: str, year: int | None) -> dict[str, Any]:
    url = next((link for key in ("site", "openreview", "url") if (link := record.get(key))), None)
    forum = _FORUM.search(url) if isinstance(url, str) else None
    given = record.get("id")
    # OpenReview's ids mean the same from every source; the lists of other venues count their papers.
    own = f"or:{forum[1]}" if forum else f"{venue.lower()}{year}:{given}" if given not in (None, "") else None
    return {
        "id": own,
        "title": record.get("title"),
        "abstract": record.get("abstract"),
        "year": record.get("year") or year,
        "venue": record.get("venue") or venue,
        "url": url,
        "keywords": _part(record.get("keywords")),
        "decision": record.get("status") or None,
        "ratings": _ratings(record.get("rating")),
    }


def _part(value: object) -> object:
    return [one.strip() for one in value.split(";")] if isinstance(value, str) else value


def _ratings(value: object) -> object:
    """Ratings as written, "6;8;5". Raises ValueError where one is no number."""
    if not isinstance(value, str):
        return value
    try:
        return [float(one) for one in value.split(";") if one.strip()]
    except ValueError:
        raise ValueError(f"rating {value[:40]!r} is not a list of numbers") from None


def _spell(name: str) -> str:
    return _SPELLED.get(name.lower(), name.upper())
