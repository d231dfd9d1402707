"""Word documents (.docx): title, headings by their styles, paragraphs with changes accepted.

Deleted text and comments are not read, inserted text is; of a formula the letters are, without its lay-out.
Hidden and white text is told as such. The styles' names are those of Word in English or their built-in ids.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING

from guide.errors import InputError
from guide.text.blocks import BOLD_LINE, TEXT, Block
from guide.text.documents.archive import parse_part, read_part
from guide.text.documents.document import MAX_BLOCKS, Document

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

_W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_M = "{http://schemas.openxmlformats.org/officeDocument/2006/math}"
_HEADING = re.compile(r"heading ?([1-9])", re.IGNORECASE)
_AUTHOR = re.compile(r"author|affiliation|institution|e-?mail|address", re.IGNORECASE)
_FURNITURE = re.compile(r"toc ?\d|caption|bibliography|footnote|endnote|header|footer", re.IGNORECASE)
_SKIPPED = {
    **{
        f"{_W}del": "deleted passage",
        f"{_W}moveFrom": "deleted passage",
        f"{_W}drawing": "image",
        f"{_W}pict": "image",
    },
    **{f"{_W}object": "image", f"{_W}footnoteReference": "footnote", f"{_W}endnoteReference": "footnote"},
    **{f"{_W}commentReference": "comment", f"{_W}instrText": "", f"{_W}rPr": "", f"{_W}pPr": "", f"{_W}sectPr": ""},
}
_MAX_BOLD_WORDS = 12


def is_word(data: bytes, where: str) -> bool:
    """Whether an archive is a Word document."""
    return read_part(data, "word/document.xml", where) is not None


def read_word(data: bytes, where: str) -> Document:
    """Read a Word document.

    Raises:
        InputError: see `read_part` and `parse_part`; or it has no body.
    """
    part = read_part(data, "word/document.xml", where)
    body = parse_part(part, where).find(f"{_W}body") if part else None
    if body is None:
        raise InputError("this Word document has no text", where=where, fix="Save its text as .md and pass that.")
    styles = _styles(read_part(data, "word/styles.xml", where), where)
    left_out: Counter[str] = Counter()
    hidden: list[str] = []
    title = ""
    blocks: list[Block] = []
    for paragraph in _paragraphs(body, left_out):
        if len(blocks) > MAX_BLOCKS:
            break  # the one too many is told by who sorts them
        style = styles.get(_value(paragraph, "pStyle"), _value(paragraph, "pStyle"))
        text = " ".join(_text(paragraph, left_out, hidden).split())
        if not text:
            continue
        heading = _HEADING.match(style)
        if style.lower() == "title" and not title:
            title = text
        elif _AUTHOR.search(style):
            left_out["line of author names or addresses"] += 1
        elif _FURNITURE.match(style):
            left_out["caption, note or entry of contents"] += 1
        elif heading or _outline(paragraph):
            blocks.append(Block(text, level=min(6, int(heading[1]) if heading else 2)))
        elif _is_bold(paragraph) and len(text.split()) <= _MAX_BOLD_WORDS:
            blocks.append(Block(text.rstrip(":"), level=BOLD_LINE))
        else:
            blocks.append(Block(text, level=TEXT, item=paragraph.find(f"{_W}pPr/{_W}numPr") is not None))
    notes = []
    if formulas := left_out.pop("formula", 0):
        notes.append(f"formulas read by their letters alone, without their lay-out ({formulas})")
    return Document(title, tuple(blocks), dict(left_out), tuple(hidden), tuple(notes))


def _styles(part: bytes | None, where: str) -> dict[str, str]:
    """The names of a document's styles by their ids, which other languages of Word translate."""
    if part is None:
        return {}
    named: dict[str, str] = {}
    for style in parse_part(part, where).iter(f"{_W}style"):
        name = style.find(f"{_W}name")
        if name is not None:
            named[style.get(f"{_W}styleId", "")] = name.get(f"{_W}val", "")
    return named


def _paragraphs(body: Element, left_out: Counter[str]) -> Iterator[Element]:
    """Paragraphs in order; tables are counted and not read."""
    waiting = list(reversed(body))
    while waiting:
        element = waiting.pop()
        if element.tag == f"{_W}p":
            yield element
        elif element.tag == f"{_W}tbl":
            left_out["table"] += 1
        elif element.tag in (
            f"{_W}sdt",
            f"{_W}sdtContent",
            f"{_W}ins",
            f"{_W}moveTo",
            f"{_W}customXml",
            f"{_W}smartTag",
        ):
            waiting += reversed(element)


def _text(paragraph: Element, left_out: Counter[str], hidden: list[str]) -> str:
    words: list[str] = []
    waiting = list(reversed(paragraph))
    while waiting:
        element = waiting.pop()
        tag = element.tag
        if tag in _SKIPPED:
            if _SKIPPED[tag]:
                left_out[_SKIPPED[tag]] += 1
        elif tag == f"{_M}oMath":
            left_out["formula"] += 1
            words.append("$" + "".join(piece.text or "" for piece in element.iter(f"{_M}t")) + "$")
        elif tag == f"{_W}r" and _unseen(element):
            passage = " ".join((piece.text or "") for piece in element.iter(f"{_W}t")).strip()
            if passage:
                hidden.append(passage)
        elif tag == f"{_W}t":
            words.append(element.text or "")
        elif tag in (f"{_W}tab", f"{_W}br", f"{_W}cr"):
            words.append(" ")
        elif tag == f"{_W}noBreakHyphen":
            words.append("-")
        else:
            waiting += reversed(element)
    return "".join(words)


def _value(paragraph: Element, name: str) -> str:
    found = paragraph.find(f"{_W}pPr/{_W}{name}")
    return found.get(f"{_W}val", "") if found is not None else ""


def _outline(paragraph: Element) -> bool:
    return _value(paragraph, "outlineLvl").isdigit() and int(_value(paragraph, "outlineLvl")) < 6


def _unseen(run: Element) -> bool:
    """Whether a run of letters is hidden by its format, white on no ground, or too small to read."""
    looks = run.find(f"{_W}rPr")
    if looks is None:
        return False
    vanish, colour, size = looks.find(f"{_W}vanish"), looks.find(f"{_W}color"), looks.find(f"{_W}sz")
    if vanish is not None and vanish.get(f"{_W}val", "true") not in ("0", "false"):
        return True
    grounded = looks.find(f"{_W}shd") is not None or looks.find(f"{_W}highlight") is not None
    white = colour is not None and colour.get(f"{_W}val", "").lower() in ("ffffff", "fefefe") and not grounded
    half_points = size.get(f"{_W}val", "") if size is not None else ""
    return white or (half_points.isdigit() and int(half_points) < 4)


def _is_bold(paragraph: Element) -> bool:
    runs = [run for run in paragraph.iter(f"{_W}r") if run.find(f"{_W}t") is not None]
    return bool(runs) and all(_bold(run) for run in runs)


def _bold(run: Element) -> bool:
    mark = run.find(f"{_W}rPr/{_W}b")
    return mark is not None and mark.get(f"{_W}val", "true") not in ("0", "false")
