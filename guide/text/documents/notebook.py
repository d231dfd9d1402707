"""A notebook (.ipynb) as Markdown: the cells that hold prose, in order; code and its output are counted."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

from guide.errors import InputError


def notebook_text(data: str, where: str) -> tuple[str, Counter[str]]:
    """Join the Markdown cells of a notebook; also how many other cells were left out.

    Raises:
        InputError: it is no notebook, or no cell of it holds prose.
    """
    fix = "Save its text as .md and pass that."
    try:
        notebook: Any = json.loads(data)
    except (ValueError, RecursionError):
        raise InputError("this is no notebook: its JSON is damaged", where=where, fix=fix) from None
    if not isinstance(notebook, dict):
        raise InputError("this is no notebook: it has no cells", where=where, fix=fix)
    cells = notebook.get("cells")
    if not isinstance(cells, list):
        # Format 3 kept them in worksheets.
        sheets = notebook.get("worksheets")
        sheets = sheets if isinstance(sheets, list) else []
        cells = [cell for sheet in sheets if isinstance(sheet, dict) for cell in _listed(sheet.get("cells"))]
    prose: list[str] = []
    left_out: Counter[str] = Counter()
    for cell in cells:
        kind = cell.get("cell_type") if isinstance(cell, dict) else None
        if kind == "markdown":
            prose.append(_source(cell.get("source")))
        elif kind == "heading":
            prose.append("#" * _depth(cell.get("level")) + " " + _source(cell.get("source")))
        else:
            left_out["code cell" if kind == "code" else "raw cell"] += 1
    text = "\n\n".join(part for part in prose if part.strip())
    if not text:
        raise InputError("this notebook has no Markdown cells, and code is not judged", where=where, fix=fix)
    return text, left_out


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _depth(value: Any) -> int:
    return min(6, max(1, value)) if isinstance(value, int) else 1


def _source(value: Any) -> str:
    if isinstance(value, str):
        return value
    return "".join(line for line in _listed(value) if isinstance(line, str))
