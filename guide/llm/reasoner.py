"""An engine made of a language model that thinks, rates and writes a review, several times over.

Each run thinks within a budget (guide.reasoning), then the rating is read from the probabilities of the ten letters of
the scale, and the run whose rating is nearest to the mean writes the review. What it writes is checked against what it
was shown (guide.grounding) before anybody sees it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from guide.calibration.verdict import judge_runs
from guide.errors import InputError
from guide.judging import UNKNOWN_YEAR, Examination, Failure, JudgeRequest
from guide.llm.answers import answer_schema, parse_answer
from guide.llm.grounding.written_review import check_written
from guide.llm.model import Ask, MeasuresEntropy, Sampling, TextModel, describe_spending
from guide.llm.prompt import Prompt, Task, build_prompt, prompts_sha256, rating_scale
from guide.llm.thinking.budget import ThinkingOptions, think
from guide.llm.thinking.entropy import KAPPA, measure, most_informative
from guide.llm.thinking.labels import LabelScore, ScoreProbe
from guide.llm.thinking.trace import Trace, end_thinking
from guide.llm.thinking.valid_thinking import valid_thinking_rate
from guide.review import Finding, Judgement, Reasoning, Run

# How the rating is led up to: tokenizers put the space into the word behind it. Where " A" is no single token, the
# other forms are tried.
LEAD, FORM = "Rating:", " {}"
_OTHERS = (("Rating: ", "{}"), ("Rating:\n", "{}"))
STEPS_KEPT = 12  # of one run, in the record
_MAX_CHARACTERS = 600  # of one text of a review
_MAX_ITEMS = 12  # of one list of it


@dataclass(frozen=True, slots=True)
class ReasonerOptions:
    """How a language model is used; the same for every proposal.

    Attributes:
        runs: k, over one prompt each.
        thinking: budget and stopping rules of a run.
        answer_tokens: of a written review at most.
        kappa: share of the steps of the thinking that the record leaves out, those of the lowest entropy; None keeps
            none and measures nothing.
        aggregate: let the review be written from the informative steps of all runs together, in place of the whole
            thinking of one; the second reading is that much shorter.
        last_training_year: of the model; decisions up to then may be in its weights.
    """

    runs: int = 3
    thinking: ThinkingOptions = field(default_factory=lambda: ThinkingOptions(budget=2048, segment_tokens=512))
    answer_tokens: int = 1536
    kappa: float | None = KAPPA
    aggregate: bool = False
    last_training_year: int = UNKNOWN_YEAR


@dataclass(frozen=True, slots=True)
class _Thought:
    """What the runs of one request came to: by run, the trace, the score and P(rating) (10,)."""

    prompt: Prompt
    text: str
    traces: tuple[Trace, ...]
    scores: tuple[LabelScore, ...]
    shares: NDArray[np.float64]


class Reasoner:
    """An `Engine` over a `TextModel`.

    Raises:
        InputError: the letters of the scale are not single tokens of the model, or fewer than one run is asked for.
    """

    def __init__(self, model: TextModel, options: ReasonerOptions | None = None) -> None:
        self._model = model
        self._options = options or ReasonerOptions()
        if self._options.runs < 1:
            raise InputError(f"{self._options.runs} runs", fix="Ask for at least one.")
        self._probe = choose_probe(model)

    @property
    def id(self) -> str:
        """The model's."""
        return self._model.id

    @property
    def sha256(self) -> str:
        """Hash of the model, the prompts and the options."""
        parts = [self._model.sha256, prompts_sha256(), settings_of(self._options), self._probe.lead]
        return hashlib.sha256(json.dumps(parts, default=str, sort_keys=True).encode()).hexdigest()

    @property
    def last_training_year(self) -> int:
        """As stated; a model that does not say it may know every decision."""
        return self._options.last_training_year

    @property
    def spent(self) -> str:
        """What the model was made to do so far (see `Spends`)."""
        return describe_spending(self._model)

    def judge(self, requests: Sequence[JudgeRequest], *, progress: bool = False) -> dict[str, Judgement | Failure]:
        """Rate every request (see `Engine.judge`); nothing is written."""
        thoughts = self._think(requests, "rating")
        return {
            request.id: found if isinstance(found := thoughts[request.id], Failure) else self._verdict(request, found)
            for request in requests
        }

    def examine(self, requests: Sequence[JudgeRequest]) -> dict[str, Examination | Failure]:
        """Rate every request and write its review (see `Examines.examine`)."""
        thoughts = self._think(requests, "review")
        sound = {name: thought for name, thought in thoughts.items() if isinstance(thought, _Thought)}
        written = self._write(sound)
        answers: dict[str, Examination | Failure] = {}
        for request in requests:
            thought = thoughts[request.id]
            if isinstance(thought, Failure):
                answers[request.id] = thought
                continue
            parsed = parse_answer(written[request.id])
            held = None if isinstance(parsed, Failure) else check_written(parsed, request, thought.prompt)
            judgement = self._verdict(request, thought, held.citations if held else None)
            findings: tuple[Finding, ...] = held.findings if held else ()
            reasoning = Reasoning(
                model=self.id,
                prompts_sha256=prompts_sha256(),
                runs=tuple(self._run(thought, number) for number in range(len(thought.traces))),
                summary=held.summary if held else "",
                rationale=held.rationale if held else (),
                dropped=dict(held.dropped) if held else {},
                spent=self.spent,
                failure=parsed.reason if isinstance(parsed, Failure) else None,
            )
            answers[request.id] = Examination(judgement, findings, reasoning)
        return answers

    def _think(self, requests: Sequence[JudgeRequest], task: Task) -> dict[str, _Thought | Failure]:
        if len({request.id for request in requests}) != len(requests):
            raise InputError("two requests have one id", fix="Give every record an id of its own.")
        options, thinks = self._options.thinking, bool(self._options.thinking.budget)
        prompts = {request.id: build_prompt(request, task=task) for request in requests}
        texts = {name: self._model.render(prompt.messages, thinking=thinks) for name, prompt in prompts.items()}
        failures = self._too_long(texts)
        fitting = {name: text for name, text in texts.items() if name not in failures}
        traces = think(self._model, fitting, options, self._options.runs if thinks else 1, self._probe)
        endings = {
            f"{name}/{number}": self._ended(fitting[name], trace)
            for name, own in traces.items()
            for number, trace in enumerate(own)
        }
        read = self._model.score_labels(
            {key: text + self._probe.lead for key, text in endings.items()}, tuple(self._probe.labels)
        )
        thoughts: dict[str, _Thought | Failure] = {}
        for request in requests:
            name = request.id
            if name in failures:
                thoughts[name] = failures[name]
                continue
            given = np.stack([read[f"{name}/{number}"] for number in range(len(traces[name]))])
            relative = np.exp(given - given.max(axis=1, keepdims=True))
            shares = relative / relative.sum(axis=1, keepdims=True)
            scores = tuple(self._probe.read(row) for row in given)
            thoughts[name] = _Thought(prompts[name], fitting[name], traces[name], scores, shares)
        return thoughts

    def _too_long(self, texts: Mapping[str, str]) -> dict[str, Failure]:
        """The prompts that leave no room for the thinking and the answer: they fail, and the others go on."""
        counts = self._model.count_tokens(list(texts.values()))
        room = self._model.context - self._options.thinking.budget - self._options.answer_tokens
        return {
            name: Failure(
                f"a prompt of {count} tokens does not fit beside the thinking and the answer: {room} are left"
            )
            for name, count in zip(texts, counts, strict=True)
            if count > room
        }

    def _ended(self, prompt: str, trace: Trace) -> str:
        """The prompt with a run's thinking closed behind it; without thinking the template has closed it."""
        if not self._options.thinking.budget:
            return prompt
        return prompt + end_thinking(trace.text, self._options.thinking.close)

    def _write(self, thoughts: Mapping[str, _Thought]) -> dict[str, str]:
        """The review of each request, written by the run whose rating is nearest to the mean of all."""
        asks = []
        for name, thought in thoughts.items():
            expected = np.array([score.expected for score in thought.scores])
            run = int(np.argmin(np.abs(expected - expected.mean())))
            letter = list(self._probe.labels)[int(np.argmax(thought.shares[run]))]
            behind = self._gathered(thought) if self._options.aggregate else ""
            ended = thought.text + end_thinking(behind, self._options.thinking.close) if behind else None
            opening = f"{ended or self._ended(thought.text, thought.traces[run])}{self._probe.lead}{letter}\n\n"
            sampling = Sampling(
                temperature=0,
                top_p=1,
                max_tokens=self._options.answer_tokens,
                seed=self._options.thinking.sampling.seed,
            )
            asks.append(Ask(name, opening, sampling, 1, bounded_schema()))
        return {name: answers[0].text for name, answers in self._model.complete(asks).items()}

    def _gathered(self, thought: _Thought) -> str:
        """The informative steps of all runs, one run behind the other, as much as fits beside the answer; "" without.

        Steps are dropped from the last run backwards, and whole.
        """
        steps = [step for trace in thought.traces for step in self._steps(thought.text, trace, None)]
        room = self._model.context - self._options.answer_tokens - 64
        counts = self._model.count_tokens([thought.text, *(f"{step}\n\n" for step in steps)])
        fitting = np.cumsum(counts)[1:] <= room
        return "\n\n".join(step for step, fits in zip(steps, fitting, strict=True) if fits)

    def _verdict(self, request: JudgeRequest, thought: _Thought, citations: float | None = None) -> Judgement:
        return judge_runs(
            request,
            thought.shares,
            engine=self.id,
            sha256=self.sha256,
            masses=[score.mass for score in thought.scores],
            citations=citations,
        )

    def _run(self, thought: _Thought, number: int) -> Run:
        trace, score = thought.traces[number], thought.scores[number]
        return Run(
            rating=score.expected,
            sd=score.sd,
            mass=score.mass,
            tokens=trace.tokens,
            budget=trace.budget,
            stop=trace.stop,
            saved=trace.tokens_saved,
            probes=trace.probes,
            valid_thinking=valid_thinking_rate(trace, final=score.expected) if trace.probes else None,
            steps=self._steps(thought.text, trace),
        )

    def _steps(self, prompt: str, trace: Trace, limit: int | None = STEPS_KEPT) -> tuple[str, ...]:
        if self._options.kappa is None or not trace.text.strip() or not isinstance(self._model, MeasuresEntropy):
            return ()
        kept = most_informative(measure(self._model, prompt, trace.text), self._options.kappa)
        return tuple(step.text for step in kept[:limit])


