"""OpenDocument texts (.odt): title, headings, paragraphs; recorded deletions, notes and frames are not read."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING

from guide.errors import InputError
from guide.text.blocks import TEXT, Block
from guide.text.documents.archive import parse_part, read_part
from guide.text.documents.document import MAX_BLOCKS, Document

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

_TEXT = "{urn:oasis:names:tc:opendocument:xmlns:text:1.0}"
_STYLE = "{urn:oasis:names:tc:opendocument:xmlns:style:1.0}"
_FO = "{urn:oasis:names:tc:opendocument:xmlns:xsl-fo-compatible:1.0}"
_OFFICE = "{urn:oasis:names:tc:opendocument:xmlns:office:1.0}"
_UNREAD = {
    f"{_TEXT}tracked-changes": "block of recorded changes",
    f"{_TEXT}note": "footnote",
    f"{_OFFICE}annotation": "comment",
    f"{_TEXT}table-of-content": "table of contents",
    f"{_TEXT}bibliography": "reference list",
    "{urn:oasis:names:tc:opendocument:xmlns:drawing:1.0}frame": "image or formula",
    "{urn:oasis:names:tc:opendocument:xmlns:table:1.0}table": "table",
}
_AUTHOR = re.compile(r"author|affiliation|institution|e-?mail|address", re.IGNORECASE)


def is_opendocument(data: bytes, where: str) -> bool:
    """Whether an archive is an OpenDocument text."""
    kind = read_part(data, "mimetype", where) or b""
    return kind.startswith(b"application/vnd.oasis.opendocument.text")


def read_opendocument(data: bytes, where: str) -> Document:
    """Read an OpenDocument text.

    Raises:
        InputError: see `read_part` and `parse_part`; or it has no text.
    """
    part = read_part(data, "content.xml", where)
    root = parse_part(part, where) if part else None
    body = root.find(f"{_OFFICE}body/{_OFFICE}text") if root is not None else None
    if root is None or body is None:
        raise InputError("this document has no text", where=where, fix="Save its text as .md and pass that.")
    parents, unseen = _styles(root)
    left_out: Counter[str] = Counter()
    hidden: list[str] = []
    blocks: list[Block] = []
    title = ""
    waiting: list[tuple[Element, bool]] = [(body, False)]
    while waiting and len(blocks) <= MAX_BLOCKS:  # the one too many is told by who sorts them
        element, item = waiting.pop()
        if element.tag in _UNREAD:
            left_out[_UNREAD[element.tag]] += 1
        elif element.tag in (f"{_TEXT}p", f"{_TEXT}h"):
            text = " ".join(_text(element, unseen, left_out, hidden).split())
            style = element.get(f"{_TEXT}style-name", "")
            named = f"{style} {parents.get(style, '')}"
            if not text:
                continue
            if re.search(r"\bTitle\b", named) and not title:
                title = text
            elif _AUTHOR.search(named):
                left_out["line of author names or addresses"] += 1
            elif element.tag == f"{_TEXT}h":
                level = element.get(f"{_TEXT}outline-level", "2")
                blocks.append(Block(text, level=min(6, int(level)) if level.isdigit() and level != "0" else 2))
            else:
                blocks.append(Block(text, level=TEXT, item=item))
        else:
            inside = item or element.tag == f"{_TEXT}list-item"
            waiting += [(child, inside) for child in reversed(element)]
    return Document(title, tuple(blocks), dict(left_out), tuple(hidden))


def _styles(root: Element) -> tuple[dict[str, str], frozenset[str]]:
    """The named style behind each automatic one, and the styles whose letters nobody sees."""
    parents: dict[str, str] = {}
    unseen: set[str] = set()
    for style in root.iter(f"{_STYLE}style"):
        name = style.get(f"{_STYLE}name", "")
        parents[name] = style.get(f"{_STYLE}parent-style-name", "")
        looks = style.find(f"{_STYLE}text-properties")
        if looks is None:
            continue
        white = looks.get(f"{_FO}color", "").lower() == "#ffffff" and not looks.get(f"{_FO}background-color")
        if white or looks.get(f"{_TEXT}display") == "none":
            unseen.add(name)
    return parents, frozenset(unseen)


def _text(paragraph: Element, unseen: frozenset[str], left_out: Counter[str], hidden: list[str]) -> str:
    words: list[str] = []
    waiting: list[Element | str] = []
    _push(waiting, paragraph)
    while waiting:
        one = waiting.pop()
        if isinstance(one, str):
            words.append(one)
        elif one.tag in _UNREAD:
            left_out[_UNREAD[one.tag]] += 1
        elif one.get(f"{_TEXT}style-name") in unseen:
            passage = " ".join("".join(one.itertext()).split())
            if passage:
                hidden.append(passage)
        elif one.tag in (f"{_TEXT}s", f"{_TEXT}tab", f"{_TEXT}line-break"):
            words.append(" ")
        else:
            _push(waiting, one)
    return "".join(words)


def _push(waiting: list[Element | str], element: Element) -> None:
    """Put an element's text and children on the stack, the first on top."""
    for child in reversed(element):
        waiting.append(child.tail or "")
        waiting.append(child)
    waiting.append(element.text or "")
