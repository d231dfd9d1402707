"""Taking Markdown and plain text apart into headings and paragraphs of clean text.

The parsing is that of `markdown-it-py`. Plain text goes through the same parser with every rule off that
would read meaning into its characters, so that both come out as the same blocks.
"""

from __future__ import annotations

import html
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.rules_inline import StateInline
    from markdown_it.token import Token

TEXT = 0
BOLD_LINE = 7  # the level of a line in bold type that serves as a heading; 1 to 6 are those of the mark-up

_MAX_HEADING_WORDS = 25
# Fences in these "languages" hold prose.
_PROSE = frozenset({"", "text", "txt", "plain", "plaintext", "markdown", "md", "abstract", "quote"})
_HTML_ELEMENTS = re.compile(
    r"a|abbr|article|aside|b|blockquote|body|br|button|caption|center|cite|code|col|dd|del|details|dfn|div|dl|dt|em"
    r"|font|footer|h[1-6]|head|header|hr|html|i|img|ins|kbd|label|li|link|main|mark|meta|nav|ol|p|pre|q|s|samp"
    r"|section|small|span|strike|strong|sub|summary|sup|table|tbody|td|tfoot|th|thead|title|tr|tt|u|ul|var|wbr",
    re.IGNORECASE,
)
_HTML_TAG = re.compile(r"</?([a-zA-Z][\w-]{0,30})(?:[\s/][^<>]{0,1000})?>|<[!?][^<>]{0,1000}>")
_PLAIN_RULES_OFF = ("code", "html_block", "reference", "fence", "blockquote", "emphasis", "escape", "entity")
_PLAIN_INLINE_OFF = ("html_inline", "link", "image", "autolink", "backticks", "math")


@dataclass(frozen=True, slots=True)
class Block:
    """A heading, a paragraph or a list item.

    Attributes:
        text: clean, its line breaks kept.
        level: 1 to 6 for a heading, `BOLD_LINE` for a line in bold type, `TEXT` for everything else.
        item: whether it is an item of a list of several, or a row of a table.
    """

    text: str
    level: int = TEXT
    item: bool = False


@dataclass(frozen=True, slots=True)
class Blocks:
    """A document in pieces, and how many things of which name were left out of it."""

    blocks: tuple[Block, ...]
    left_out: Mapping[str, int]


def split_blocks(text: str, *, markdown: bool = True) -> Blocks:
    """Split a document into blocks.

    Emphasis, links and HTML tags leave their text. Formulas in dollar signs stay as they are. Program code,
    images and link targets are left out, the first two with a count.

    Args:
        text: the document.
        markdown: False for plain text, where only headings and list marks are understood.
    """
    tokens = (_markdown_parser() if markdown else _plain_parser()).parse(text)
    left_out: Counter[str] = Counter()
    blocks: list[Block] = []
    lists: list[tuple[bool, str]] = []  # per open list: whether it has several items, and its item's number
    row: list[str] = []
    for at, token in enumerate(tokens):
        if token.type in ("bullet_list_open", "ordered_list_open"):
            lists.append((_count_items(tokens, at) > 1, ""))
        elif token.type in ("bullet_list_close", "ordered_list_close"):
            lists.pop()
        elif token.type == "list_item_open":
            # "1. Introduction" is a list to Markdown and a heading to its author.
            lists[-1] = (lists[-1][0], f"{token.info}. " if token.info else "")
        elif token.type == "inline" and tokens[at - 1].type in ("th_open", "td_open"):
            row.append(_inline_text(token.children or [], left_out))
        elif token.type == "tr_close":
            blocks.append(Block(" ".join(row), item=True))
            row = []
        elif token.type == "inline":
            number = lists[-1][1] if lists and not lists[-1][0] else ""
            inside = any(several for several, _ in lists)
            blocks += _inline_blocks(tokens[at - 1], token, number, inside, left_out)
        elif token.type == "html_block":
            # Blank, so that the words on either side of a tag stay apart.
            blocks.append(Block(html.unescape(_HTML_TAG.sub(" ", token.content))))
        elif token.type in ("fence", "code_block"):
            # Four spaces make a code block of what is, in an idea, most often an indented paragraph.
            if token.type == "code_block" or token.info.strip().split(" ")[0].lower() in _PROSE:
                blocks.append(Block(token.content))
            else:
                left_out["code block"] += 1
    return Blocks(tuple(block for block in blocks if block.text.strip()), dict(left_out))


