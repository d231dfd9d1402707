"""Finding a JSON answer in what a language model wrote, and mending it.

A server without structured output wraps an answer in thinking, prose and Markdown, or stops in the middle of it.
Broken JSON is mended by the library json-repair; an unfinished finding is cut off here, because the library would
make a whole one of it.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from guide.judging import Failure

# What may have to be mended; the keys of `ParsedAnswer.repairs`.
Repair = Literal[
    "thinking",  # there was thinking before the answer
    "fence",  # it stood in a Markdown fence
    "prose",  # other text stood around it
    "cut off",  # it had no end: what was not finished is dropped
    "trailing comma",
    "single quotes",
    "other syntax",  # of JSON, mended by json-repair
    "not a number",  # NaN or an infinity
    "wrong type",  # a value was coerced
    "missing key",  # a text, list or flag that may be empty was not there
    "unknown key",  # dropped
    "unusable item",  # a finding or a sentence of the rationale that lacks what it needs: dropped
]

MAX_CHARACTERS = 200_000  # of an answer that are read; json-repair takes long on more

_THINKING_END = re.compile(r"</think(?:ing)?>", re.IGNORECASE)
_THINKING = re.compile(r"<think(?:ing)?>", re.IGNORECASE)
_OBJECT = re.compile(r"""\{\s*["'\u201c]?[A-Za-z]\w{0,30}["'\u201d]?\s*:""")
_START = re.compile(r"""\{\s*["'\u201c]?(?:summary|findings|rationale)\b["'\u201d]?\s*:""")
_FENCE = re.compile(r"^[ \t]*(?:```|~~~)[\w-]*[ \t]*$", re.MULTILINE)
_SYNTAX: tuple[tuple[Repair, re.Pattern[str]], ...] = (
    ("trailing comma", re.compile(r",\s*[}\]]")),
    ("single quotes", re.compile(r"[{\[,:]\s*'")),
)
_TRIES = 8  # places an answer may begin at that are tried


@dataclass(frozen=True, slots=True)
class Found:
    """An answer as it was written, unchecked but for its list of findings, and what was mended: how often, by kind."""

    record: Mapping[str, Any]
    repairs: Mapping[Repair, int]


def behind_thinking(text: str) -> str:
    """What a text says behind the thinking in it; "" where that has no end, all of it where there is none."""
    ended = _after_thinking(text)
    return text[ended:] if ended or not _THINKING.match(text.lstrip()) else ""


def find_answer(text: str) -> Found | Failure:
    """Find the object with findings in a text.

    The last whole one counts. Where there is none, the one with the most findings that can be mended does. Of one
    that was cut off, every finding that was complete is kept.

    Returns:
        The answer, or why there is none: no JSON object, thinking without an end, nothing complete in it.
    """
    if len(text) > MAX_CHARACTERS:
        return Failure(f"the answer is longer than {MAX_CHARACTERS:,} characters")
    end = _THINKING_END.search(text)
    start = end.end() if end else 0
    if not end and _THINKING.match(text.lstrip()):
        return Failure("the answer ends within its thinking")
    # Drafts in the thinking are no answers.
    whole = list(_whole_answers(text, start))
    if whole:
        first, last, record = whole[-1]
        return Found(record, _surroundings(text, first, last, thought=end is not None))
    begins = [match.start() for match in _START.finditer(text, start)][:_TRIES]
    if not begins and (match := _OBJECT.search(text, start)):
        begins = [match.start()]
    found: list[Found] = []
    for first in begins:
        mended, last, kinds = _mend(text, first)
        if isinstance(mended, dict) and isinstance(mended.get("findings"), list):
            found.append(Found(mended, _surroundings(text, first, last, thought=end is not None) + kinds))
    if found:
        return max(reversed(found), key=lambda one: len(one.record["findings"]))
    if begins:
        return Failure("the answer was cut off before its first finding, or is no JSON")
    return Failure("there is no JSON object with findings in the answer" if text.strip() else "the answer is empty")


def _whole_answers(text: str, start: int) -> Iterator[tuple[int, int, dict[str, Any]]]:
    """Where each valid JSON object with findings begins and ends, and the object; none lies within another."""
    decoder = json.JSONDecoder()
    at = start
    while match := _OBJECT.search(text, at):
        at = match.end()
        try:
            found, end = decoder.raw_decode(text, match.start())
        except ValueError:
            continue
        except RecursionError:
            return  # no answer is so deep; every place further in would fail as slowly
        if isinstance(found.get("findings"), list):
            yield match.start(), end, found
            at = end


def _surroundings(text: str, first: int, last: int, *, thought: bool) -> Counter[Repair]:
    """Count what stands around an answer at `text[first:last]`."""
    before, after = text[:first], text[last:]
    counted: Counter[Repair] = Counter()
    if thought:
        counted["thinking"] = 1
        before = before[_after_thinking(before) :]
    if _FENCE.search(before) or _FENCE.search(after):
        counted["fence"] = 1
    if _FENCE.sub("", before).strip() or _FENCE.sub("", after).strip():
        counted["prose"] = 1
    return counted


def _after_thinking(text: str) -> int:
    end = 0
    for match in _THINKING_END.finditer(text):
        end = match.end()
    return end


def _mend(text: str, start: int) -> tuple[Any, int, Counter[Repair]]:
    """Return what json-repair makes of the answer that begins at `start`, where it ends, and what was mended."""
    from json_repair import loads

    counted: Counter[Repair] = Counter()
    ends, closed = _extent(text, start)
    body = text[start:ends]
    if closed is not None:
        counted["cut off"] = 1
        ends = len(text)
        if not closed:
            return None, ends, counted
        body = closed
    try:
        return json.loads(body), ends, counted
    except (ValueError, RecursionError):
        pass
    kinds: list[Repair] = [kind for kind, pattern in _SYNTAX if pattern.search(body)]
    counted.update(kinds or ["other syntax"])
    try:
        found = loads(body, skip_json_loads=True)
    except (ValueError, RecursionError):
        return None, ends, counted
    if isinstance(found, list):
        # Text after the answer was taken for more of it.
        found = next((one for one in found if isinstance(one, dict) and "findings" in one), None)
    return found, ends, counted


def _extent(text: str, start: int) -> tuple[int, str | None]:
    """Find where the object that begins at `start` ends.

    Returns:
        The end, and None if it is closed. Otherwise the text up to the last item that is complete, with the brackets
        closed after it; "" if no item is.
    """
    stack: list[str] = []
    quote = ""
    safe: tuple[int, str] | None = None
    fence = _FENCE.search(text, start)
    # A fence cannot stand inside a string of JSON, where a line break is written "\\n".
    stop = fence.start() if fence else len(text)
    at = start
    while at < stop:
        sign = text[at]
        if quote:
            if sign == "\\":
                at += 1
            elif sign == quote and (quote == '"' or text[at + 1 : at + 40].lstrip()[:1] in (",", ":", "}", "]", "")):
                quote = ""
        elif sign == '"' or (sign == "'" and text[max(0, at - 40) : at].rstrip()[-1:] in ("{", "[", ",", ":")):
            quote = sign
        elif sign in "{[":
            stack.append("}" if sign == "{" else "]")
        elif sign in "}]" and stack:
            stack.pop()
            if not stack:
                return at + 1, None
            if (sign == "}" and stack == ["}", "]"]) or (sign == "]" and stack == ["}"]):
                safe = at + 1, "".join(reversed(stack))
        at += 1
    return stop, text[start : safe[0]] + safe[1] if safe else ""
