"""The lines of a PDF file as a reader of its pages sees them, through pdfium.

What stands in the file and not on the page is kept apart: text without ink (white on white, painted over, transparent,
drawn in render mode 3), beside the page, or too small to read. Whether there is ink is looked up on the rendered page.
A file whose letters stand for others (a forged character map) is read as it says, not as it looks.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from guide.errors import InputError
from guide.text.documents.pdf_ink import LABEL, Drawing, mark_without_ink
from guide.text.documents.pdf_letters import HYPHEN, UNKNOWN, Letter, is_scan, letters_of, page_box

MAX_PAGES = 60

INSTALL = "pip install 'guide-advisor[formats]'"


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a page, or what stands on one base line of a column.

    Attributes:
        text: its words, ligatures taken apart.
        page: from 0.
        size: of its largest letters, points.
        bold: whether most of its letters are.
        left, bottom, right, top: its box as shares of the page's width and height, from the lower left corner.
        hyphen: whether it ended in a hyphen at which a word may have been parted; the hyphen is not in the text.
    """

    text: str
    page: int
    size: float
    bold: bool
    left: float
    bottom: float
    right: float
    top: float
    hyphen: bool = False


@dataclass(frozen=True, slots=True)
class Pages:
    """What was read of a PDF file.

    Attributes:
        lines: in the order of the file, which is that of reading in nearly all.
        hidden: passages that are in the file and not to be seen on its pages.
        labels: white letters without ink on a page with a figure, whose label they may be; each with its page.
        unchecked: pages that could not be looked at for hidden text in the time there is.
        turned: lines that do not stand upright and are not among `lines`.
        unreadable: share of the letters that the file gives no character for.
        scanned: whether the pages are pictures, and the text what a program recognised in them.
        title: of the file's metadata, "" without one.
        read: pages read.
        pages: that the file has.
    """

    lines: tuple[Line, ...]
    hidden: tuple[str, ...]
    labels: tuple[str, ...]
    unchecked: int
    turned: int
    unreadable: float
    scanned: bool
    title: str
    read: int
    pages: int


def read_pages(data: bytes, where: str) -> Pages:
    """Read the text of at most `MAX_PAGES` pages of a PDF file.

    Args:
        data: the file.
        where: its name, for messages.

    Raises:
        InputError: pypdfium2 is not installed, or the file is damaged or asks for a password.
    """
    try:
        import pypdfium2  # type: ignore[import-untyped, unused-ignore]
        from pypdfium2 import raw
    except ModuleNotFoundError as error:
        raise InputError(
            f"PDF is read through the package pypdfium2, and {error.name} is missing", where=where, fix=INSTALL
        ) from error
    try:
        document = pypdfium2.PdfDocument(data)
    except pypdfium2.PdfiumError as error:
        # After the exception the library still knows which of its errors it was.
        raise _refusal(raw.FPDF_GetLastError() == raw.FPDF_ERR_PASSWORD, where) from error
    lines: list[Line] = []
    hidden: list[str] = []
    labels: list[str] = []
    drawing = Drawing()
    turned = letters = unmapped = recognised = 0
    try:
        count = len(document)
        for number in range(min(count, MAX_PAGES)):
            page = document[number]
            found = letters_of(page, raw)
            letters += len(found)
            unmapped += sum(letter.sign == UNKNOWN for letter in found)
            if is_scan(page, found, raw):
                recognised += 1
                for letter in found:
                    letter.unseen = ""
            else:
                mark_without_ink(page, found, raw, drawing)
            hidden += _passages(found)
            labels += [f"“{label}” on page {number + 1}" for label in _passages(found, labels=True)]
            # A page on its side is read as it is.
            sideways = 2 * sum(letter.turned for letter in found) > len(found)
            seen = [letter for letter in found if not letter.unseen]
            for line, upright in _lines(seen, number, page.get_size(), page_box(page)[:2]):
                if upright or sideways:
                    lines.append(line)
                else:
                    turned += 1
            page.close()
        title = str(document.get_metadata_value("Title") or "")
    except pypdfium2.PdfiumError as error:
        raise _refusal(False, where) from error
    finally:
        document.close()
    if not count:
        raise _refusal(False, where)
    return Pages(
        lines=tuple(lines),
        hidden=tuple(hidden),
        labels=tuple(labels),
        unchecked=drawing.unchecked,
        turned=turned,
        unreadable=unmapped / max(letters, 1),
        scanned=recognised > 0,
        title=" ".join(title.split()),
        read=min(count, MAX_PAGES),
        pages=count,
    )


