r"""LaTeX source as it is set: comments, false branches and verbatim text taken out, the author's own macros put in.

This is not TeX. It knows `%`, the verbatim environments, `\iffalse` and `\newif`, and macros with plain arguments.
Every step is linear in the text, and what macros make of it is bounded.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field

from guide.text.documents.latex_macros import MAX_CHARACTERS, Macro, expand, take_definitions

_TOKEN = re.compile(
    r"\\verb\*?(?P<mark>[^\sA-Za-z*])"
    r"|\\begin\s?\{(?P<verbatim>verbatim\*?|Verbatim\*?|lstlisting|minted|filecontents\*?|comment)\}"
    r"|\\(?:[A-Za-z@]+|.|\n)"
    r"|(?P<comment>%[^\n]*(?:\n(?![ \t]*\n)[ \t]*)?)"
)
_CONDITION = re.compile(
    r"\\newif\s*\\if(?P<new>[A-Za-z@]+)"
    r"|\\(?P<fixed>iftrue|iffalse)(?![A-Za-z@])"
    r"|\\(?P<set>[A-Za-z@]+)(?P<value>true|false)(?![A-Za-z@])"
    # These look like conditions and have no \fi.
    r"|\\if(?:f|thenelse|def\w*|undef\w*|bool\w*|toggle\w*|blank|str\w+|cs\w+|numcomp|dimcomp|num\w+|boolexpr|IsMath|Package\w*)"
    r"(?![A-Za-z@])(?=\s*\{|f)"
    r"|\\(?P<word>if(?P<name>[A-Za-z@]*)|else|fi)(?![A-Za-z@])"
)
_BEGIN, _END = re.compile(r"\\begin\s*\{document\}"), re.compile(r"\\end\s*\{document\}")
_WORD = re.compile(r"[^\W\d_]{2}")
_SPECIAL = re.compile(r"[\\{}$&#^_~%]")


@dataclass(slots=True)
class Source:
    """LaTeX without what is not set.

    Attributes:
        preamble: what stands before the document; "" where no document begins.
        body: the document.
        hidden: passages taken out that hold words.
        left_out: verbatim blocks, counted by name.
        notes: what else is to be said, one clause each.
    """

    preamble: str = ""
    body: str = ""
    hidden: list[str] = field(default_factory=list)
    left_out: Counter[str] = field(default_factory=Counter)
    notes: list[str] = field(default_factory=list)


def visible_source(text: str, known: frozenset[str]) -> Source:
    """Take out what LaTeX does not set and put in what the author's macros stand for.

    Args:
        text: a LaTeX document or a part of one.
        known: names of macros that the reader of the result understands, and that are therefore not put in.
    """
    source = Source()
    # Templates are full of comments before the document; only those within it are told.
    begin = _BEGIN.search(_commentless(text, None))
    kept = _commentless(text, source if begin is None else None)
    if begin is not None:
        begin = _BEGIN.search(kept)
        raw = _BEGIN.search(text)
        if raw is not None:
            _commentless(text[raw.end() :], source)
    kept = _conditions(kept, source)
    begin = _BEGIN.search(kept)
    if begin is not None:
        source.preamble, kept = kept[: begin.start()], kept[begin.end() :]
    end = _END.search(kept)
    if end is not None:
        after, kept = kept[end.end() :], kept[: end.start()]
        _hide(after, source)
    macros: dict[str, Macro] = {}
    source.preamble = take_definitions(source.preamble, macros, known)
    body = take_definitions(kept, macros, known)
    source.preamble, _ = expand(source.preamble, macros, [])
    dropped: list[str] = []
    body, ended = expand(body, macros, dropped)
    for argument in dropped:
        _hide(argument, source)
    if not ended:
        source.notes.append("macros that stand for too much, or for themselves, were left out")
    if len(body) > MAX_CHARACTERS:
        source.notes.append(f"the first {MAX_CHARACTERS:,} of {len(body):,} characters were read")
    source.body = body[:MAX_CHARACTERS]
    return source


def _hide(passage: str, source: Source | None) -> None:
    if source is not None and _WORD.search(passage):
        source.hidden.append(" ".join(passage.lstrip("% ").split()))


def _commentless(text: str, source: Source | None) -> str:
    """Take out comments and verbatim environments; report them to `source`."""
    kept: list[str] = []
    endless: set[str] = set()  # environments that end nowhere further on
    at = 0
    token = _TOKEN.search(text)
    while token is not None:
        kept.append(text[at : token.start()])
        at = token.end()
        mark, verbatim = token["mark"], token["verbatim"]
        if mark:
            end = text.find(mark, at, at + 1_000)
            kept.append(_SPECIAL.sub(_as_text, text[at:end]) if end >= 0 else "")
            at = end + 1 if end >= 0 else at
        elif verbatim and verbatim not in endless:
            end = text.find(f"\\end{{{verbatim}}}", at)
            if end < 0:
                endless.add(verbatim)
            else:
                if verbatim == "comment":
                    _hide(text[at:end], source)
                elif source is not None:
                    source.left_out["code block"] += 1
                kept.append("\n")
                at = end + len(verbatim) + 6
        elif token["comment"]:
            _hide(token["comment"], source)
        else:
            kept.append(token[0])
        token = _TOKEN.search(text, at)
    return "".join([*kept, text[at:]])


def _as_text(sign: re.Match[str]) -> str:
    return {"\\": r"\textbackslash{}", "^": r"\textasciicircum{}", "~": r"\textasciitilde{}"}.get(
        sign[0], rf"\{sign[0]}"
    )


def _conditions(text: str, source: Source) -> str:
    r"""Take out the branches that are not set, of \iffalse, \iftrue and \newif; of other conditions both stay."""
    kept: list[str] = []
    flags: dict[str, bool] = {}
    # Per open condition: its value, None where nobody knows, and whether the text around it is set.
    waiting: list[tuple[bool | None, bool]] = []
    shown = True
    at = 0
    for token in _CONDITION.finditer(text):
        _keep(text[at : token.start()], shown, kept, source)
        at = token.end()
        if token["new"]:
            flags[token["new"]] = False
        elif token["set"]:
            if token["set"] in flags and shown:
                flags[token["set"]] = token["value"] == "true"
            else:
                kept.append(token[0] if shown else "")
        elif token["word"] == "else":
            if waiting and waiting[-1][0] is not None:
                shown = waiting[-1][1] and not waiting[-1][0]
        elif token["word"] == "fi":
            if waiting:
                shown = waiting.pop()[1]
        elif token["word"] or token["fixed"]:
            value = token["fixed"] == "iftrue" if token["fixed"] else flags.get(token["name"])
            waiting.append((value, shown))
            shown = shown and value is not False
        elif shown:
            kept.append(token[0])
    if not shown:
        # Never closed: losing the rest of a text to a slip of the pen would be worse.
        source.notes.append(r"an \if that is never closed was ignored")
        kept.append(text[at:])
        return "".join(kept)
    return "".join([*kept, text[at:]])


def _keep(passage: str, shown: bool, kept: list[str], source: Source) -> None:
    if shown:
        kept.append(passage)
    else:
        _hide(passage, source)
