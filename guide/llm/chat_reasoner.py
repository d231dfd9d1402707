"""An engine made of a language model behind a server, which cannot be made to continue a text or to stop thinking.

The rating is read from the probabilities of the ten letters where the server tells them; where it does not, k answers
are drawn and each counts as sure of the rating it gives. The review is one of the answers, checked like any other.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from guide.calibration.verdict import judge_runs, sampled_shares
from guide.errors import InputError
from guide.judging import Examination, Failure, JudgeRequest
from guide.llm.answers import ParsedAnswer, answer_schema, parse_answer
from guide.llm.grounding.written_review import check_written
from guide.llm.json_answers import behind_thinking
from guide.llm.model import Answer, ChatModel, Sampling, Talk, describe_spending
from guide.llm.prompt import Prompt, build_prompt, prompts_sha256, rating_scale
from guide.llm.reasoner import STEPS_KEPT, ReasonerOptions, settings_of
from guide.llm.thinking.entropy import measured
from guide.llm.thinking.labels import ScoreProbe
from guide.review import Judgement, Reasoning, Run

# Stands in the answer before the review, which has no such key.
_RATING = re.compile(r'"rating"\s*:\s*"\s*[A-J]\s*"\s*,?')


class ChatReasoner:
    """An `Engine` over a `ChatModel`. Of its options, the rules for stopping have no say: a server is not stopped."""

    def __init__(self, model: ChatModel, options: ReasonerOptions | None = None) -> None:
        self._model = model
        self._options = options or ReasonerOptions()
        if self._options.runs < 1:
            raise InputError(f"{self._options.runs} runs", fix="Ask for at least one.")
        self._probe = ScoreProbe("", rating_scale())

    @property
    def id(self) -> str:
        """What the server calls the model."""
        return self._model.id

    @property
    def sha256(self) -> str:
        """Hash of the address and name of the model, the prompts and the options; the weights are not known."""
        parts = [self._model.sha256, prompts_sha256(), settings_of(self._options)]
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
        """Rate every request (see `Engine.judge`)."""
        _check_ids(requests)
        prompts = {request.id: build_prompt(request, task="rating") for request in requests}
        shares, masses = self._probabilities(prompts)
        unknown = [request.id for request in requests if request.id not in shares]
        schema = rating_schema()
        drawn = self._model.talk(
            [talk_of(name, prompts[name], self._options.runs, schema, self._options) for name in unknown]
        )
        answers: dict[str, Judgement | Failure] = {}
        for request in requests:
            name = request.id
            own: NDArray[np.float64] | Failure = shares[name] if name in shares else _sampled(drawn[name])
            if isinstance(own, Failure):
                answers[name] = own
            else:
                answers[name] = self._verdict(request, own, masses.get(name))
        return answers

    def examine(self, requests: Sequence[JudgeRequest]) -> dict[str, Examination | Failure]:
        """Rate every request and write its review (see `Examines.examine`)."""
        _check_ids(requests)
        prompts = {request.id: build_prompt(request) for request in requests}
        shares, masses = self._probabilities({request.id: build_prompt(request, task="rating") for request in requests})
        schema = review_schema()
        drawn = self._model.talk(
            [
                talk_of(name, prompt, 1 if name in shares else self._options.runs, schema, self._options)
                for name, prompt in prompts.items()
            ]
        )
        return {
            request.id: self._examination(
                request, prompts[request.id], drawn[request.id], shares.get(request.id), masses.get(request.id)
            )
            for request in requests
        }

    def _probabilities(self, prompts: Mapping[str, Prompt]) -> tuple[dict[str, NDArray[np.float64]], dict[str, float]]:
        """P(rating) (1, 10) and the mass of the letters, of the prompts for which the server tells probabilities."""
        read = self._model.score_label_talks(
            {name: prompt.messages for name, prompt in prompts.items()}, tuple(self._probe.labels)
        )
        shares, masses = {}, {}
        for name, given in read.items():
            if given is None or isinstance(given, Failure):
                continue  # the rating is drawn instead, and a failure that lasts is told then
            relative = np.exp(given - given.max())
            shares[name] = (relative / relative.sum())[np.newaxis]
            masses[name] = self._probe.read(given).mass
        return shares, masses

    def _examination(
        self,
        request: JudgeRequest,
        prompt: Prompt,
        drawn: tuple[Answer, ...] | Failure,
        shares: NDArray[np.float64] | None,
        mass: float | None,
    ) -> Examination | Failure:
        if isinstance(drawn, Failure):
            return drawn
        if shares is None:
            sampled = _sampled(drawn)
            if isinstance(sampled, Failure):
                return sampled
            shares = sampled
        middle = float((shares @ np.arange(1, 11)).mean())
        # The answer whose rating is nearest to the mean, of those that can be read.
        parsed = [(answer, parse_answer(_RATING.sub("", answer.text, count=1))) for answer in drawn]
        readable = [(answer, one) for answer, one in parsed if isinstance(one, ParsedAnswer)]
        held, failure = None, None
        if readable:
            _, best = min(readable, key=lambda pair: abs((read_rating(pair[0].text) or middle) - middle))
            held = check_written(best, request, prompt)
        else:
            failure = next(one.reason for _, one in parsed if isinstance(one, Failure))
        unread = len(parsed) - len(readable)
        return Examination(
            judgement=self._verdict(request, shares, mass, held.citations if held else None),
            findings=held.findings if held else (),
            reasoning=Reasoning(
                model=self.id,
                prompts_sha256=prompts_sha256(),
                runs=told_runs(drawn, answer_limit(self._options)),
                summary=held.summary if held else "",
                rationale=held.rationale if held else (),
                dropped={
                    **(held.dropped if held else {}),
                    **({"answers that cannot be read": unread} if unread else {}),
                },
                spent=self.spent,
                failure=failure,
            ),
        )

    def _verdict(
        self,
        request: JudgeRequest,
        shares: NDArray[np.float64],
        mass: float | None,
        citations: float | None = None,
    ) -> Judgement:
        return judge_runs(
            request,
            shares,
            engine=self.id,
            sha256=self.sha256,
            masses=[] if mass is None else [mass],
            citations=citations,
        )


def answer_limit(options: ReasonerOptions) -> int:
    """Tokens of an answer, its thinking included: a server cannot be told of the two apart."""
    return options.thinking.budget + options.answer_tokens


def talk_of(name: str, prompt: Prompt, samples: int, schema: Mapping[str, Any], options: ReasonerOptions) -> Talk:
    """What a server is asked for `samples` answers to a prompt; one answer alone is the likeliest."""
    sampling = options.thinking.sampling
    own = Sampling(sampling.temperature, sampling.top_p, answer_limit(options), (), sampling.seed)
    return Talk(name, prompt.messages, own if samples > 1 else replace(own, temperature=0.0), samples, schema)


def rating_schema() -> dict[str, Any]:
    """JSON schema of an answer that is a rating and nothing else."""
    return _with_rating({"type": "object", "properties": {}, "required": [], "additionalProperties": False})


def review_schema() -> dict[str, Any]:
    """JSON schema of a review with its rating first."""
    return _with_rating(answer_schema())


def _with_rating(schema: dict[str, Any]) -> dict[str, Any]:
    rating = {"type": "string", "enum": list(rating_scale())}
    return {
        **schema,
        "properties": {"rating": rating, **schema["properties"]},
        "required": ["rating", *schema["required"]],
    }


def read_rating(text: str) -> float | None:
    """The rating (1-10) of an answer: the letter under "rating" in its JSON, or alone in its last line; or None.

    A letter in thinking that stands in the text is none.
    """
    scale, text = rating_scale(), behind_thinking(text)
    letters = re.findall(r'"rating"\s*:\s*"\s*([A-J])\b', text) or re.findall(
        r"(?m)^\W*(?:rating\W*)?([A-J])\W*$", text, re.IGNORECASE
    )
    return scale.get(letters[-1].upper()) if letters else None


def told_runs(drawn: Sequence[Answer], budget: int) -> tuple[Run, ...]:
    """The runs whose thinking a server kept apart, for the record; answers without thinking or rating are none.

    Nothing tells how open the tokens of that thinking were: its last steps are kept. An answer counts as sure of its
    rating.

    Args:
        drawn: answers to one request.
        budget: tokens that each could draw, thinking and answer together.
    """
    runs = []
    for answer in drawn:
        rating, kept = read_rating(answer.text), answer.thinking
        if rating is None or kept is None:
            continue
        steps = measured(kept.text, np.zeros(0), np.zeros(0, dtype=np.int64)).steps
        runs.append(
            Run(
                rating=rating,
                sd=0.0,
                mass=1.0,
                tokens=kept.tokens,
                estimated=kept.estimated or answer.estimated,
                budget=budget,
                stop="closed",
                saved=0,
                probes=0,
                valid_thinking=None,
                steps=tuple(step.text for step in steps[-STEPS_KEPT:]),
            )
        )
    return tuple(runs)


def _sampled(drawn: tuple[Answer, ...] | Failure) -> NDArray[np.float64] | Failure:
    if isinstance(drawn, Failure):
        return drawn
    ratings = [rating for answer in drawn if (rating := read_rating(answer.text)) is not None]
    if not ratings:
        return Failure(f"none of {len(drawn)} answers gives a rating")
    return sampled_shares(ratings)


def _check_ids(requests: Sequence[JudgeRequest]) -> None:
    if len({request.id for request in requests}) != len(requests):
        raise InputError("two requests have one id", fix="Give every record an id of its own.")