def _refusal(password: bool, where: str) -> InputError:
    if password:
        fix = "Save it without one: qpdf --decrypt --password=WORD FILE open.pdf"
        return InputError("this PDF is encrypted and asks for a password", where=where, fix=fix)
    fix = "Make it anew, or try: qpdf FILE mended.pdf"
    return InputError("this PDF is damaged and cannot be opened", where=where, fix=fix)


def _passages(letters: Sequence[Letter], *, labels: bool = False) -> Iterator[str]:
    """The texts of the unseen letters, neighbours together; of those that may be labels, or of the others."""
    passage: list[str] = []
    for letter in letters:
        if letter.unseen and (letter.unseen == LABEL) == labels:
            passage.append("-" if letter.sign == HYPHEN else letter.sign + ("\n" if letter.ends_line else ""))
        elif letter.sign.strip():
            if any(sign.isalnum() for sign in passage):
                yield _words(passage)
            passage = []
    if any(sign.strip().isalnum() for sign in passage):
        yield _words(passage)


def _lines(
    letters: Sequence[Letter], page: int, size: tuple[float, float], origin: tuple[float, float]
) -> Iterator[tuple[Line, bool]]:
    """Cut the letters into lines, each with whether it stands upright."""
    line: list[Letter] = []
    for letter in letters:
        last = next((before for before in reversed(line) if before.sign.strip()), None)
        if last is not None and letter.sign.strip() and _apart(last, letter):
            yield from _line(line, page, size, origin)
            line = []
        line.append(letter)
        if letter.ends_line:
            yield from _line(line, page, size, origin)
            line = []
    yield from _line(line, page, size, origin)


def _apart(last: Letter, letter: Letter) -> bool:
    """Whether the next letter cannot be on the line of the last: turned otherwise, far to a side, or another line."""
    if last.turned != letter.turned:
        return True
    if last.turned:
        return False
    em = max(last.size, letter.size)
    gap = letter.box[0] - last.box[2]
    return gap > 3 * em or gap < -3 * em or abs(letter.box[1] - last.box[1]) > 0.8 * em


def _line(
    letters: Sequence[Letter], page: int, size: tuple[float, float], origin: tuple[float, float]
) -> Iterator[tuple[Line, bool]]:
    inked = [letter for letter in letters if letter.sign.strip() or letter.sign == HYPHEN]
    if not inked:
        return
    signs: list[str] = []
    for at, letter in enumerate(letters):
        # Small capitals are large and small letters, which pdfium may part: "I NTRODUCTION".
        if letter.generated and 0 < at < len(letters) - 1:
            before, after = letters[at - 1], letters[at + 1]
            if before.sign.isupper() and after.sign.isupper() and before.size > 1.15 * after.size:
                continue
        signs.append(letter.sign)
    hyphen = inked[-1].sign == HYPHEN
    text = _words(signs)
    if not text:
        return
    (width, height), (left, bottom) = size, origin
    found = Line(
        text=text,
        page=page,
        size=max(letter.size for letter in inked),
        bold=2 * sum(letter.bold for letter in inked) > len(inked),
        left=(min(letter.box[0] for letter in inked) - left) / width,
        bottom=(min(letter.box[1] for letter in inked) - bottom) / height,
        right=(max(letter.box[2] for letter in inked) - left) / width,
        top=(max(letter.box[3] for letter in inked) - bottom) / height,
        hyphen=hyphen,
    )
    yield found, not inked[0].turned


def _words(signs: Sequence[str]) -> str:
    joined = "".join(signs).replace(HYPHEN, "")
    # Characters beyond the first plane come in halves.
    whole = joined.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return " ".join(whole.split())
