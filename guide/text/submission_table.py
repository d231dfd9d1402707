"""Tables of submissions: CSV and TSV files whose header names at least a title and an abstract."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from guide.corpus.jsonl import Skipped
from guide.corpus.sources.references import check_letters
from guide.corpus.sources.table import DELIMITERS, LONGEST_CELL
from guide.corpus.sources.text import lines_of
from guide.errors import InputError


def read_table(path: Path, fields: Mapping[str, Sequence[str]]) -> Iterator[tuple[int, dict[str, str]] | Skipped]:
    """Stream (line number from 1, cells by field) of a table, as `read_jsonl` does of JSON lines; empty rows left out.

    Args:
        path: a file in UTF-8, plain, .gz or .zst; its cells are parted by commas, semicolons or tabs.
        fields: by field, the names its column may have, in small letters with single underscores.

    Raises:
        InputError: the file cannot be read, or its header has no column for title or abstract, or one twice.
    """
    # The limit is csv's own and holds for the whole process: it is raised, never lowered.
    csv.field_size_limit(max(csv.field_size_limit(), LONGEST_CELL))
    lines = lines_of(path, newline="")
    begun, line = next(((number, line) for number, line in enumerate(lines, 1) if line.strip()), (1, ""))
    header, delimiter = _header(line, fields)
    places = _places(header, fields, f"{path}:{begun}")
    # Strict, so that a quote that is never closed is an error and not a row that swallows the rest.
    rows = csv.reader(lines, delimiter=delimiter, strict=True)
    while True:
        at = begun + rows.line_num + 1
        where = f"{path}:{at}"
        try:
            row = next(rows, None)
        except csv.Error as error:
            unclosed = str(error) == "unexpected end of data"
            reason = "a quote that opens here is not closed; the rest was not read" if unclosed else str(error)
            yield Skipped(where, f"the row is broken: {reason}")
            continue
        except InputError as error:
            # The compressed data break off: what came before stands.
            yield Skipped(where, f"{error.what}; the rest was not read")
            return
        if row is None:
            return
        if not any(cell.strip() for cell in row):
            continue
        # Spreadsheets fill rows up with empty cells.
        if len(row) < len(header) or any(cell.strip() for cell in row[len(header) :]):
            yield Skipped(where, f"the row has {len(row)} cells, the header {len(header)}")
            continue
        cells = {name: row[place] for name, place in places.items()}
        try:
            check_letters(cells)
        except ValueError as error:
            yield Skipped(where, str(error))
            continue
        yield at, cells


def _header(line: str, fields: Mapping[str, Sequence[str]]) -> tuple[list[str], str]:
    """The header's cells, in small letters, and the delimiter with which most of them are known."""
    known = {alias for aliases in fields.values() for alias in aliases}
    best: tuple[list[str], str] = [], ","
    for delimiter in DELIMITERS:
        with suppress(csv.Error):  # quoted cells are broken cells to every delimiter but their own
            row = next(csv.reader([line], delimiter=delimiter, strict=True), [])
            cells = [re.sub(r"[\W_]+", "_", cell).strip("_").casefold() for cell in row]
            if not best[0] or len(known & set(cells)) > len(known & set(best[0])):
                best = cells, delimiter
    return best


def _places(header: list[str], fields: Mapping[str, Sequence[str]], where: str) -> dict[str, int]:
    places: dict[str, int] = {}
    for name, aliases in fields.items():
        found = [alias for alias in aliases if alias in header]
        if found and header.count(found[0]) > 1:
            raise InputError(f"the header names the column {found[0]} twice", where=where)
        if found:
            places[name] = header.index(found[0])
    missing = [name for name in ("title", "abstract") if name not in places]
    if missing:
        listed = ", ".join(header)[:300] or "nothing"
        raise InputError(f"the header has no column {' and no '.join(missing)}; it has: {listed}", where=where)
    return places
