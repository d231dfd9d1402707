"""Many warnings of one kind as one, with a sum: a text is read in pieces, and its reader is told once."""

from __future__ import annotations

import re
from collections.abc import Iterable

_QUOTES = 3
_COUNTED = re.compile(r"(?P<what>[^()“”]{3,100}?) \((?P<count>\d+)(?P<passages> passages?)?\)(?P<rest>.*)", re.DOTALL)


def tally(warnings: Iterable[str]) -> list[str]:
    """Join warnings that say the same of different counts, each where the first of its kind stood.

    >>> tally(["tabs taken out (1)", "no title", "tabs taken out (2)"])
    ['tabs taken out (3)', 'no title']
    """
    counts: dict[str, int] = {}
    rests: dict[str, list[str]] = {}
    passages: set[str] = set()
    for warning in warnings:
        counted = _COUNTED.fullmatch(warning)
        if counted is None:
            counts.setdefault(warning, -1)
            continue
        what = counted["what"]
        counts[what] = counts.get(what, 0) + int(counted["count"])
        rests.setdefault(what, []).append(counted["rest"])
        if counted["passages"]:
            passages.add(what)
    return [
        warning if count < 0 else f"{warning} ({_sum(count, warning in passages)}){_joined(rests[warning])}"
        for warning, count in counts.items()
    ]


def _sum(count: int, passages: bool) -> str:
    return f"{count} passage{'s' if count != 1 else ''}" if passages else str(count)


def _joined(rests: list[str]) -> str:
    """The first few quotations or names of several lists, which each begin with a colon."""
    several = list(dict.fromkeys(rest for rest in rests if rest))
    if len(several) < 2 or not all(rest.startswith(": ") for rest in several):
        return several[0] if several else ""
    mark = "; " if "“" in several[0] else ", "
    named = list(dict.fromkeys(part for rest in several for part in rest[2:].split(mark)))
    shown = [part for part in named if part != "…"]
    more = [] if len(shown) <= _QUOTES and "…" not in named else ["…"]
    return ": " + mark.join([*shown[:_QUOTES], *more])
