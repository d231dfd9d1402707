"""RIS files, as reference managers and publishers export them."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from guide.corpus.records import Paper, Skipped, parse_paper
from guide.corpus.sources import Mark
from guide.corpus.sources.bibtex import INSTALL
from guide.corpus.sources.references import check_letters, identify, keywords_of, month_of, year_of
from guide.corpus.sources.text import lines_of
from guide.errors import InputError

__all__ = ["Ris"]

START = re.compile(r"TY  -")
# rispy takes the text from the seventh sign on, whether or not a space stands before it.
TIGHT = re.compile(r"[A-Z][A-Z0-9]  -(?=\S)")
END = re.compile(r"ER  -")
# Where each thing stands, the usual tag first.
TITLE = ("TI", "T1", "CT")
ABSTRACT = ("AB", "N2")
YEAR = ("PY", "Y1", "DA")
DATE = ("DA", "Y1", "PY")
VENUE = ("T2", "JO", "JF", "JA", "J2", "BT")
TAGS = (*TITLE, *ABSTRACT, *YEAR, *VENUE, "DO", "UR", "L1", "L2", "KW")


@dataclass(slots=True)
class Ris:
    """The records of a RIS file; those without an abstract or a year are skipped.

    Attributes:
        path: the file, UTF-8.
    """

    path: Path

    @property
    def name(self) -> str:
        """Names the format and the file."""
        return f"ris {self.path}"

    def read(self, state: Mapping[str, Any] | None = None) -> Iterator[Paper | Skipped | Mark]:
        """Deliver the papers in the file's order and one mark at the end; any state starts from the beginning.

        Raises:
            InputError: the file cannot be read or holds no RIS record, or the package rispy is missing.
        """
        try:
            from rispy import RisParser  # type: ignore[import-untyped, unused-ignore]
        except ImportError as error:
            raise InputError("the package rispy is missing", fix=INSTALL) from error
        # Every tag a list and no other tag kept: else rispy drops what is repeated, cuts URLs at semicolons, and
        # stumbles where an unknown tag meets the tag UK.
        parser = RisParser(
            mapping={tag: tag for tag in ("TY", *TAGS)},
            list_tags=list(TAGS),
            delimiter_tags_mapping={},
            skip_unknown_tags=True,
        )
        stray, records = 0, 0
        for number, lines in _chunks(lines_of(self.path)):
            where = f"{self.path}:{number}"
            if not START.match(lines[0]):
                stray += 1
                yield Skipped(where, "these lines belong to no record: no TY line stands before them")
                continue
            records += 1
            if not END.match(lines[-1]):
                # rispy would drop the record or run it together with the next one; its last text may be cut off.
                yield Skipped(where, "the record has no ER line at its end")
                continue
            try:
                yield _paper(parser.parse_lines(TIGHT.sub(r"\g<0> ", line) for line in lines)[0])
            except ValueError as error:
                yield Skipped(where, str(error))
        if stray and not records:
            raise InputError("holds no RIS record", where=self.path, fix="A record begins with a line TY  - .")
        yield Mark(None)


def _paper(tags: Mapping[str, list[str]]) -> Paper:
    fields = {tag: " ".join(" ".join(tags[tag]).split()) for tag in TAGS if tags.get(tag)}
    check_letters(fields)
    year = year_of(_first(fields, YEAR))
    urls = tags.get("UR", [])
    title = _first(fields, TITLE)
    digest = hashlib.sha256(f"{' '.join(title.split()).casefold()}\0{year}".encode()).hexdigest()
    linked = (*urls, *tags.get("L1", ()), *tags.get("L2", ()), *(fields.get(tag, "") for tag in VENUE))
    return parse_paper(
        {
            "id": identify(linked, doi=fields.get("DO", "")) or f"ris:{digest[:16]}",
            "title": title,
            "abstract": _first(fields, ABSTRACT),
            "year": year,
            "venue": _first(fields, VENUE),
            "posted": next((month for tag in DATE if (month := month_of(fields.get(tag, ""), year))), None),
            "url": next((url for url in urls if url), None),
            "keywords": [one for words in tags.get("KW", ()) for one in keywords_of(words)],
        }
    )


def _first(fields: Mapping[str, str], tags: Iterable[str]) -> str:
    return next((fields[tag] for tag in tags if fields.get(tag)), "")


def _chunks(lines: Iterable[str]) -> Iterator[tuple[int, list[str]]]:
    """Part the file into records, from TY to ER, and runs of lines between them; with the first line's number."""
    chunk: list[str] = []
    start = 1
    for number, line in enumerate(lines, 1):
        if chunk and START.match(line):
            yield start, chunk
            chunk = []
        if not chunk and not line.strip():
            continue
        if not chunk:
            start = number
        # Of lines between records only the first is kept: a large file of another kind must not fill the memory.
        if not chunk or START.match(chunk[0]):
            chunk.append(line)
        if END.match(line) and START.match(chunk[0]):
            yield start, chunk
            chunk = []
    if chunk:
        yield start, chunk
