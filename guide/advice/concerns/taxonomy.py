"""The kinds of concern, read from prompts/concerns.toml, and finding them in sentences."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Literal, get_args

from guide.errors import GuideError
from guide.prompts import prompt_path, read_prompt

Aspect = Literal[
    "motivation", "originality", "soundness", "substance", "replicability", "comparison", "clarity", "ethics"
]
Effort = Literal["small", "medium", "large"]
_FILE = "concerns.toml"
_TEXTS = ("id", "name", "aspect", "question", "why", "idea", "paper", "effort")


@dataclass(frozen=True)
class Kind:
    """One kind of concern; see the head of prompts/concerns.toml for what each field is."""

    id: str
    name: str
    aspect: Aspect
    question: str
    why: str
    idea: str
    paper: str
    effort: Effort
    said: tuple[str, ...]
    unless: tuple[str, ...]
    answers: tuple[str, ...]

    def is_raised_in(self, sentence: str) -> bool:
        """Whether a sentence of a review, in lower case, raises this concern."""
        if not self._said.search(sentence):
            return False
        return self._unless is None or not self._unless.search(sentence)

    def is_answered_in(self, sentence: str) -> bool:
        """Whether a sentence of a proposal, in lower case, speaks to this concern's question."""
        return self._answers.search(sentence) is not None

    # Compiled when first asked: a review needs few of them.
    @cached_property
    def _said(self) -> re.Pattern[str]:
        return re.compile("|".join(self.said))

    @cached_property
    def _unless(self) -> re.Pattern[str] | None:
        return re.compile("|".join(self.unless)) if self.unless else None

    @cached_property
    def _answers(self) -> re.Pattern[str]:
        return re.compile("|".join(self.answers))


@cache
def load_kinds() -> tuple[Kind, ...]:
    """All kinds, in the order of the file, which the shipped numbers share.

    Raises:
        GuideError: the file is not as it should be.
    """
    return parse_kinds(read_prompt(_FILE).decode("utf-8"))


def parse_kinds(text: str) -> tuple[Kind, ...]:
    """Read the kinds from TOML (see `load_kinds`)."""
    where, fix = prompt_path(_FILE), "Reinstall guide, or mend the file."
    try:
        entries = tomllib.loads(text).get("concern", [])
    except tomllib.TOMLDecodeError as error:
        raise GuideError(f"the concerns are no TOML ({error})", where=where, fix=fix) from error
    kinds = tuple(_parse(entry) for entry in entries)
    if not kinds or len({kind.id for kind in kinds}) < len(kinds):
        raise GuideError("there are no concerns, or two of one id", where=where, fix=fix)
    return kinds


def _parse(entry: dict[str, object]) -> Kind:
    where = prompt_path(_FILE)
    named = entry.get("id", "one without an id")
    allowed = {*_TEXTS, "said", "unless", "answers"}
    strange, missing = set(entry) - allowed, allowed - {"unless"} - set(entry)
    if strange or missing:
        what = f"concern {named} has {', '.join(sorted(strange)) or 'no'} {', '.join(sorted(missing))}".strip()
        raise GuideError(what, where=where, fix="Give it the fields that the head of the file names, and no other.")
    texts = {name: str(entry[name]) for name in _TEXTS}
    if texts["aspect"] not in get_args(Aspect) or texts["effort"] not in get_args(Effort):
        raise GuideError(
            f"concern {named} has an unknown aspect or effort", where=where, fix="See the head of the file."
        )
    patterns = {name: _patterns(entry.get(name, []), named) for name in ("said", "unless", "answers")}
    return Kind(**texts, **patterns)  # type: ignore[arg-type]


def _patterns(given: object, named: object) -> tuple[str, ...]:
    if not isinstance(given, Sequence) or isinstance(given, str):
        raise GuideError(f"the patterns of concern {named} are no list", where=prompt_path(_FILE), fix="Write a list.")
    for pattern in given:
        try:
            re.compile(pattern)
        except re.error as error:
            what = f"a pattern of concern {named} cannot be read ({error})"
            raise GuideError(what, where=prompt_path(_FILE), fix="Mend it.") from error
    return tuple(map(str, given))
