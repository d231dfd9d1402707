"""Text that speaks to the reviewer instead of about the research: finding it, and leaving it out of what is judged.

It is found by what it says, so that a wording nobody thought of passes. What is found is told by wording alone: a paper
on prompt injection that quotes an attack is not told from one, which is why a proposal keeps such sentences, and
only what an engine judges is without them. Every pattern is bounded, so that the time grows with the text's length.
"""

from __future__ import annotations

import re
import tomllib
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

from guide.corpus.sentences import split_sentences
from guide.prompts import read_prompt

WORDINGS_FILE = "injections.toml"


@dataclass(frozen=True, slots=True)
class _Wordings:
    """The shipped wordings, compiled.

    Attributes:
        instruction: fits what speaks to the reviewer, in folded text.
        foreign: the same in other alphabets.
        telling: fits a word that every saying has one of.
    """

    instruction: re.Pattern[str]
    foreign: re.Pattern[str]
    telling: re.Pattern[str]


def _read_wordings() -> _Wordings:
    """Compile the wordings; raises GuideError as `read_prompt` does."""
    data = tomllib.loads(read_prompt(WORDINGS_FILE).decode())
    parts: dict[str, str] = {}

    def filled(wording: str) -> str:
        return re.sub(r"@([a-z]+)@", lambda name: parts[name[1]], wording)

    for name, part in data["parts"].items():
        parts[name] = filled(part)
    orders, sayings, foreign, telling = (
        "|".join(map(filled, data["wordings"][name])) for name in ("orders", "sayings", "foreign", "telling")
    )
    return _Wordings(
        instruction=re.compile(
            # Factored so that most places in a text fail at the first step.
            rf"(?:^|[.:;!?,(\[>\u2013\u2014] ?| - )(?:{orders})"
            rf"|\b(?:(?:please|kindly|and|then|so|now) (?:{orders})|{sayings})",
            re.IGNORECASE,
        ),
        foreign=re.compile(foreign, re.IGNORECASE),
        telling=re.compile(rf"\b(?:{telling})", re.IGNORECASE),
    )


_WORDINGS = _read_wordings()
_NEAR = 160  # characters on either side; no saying is longer

# Letters of other alphabets that print as a Latin one. Unicode folds those of mathematics, in rings, of other widths.
_ALIKE = str.maketrans(
    "\u0430\u0441\u0435\u043e\u0440\u0445\u0443\u0456\u0458\u0455\u04bb\u0501\u051b\u051d\u04cf"
    "\u0410\u0412\u0415\u041a\u041c\u041d\u041e\u0420\u0421\u0422\u0425\u0406\u0408\u0405\u04ae\u050c"
    "\u03bf\u03b1\u03bd\u03c5\u03c1\u03b9\u03ba\u03c7\u03b3\u03c4\u03b5"
    "\u0391\u0392\u0395\u0396\u0397\u0399\u039a\u039c\u039d\u039f\u03a1\u03a4\u03a5\u03a7"
    "\u0131\u0251\u0261\u0269\u028f\u1d00\u1d04\u1d07\u1d0b\u1d0d\u0274\u1d0f\u1d18\u0280\ua731\u1d1b\u1d1c\u1d20\u1d21\u1d22",
    "aceopxyijshdqwl" "ABEKMHOPCTXIJSYG" "oavupikxyte" "ABEZHIKMNOPTYX" "iagiyacekmnoprstuvwz",
)  # fmt: skip
_ACCENTS = re.compile("[\u0300-\u036f]")
_APOSTROPHES = re.compile("[\u2018\u2019\u02bc\u2032`\u00b4]")
_EMPHASIS = re.compile(r"[*_~#\"\u201c\u201d]+")
_SPACED = re.compile(r"(?<!\w)\w(?:[ .\-\u00b7_]\w){4,80}(?!\w)")  # "i g n o r e"
FOREIGN_WORD = re.compile(
    "[A-Za-z]*[\u0370-\u04ff\u0501\u051b\u051d\u050c\u0131\u0251\u0261\u0269\u028f\u1d00-\u1d22\u0274\u0280\ua731]"
    "[A-Za-z\u0370-\u04ff\u0501\u051b\u051d\u050c\u0131\u0251\u0261\u0269\u028f\u1d00-\u1d22\u0274\u0280\ua731]*"
)
_STYLED_WORD = re.compile("[\uff21-\uff3a\uff41-\uff5a\u24b6-\u24e9\U0001d400-\U0001d6a5\U0001f110-\U0001f189]{3,}")

