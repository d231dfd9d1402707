"""The rubric: what reviewers ask of a text, and which of it a proposal does not speak of.

An element counts as found when one of its cues occurs anywhere in the text, or a section of its own does.
That is a check of presence, not of quality: it says what a reader looking for it would not find.
"""

from __future__ import annotations

import hashlib
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal, get_args

from guide.errors import GuideError
from guide.prompts import prompt_path, read_prompt
from guide.review import MODULE_KINDS, Form, ModuleKind, Proposal

RUBRIC_FILE = "rubric.toml"

Severity = Literal["major", "minor"]
_FORMS: tuple[Form, ...] = get_args(Form)
_SEVERITIES: tuple[Severity, ...] = get_args(Severity)
_KEYS = frozenset({"id", "title", "question", "advice", "severity", "cues"})
_OPTIONAL_KEYS = frozenset({"module"})
# A repeat without an upper bound, outside of an escape; such a cue could take forever on a long line.
_UNBOUNDED = re.compile(r"(?<!\\)(?:[*+]|\{\d*,\})")


@dataclass(frozen=True, slots=True)
class RubricElement:
    """One thing reviewers look for.

    Attributes:
        id: names it in code and reports.
        title: what it is, to begin a sentence with.
        question: what a reviewer asks, in lower case.
        advice: what to add where it is missing.
        severity: how much it weighs where it is missing, for each form it applies to.
        cues: regular expressions over lower-case text with single spaces.
        pattern: all cues as one expression.
        module: a section of this kind shows by itself that the element is there; None where no section does.
    """

    id: str
    title: str
    question: str
    advice: str
    severity: Mapping[Form, Severity]
    cues: tuple[str, ...]
    pattern: re.Pattern[str]
    module: ModuleKind | None = None

    @property
    def stages(self) -> tuple[Form, ...]:
        """The forms it applies to, from idea to paper."""
        return tuple(form for form in _FORMS if form in self.severity)

    def severity_for(self, form: Form) -> Severity:
        """Return how much it weighs in a text of this form. Raises KeyError where it does not apply."""
        return self.severity[form]

    def find_cue(self, text: str) -> str | None:
        """Return the first passage of a text, in lower case, that is a cue; None where there is none."""
        found = self.pattern.search(" ".join(text.lower().split()))
        return found[0] if found else None


@dataclass(frozen=True, slots=True)
class Rubric:
    """All elements, in the order of the file, and the SHA-256 (hex) of the file's bytes."""

    elements: tuple[RubricElement, ...]
    sha256: str


def load_rubric() -> Rubric:
    """Load the rubric that ships with guide.

    Raises:
        GuideError: the file is missing or damaged; the message names the element and the key.
    """
    return parse_rubric(read_prompt(RUBRIC_FILE), where=str(prompt_path(RUBRIC_FILE)))


def parse_rubric(data: bytes, *, where: str) -> Rubric:
    """Parse and check a rubric file.

    Raises:
        GuideError: it is not TOML, or an element is incomplete or wrong.
    """
    try:
        document = tomllib.loads(data.decode("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise _damage(f"not valid TOML: {error}", where) from None
    records = document.get("element")
    if not isinstance(records, list) or not records:
        raise _damage("it has no [[element]]", where)
    elements = tuple(_parse_element(record, where) for record in records)
    ids = [element.id for element in elements]
    if len(set(ids)) < len(ids):
        raise _damage(f"two elements have the id {max(ids, key=ids.count)!r}", where)
    return Rubric(elements, hashlib.sha256(data).hexdigest())


def missing_elements(proposal: Proposal, rubric: Rubric) -> tuple[RubricElement, ...]:
    """Return the elements that apply to the proposal's form and that neither its sections nor words show."""
    text = "\n".join((proposal.title, *proposal.modules.values()))
    return tuple(
        element
        for element in rubric.elements
        if proposal.form in element.severity
        and element.module not in proposal.modules
        and element.find_cue(text) is None
    )


def _parse_element(record: Any, where: str) -> RubricElement:
    if not isinstance(record, dict):
        raise _damage("an element is not a table", where)
    name = f"element {record.get('id', '?')!r}"
    odd = ", ".join(sorted((record.keys() - _OPTIONAL_KEYS) ^ _KEYS))
    if odd:
        raise _damage(f"{name} lacks, or has too many of, the keys: {odd}", where)
    for key in ("id", "title", "question", "advice"):
        if not isinstance(record[key], str) or not record[key].strip():
            raise _damage(f"{name}: {key} is not a text", where)
    severity = record["severity"]
    if not isinstance(severity, dict) or not severity or not severity.keys() <= set(_FORMS):
        raise _damage(f"{name}: severity is not a table with keys of {', '.join(_FORMS)}", where)
    if not set(severity.values()) <= set(_SEVERITIES):
        raise _damage(f"{name}: a severity is not one of {', '.join(_SEVERITIES)}", where)
    if record.get("module") not in (None, *MODULE_KINDS):
        raise _damage(f"{name}: module is not one of {', '.join(MODULE_KINDS)}", where)
    return RubricElement(
        id=record["id"],
        title=record["title"],
        question=record["question"],
        advice=record["advice"],
        severity=MappingProxyType({form: severity[form] for form in _FORMS if form in severity}),
        cues=tuple(record["cues"]),
        pattern=_compile_cues(record["cues"], name, where),
        module=record.get("module"),
    )


def _compile_cues(cues: Any, name: str, where: str) -> re.Pattern[str]:
    """Make one expression of all cues; each starts and ends at a word boundary."""
    if not isinstance(cues, list) or not cues or not all(isinstance(cue, str) and cue for cue in cues):
        raise _damage(f"{name}: cues is not a list of texts", where)
    for cue in cues:
        try:
            re.compile(cue)
        except re.error as error:
            raise _damage(f"{name}: the cue {cue!r} is no regular expression ({error})", where) from None
        if cue != cue.lower():
            raise _damage(f"{name}: the cue {cue!r} is not in lower case, as the text is", where)
        if _UNBOUNDED.search(cue):
            raise _damage(f"{name}: the cue {cue!r} has a repeat without a bound", where)
    return re.compile(rf"(?<!\w)(?:{'|'.join(cues)})(?!\w)")


def _damage(what: str, where: str) -> GuideError:
    return GuideError(f"the rubric is damaged: {what}", where=where, fix="Mend it, or install guide again.")
