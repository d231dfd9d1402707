"""What a model makes of a file of proposals: the runs that comparison.py sets side by side."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from guide.errors import InputError, ModelError
from guide.eval.comparison.figures import energy
from guide.eval.comparison.gate import Run
from guide.judging import Failure
from guide.llm.model import Answer, Ask, ChatModel, Message, Sampling, ShowsPosition, Talk, TextModel
from guide.text.reading import judged_text, judged_title, reading_of
from guide.text.submissions import Unreadable, read_submissions

# Logits of a whole vocabulary are held for this many proposals at once: 16 x 150,000 numbers are 20 MB.
_AT_ONCE = 16


@dataclass(frozen=True, slots=True)
class Idea:
    """One proposal of the file; `text` is its abstract, stripped of leaks as `guide score` does."""

    id: str
    title: str
    text: str


@dataclass(frozen=True, slots=True)
class Question:
    """What a model is asked about one proposal.

    Attributes:
        score: the talk whose answer holds the score.
        opening: how that answer begins, up to where a label is the next token. A chat model cannot be made to begin
            so: there the messages must ask for a label and nothing else.
        answer: the talk whose answer is the judgement, as JSON.
        sources: names of what that answer may cite.
    """

    score: tuple[Message, ...]
    opening: str
    answer: tuple[Message, ...]
    sources: frozenset[str]


def read_answer(text: str) -> tuple[str, ...] | None:
    """The citations of an answer, repeated ones too; None if it is not JSON of the form {"citations": [text, ...]}.

    Thinking before the last `</think>` is passed over. Other keys are free; a code fence is not JSON.
    """
    try:
        answer = json.loads(text.rpartition("</think>")[2], parse_constant=_refuse)
    except (ValueError, RecursionError):
        return None
    citations = answer.get("citations") if isinstance(answer, dict) else None
    if not isinstance(citations, list) or not all(isinstance(citation, str) for citation in citations):
        return None
    return tuple(citations)


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no JSON")


@dataclass(frozen=True, slots=True)
class Procedure:
    """How models are asked; both models of a comparison are asked alike.

    Attributes:
        ask: makes the question about a proposal.
        labels: the scores to choose from, one token each.
        values: what each label counts, in the labels' order.
        read: an answer's citations, or None if the answer is not valid.
        sampling: of the answers. No schema is forced upon them: a grammar would make every answer valid and hide
            what the gate looks for. Greedy by default, so that a model agrees with itself.

    Raises:
        ValueError: there is not a value for every label.
    """

    ask: Callable[[Idea], Question]
    labels: tuple[str, ...]
    values: tuple[float, ...]
    read: Callable[[str], tuple[str, ...] | None] = read_answer
    sampling: Sampling = field(default_factory=lambda: Sampling(temperature=0, top_p=1))

    def __post_init__(self) -> None:
        if len(self.labels) != len(self.values):
            raise ValueError(f"{len(self.labels)} labels have {len(self.values)} values")


def read_ideas(file: Path, limit: int | None = None) -> tuple[tuple[Idea, ...], dict[str, int]]:
    """The first `limit` submissions of `file` (see `read_submissions`), read as `guide score` reads them.

    Returns:
        The proposals, and why records were left out, counted.

    Raises:
        InputError: the file cannot be read or none of its records can be used.
    """
    ideas: dict[str, Idea] = {}
    left_out: Counter[str] = Counter()
    for one in read_submissions(str(file), limit=limit):
        if isinstance(one, Unreadable):
            left_out[one.reason] += 1
        elif one.id in ideas:
            left_out["the id is not unique"] += 1
        else:
            reading = reading_of(one)
            ideas[one.id] = Idea(one.id, judged_title(reading), judged_text(reading)[0])
    if not ideas:
        raise InputError("no record can be used", where=file, fix="Give JSON lines with title and abstract.")
    return tuple(ideas.values()), dict(left_out)


def collect(
    model: str, ideas: Sequence[Idea], *, load: Callable[[str], TextModel | ChatModel], procedure: Procedure
) -> Run:
    """Load a model, ask it about every proposal, and let go of it.

    Args:
        model: its name.
        ideas: with unique ids.
        load: loads the model of a name.
        procedure: how to ask.

    Raises:
        ModelError: the server tells no probabilities, so that there are no scores.
        InputError: a label is not one token of the model, or a prompt leaves no room for an answer.
    """
    loaded = load(model)
    questions = {idea.id: procedure.ask(idea) for idea in ideas}
    if isinstance(loaded, TextModel):
        return _collect_text(model, loaded, questions, procedure)
    return _collect_chat(model, loaded, questions, procedure)


def _collect_text(name: str, model: TextModel, questions: Mapping[str, Question], procedure: Procedure) -> Run:
    prompts = {id_: model.render(asked.score, thinking=False) + asked.opening for id_, asked in questions.items()}
    log_probs = model.score_labels(prompts, procedure.labels)
    answers = model.complete(
        [Ask(id_, model.render(asked.answer, thinking=False), procedure.sampling) for id_, asked in questions.items()]
    )
    energies = hidden = None
    if isinstance(model, ShowsPosition):
        energies, hidden = _look_inside(model, prompts)
    return _run(name, questions, procedure, log_probs, answers, energies, hidden)


def _collect_chat(name: str, model: ChatModel, questions: Mapping[str, Question], procedure: Procedure) -> Run:
    told = model.score_label_talks({id_: asked.score for id_, asked in questions.items()}, procedure.labels)
    log_probs = {id_: row for id_, row in told.items() if row is not None and not isinstance(row, Failure)}
    if not log_probs:
        failures = [row.reason for row in told.values() if isinstance(row, Failure)]
        raise ModelError(
            failures[0] if failures else "the server tells no probabilities of tokens, so there are no scores",
            where=name,
            fix="Load the model with vLLM or transformers instead.",
        )
    answers = model.talk([Talk(id_, asked.answer, procedure.sampling) for id_, asked in questions.items()])
    return _run(name, questions, procedure, log_probs, answers)


def _look_inside(model: ShowsPosition, prompts: Mapping[str, str]) -> tuple[NDArray[np.float64], NDArray[np.float32]]:
    energies, hidden = [], []
    names = iter(prompts)
    while batch := list(islice(names, _AT_ONCE)):
        positions = model.last_positions({name: prompts[name] for name in batch})
        energies += [energy(positions[name].logits) for name in batch]
        hidden += [np.asarray(positions[name].hidden, dtype=np.float32) for name in batch]
    return np.array(energies, dtype=np.float64), np.stack(hidden)


def _run(
    name: str,
    questions: Mapping[str, Question],
    procedure: Procedure,
    log_probs: Mapping[str, NDArray[np.float64]],
    answers: Mapping[str, tuple[Answer, ...] | Failure],
    energies: NDArray[np.float64] | None = None,
    hidden: NDArray[np.float32] | None = None,
) -> Run:
    none = np.full(len(procedure.labels), np.nan)
    rows = np.stack([log_probs.get(id_, none) for id_ in questions])
    citations = [_citations(answers[id_], procedure) for id_ in questions]
    allowed = [asked.sources for asked in questions.values()]
    return Run(
        name,
        tuple(questions),
        scores=expected_values(rows, procedure.values),
        valid_json=np.array([cited is not None for cited in citations]),
        cited=_counts(len(cited or ()) for cited in citations),
        known=_counts(
            sum(one in given for one in cited or ()) for cited, given in zip(citations, allowed, strict=True)
        ),
        label_log_probs=rows,
        energies=energies,
        hidden=hidden,
    )


def _citations(answer: tuple[Answer, ...] | Failure, procedure: Procedure) -> tuple[str, ...] | None:
    return None if isinstance(answer, Failure) else procedure.read(answer[0].text)


def _counts(numbers: Iterable[int]) -> NDArray[np.int64]:
    return np.fromiter(numbers, dtype=np.int64)


def expected_values(log_probs: NDArray[np.float64], values: Sequence[float]) -> NDArray[np.float64]:
    """Expected value (rows,) of labels with log-probabilities (rows, labels), as shares of what the labels share.

    A row with a nan, or of labels that are all impossible, has nan.
    """
    # Subtracting the largest first keeps the shares of labels that are all very unlikely.
    top = log_probs.max(axis=1, keepdims=True)
    weights = np.exp(log_probs - np.where(np.isfinite(top), top, np.nan))
    return np.asarray((weights @ np.asarray(values, dtype=np.float64)) / weights.sum(axis=1), dtype=np.float64)