# What `guide.text.sanitise` makes of control tokens and of forged marks of guide's own prompts.
_MARK = re.compile("\u2039(/?[^\u2039\u203a\\s]{1,64})\u203a|\u00ab(/?[a-z]{1,20})\u00bb")
_TAME = frozenset({"mask", "cls", "sep", "pad", "unk", "bos", "eos"})
_TURNS = frozenset(
    {
        "think",
        "thinking",
        "thought",
        "thoughts",
        "reason",
        "reasoning",
        "reflection",
        "scratchpad",
        "inst",
        "sys",
        "system",
    }
    | {
        "system_prompt",
        "user",
        "human",
        "assistant",
        "model",
        "instruction",
        "instructions",
        "tool_call",
        "tool_response",
    }
)
_CHAT = frozenset({"im_start", "start_of_turn", "start_header_id", "user", "assistant", "turn", "channel"})
_CHAT_ENDS = frozenset(
    {"im_end", "eot_id", "end_of_turn", "endoftext", "eom_id", "end\u2581of\u2581sentence", "/s", "turn", "channel"}
)
_REACH = 8  # marks after an opening one among which its end is looked for
_CLAUSE = re.compile(r"(?<=[;:\u2013\u2014])\s+|\n+|(?=\()")


@dataclass(frozen=True, slots=True)
class Cleared:
    """A text without what speaks to its reviewer.

    Attributes:
        text: what is left; the text itself where nothing was found.
        left_out: the passages that were left out, in order.
        alike: words in look-alike letters that were put into Latin ones.
    """

    text: str
    left_out: tuple[str, ...]
    alike: int


def find_instructions(text: str) -> tuple[str, ...]:
    """Find passages that tell a reviewer what to conclude, in order.

    Look-alike letters, emphasis and spaces between letters do not hide one: it is given as it reads without them,
    white space as single spaces.
    """
    line = " ".join(text.split())
    folded = _fold(line)
    found = [
        match
        for start, end in _telling_stretches(folded)
        for match in _WORDINGS.instruction.finditer(folded, start, end)
    ]
    if not line.isascii():
        found += _WORDINGS.foreign.finditer(line)
    return tuple(match[0].strip(" .:;!?,([>\u2013\u2014-") for match in found)


def _telling_stretches(text: str) -> Iterator[tuple[int, int]]:
    """Where in a text there can be an instruction: stretches that do not touch."""
    start = end = -1
    for match in _WORDINGS.telling.finditer(text):
        if match.start() - _NEAR > end:
            if end >= 0:
                yield start, end
            start = max(0, match.start() - _NEAR)
        end = match.end() + _NEAR
    if end >= 0:
        yield start, min(end, len(text))


def without_instructions(text: str) -> Cleared:
    """Leave out what speaks to the reviewer, for a judgement that it must not move.

    Left out are sentences in which `find_instructions` finds something (from the clause on that holds it), what stands
    in forged turns of a conversation, and marks of control tokens. Words in look-alike letters are put into Latin ones.
    A text of which forged turns are more than half keeps what stands in them: there would be nothing left to judge.
    """
    left_out: list[str] = []
    text, alike = _latin(text)
    text = _without_turns(text, left_out)
    paragraphs = [_clear_paragraph(part, left_out) for part in re.split(r"(\n\s*\n)", text)]
    return Cleared("".join(paragraphs), tuple(left_out), alike)


