"""From the lines of a PDF file to a document: its title, headings and paragraphs, by type size and place.

A PDF file says where letters stand and nothing of what they are. The title is the largest type of the first page, a
heading is large, bold or a section's usual name on a line of its own, and what returns on every page is furniture.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace

from guide.errors import InputError
from guide.text.blocks import TEXT, Block
from guide.text.documents.document import Document
from guide.text.documents.pdf import Line, Pages, read_pages
from guide.text.documents.pdf_title import take_title
from guide.text.guards import UNREADABLE, unreadable_share
from guide.text.language import count_words
from guide.text.sections import classify_heading

_MARGIN = 0.11  # of the page's height: where headers and footers stand
_REPEATED = 0.3  # of the pages: how many carry a line that is furniture
_LARGER = 1.08  # than the body: a heading
_SMALL_PRINT = 0.72  # of the body: letters in figures, marks of footnotes
_MAX_HEADING_WORDS = 12
_MARGIN_DIGITS = 8  # on a page; so many are numbers of lines

_PAGE_NUMBER = re.compile(r"[\W_]*(?:page\s*)?(?:\d{1,4}|[ivx]{1,6})(?:\s*(?:of|/)\s*\d{1,4})?[\W_]*", re.IGNORECASE)
_NUMBERED = re.compile(
    r"(?:(\d{1,2}(?:\.\d{1,2}){0,3})\.?|([A-Z](?:\.\d{1,2}){1,3}|[A-Z])\.?|[IVX]{1,5}\.)\s+(?=[^\W\d_])"
)
_LEADING_NUMBER = re.compile(r"(\d{1,4})(?:\s+|$)")
_RUN_IN_ABSTRACT = re.compile(r"\s*(abstract)\s*[-.:\u2010-\u2015]+\s*(?=\w)", re.IGNORECASE)
_SENTENCE_END = (".", "!", "?", ":", ".\u201d", '."', ".)")


def read_pdf(data: bytes, where: str) -> Document:
    """Read a PDF file: text in reading order, without furniture, small print, and what nobody sees.

    The reference list is left in: its heading tells it, and `guide.text.sections` leaves it out and counts it.

    Args:
        data: the file.
        where: its name, for messages.

    Raises:
        InputError: see `read_pages`; or there is no text in it, or none that can be told from other letters.
    """
    pages = read_pages(data, where)
    if not pages.lines:
        lost = f"; hidden: {len(pages.hidden)} passages" if pages.hidden else ""
        raise InputError(
            f"this PDF has no text on its {pages.pages} page{'s' if pages.pages > 1 else ''} (a scan?){lost}",
            where=where,
            fix="Recognise its text first: ocrmypdf FILE text.pdf",
        )
    _check_readable(pages, where)
    left_out: Counter[str] = Counter()
    if pages.turned:
        left_out["turned line"] = pages.turned
    lines = _without_furniture(pages, left_out)
    body = _body_size(lines)
    title, lines = take_title(lines, body, pages.title)
    blocks = _without_authors(list(_blocks(lines, body, left_out)), left_out)
    return Document(title, tuple(blocks), dict(left_out), pages.hidden, tuple(_notes(pages)))


def _check_readable(pages: Pages, where: str) -> None:
    """Refuse letters that stand for others, as in fonts of bitmaps (Type 3) that dvips makes."""
    text = "".join(line.text for line in pages.lines)
    share = max(pages.unreadable, unreadable_share(text), unreadable_share("".join(pages.hidden)) if not text else 0.0)
    letters = sum(sign.isalpha() for sign in text)
    if share > UNREADABLE or (len(text) > 400 and letters < 0.3 * len(text)):
        raise InputError(
            f"this PDF has no readable text layer: {share:.0%} of its letters stand for no known character",
            where=where,
            fix="Recognise its text from the pages: ocrmypdf --force-ocr FILE text.pdf",
        )


def _notes(pages: Pages) -> Iterator[str]:
    if pages.labels:
        shown = ", ".join(pages.labels[:3]) + (", …" if len(pages.labels) > 3 else "")
        yield f"white text without ink taken out; it may be a figure label ({len(pages.labels)}): {shown}"
    if pages.unchecked:
        plural = "s" if pages.unchecked > 1 else ""
        yield f"hidden text was not looked for on {pages.unchecked} page{plural}, whose figures take too long to draw"
    if pages.read < pages.pages:
        yield f"the first {pages.read} of {pages.pages} pages were read"
    if pages.scanned:
        yield "the pages are pictures: what a program recognised in them was read, and may differ from what they show"
    if pages.unreadable > 0.01:
        yield f"{pages.unreadable:.0%} of the letters stand for no known character"


def _without_furniture(pages: Pages, left_out: Counter[str]) -> list[Line]:
    """Take out headers, footers, and the numbers of pages and lines."""
    times = Counter(key for key, _ in {(_same(line.text), line.page) for line in pages.lines if _in_margin(line)})
    often = max(2, math.ceil(_REPEATED * pages.read))
    lines = list(_without_line_numbers(pages.lines, left_out))
    bare = [line for line in lines if line.text.replace(" ", "").isdigit()]
    numbered = {page for page, count in Counter(line.page for line in bare).items() if count >= _MARGIN_DIGITS}
    left, right = _column(pages.lines)
    kept: list[Line] = []
    for line in lines:
        digits = line.text.replace(" ", "").isdigit()
        if digits and line.page in numbered and (line.right <= left or line.left >= right):
            left_out["line number"] += 1
        elif _in_margin(line) and _PAGE_NUMBER.fullmatch(line.text):
            left_out["page number"] += 1
        elif _in_margin(line) and times[_same(line.text)] >= often:
            left_out["header or footer"] += 1
        else:
            kept.append(line)
    return kept


def _without_line_numbers(lines: Sequence[Line], left_out: Counter[str]) -> Iterator[Line]:
    """Take a line's number off its beginning, on pages where such numbers count on."""
    leading = [_LEADING_NUMBER.match(line.text) for line in lines]
    run: list[int] = []
    taken: set[int] = set()
    for at, match in enumerate([*leading, None]):
        follows = match is not None and run and lines[at].page == lines[run[-1]].page
        if match and follows and int(match[1]) == int((leading[run[-1]] or match)[1]) + 1:
            run.append(at)
        elif match or at == len(lines):
            # Sections are numbered, too, but seldom so many of them on a page.
            taken |= set(run) if len(run) >= _MARGIN_DIGITS else set()
            run = [at]
    for at, (line, match) in enumerate(zip(lines, leading, strict=True)):
        if match is None or at not in taken:
            yield line
            continue
        left_out["line number"] += 1
        if rest := line.text[match.end() :]:
            yield replace(line, text=rest)


