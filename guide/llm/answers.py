"""What a language model answers in a review: the values, their JSON schema, and reading them.

guide.llm.json_answers finds the answer in what was written. Here wrong types become what they can only have meant;
nothing is guessed: what is left unclear is dropped and counted.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal, get_args

from pydantic import BaseModel, ConfigDict

from guide.judging import Failure
from guide.llm.json_answers import Repair, find_answer
from guide.text.rubric import load_rubric

Severity = Literal["major", "minor"]
_TRUE = frozenset({"true", "yes", "1"})
_SEVERITIES: Mapping[str, Severity] = {
    **dict.fromkeys(("major", "critical", "high", "severe", "serious"), "major"),
    **dict.fromkeys(("minor", "low", "small", "moderate", "medium"), "minor"),
}
_SURROGATE = re.compile(r"[\ud800-\udfff]")
_KEY = re.compile(r"[A-Za-z]\w{0,15}")


class _Value(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class AnsweredFinding(_Value):
    """One remark of the model, as it stands in its answer.

    Attributes:
        severity: how much it weighs.
        element: id of the element of the rubric it is about.
        claim: what is wrong, in a sentence or two.
        quote: the passage of the proposal it is about, word for word, or "".
        evidence: keys of the evidence it rests on, such as "E1".
        known: whether it claims that the idea is known already.
        change: what to do about it.
    """

    severity: Severity
    element: str
    claim: str
    quote: str
    evidence: tuple[str, ...]
    known: bool
    change: str


class Reason(_Value):
    """One sentence of the model's reasoning and the keys of the evidence it cites."""

    sentence: str
    evidence: tuple[str, ...]


class ReviewAnswer(_Value):
    """A whole answer; any of its lists may be empty."""

    summary: str
    findings: tuple[AnsweredFinding, ...]
    rationale: tuple[Reason, ...]


@dataclass(frozen=True, slots=True)
class ParsedAnswer:
    """An answer, and what had to be mended to read it: how often, by kind."""

    answer: ReviewAnswer
    repairs: Mapping[Repair, int]


def answer_schema() -> dict[str, Any]:
    """JSON schema of an answer: no references, every key required, no other keys allowed.

    vLLM (xgrammar) and OpenAI's strict mode both take it.
    """
    keys = {"type": "array", "items": {"type": "string"}}
    text = {"type": "string"}
    finding = {
        "severity": {"type": "string", "enum": list(get_args(Severity))},
        "element": {"type": "string", "enum": list(element_ids())},
        "claim": text,
        "quote": text,
        "evidence": keys,
        "known": {"type": "boolean"},
        "change": text,
    }
    reason = {"sentence": text, "evidence": keys}
    return _object(
        {
            "summary": text,
            "findings": {"type": "array", "items": _object(finding)},
            "rationale": {"type": "array", "items": _object(reason)},
        }
    )


@cache
def element_ids() -> tuple[str, ...]:
    """The ids of the rubric's elements, one of which every finding names. Raises GuideError as `load_rubric`."""
    return tuple(element.id for element in load_rubric().elements)


def parse_answer(text: str) -> ParsedAnswer | Failure:
    """Read the answer out of what a model wrote.

    The last whole answer counts. Where there is none, the one with the most findings that can be mended does. Of an
    answer that was cut off, every finding that was complete is kept.

    Returns:
        The answer, or why there is none: no JSON object, thinking without an end, nothing complete in it.
    """
    found = find_answer(text)
    return found if isinstance(found, Failure) else _checked(found.record, Counter(found.repairs))


def _object(properties: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": dict(properties),
        "required": list(properties),
        "additionalProperties": False,
    }


def _checked(found: Mapping[str, Any], repairs: Counter[Repair]) -> ParsedAnswer:
    _count_unknown(found, ReviewAnswer, repairs)
    findings = (_finding(item, repairs) for item in _items(found, "findings", repairs))
    reasons = (_reason(item, repairs) for item in _items(found, "rationale", repairs))
    answer = ReviewAnswer(
        summary=_text(found, "summary", repairs),
        findings=tuple(finding for finding in findings if finding is not None),
        rationale=tuple(reason for reason in reasons if reason is not None),
    )
    return ParsedAnswer(answer, dict(sorted(repairs.items())))