def _fold(text: str) -> str:
    """The letters a reader takes a text to have: look-alikes, accents, emphasis and spaced letters undone."""
    if not text.isascii():
        text = _APOSTROPHES.sub("'", text)
        decomposed = _ACCENTS.sub("", unicodedata.normalize("NFKD", text))
        text = unicodedata.normalize("NFC", decomposed).translate(_ALIKE)
    text = _EMPHASIS.sub("", text)
    return " ".join(_SPACED.sub(lambda match: re.sub(r"\W|_", "", match[0]), text).split())


def _latin(text: str) -> tuple[str, int]:
    """Put words that mix alphabets, or are all in ornamental letters, into Latin letters; and count them."""
    if text.isascii():
        return text, 0
    words = 0

    def put(match: re.Match[str]) -> str:
        nonlocal words
        folded = match[0].translate(_ALIKE)
        # A Greek letter before a short name is a symbol ("\u03b2TC"), a word of another alphabet is itself.
        latin = sum(sign.isascii() for sign in match[0])
        if not folded.isascii() or latin < 1 or (latin < 3 and re.search("[\u0370-\u03ff]", match[0])):
            return match[0]
        words += 1
        return folded

    text = FOREIGN_WORD.sub(put, text)
    text, styled = _STYLED_WORD.subn(lambda match: unicodedata.normalize("NFKC", match[0]), text)
    return text, words + styled


def _without_turns(text: str, left_out: list[str]) -> str:
    marks = list(_MARK.finditer(text))
    if not marks:
        return text
    spans = list(_turns(text, marks))
    if sum(len(text[start:end].split()) for start, end in spans) * 2 > len(text.split()):
        spans = []
    kept: list[str] = []
    at = 0
    for start, end in spans:
        kept += [text[at:start], "\n\n"]
        left_out.append(" ".join(_MARK.sub(" ", text[start:end]).split()))
        at = end
    return _MARK.sub(_unmarked, "".join([*kept, text[at:]]))


def _unmarked(mark: re.Match[str]) -> str:
    """A mark's name where papers speak of the token by it, nothing otherwise."""
    return mark[1] if mark[1] and mark[1].lower() in _TAME else " "


def _turns(text: str, marks: list[re.Match[str]]) -> Iterator[tuple[int, int]]:
    """Where the forged turns of a conversation are, each from its opening mark to its end; none lies within another."""
    names = [(mark[1] or mark[2]).lower() for mark in marks]
    done = 0
    for number, (mark, name) in enumerate(zip(marks, names, strict=True)):
        if mark.start() < done:
            continue
        ends: frozenset[str] = frozenset()
        if name in _CHAT:
            ends = _CHAT_ENDS
        elif name in _TURNS:
            ends = frozenset({f"/{name}"})
        elif mark[2] and name.startswith("/"):
            ends = frozenset({name[1:]})  # out of the proposal, and back into it
        later = range(number + 1, min(number + 1 + _REACH, len(marks)))
        closing = next((marks[other].end() for other in later if names[other] in ends), None)
        if closing is None and name in _CHAT:
            paragraph = text.find("\n\n", mark.end())
            closing = paragraph if paragraph >= 0 else len(text)
        if closing is not None:
            yield mark.start(), closing
            done = closing


def _clear_paragraph(text: str, left_out: list[str]) -> str:
    if not find_instructions(text):
        return text
    kept: list[str] = []
    for sentence in split_sentences(text):
        if not find_instructions(sentence):
            kept.append(sentence)
            continue
        head: list[str] = []
        for clause in _CLAUSE.split(sentence):
            if find_instructions(clause):
                break
            head.append(clause)
        else:
            head = []  # it is only found in the whole sentence
        opening = " ".join(head)
        kept.append(opening)
        left_out.append(" ".join(sentence.removeprefix(opening).split()))
    return " ".join(filter(None, kept))
