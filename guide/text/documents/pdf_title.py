"""The title of a PDF file: by its metadata where page one shows it, else by type and place.

All pieces that stand on a row of the title belong to it: a superscript, or a first word that a logo or small capitals
set apart.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from guide.text.documents.pdf import Line
from guide.text.guards import is_title
from guide.text.sections import classify_heading

_LARGER = 1.12  # than the body
_PLACE = 0.51  # of the page's height: the title stands above
_MAX_WORDS = 40
_FILE_LIKE = re.compile(
    r"\.(?:docx?|tex|dvi|pdf|odt|rtf|indd|pages)$|^(?:microsoft word|untitled|paper|title|draft|arxiv)\b", re.IGNORECASE
)
_SUPERSCRIPT = 0.8  # of the title's type, or smaller


def take_title(lines: list[Line], body: float, said: str) -> tuple[str, list[Line]]:
    """Find the title; return it and the lines without it, or "" and all of them.

    Args:
        lines: of all pages, furniture taken out.
        body: type size of the text, points.
        said: the title in the file's metadata.
    """
    first = [at for at, line in enumerate(lines) if line.page == 0 and line.top > 1 - _PLACE]
    if len(said.split()) > 1 and is_title(said) and _FILE_LIKE.search(said) is None:
        wanted = _bare(said)
        for start in first:
            for end in range(start + 1, min(start + 6, len(lines)) + 1):
                if _bare(" ".join(line.text for line in lines[start:end])) == wanted:
                    return said, lines[:start] + lines[end:]
    for chosen in (_largest(lines, first, body), _foremost(lines, first)):
        title = joined_rows([lines[at] for at in chosen])
        if is_title(title) and len(title.split()) <= _MAX_WORDS and not classify_heading(title)[1]:
            taken = set(chosen)
            return title, [line for at, line in enumerate(lines) if at not in taken]
    return "", lines


def _largest(lines: Sequence[Line], first: Sequence[int], body: float) -> list[int]:
    """The lines in the largest type of page one, and what stands on a row with them; of several such, the first."""
    worded = [at for at in first if any(sign.isalpha() for sign in lines[at].text)]
    sizes = sorted({round(lines[at].size, 1) for at in worded if lines[at].size >= _LARGER * body}, reverse=True)
    for size in sizes:
        start = next(at for at in worded if lines[at].size >= 0.98 * size and lines[at].size <= 1.02 * size)
        chosen = [start]
        for at in range(start + 1, len(lines)):
            line = lines[at]
            if line.page != 0:
                break
            if line.size >= 0.95 * size:
                chosen.append(at)
            elif not any(_on_row(line, lines[one]) for one in chosen[-2:]):
                break
        chosen = [at for at in first if at in chosen or any(_on_row(lines[at], lines[one]) for one in chosen)]
        chosen = [
            at
            for at in chosen
            if lines[at].size >= 0.95 * size or not lines[at].text.isdigit() or _touches(at, chosen, lines)
        ]
        # A logo or a drop capital is larger than the title and holds no words.
        if is_title(joined_rows([lines[at] for at in chosen])):
            return chosen
    return []


def _foremost(lines: Sequence[Line], first: Sequence[int]) -> list[int]:
    """The first lines of page one if in bold or capitals, as some journals set titles in the body's size."""
    chosen: list[int] = []
    for at in first:
        line = lines[at]
        loud = line.bold or (line.text.isupper() and len(line.text) > 8)
        if not loud or (chosen and abs(line.size - lines[chosen[0]].size) > 0.1):
            break
        chosen.append(at)
    return chosen


def _on_row(line: Line, other: Line) -> bool:
    """Whether two pieces share a row: the smaller one's height lies mostly within the other's, as superscripts do."""
    if line is other or line.page != other.page:
        return False
    overlap = min(line.top, other.top) - max(line.bottom, other.bottom)
    beside = line.right <= other.left + 0.01 or line.left >= other.right - 0.01
    return (
        beside
        and line.size >= 0.4 * other.size
        and overlap > 0.45 * min(line.top - line.bottom, other.top - other.bottom)
    )


def _touches(at: int, chosen: Sequence[int], lines: Sequence[Line]) -> bool:
    """Whether a small digit stands close to a piece of the title: a superscript, and no number of the line."""
    line = lines[at]
    return any(-0.002 < line.left - lines[one].right < 0.006 for one in chosen if one != at)


def joined_rows(lines: Sequence[Line]) -> str:
    """Join the pieces of a title from left to right and from top to bottom; superscripts without a space."""
    rows: list[list[Line]] = []
    for line in lines:
        row = next((row for row in rows if any(_on_row(line, piece) for piece in row)), None)
        if row is None:
            rows.append([line])
        else:
            row.append(line)
    text = ""
    for row in rows:
        last: Line | None = None
        for line in sorted(row, key=lambda piece: piece.left):
            close = last is not None and line.left - last.right < 0.008
            small = last is not None and min(line.size, last.size) <= _SUPERSCRIPT * max(line.size, last.size)
            glued = close and (small or line.text[:1] in ":;,.)?!")
            text += line.text if glued or not text or text.endswith("\0") else f" {line.text}"
            last = line
        if row and row[-1].hyphen:
            text += "\0"
    return " ".join(re.sub(r"\0", "", text).split())


def _bare(text: str) -> str:
    return re.sub(r"[\W_]+", "", text).casefold()
