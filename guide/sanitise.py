"""Making foreign text safe to show to a model and to print: control tokens, hidden text, instructions.

What a reader of the rendered text does not see is taken out. What a model would take for its own markup is
put in other brackets. Instructions to a reviewer, which a paper on prompt injection may well quote, stay and
are reported. Every pattern is bounded, so that the time grows with the length of the text and no faster.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

OPEN, CLOSE = "\u2039", "\u203a"  # the brackets that control tokens are put in

_QUOTE_CHARACTERS = 80
_QUOTES = 3
_LAYERS = 8

_LINE_BREAKS = re.compile(r"\r\n?|[\x0b\x0c\x1c-\x1e\x85\u2028\u2029]")
_SURROGATE = re.compile(r"[\ud800-\udfff]")
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
_WHITE_LATEX = re.compile(r"\\textcolor\{white\}\{[^{}]{0,5000}\}|\{\\color\{white\}[^{}]{0,5000}\}")

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

_WORK = r"(?:paper|submission|manuscript|article|work|research|study|idea)"
_PRAISING = r"(?:positive|favou?rable|glowing|good|excellent|enthusiastic|perfect)"
_HIGH = r"(?:high|higher|highest|top|perfect|maximum|positive|full)"
_TEN = r"(?:[89]|10|nine|ten)"
_RULES = r"(?:instruction|prompt|rule|guideline|direction|command|criteri)\w{0,3}"
_INSTRUCTION = re.compile(
    "|".join(
        (
            # Setting aside what the reviewer was told.
            r"\b(?:ignore|disregard|forget|override|bypass)(?: (?:all|any|the|your|of|my|these|those)){0,3}"
            r" (?:previous|prior|above|earlier|preceding|foregoing|system|original|other)"
            r"(?: \w{1,12})? " + _RULES,
            r"\b(?:ignore|disregard|forget)(?: (?:all|any|your|these|those)){1,2} " + _RULES,
            r"\b(?:new|updated|hidden|secret|system) (?:instructions?|prompt) ?:",
            # Asking for praise, a score or acceptance.
            r"\b(?:give|write|provide|produce|output|return|submit|leave|generate)(?: \w{1,12}){0,4} "
            rf"{_PRAISING} (?:peer )?(?:review|recommendation|assessment|evaluation)\b",
            rf"\b(?:give|assign|award|rate|score) (?:it|(?:this|our|my|the) {_WORK})(?: \w{{1,12}}){{0,4}} "
            rf"{_HIGH} (?:score|rating|mark|grade)s?\b",
            rf"\b(?:rate|score|give) (?:it|(?:this|our|my|the) {_WORK}) (?:as )?(?:an? )?"
            rf"(?:{_TEN}|strong accept)\b",
            rf"\b(?:give|assign|award|output|return)(?: \w{{1,12}}){{0,2}} (?:score|rating) of {_TEN}\b",
            rf"\b(?:accept|(?:do not|don't|never) reject) (?:(?:this|our|my|the) {_WORK}|this proposal)\b",
            r"\brecommend(?:ing)? (?:(?:a|an|its|the|for|strong|clear|immediate) ){0,3}accept(?:ance|ing)?\b",
            rf"\b(?:this|our|my|the) {_WORK}(?: \w{{1,12}}){{0,2}} "
            r"(?:must|should|deserves to|has to|ought to) be (?:\w{1,12} )?accepted\b",
            r"\b(?:do not|don't|never|avoid) "
            r"(?:mention|highlight|report|list|rais|point|criticis|criticiz|discuss)\w{0,4}"
            r"(?: \w{1,12}){0,3} (?:weakness|negative|flaw|shortcoming)\w{0,3}",
            r"\b(?:emphasi[sz]e|highlight|focus on|mention|list|praise) (?:only|just) (?:the |its )?"
            r"(?:\w{1,12} )?strengths\b",
            # Speaking to the reviewer.
            r"\bas an? (?:ai|a\.i\.|llm|automated|machine|artificial|language[- ]model)[ -](?:\w{1,12} ){0,2}"
            r"(?:reviewer|referee|judge)\b",
            r"\b(?:if|since|because|when) you(?:'re| are) an? (?:\w{1,12} ){0,2}"
            r"(?:ai|llm|language model|reviewer|referee)\b",
            r"\b(?:dear|note to|message to|message for|attention|instructions? (?:to|for)) "
            r"(?:the |all |any ){0,2}(?:ai |llm |automated |language[- ]model ){0,2}(?:reviewer|referee)s?\b",
            r"\b(?:reviewer|referee|you) "
            r"(?:must|should|shall|have to|need to|are (?:required|asked|instructed) to) (?:\w{1,12} )?"
            r"(?:accept|recommend|praise|rate|score|respond|write|give|ignore|disregard)\b",
        )
    ),
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
    text, control = _CONTROL.subn("", text)
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
    return Sanitised(text, tuple(warnings))


def find_instructions(text: str) -> tuple[str, ...]:
    """Find passages that tell a reviewer what to conclude, in order; white space in them is single spaces."""
    line = " ".join(text.split())
    return tuple(match[0] for match in _INSTRUCTION.finditer(line))


def instruction_warnings(text: str) -> tuple[str, ...]:
    """Report in one clause what `find_instructions` finds; empty where it finds nothing."""
    found = find_instructions(text)
    if not found:
        return ()
    return (f"instructions to a reviewer found and left in the text ({_passages(found)}){_quoted(found)}",)


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
        text = _cut(text, [match.span() for match in _WHITE_LATEX.finditer(text)], hidden)
        if text == before:
            break
    else:
        # Only text made for it has so many layers; without these marks there is no further one.
        text = text.replace("<", OPEN).replace(r"\textcolor{", "{").replace(r"\color{", "{")
    # A comment never closed hides the rest of the page; losing an idea to a slip of the pen would be worse.
    unclosed += text.count("<!--")
    text = text.replace("<!--", f"{OPEN}!--")
    return text, [" ".join(passage.split()) for passage in hidden if re.search(r"\w", passage)], unclosed


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