def _inline_blocks(opener: Token, token: Token, number: str, item: bool, left_out: Counter[str]) -> list[Block]:
    children = token.children or []
    text = number + _inline_text(children, left_out)
    if opener.type == "heading_open" and len(text.split()) <= _MAX_HEADING_WORDS:
        return [Block(" ".join(text.split()), level=int(opener.tag[1]))]
    if _is_bold_line(children) and len(text.split()) <= _MAX_HEADING_WORDS and not item:
        return [Block(" ".join(text.split()).rstrip(":"), level=BOLD_LINE)]
    return [Block(text, item=item)]


def _inline_text(children: Sequence[Token], left_out: Counter[str]) -> str:
    parts: list[str] = []
    for at, child in enumerate(children):
        if child.type in ("text", "text_special", "code_inline", "math"):
            parts.append(child.content)
        elif child.type in ("softbreak", "hardbreak"):
            parts.append("\n")
        elif child.type == "image":
            left_out["image"] += 1
        elif child.type == "html_inline":
            tag = _HTML_TAG.fullmatch(child.content)
            # "<x>" of a formula or a template is no HTML: its author means it to be read.
            if tag and tag[1] and not _HTML_ELEMENTS.fullmatch(tag[1]):
                parts.append(child.content)
            elif tag and tag[1] and tag[1].lower() in ("br", "hr"):
                parts.append("\n")
        elif child.type == "strong_close" and _is_lead_in(children[: at + 1]) and "".join(parts).strip()[-1:].isalnum():
            # "**Method** We train" reads "Method: We train", the form that headings within a line have.
            parts.append(":")
    return "".join(parts)


def _is_lead_in(children: Sequence[Token]) -> bool:
    """Tell whether the tokens are one strong span at the start of a line."""
    kinds = [child.type for child in children if child.type != "text" or child.content.strip()]
    return kinds[:1] == ["strong_open"] and kinds.count("strong_close") == 1


def _is_bold_line(children: Sequence[Token]) -> bool:
    kinds = [child.type for child in children if child.type != "text" or child.content.strip(" :")]
    return kinds[:1] == ["strong_open"] and kinds[-1:] == ["strong_close"] and kinds.count("strong_close") == 1


def _count_items(tokens: Sequence[Token], at: int) -> int:
    """Count the items of the list that opens at index `at`, up to two."""
    items = 0
    for index in range(at + 1, len(tokens)):
        token = tokens[index]
        if token.level == tokens[at].level:
            break
        if token.type == "list_item_open" and token.level == tokens[at].level + 1:
            items += 1
            if items == 2:
                break
    return items


@cache
def _markdown_parser() -> MarkdownIt:
    from markdown_it import MarkdownIt

    parser = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
    parser.inline.ruler.before("escape", "math", _math_rule)
    return parser


@cache
def _plain_parser() -> MarkdownIt:
    from markdown_it import MarkdownIt

    parser = MarkdownIt("commonmark")
    parser.inline.ruler.before("escape", "math", _math_rule)
    return parser.disable([*_PLAIN_RULES_OFF, *_PLAIN_INLINE_OFF])


def _math_rule(state: StateInline, silent: bool) -> bool:
    """Keep "$...$" as it stands; backslashes, stars and underscores mean something else in there."""
    if state.src[state.pos] != "$":
        return False
    mark = "$$" if state.src.startswith("$$", state.pos) else "$"
    start = state.pos + len(mark)
    end = state.src.find(mark, start, state.posMax)
    # "$5 and $6" are prices.
    if end <= start or (mark == "$" and (state.src[start].isspace() or state.src[end - 1].isspace())):
        return False
    if not silent:
        token = state.push("math", "", 0)
        token.content = state.src[state.pos : end + len(mark)]
    state.pos = end + len(mark)
    return True