def settings_of(options: ReasonerOptions) -> dict[str, Any]:
    """The options that can change an answer: all but what the model is said to know."""
    return {name: value for name, value in asdict(options).items() if name != "last_training_year"}


def bounded_schema() -> dict[str, Any]:
    """The schema of a review with limits on its texts and lists: a grammar alone lets a model go on without end."""
    bounded: dict[str, Any] = _bounded(answer_schema())
    return bounded


def _bounded(part: Any) -> Any:
    if not isinstance(part, dict):
        return part
    limits = {"string": {"maxLength": _MAX_CHARACTERS}, "array": {"maxItems": _MAX_ITEMS}}
    whole = {name: _bounded(value) for name, value in part.items()}
    kind = part.get("type")
    return whole | (limits.get(kind, {}) if isinstance(kind, str) and "enum" not in part else {})


def label_forms(form: str = FORM) -> dict[str, float]:
    """The letters of the scale as they stand behind the lead-in, and the rating of each."""
    return {form.format(letter): rating for letter, rating in rating_scale().items()}


def choose_probe(model: TextModel) -> ScoreProbe:
    """How the rating is asked for in this model's tokens.

    Raises:
        InputError: the letters are not single tokens of it, whatever leads up to them.
    """
    refusals = []
    for lead, form in ((LEAD, FORM), *_OTHERS):
        labels = label_forms(form)
        try:
            model.score_labels({"probe": lead}, tuple(labels))
        except InputError as error:
            refusals.append(str(error))
            continue
        return ScoreProbe(lead, labels)
    raise InputError(
        f"the letters of the scale are not single tokens of {model.id} ({refusals[0]})", fix="Use another model."
    )