def _in_margin(line: Line) -> bool:
    return line.bottom > 1 - _MARGIN or line.top < _MARGIN


def _same(text: str) -> str:
    """A line as it returns on other pages, whose numbers differ."""
    return re.sub(r"\d+", "#", text).casefold()


def _column(lines: Sequence[Line]) -> tuple[float, float]:
    """Where the text begins and ends across the page: nine of ten lines of words stand within."""
    worded = [line for line in lines if len(line.text) > 20]
    if not worded:
        return 0.0, 1.0
    lefts, rights = sorted(line.left for line in worded), sorted(line.right for line in worded)
    # A hair's breadth, for letters that stand out.
    return lefts[len(lefts) // 20] + 0.005, rights[len(rights) - 1 - len(rights) // 20] - 0.005


def _body_size(lines: Sequence[Line]) -> float:
    """The type size, to a tenth of a point, that most letters have."""
    sizes: Counter[float] = Counter()
    for line in lines:
        sizes[round(line.size, 1)] += len(line.text)
    return sizes.most_common(1)[0][0] if sizes else 0.0


def _blocks(lines: Sequence[Line], body: float, left_out: Counter[str]) -> Iterator[Block]:
    """Cut the lines into headings and paragraphs."""
    hyphenated = {word.casefold() for line in lines for word in re.findall(r"\w+(?:-\w+)+", line.text)}
    paragraph: list[Line] = []

    def close() -> Iterator[Block]:
        if paragraph:
            # An item, so that no paragraph is taken for a heading: here the type tells them.
            yield Block(_joined(paragraph, hyphenated), item=True)
            paragraph.clear()

    heading: list[Line] = []

    def close_heading() -> Iterator[Block]:
        if heading:
            yield Block(_joined(heading, hyphenated), level=_level(heading[0], body))
            heading.clear()

    for at, line in enumerate(lines):
        if line.size < _SMALL_PRINT * body:
            left_out["line in small print"] += 1
            continue
        run_in = _RUN_IN_ABSTRACT.match(line.text)
        if run_in:
            yield from close_heading()
            yield from close()
            yield Block(run_in[1], level=2)
            line = replace(line, text=line.text[run_in.end() :])
        elif _continues(heading, line):
            heading.append(line)
            continue
        elif _is_heading(line, body, lines[at - 1] if at else None):
            yield from close()
            yield from close_heading()
            heading.append(line)
            continue
        yield from close_heading()
        if paragraph and _begins_paragraph(paragraph[-1], line):
            yield from close()
        paragraph.append(line)
    yield from close_heading()
    yield from close()


def _is_heading(line: Line, body: float, before: Line | None) -> bool:
    words = line.text.split()
    if (
        not words
        or len(words) > _MAX_HEADING_WORDS
        or line.text[-1] in ".,;"
        or not re.search(r"[^\W\d_]{2}", line.text)
    ):
        return False
    named = classify_heading(line.text)[1]
    numbered = _NUMBERED.match(line.text) is not None
    larger = line.size >= _LARGER * body
    if larger or line.bold:
        # In bold the first words of a paragraph stand, too, and names in a table.
        return named or numbered or line.size >= 1.15 * body
    # In the body's own type: only a usual name by itself, above or below which there is room.
    short = line.right - line.left < 0.3 and (numbered or line.text[:1].isupper())
    alone = before is None or before.page != line.page or before.bottom - line.top > 0.4 * (line.top - line.bottom)
    return named and short and alone and len(words) <= 4


def _continues(heading: Sequence[Line], line: Line) -> bool:
    """Whether a line is the second or third of a heading."""
    if not heading or len(heading) > 2 or _NUMBERED.match(line.text) or classify_heading(heading[-1].text)[1]:
        return False
    last = heading[-1]
    alike = abs(last.size - line.size) < 0.1 and last.bold == line.bold and last.page == line.page
    return alike and 0 <= last.bottom - line.top < 0.012


def _level(line: Line, body: float) -> int:
    number = _NUMBERED.match(line.text)
    if number:
        return 2 + (number[1] or number[2] or "").count(".")
    return 2 if classify_heading(line.text)[1] or line.size >= 1.15 * body else 3


def _begins_paragraph(last: Line, line: Line) -> bool:
    """Whether a gap parts two lines, or a new column or page begins after the end of a sentence."""
    ended = last.text.endswith(_SENTENCE_END)
    if last.page != line.page or line.bottom > last.top:
        return ended
    height = max(last.top - last.bottom, line.top - line.bottom)
    gap = last.bottom - line.top
    return gap > 0.9 * height or (ended and line.left - last.left > 0.012)


def _joined(lines: Sequence[Line], hyphenated: frozenset[str] | set[str] = frozenset()) -> str:
    """Join lines; a word parted at the end of one is made whole, unless the text has it with a hyphen elsewhere."""
    text = ""
    for line in lines:
        text += line.text
        # Some writers put a plain hyphen at the end of a line, which pdfium does not mark.
        if not line.hyphen and not re.search(r"[^\W\d_]-$", line.text):
            text += " "
            continue
        text = text.removesuffix("-") + "\0"
    return " ".join(re.sub(r"(\w*(?:-\w+)*)\0(\w*(?:-\w+)*)", lambda word: _mended(word, hyphenated), text).split())


def _mended(word: re.Match[str], hyphenated: frozenset[str] | set[str]) -> str:
    first, second = word[1], word[2]
    compound = f"{first}-{second}"
    keep = "-" in first or not second[:1].islower() or compound.casefold() in hyphenated
    return compound if keep else first + second


def _without_authors(blocks: list[Block], left_out: Counter[str]) -> list[Block]:
    """Leave out what stands above the abstract: names and addresses, which no submission under review shows."""
    for at, block in enumerate(blocks):
        if block.level != TEXT and classify_heading(block.text) == ("abstract", True):
            words = sum(count_words(one.text) for one in blocks[:at])
            if words:
                left_out["word above the abstract"] += words
            return blocks[at:]
    # Without a heading the first line may still be a title, which `guide.text.sections` knows by its look.
    return [replace(block, item=False) if at == 0 else block for at, block in enumerate(blocks)]
