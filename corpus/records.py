"""Papers, and making them of JSON lines.

A record that cannot be used becomes a `Skipped` with its place and reason, and the reading goes on.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from guide.corpus.jsonl import Skipped, read_jsonl

__all__ = [
    "MONTH",
    "Paper",
    "PeerReview",
    "Section",
    "Skipped",
    "canonical",
    "parse_paper",
    "read_jsonl",
    "read_records",
    "storable",
]

MAX_ID_CHARACTERS = 500
MAX_TITLE_CHARACTERS = 2_000
MAX_ABSTRACT_CHARACTERS = 100_000
MAX_SECTION_CHARACTERS = 1_000_000
YEARS = range(1900, 2101)
MONTH = re.compile(r"[0-9]{4}-(0[1-9]|1[0-2])")


@dataclass(frozen=True, slots=True)
class Section:
    """One section of a paper's full text."""

    heading: str
    text: str


@dataclass(frozen=True, slots=True)
class PeerReview:
    """One public review, on the venue's own scales; what the reviewer left out is None or ""."""

    rating: float | None = None
    confidence: float | None = None
    soundness: float | None = None
    presentation: float | None = None
    contribution: float | None = None
    summary: str = ""
    strengths: str = ""
    weaknesses: str = ""


@dataclass(frozen=True, slots=True)
class Paper:
    """One paper of the literature.

    Attributes:
        id: the source's name for it, unique in a store.
        title: on one line.
        abstract: what the store embeds and indexes together with the title.
        year: of publication.
        venue: short name of the venue, or "" where unknown.
        posted: month the text was first public, "YYYY-MM", or None where unknown.
        url: where a reader finds it.
        keywords: as the authors gave them.
        decision: the venue's decision in its own words, where public.
        ratings: the reviewers' ratings on the venue's scale, where public.
        sections: the full text, where the source has it.
        reviews: the public reviews, where the source has them.
    """

    id: str
    title: str
    abstract: str
    year: int
    venue: str
    posted: str | None = None
    url: str | None = None
    keywords: tuple[str, ...] = ()
    decision: str | None = None
    ratings: tuple[float, ...] = ()
    sections: tuple[Section, ...] = ()
    reviews: tuple[PeerReview, ...] = ()

    @property
    def text(self) -> str:
        """What is embedded: title and abstract; a proposal may have no title."""
        return f"{self.title}. {self.abstract}" if self.title else self.abstract

    @property
    def content_hash(self) -> str:
        """SHA-256 (hex) over every field as canonical JSON; two papers are the same if it is equal.

        Sections and reviews count only where there are any, so that papers without them keep the hash of format 1.
        """
        fields = asdict(self)
        for later in ("sections", "reviews"):
            if not fields[later]:
                del fields[later]
        return hashlib.sha256(canonical(fields).encode()).hexdigest()


def canonical(value: object) -> str:
    """JSON with one spelling a value: sorted keys, no spaces, no escapes for non-ASCII letters."""
    return json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def read_records(path: Path, *, limit: int | None = None) -> Iterator[Paper | Skipped]:
    """Stream the papers of a JSON lines file (plain, .gz or .zst), with what was skipped in its place.

    Args:
        path: one JSON object a line with at least id, title, abstract and year.
        limit: stop after this many papers; skipped lines do not count.

    Raises:
        InputError: the file is missing, unreadable, or its name promises a compression it does not have.
    """
    return _papers(path, read_jsonl(path), limit)