def _finding(item: Any, repairs: Counter[Repair]) -> AnsweredFinding | None:
    """One finding; None where it has no claim, no change, or is about nothing that the rubric has."""
    if not isinstance(item, dict):
        repairs["unusable item"] += 1
        return None
    severity = _severity(item, repairs)
    element = re.sub(r"[\s_]+", "-", str(item.get("element", "")).strip().lower())
    claim, change = _text(item, "claim", repairs), _text(item, "change", repairs)
    if severity is None or element not in element_ids() or not claim or not change:
        repairs["unusable item"] += 1
        return None
    if element != item["element"]:
        repairs["wrong type"] += 1
    _count_unknown(item, AnsweredFinding, repairs)
    return AnsweredFinding(
        severity=severity,
        element=element,
        claim=claim,
        quote=_text(item, "quote", repairs),
        evidence=_keys(item, repairs),
        known=_flag(item, repairs),
        change=change,
    )


def _reason(item: Any, repairs: Counter[Repair]) -> Reason | None:
    if isinstance(item, str):
        repairs["wrong type"] += 1
        item = {"sentence": item, "evidence": []}  # it cites nothing
    sentence = _text(item, "sentence", repairs) if isinstance(item, dict) else ""
    if not sentence:
        repairs["unusable item"] += 1
        return None
    _count_unknown(item, Reason, repairs)
    return Reason(sentence=sentence, evidence=_keys(item, repairs))


def _count_unknown(item: Mapping[str, Any], model: type[BaseModel], repairs: Counter[Repair]) -> None:
    unknown = len(item.keys() - model.model_fields.keys())
    if unknown:
        repairs["unknown key"] += unknown


def _value(item: Mapping[str, Any], key: str, repairs: Counter[Repair]) -> Any:
    """The value; None, counted, where it is missing, null or not a number."""
    value = item.get(key)
    if isinstance(value, float) and not math.isfinite(value):
        repairs["not a number"] += 1
        return None
    if value is None:
        repairs["missing key"] += 1
    return value


def _text(item: Mapping[str, Any], key: str, repairs: Counter[Repair]) -> str:
    value = _value(item, key, repairs)
    if value is None:
        return ""
    if isinstance(value, str):
        # "\\ud800" is valid JSON and no text.
        value, broken = _SURROGATE.subn("\ufffd", value)
        if broken:
            repairs["other syntax"] += 1
        return value.strip()
    repairs["wrong type"] += 1
    return "" if isinstance(value, dict | list | bool) else str(value)


def _severity(item: Mapping[str, Any], repairs: Counter[Repair]) -> Severity | None:
    value = _value(item, "severity", repairs)
    severity = _SEVERITIES.get(value.strip().lower()) if isinstance(value, str) else None
    if severity is not None and severity != value:
        repairs["wrong type"] += 1
    return severity


def _flag(item: Mapping[str, Any], repairs: Counter[Repair]) -> bool:
    value = _value(item, "known", repairs)
    if value is None or isinstance(value, bool):
        return bool(value)
    repairs["wrong type"] += 1
    # A claim that the idea is known must be made plainly.
    return str(value).strip().lower() in _TRUE


def _items(item: Mapping[str, Any], key: str, repairs: Counter[Repair]) -> list[Any]:
    value = _value(item, key, repairs)
    if value is None or isinstance(value, list):
        return value or []
    repairs["wrong type"] += 1
    return [value] if isinstance(value, dict) else []


def _keys(item: Mapping[str, Any], repairs: Counter[Repair]) -> tuple[str, ...]:
    """Keys of evidence, each once: of a list, of one text such as "[E1], E2", of numbers."""
    value = _value(item, "evidence", repairs)
    if value is None:
        return ()
    listed = value if isinstance(value, list) else [value]
    found: list[str] = []
    for one in listed:
        if isinstance(one, str):
            found += _KEY.findall(one)
        elif isinstance(one, int) and not isinstance(one, bool):
            found.append(f"E{one}")
    if not isinstance(value, list) or found != value:
        repairs["wrong type"] += 1
    return tuple(dict.fromkeys(found))
