"""HTML read as a document: title, headings, paragraphs; what frames a page, and who wrote it, is left out."""

from __future__ import annotations

import re
from collections import Counter
from html.parser import HTMLParser

from guide.text.blocks import TEXT, Block
from guide.text.documents.document import Document
from guide.text.sanitise import neutralise

_UNREAD = {
    **{"nav": "menu", "aside": "side note", "footer": "footer", "form": "form", "button": "button", "select": "form"},
    **{"svg": "figure", "figure": "figure", "pre": "code block", "script": "", "style": "", "template": "", "head": ""},
    **{"noscript": "", "table": "table", "iframe": "frame", "object": "frame", "video": "figure", "audio": "figure"},
}
_PARTS = frozenset(
    [
        "p",
        "div",
        "section",
        "article",
        "main",
        "body",
        "li",
        "dd",
        "dt",
        "blockquote",
        "header",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "ul",
        "ol",
        "dl",
        "br",
        "hr",
        "tr",
        "td",
        "th",
    ]
)
_VOID = frozenset(
    ["area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"]
)
_HEADING = re.compile(r"h([1-6])")
_AUTHORS = re.compile(r"\b(?:ltx_authors|authors?|byline|affiliations?|author-list)\b", re.IGNORECASE)
_ABSTRACT = re.compile(r"\b(?:ltx_abstract|abstract)\b", re.IGNORECASE)
_LOOKS_LIKE = re.compile(r"\s*(?:<!doctype html|<html[\s>]|<\?xml[^>]{0,200}\?>\s*<(?:!doctype )?html)", re.IGNORECASE)


def looks_like_html(text: str) -> bool:
    """Whether a text begins as a web page does."""
    return _LOOKS_LIKE.match(text) is not None


def read_html(text: str) -> Document:
    """Read a web page; hidden elements are taken out and told as for every other text."""
    page = _Page()
    meta = _Head()
    meta.feed(text[:200_000])
    safe = neutralise(text)
    page.feed(safe.text)
    page.close()
    page.end()
    title = page.title or meta.stated or meta.title
    return Document(" ".join(title.split()), tuple(page.blocks), dict(+page.left_out), (), safe.warnings)


class _Head(HTMLParser):
    """What a page says of its title in its head."""

    def __init__(self) -> None:
        super().__init__()
        self.title = self.stated = ""
        self._inside = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self._inside = tag == "title"
        if tag == "meta" and given.get("name") in ("citation_title", "dc.title", "DC.title"):
            self.stated = given.get("content") or ""

    def handle_endtag(self, tag: str) -> None:
        self._inside = False

    def handle_data(self, data: str) -> None:
        if self._inside and not self.title:
            self.title = data


class _Page(HTMLParser):
    """Gathers blocks; elements nest without limit, and nothing here calls itself."""

    def __init__(self) -> None:
        super().__init__()
        self.title = ""
        self.blocks: list[Block] = []
        self.left_out: Counter[str] = Counter()
        self._words: list[str] = []
        self._level = TEXT
        self._item = False
        self._skipping = ""
        self._depth = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _VOID:
            if not self._skipping:
                self._words.append("\n" if tag in ("br", "hr") else " ")
                self.left_out["image"] += tag == "img"
            return
        if self._skipping:
            self._depth += tag == self._skipping
            return
        named = " ".join(value or "" for name, value in attrs if name in ("class", "id", "rel", "itemprop"))
        if tag in _UNREAD or _AUTHORS.search(named):
            what = _UNREAD.get(tag, "block of author names")
            if what:
                self.left_out[what] += 1
            self.end()
            self._skipping, self._depth = tag, 1
            return
        if tag in _PARTS:
            self.end()
        heading = _HEADING.fullmatch(tag)
        if heading:
            self._level = int(heading[1])
        self._item = tag == "li" or (self._item and tag == "p")
        if not heading and _ABSTRACT.search(named) and tag in ("div", "section", "blockquote", "p"):
            self.blocks.append(Block("Abstract", level=2))

    def handle_endtag(self, tag: str) -> None:
        if self._skipping:
            self._depth -= tag == self._skipping
            if self._depth <= 0:
                self._skipping = ""
        elif tag in _PARTS:
            self.end()

    def handle_data(self, data: str) -> None:
        if not self._skipping:
            self._words.append(data)

    def end(self) -> None:
        """Close the heading or paragraph that is open."""
        text = " ".join("".join(self._words).split())
        level, item = self._level, self._item
        self._words, self._level, self._item = [], TEXT, False
        if not text:
            return
        if level == 1 and not self.title:
            self.title = text
        elif level and self.blocks and self.blocks[-1] == Block("Abstract", level=2) and text.lower() == "abstract":
            return
        else:
            self.blocks.append(Block(text, level=level, item=item))