def parse_paper(record: dict[str, Any]) -> Paper:
    """Make a paper of one JSON object; keys it does not know are ignored.

    Raises:
        ValueError: a field is missing or unusable; the message says which and why.
    """
    year = record.get("year")
    if not isinstance(year, int) or isinstance(year, bool):
        raise ValueError("year is missing" if year is None else "year is not a whole number")
    if year not in YEARS:
        raise ValueError(f"year is outside {YEARS.start}-{YEARS.stop - 1}")
    posted = _text(record, "posted", 20) or None
    if posted is not None and not MONTH.fullmatch(posted):
        raise ValueError("posted is not a month written YYYY-MM")
    return Paper(
        id=_needed(record, "id", MAX_ID_CHARACTERS),
        # A title is printed on one line.
        title=" ".join(_needed(record, "title", MAX_TITLE_CHARACTERS).split()),
        abstract=_needed(record, "abstract", MAX_ABSTRACT_CHARACTERS),
        year=year,
        venue=_text(record, "venue", 500),
        posted=posted,
        url=_text(record, "url", 4_000) or None,
        keywords=tuple(_strings(record, "keywords")),
        decision=_text(record, "decision", 500) or None,
        ratings=tuple(_numbers(record, "ratings")),
        sections=tuple(_section(one) for one in _objects(record, "sections")),
        reviews=tuple(_review(one) for one in _objects(record, "reviews")),
    )


def storable(paper: Paper) -> Paper:
    """Check a paper made in code as strictly as one read from a file. Raises ValueError as `parse_paper`."""
    return parse_paper(asdict(paper))


def _papers(
    path: Path, lines: Iterable[tuple[int, dict[str, Any]] | Skipped], limit: int | None
) -> Iterator[Paper | Skipped]:
    papers = 0
    for line in lines:
        if limit is not None and papers >= limit:
            return
        if isinstance(line, Skipped):
            yield line
            continue
        number, record = line
        try:
            paper = parse_paper(record)
        except ValueError as error:
            yield Skipped(f"{path}:{number}", str(error))
        else:
            papers += 1
            yield paper


def _section(record: dict[str, Any]) -> Section:
    return Section(_text(record, "heading", MAX_TITLE_CHARACTERS), _needed(record, "text", MAX_SECTION_CHARACTERS))


def _review(record: dict[str, Any]) -> PeerReview:
    scores = ("rating", "confidence", "soundness", "presentation", "contribution")
    rating, confidence, soundness, presentation, contribution = (
        None if record.get(name) is None else _number(name, record[name]) for name in scores
    )
    summary, strengths, weaknesses = (
        _text(record, name, MAX_ABSTRACT_CHARACTERS) for name in ("summary", "strengths", "weaknesses")
    )
    return PeerReview(rating, confidence, soundness, presentation, contribution, summary, strengths, weaknesses)


def _needed(record: dict[str, Any], field: str, longest: int) -> str:
    text = _text(record, field, longest)
    if not text:
        raise ValueError(f"{field} is {'empty' if record.get(field) is not None else 'missing'}")
    return text


def _text(record: dict[str, Any], field: str, longest: int) -> str:
    value = record.get(field)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise ValueError(f"{field} is not a text")
    _check_letters(field, value)
    if len(value) > longest:
        raise ValueError(f"{field} is longer than {longest:,} characters")
    return value.strip()


def _strings(record: dict[str, Any], field: str) -> Iterator[str]:
    for value in _items(record, field):
        if not isinstance(value, str):
            raise ValueError(f"{field} holds something that is not a text")
        _check_letters(field, value)
        if value.strip():
            yield value.strip()


def _numbers(record: dict[str, Any], field: str) -> Iterator[float]:
    for value in _items(record, field):
        yield _number(field, value)


def _number(field: str, value: object) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise ValueError(f"{field} holds something that is not a number")
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise ValueError(f"{field} holds a number that is not finite")
    return number


def _objects(record: dict[str, Any], field: str) -> Iterator[dict[str, Any]]:
    for value in _items(record, field):
        if not isinstance(value, dict):
            raise ValueError(f"{field} holds something that is not an object")
        yield value


def _items(record: dict[str, Any], field: str) -> list[Any] | tuple[Any, ...]:
    value = record.get(field)
    if value is None:
        return ()
    if not isinstance(value, list | tuple):
        raise ValueError(f"{field} is not a list")
    return value


def _check_letters(field: str, value: str) -> None:
    if "\0" in value:
        raise ValueError(f"{field} holds a NUL character")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise ValueError(f"{field} holds half of a surrogate pair") from None
