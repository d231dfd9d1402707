"""Tables of papers: CSV and TSV files with a header."""

from __future__ import annotations

import csv
import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from guide.corpus.records import Paper, Skipped, parse_paper
from guide.corpus.sources import Mark
from guide.corpus.sources.references import check_letters, keywords_of, month_of
from guide.corpus.sources.text import lines_of
from guide.errors import InputError

__all__ = ["Table"]

# Names a column may have, the plainest first, in small letters with single underscores.
COLUMNS = {
    "title": ("title", "paper_title"),
    "abstract": ("abstract", "paper_abstract"),
    "year": ("year", "publication_year"),
    "id": ("id", "paper_id"),
    "venue": ("venue", "conference", "booktitle", "journal"),
    "posted": ("posted", "date", "publication_date"),
    "url": ("url", "link"),
    "keywords": ("keywords",),
    "decision": ("decision",),
    "ratings": ("ratings", "rating"),
}
NEEDED = ("title", "abstract", "year")
DELIMITERS = (",", "\t", ";")
# Above every abstract that is taken, so that a long one is refused by its own reason and the rows stay in step.
LONGEST_CELL = 64 * 2**20
# Data frames write a column of whole numbers with gaps as 2024.0.
YEAR = re.compile(r"([0-9]{1,4})(?:\.0*)?")


@dataclass(slots=True)
class Table:
    """The rows of a CSV or TSV file whose header names at least title, abstract and year.

    Attributes:
        path: the file, UTF-8; its cells are parted by commas, semicolons or tabs, as the header shows.
    """

    path: Path

    @property
    def name(self) -> str:
        """Names the format and the file."""
        return f"table {self.path}"

    def read(self, state: Mapping[str, Any] | None = None) -> Iterator[Paper | Skipped | Mark]:
        """Deliver the papers in the file's order and one mark at the end; any state starts from the beginning.

        A row without an id gets one from its title and year.

        Raises:
            InputError: the file cannot be read, or its header misses a column or names it twice.
        """
        # The limit is csv's own and holds for the whole process: it is raised, never lowered.
        csv.field_size_limit(max(csv.field_size_limit(), LONGEST_CELL))
        lines = lines_of(self.path, newline="")
        number, line = next(((number, line) for number, line in enumerate(lines, 1) if line.strip()), (1, ""))
        header, delimiter = _header(line)
        columns = _columns(header, f"{self.path}:{number}")
        # Strict, so that a quote that is never closed is an error and not a row that swallows the rest.
        rows = csv.reader(lines, delimiter=delimiter, strict=True)
        while True:
            where = f"{self.path}:{number + rows.line_num + 1}"
            try:
                row = next(rows, None)
            except csv.Error as error:
                yield Skipped(where, f"the row is broken: {error}")
                continue
            if row is None:
                break
            if not row:
                continue
            try:
                yield _paper(row, columns, len(header))
            except ValueError as error:
                yield Skipped(where, str(error))
        yield Mark(None)


def _header(line: str) -> tuple[list[str], str]:
    """The header's cells and the delimiter with which most of them are known columns."""
    known = {alias for aliases in COLUMNS.values() for alias in aliases}
    best: tuple[list[str], str] = [], ","
    for delimiter in DELIMITERS:
        with suppress(csv.Error):  # quoted cells are broken cells to every delimiter but their own
            cells = [_plain(cell) for cell in next(csv.reader([line], delimiter=delimiter, strict=True), [])]
            if len(known & set(cells)) > len(known & set(best[0])) or not best[0]:
                best = cells, delimiter
    return best


def _columns(header: Sequence[str], where: str) -> dict[str, int]:
    """Where each field stands in a row."""
    columns: dict[str, int] = {}
    for field, aliases in COLUMNS.items():
        name = next((alias for alias in aliases if alias in header), None)
        if name is None:
            continue
        if header.count(name) > 1:
            raise InputError(f"the header names the column {name} twice", where=where)
        columns[field] = header.index(name)
    missing = [field for field in NEEDED if field not in columns]
    if missing:
        found = ", ".join(header)[:300] or "nothing"
        raise InputError(f"the header has no column {' and no '.join(missing)}; it has: {found}", where=where)
    return columns


def _paper(row: list[str], columns: Mapping[str, int], width: int) -> Paper:
    # Spreadsheets fill rows up with empty cells.
    if len(row) < width or any(cell.strip() for cell in row[width:]):
        raise ValueError(f"the row has {len(row)} cells, the header {width}")
    cells = {field: row[place] for field, place in columns.items()}
    check_letters(cells)
    title, year = cells["title"], _year(cells["year"])
    digest = hashlib.sha256(f"{' '.join(title.split()).casefold()}\0{year}".encode()).hexdigest()
    return parse_paper(
        {
            "id": cells.get("id", "").strip() or f"csv:{digest[:16]}",
            "title": title,
            "abstract": cells["abstract"],
            "year": year,
            "venue": cells.get("venue"),
            "posted": _posted(cells.get("posted", "").strip(), year),
            "url": cells.get("url"),
            "keywords": keywords_of(cells.get("keywords", "")),
            "decision": cells.get("decision"),
            "ratings": [_rating(one) for one in cells.get("ratings", "").split(";") if one.strip()],
        }
    )


def _year(cell: str) -> int | None:
    if not cell.strip():
        return None
    whole = YEAR.fullmatch(cell.strip())
    if whole is None:
        raise ValueError(f"{cell.strip()[:40]!r} is not a year")
    return int(whole[1])


def _posted(cell: str, year: int | None) -> str | None:
    if not cell or (len(cell) == 4 and cell.isdigit()):
        return None
    # What cannot be read is left for parse_paper to refuse: a wrong date would let a review see later work.
    return month_of(cell, year) or cell[:20]


def _rating(cell: str) -> float:
    try:
        return float(cell)
    except ValueError:
        raise ValueError(f"the rating {cell.strip()[:40]!r} is not a number") from None


def _plain(cell: str) -> str:
    return re.sub(r"[\W_]+", "_", cell).strip("_").casefold()
