"""Making foreign text safe to show to a model and to print: control tokens, hidden text, instructions.

What a reader of the rendered text does not see is taken out. What a model would take for its own markup is
put in other brackets. Instructions to a reviewer, which a paper on prompt injection may well quote, stay and
are reported. Every pattern is bounded, so that the time grows with the length of the text and no faster.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from guide.text.instructions import find_instructions

__all__ = ["Sanitised", "evidence_warnings", "find_instructions", "instruction_warnings", "neutralise", "sanitise"]

OPEN, CLOSE = "\u2039", "\u203a"  # the brackets that control tokens are put in

_QUOTE_CHARACTERS = 80
_QUOTES = 3
_LAYERS = 8

_LINE_BREAKS = re.compile(r"\r\n?|[\x0b\x0c\x1c-\x1e\x85\u2028\u2029]")
_SURROGATE = re.compile(r"[\ud800-\udfff]")
# A terminal swallows the whole of a sequence, so nothing of it is text: colours, titles of windows, links.
_ESCAPE = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]{0,64}[ -/]{0,8}[@-~]?"
    r"|(?:\x1b[\]PX^_]|[\x90\x98\x9d-\x9f])[^\x07\x1b\x9c\n]{0,2000}(?:\x07|\x1b\\|\x9c)?"
    r"|\x1b[ -/]{0,8}[0-~]?"
)
_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1f\x7f-\x9f]")
# Unicode's default-ignorable characters, but for the variation selectors that choose between text and emoji.
_INVISIBLE = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164"
    "\ufe00-\ufe0d\ufeff\uffa0\ufff0-\ufffb\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)
_TAG_CHARACTERS = re.compile("[\U000e0020-\U000e007e]{2,}")  # a second, invisible ASCII

_TAG = re.compile(
    r"<(/?)([a-zA-Z][\w-]{0,30})"
    rf"((?:\s|/)(?:[^<>{OPEN}{CLOSE}\"']|\"[^\"]{{0,500}}\"|'[^']{{0,500}}'){{0,1000}}+)?>"
)
_UNSEEN_ELEMENTS = frozenset({"script", "style", "template"})
_HIDING = re.compile(
    r"display\s*:\s*none|visibility\s*:\s*(?:hidden|collapse)"
    r"|opacity\s*:\s*0(?:\.0{1,9})?\s*(?:[;\"'!]|$)"
    r"|font-size\s*:\s*[01]?(?:\.\d{1,4})?(?:px|pt|r?em|%)?\s*(?:[;\"'!]|$)"
    r"|(?:text-indent|left|top)\s*:\s*-\d{3}|(?:^|\s)hidden(?=[\s=/]|$)",
    re.IGNORECASE,
)
_WHITE = re.compile(
    r"(?<![\w-])color\s*[:=]\s*[\"']?\s*(?:white\b|#f{3}(?:f{3})?\b|rgba?\(\s*255\s*,\s*255\s*,\s*255)",
    re.IGNORECASE,
)
# LaTeX prints none of these. Only a text with LaTeX's own commands has comments: "50 % of it" is prose elsewhere.
_LATEX = re.compile(
    r"\\(?:documentclass|usepackage|begin|end|(?:sub)*section|paragraph|title|cite[pt]?|ref|label|emph|text\w\w)\b"
)
# "98.6% on" of an abstract pasted from LaTeX is a number, though LaTeX would take it for a comment.
_COMMENT_LATEX = re.compile(r"(?:^|(?<=[^\d\s\\])[ \t]{1,9}|(?<=[}.]))[ \t]{0,9}%(?![,.]?\s?\d)[^\n]*", re.MULTILINE)
_INNER = r"(?:[^{}]|\{[^{}]{0,1000}\}){0,5000}+"
_WHITE_LATEX = (
    r"(?:\{white\}|\[(?:rgb|RGB|gray|HTML|cmyk)\]\{(?:1(?:\.0)?(?:\s?,\s?1(?:\.0)?){0,2}|255\s?,\s?255\s?,\s?255|[Ff]{6}"
    r"|0\s?,\s?0\s?,\s?0\s?,\s?0)\})"
)
_UNSEEN_LATEX = re.compile(
    rf"\\textcolor{_WHITE_LATEX}\{{{_INNER}\}}|\{{\s{{0,9}}\\color{_WHITE_LATEX}{_INNER}\}}"
    rf"|\\(?:v|h)?phantom\{{{_INNER}\}}|\{{\s{{0,9}}\\fontsize\{{0?(?:\.\d{{1,3}})?(?:[01](?:\.\d{{1,3}})?)?(?:pt)?\}}{_INNER}\}}"
    r"|\\iffalse\b.{0,20000}?\\fi\b|\\begin\{comment\}.{0,20000}?\\end\{comment\}",
    re.DOTALL,
)
# Markdown shows neither a link's definition nor, where the image is found, its description.
_NOTE = re.compile(
    r"^ {0,3}\[[^\[\]\n]{1,100}\]:[ \t]{0,9}(?:#|<>)[ \t]{1,9}(?:\([^\n]*\)|\"[^\n]*\"|'[^\n]*')[ \t]*$", re.MULTILINE
)
_ASIDE = re.compile(
    r"!\[([^\[\]]{0,2000})\]\([^()\s]{0,500}(?:\s{1,9}\"([^\"]{0,2000})\")?\)"
    r"|(?<=\])\([^()\s]{0,500}\s{1,9}\"([^\"]{0,2000})\"\)"
    r"|\b(?:alt|title|aria-label|content|data-\w{1,20})\s?=\s?\"([^\"]{0,2000})\""
)

# Vocabularies use the wide forms of these characters, too.
_LESS, _GREATER, _PIPE = "[<\uff1c]", "[>\uff1e]", "[|\uff5c]"
_NAME = rf"[^<>|\[\]\n\uff1c\uff1e\uff5c{OPEN}{CLOSE}]{{1,64}}"
_CONTROL_TOKEN = re.compile(
    rf"{_LESS}(?P<piped>{_PIPE}{_NAME}{_PIPE}?|{_NAME}{_PIPE}){_GREATER}"
    rf"|{_LESS}(?P<tag>/?\s{{0,3}}(?:think(?:ing)?|thoughts?|reason(?:ing)?|reflection|scratchpad|answer|s|bos|eos|pad"
    r"|unk|mask|sep|cls|eo[adhpst]|sop|bo[ims]|(?:start|end)_of_\w{1,20}|end_?of_?text|fim_\w{1,12}|im_\w{1,12}"
    r"|system|user|human|assistant|model|instructions?|tools?|tool_\w{1,20}|function_\w{1,20}|unused_?\d{1,6}"
    r"|extra_id_\d{1,6}|special_\d{1,6}|reserved_\w{1,30}|0x[0-9a-f]{2}|image|video|audio)"
    rf"\s{{0,3}}/?){_GREATER}"
    r"|<(?P<doubled><\s{0,3}/?\s{0,3}SYS\s{0,3}>)>"
    r"|\[(?P<square>/?(?:INST|SYS|SYSTEM_PROMPT|AVAILABLE_TOOLS|TOOL_\w{1,20}|THINK|[gs]?MASK|CLS|SEP|PAD|UNK|BOS"
    r"|EOS|IMG\w{0,10}|PREFIX|SUFFIX|MIDDLE|control_\d{1,6}|unused\d{1,6}))\]",
    re.IGNORECASE,
)

_TAME = re.compile(r"\[(?:MASK|CLS|SEP|PAD|UNK)\]")
# The names that guide's own prompts give their parts; single angle quotation marks are what tokens are put in.
_FORGED_LINE = re.compile(
    r"^[ \t]{0,9}-{3,20} ?(end of )?(?:the )?(?:proposal|prior work|E\d{1,3})\b[^\n-]{0,80}-{3,20}[ \t]{0,9}$",
    re.IGNORECASE | re.MULTILINE,
)
_FORGED = re.compile(
    rf"[<\uff1c{OPEN}]\s{{0,3}}(/?)\s{{0,3}}(proposal|evidence|rubric|review|submission)(?:\s[^<>{OPEN}{CLOSE}\n]{{0,100}})?"
    rf"[>\uff1e{CLOSE}]",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Sanitised:
    """A text made safe, and what that took.

    Attributes:
        text: without hidden text and without anything a model takes for its own markup.
        warnings: one clause a kind of finding, with how many and a short quotation.
    """

    text: str
    warnings: tuple[str, ...]


def sanitise(text: str) -> Sanitised:
    """Neutralise a text (see `neutralise`) and report the instructions to a reviewer that are left in it."""
    safe = neutralise(text)
    return Sanitised(safe.text, safe.warnings + instruction_warnings(safe.text))


def neutralise(text: str) -> Sanitised:
    """Take out what a reader cannot see, and put control tokens of language models into harmless brackets.

    Invisible and control characters, HTML comments and hidden elements go. `<think>` comes to stand in single
    angle quotation marks, which no model knows and a reader still understands. Every line break becomes a
    line feed. Neutralising a text twice changes nothing more.
    """
    warnings: list[str] = []
    text = _LINE_BREAKS.sub("\n", text)
    text, broken = _SURROGATE.subn("\ufffd", text)
    text, escapes = _ESCAPE.subn("", text)
    text, control = _CONTROL.subn("", text)
    if escapes:
        warnings.append(f"escape sequences of terminals taken out ({escapes})")
    if broken or control:
        warnings.append(f"control characters and broken characters taken out ({broken + control})")

    smuggled = ["".join(chr(ord(c) - 0xE0000) for c in match) for match in _TAG_CHARACTERS.findall(text)]
    text, invisible = _INVISIBLE.subn("", text)
    if invisible:
        warnings.append(f"invisible characters taken out ({invisible}){_quoted(smuggled)}")

    text, hidden, unclosed = _without_hidden_text(text)
    if hidden:
        warnings.append(f"hidden text taken out ({_passages(hidden)}){_quoted(hidden)}")
    if unclosed:
        warnings.append(f"marks that hide all that follows ignored ({unclosed}); what follows them is kept")

    tokens = Counter(match[0] for match in _CONTROL_TOKEN.finditer(text))
    if tokens:
        text = _rebracketed(text)
        names = ", ".join(_rebracketed(token) for token, _ in tokens.most_common(_QUOTES))
        more = ", …" if len(tokens) > _QUOTES else ""
        warnings.append(f"control tokens of language models made harmless ({tokens.total()}): {names}{more}")
    text, lines = _FORGED_LINE.subn(lambda line: "\u00ab/proposal\u00bb" if line[1] else "\u00abproposal\u00bb", text)
    text, marks = _FORGED.subn(lambda mark: f"\u00ab{mark[1]}{mark[2].lower()}\u00bb", text)
    forged = lines + marks
    if forged:
        warnings.append(f"forged marks of the prompt made harmless ({forged})")
    return Sanitised(text, tuple(warnings))


def instruction_warnings(text: str) -> tuple[str, ...]:
    """Report in one clause what `find_instructions` finds; empty where it finds nothing."""
    found = find_instructions(text)
    if not found:
        return ()
    return (f"instructions to a reviewer found and left in the text ({_passages(found)}){_quoted(found)}",)


def evidence_warnings(texts: Mapping[str, str]) -> tuple[str, ...]:
    """Report retrieved texts, by the id of their paper, that hold what is written for a model or a reviewer.

    Stray invisible characters are common in abstracts and say nothing, nor does a paper that speaks of [MASK].
    """
    warnings = []
    for name, text in texts.items():
        smuggles = _TAG_CHARACTERS.search(text) is not None
        said = [
            warning
            for warning in sanitise(_TAME.sub(" ", text)).warnings
            if warning.startswith(("instructions", "hidden", "control tokens", "forged"))
            or (smuggles and warning.startswith("invisible"))
        ]
        if said:
            warnings.append(f"in prior work {neutralise(name).text}: {'; '.join(said)}")
    return tuple(warnings)


def _without_hidden_text(text: str) -> tuple[str, list[str], int]:
    """Return the text, the passages taken out, and how many hiding marks were never closed."""
    hidden: list[str] = []
    unclosed = 0
    for _ in range(_LAYERS):
        before = text
        text = _cut(text, _comments(text), hidden)
        elements, tags = _hidden_elements(text)
        unclosed += len(tags)
        text = _cut(text, elements + tags, hidden)
        text = _cut(text, [match.span() for match in _UNSEEN_LATEX.finditer(text)], hidden)
        if _LATEX.search(text):
            text = _cut(text, [match.span() for match in _COMMENT_LATEX.finditer(text)], hidden)
        text = _cut(text, [match.span() for match in _NOTE.finditer(text)], hidden)
        text = _cut(text, [match.span() for match in _ASIDE.finditer(text) if _orders(match)], hidden)
        if text == before:
            break
    else:
        # Only text made for it has so many layers; without these marks there is no further one.
        text = text.replace("<", OPEN).replace(r"\textcolor{", "{").replace(r"\color{", "{")
    # A comment never closed hides the rest of the page; losing an idea to a slip of the pen would be worse.
    unclosed += text.count("<!--")
    text = text.replace("<!--", f"{OPEN}!--")
    return text, [" ".join(passage.split()) for passage in hidden if re.search(r"\w", passage)], unclosed


def _orders(aside: re.Match[str]) -> bool:
    """Tell whether what is only said aside speaks to the reviewer; other descriptions are left to the reader."""
    return any(part and find_instructions(part) for part in aside.groups())


def _comments(text: str) -> list[tuple[int, int]]:
    spans = []
    start = text.find("<!--")
    while start >= 0:
        end = text.find("-->", start + 4)
        if end < 0:
            break
        spans.append((start, end + 3))
        start = text.find("<!--", end + 3)
    return spans


def _hidden_elements(text: str) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
    """Return the spans of hidden HTML elements, and those of hiding tags that have no end tag."""
    # Per element name, the start tags that wait for their end tag, with whether they hide.
    waiting: dict[str, list[tuple[int, int, bool]]] = {}
    elements: list[tuple[int, int]] = []
    for tag in _TAG.finditer(text):
        name = tag[2].lower()
        if not tag[1]:
            waiting.setdefault(name, []).append((tag.start(), tag.end(), _hides(name, tag[3] or "")))
        elif waiting.get(name):
            start, _, hides = waiting[name].pop()
            if hides:
                elements.append((start, tag.end()))
    unclosed = [(start, end) for tags in waiting.values() for start, end, hides in tags if hides]
    return elements, unclosed


def _hides(name: str, attributes: str) -> bool:
    if name in _UNSEEN_ELEMENTS or _HIDING.search(attributes):
        return True
    # White letters are hidden only where nothing is said of the ground they stand on.
    return bool(_WHITE.search(attributes)) and "background" not in attributes.lower()


def _cut(text: str, spans: list[tuple[int, int]], removed: list[str]) -> str:
    """Replace the spans by one space each, so that what stood around them does not grow together."""
    kept: list[str] = []
    at = 0
    for start, end in sorted(spans):
        if start < at:
            continue  # inside one already cut
        kept += [text[at:start], " "]
        removed.append(re.sub(r"</?[a-zA-Z][^<>]{0,1000}>|<!--|-->", " ", text[start:end]))
        at = end
    return "".join([*kept, text[at:]]) if kept else text


def _rebracketed(text: str) -> str:
    return _CONTROL_TOKEN.sub(_rebracket, text)


def _rebracket(token: re.Match[str]) -> str:
    name = token["piped"] or token["tag"] or token["doubled"] or token["square"]
    return OPEN + name.strip("<>| \uff5c") + CLOSE


def _passages(found: Sequence[str]) -> str:
    return f"{len(found)} passage{'s' if len(found) != 1 else ''}"


def _quoted(passages: Sequence[str]) -> str:
    """Quote the first few passages in short, for the end of a warning."""
    if not passages:
        return ""
    short = [
        passage if len(passage) <= _QUOTE_CHARACTERS else passage[: _QUOTE_CHARACTERS - 1] + "…"
        for passage in passages[:_QUOTES]
    ]
    more = "; …" if len(passages) > _QUOTES else ""
    return ": " + "; ".join(f"“{_rebracketed(passage)}”" for passage in short) + more
