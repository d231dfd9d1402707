r"""The macros that an author defines in LaTeX, and what they stand for.

Known are \newcommand and its kin, and \def with plain parameters. The time is linear in the text and in what the macros
make of it, and that is bounded.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial

MAX_CHARACTERS = 500_000  # of a document, with what its macros stand for
_ROUNDS = 12  # macros within macros

_DEFINITION = re.compile(
    r"\\(?:(?:re|provide)?newcommand|providecommand|DeclareRobustCommand|newrobustcmd)\*?\s*"
    r"(?:\{\s*\\(?P<braced>[A-Za-z@]+)\s*\}|\\(?P<bare>[A-Za-z@]+))\s*(?:\[(?P<count>\d)\])?\s*(?P<optional>\[[^\[\]]{0,500}\])?\s*(?=\{)"
    r"|\\(?:[gex]?def)\s*\\(?P<plain>[A-Za-z@]+)(?P<parameters>(?:#\d)*)\s*(?=\{)"
)
_BRACE = re.compile(r"\\.|[{}]", re.DOTALL)
_PARAMETER = re.compile(r"#([1-9])")
_SPACES = re.compile(r"\s*")


@dataclass(frozen=True, slots=True)
class Macro:
    """A macro of the author's own: its body, and how many arguments, the first of which may have a default."""

    body: str
    arguments: int
    default: str | None = None


def brace_pairs(text: str) -> dict[int, int]:
    """Where the groups of a text end: the index of each closing brace by that of its opening one."""
    pairs: dict[int, int] = {}
    waiting: list[int] = []
    for brace in _BRACE.finditer(text):
        if brace[0] == "{":
            waiting.append(brace.start())
        elif brace[0] == "}" and waiting:
            pairs[waiting.pop()] = brace.start()
    return pairs


def group_at(text: str, at: int, pairs: Mapping[int, int]) -> tuple[str, int] | None:
    """The group {...} that begins at `at`, spaces before it aside: its inside, and the index behind it.

    Args:
        text: any source.
        at: an index of it.
        pairs: its `brace_pairs`.
    """
    place = _SPACES.match(text, at)
    start = place.end() if place else at
    end = pairs.get(start)
    return None if end is None else (text[start + 1 : end], end + 1)


def take_definitions(text: str, macros: dict[str, Macro], known: frozenset[str]) -> str:
    """Take the definitions out of a text and into `macros`."""
    kept: list[str] = []
    pairs = brace_pairs(text)
    at = 0
    for match in _DEFINITION.finditer(text):
        if match.start() < at:
            continue
        body = group_at(text, match.end(), pairs)
        if body is None:
            continue
        kept.append(text[at : match.start()])
        at = body[1]
        name = match["braced"] or match["bare"] or match["plain"]
        if name in known:
            continue
        count = int(match["count"] or 0) or len(match["parameters"] or "") // 2
        default = match["optional"][1:-1] if match["optional"] else None
        macros[name] = Macro(body[0], count, default)
    return "".join([*kept, text[at:]])


def expand(text: str, macros: Mapping[str, Macro], dropped: list[str]) -> tuple[str, bool]:
    """Put in what the macros stand for.

    Args:
        text: any source.
        macros: by name.
        dropped: gets the arguments that a macro takes and does not set.

    Returns:
        The text, and whether all macros came to an end; those that do not, or that stand for more than
        `MAX_CHARACTERS`, are left out.
    """
    if not macros:
        return text, True
    names = "|".join(sorted(map(re.escape, macros), key=len, reverse=True))
    call = re.compile(rf"\\({names})(?![A-Za-z@])")
    for _ in range(_ROUNDS):
        if not call.search(text):
            return text, True
        pieces: list[str] = []
        length = 0
        for piece in _put_in(text, call, macros, dropped):
            pieces.append(piece)
            length += len(piece)
            if length > max(MAX_CHARACTERS, len(text)):
                return call.sub(" ", text), False
        text = "".join(pieces)
    return call.sub(" ", text), not call.search(text)


def _put_in(text: str, call: re.Pattern[str], macros: Mapping[str, Macro], dropped: list[str]) -> Iterator[str]:
    at = 0
    pairs = brace_pairs(text)
    for match in call.finditer(text):
        if match.start() < at:
            continue  # in the argument of another: its turn comes in the next round
        yield text[at : match.start()]
        macro = macros[match[1]]
        arguments, at = _arguments(text, match.end(), macro, pairs)
        for number, argument in enumerate(arguments, start=1):
            if f"#{number}" not in macro.body:
                dropped.append(argument)
        body = _PARAMETER.sub(partial(_given, arguments), macro.body)
        yield body
        if text.startswith("{}", at):
            at += 2
    yield text[at:]


def _given(arguments: list[str], parameter: re.Match[str]) -> str:
    number = int(parameter[1])
    return arguments[number - 1] if number <= len(arguments) else ""


def _arguments(text: str, at: int, macro: Macro, pairs: Mapping[int, int]) -> tuple[list[str], int]:
    """The arguments of a call and the index behind them; one that is missing is empty."""
    found: list[str] = []
    if macro.default is not None:
        given = re.compile(r"\s*\[([^\[\]]{0,500})\]").match(text, at)
        found.append(given[1] if given else macro.default)
        at = given.end() if given else at
    while len(found) < macro.arguments:
        group = group_at(text, at, pairs)
        if group is None:
            sign = re.compile(r"\s*(\\[A-Za-z@]+|\S)").match(text, at)
            if sign is None:
                break
            group = sign[1], sign.end()
        found.append(group[0])
        at = group[1]
    return found, at
