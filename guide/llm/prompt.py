"""What a language model is shown: the rubric, the prior work and the proposal, in the order that shares most.

The system message depends on the form of the text alone, so many proposals share it; the prior work and the proposal
follow, and the k runs of one proposal share all of it. What is not ours stands between lines that carry a mark made of
the very text they enclose: nobody can write a text that holds its own mark.
"""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Literal

from guide.llm.model import Message
from guide.prompts import read_prompt
from guide.text.rubric import load_rubric
from guide.text.sanitise import neutralise

if TYPE_CHECKING:
    from guide.judging import JudgeRequest
    from guide.review import Form

FILES = ("reviewer.jinja", "proposal.jinja", "questions.toml", "rubric.toml")

Task = Literal["review", "rating"]

_MARK_CHARACTERS = 12


@dataclass(frozen=True, slots=True)
class Prompt:
    """One proposal as a language model is shown it.

    Attributes:
        messages: a system and a user message.
        keys: id of the paper behind each key of the evidence ("E1"); what an answer cites must be one of them.
    """

    messages: tuple[Message, ...]
    keys: Mapping[str, str]


@cache
def prompts_sha256() -> str:
    """The version of the prompts: SHA-256 (hex) over the templates, the questions and the rubric."""
    whole = hashlib.sha256()
    for name in FILES:
        whole.update(hashlib.sha256(read_prompt(name)).digest())
    return whole.hexdigest()


@cache
def rating_scale() -> dict[str, float]:
    """The rating (1-10) that each letter of the scale stands for."""
    return {entry["label"]: float(rating) for rating, entry in enumerate(_questions()["scale"], 1)}


def build_prompt(request: JudgeRequest, *, task: Task = "review") -> Prompt:
    """Put a request into words.

    The title, the text and the prior work are neutralised again, whatever was done to them before.
    """
    passages, keys = _passages(request)
    title, text = neutralise(request.title).text, neutralise(request.text).text
    mark = _mark([title, text, *(part for passage in passages for part in passage.values())])
    user = _render(
        "proposal.jinja",
        passages=passages,
        title=title,
        text=text,
        mark=mark,
        question=_questions()["question"][task].strip(),
    )
    return Prompt((Message("system", system_message(request.form)), Message("user", user)), keys)


@cache
def system_message(form: Form) -> str:
    """The message that all texts of one form share: the task, the rubric and the scale."""
    elements = [element for element in load_rubric().elements if form in element.severity]
    return _render(
        "reviewer.jinja", elements=elements, stage=_questions()["stage"][form], scale=_questions()["scale"]
    ).strip()


def _passages(request: JudgeRequest) -> tuple[list[dict[str, str]], dict[str, str]]:
    """The prior work with a key for each paper, its modules side by side."""
    papers = {item.paper.id: item.paper for item in request.evidence}
    key_of: dict[str, str] = {}
    shown = []
    for passage in request.passages:
        paper = papers[passage.paper_id]
        key = key_of.setdefault(paper.id, f"E{len(key_of) + 1}")
        title, text = neutralise(paper.title).text, neutralise(passage.text).text
        shown.append(
            {
                "key": key,
                "title": " ".join(title.split()),
                "place": f"{paper.venue} {paper.year}".strip(),
                "kind": passage.kind,
                "text": text,
            }
        )
    return shown, {key: paper for paper, key in key_of.items()}


def _mark(parts: Sequence[str]) -> str:
    """A mark that none of the parts can hold: it is made of them."""
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:_MARK_CHARACTERS]


@cache
def _questions() -> dict[str, Any]:
    return tomllib.loads(read_prompt("questions.toml").decode())


def _render(name: str, **values: Any) -> str:
    return _template(name).render(values)  # type: ignore[no-any-return]


@cache
def _template(name: str) -> Any:
    from jinja2 import Environment, StrictUndefined

    # No HTML is made here, so nothing is escaped; a value is data and is never rendered as a template.
    environment = Environment(undefined=StrictUndefined, keep_trailing_newline=False, autoescape=False)  # noqa: S701
    return environment.from_string(read_prompt(name).decode())
