"""A text model that reads its lines from a script, counts every token and remembers what it was asked."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from guide.errors import InputError
from guide.llm.model import Answer, Ask, Finish, Message, Usage

LABELS = {str(value): float(value) for value in range(10)}

_TOKEN = re.compile(r"\n\n|</think>|\w+|\s|[^\w\s]")
SCORE = re.compile(r"score=(\d(?:\.\d+)?)")


def tokens_of(text: str) -> list[str]:
    return _TOKEN.findall(text)


@dataclass
class ScriptedModel:
    """Continues each prompt along its scripts: sample i of a prompt follows the i-th of them.

    What it is asked to continue must be a prompt of the script and the beginning of one of its lines, so that a text
    handed to the wrong run is an error. The score it gives at a probe is the last "score=7" of the thinking; 6.5 is
    half a 6 and half a 7.
    """

    scripts: Mapping[str, Sequence[str]]
    context: int = 1_000_000
    id: str = "scripted"
    sha256: str = "0" * 64
    usage: Usage = field(default_factory=Usage)
    batches: list[tuple[Ask, ...]] = field(default_factory=list)
    probes: list[dict[str, str]] = field(default_factory=list)

    def render(self, messages: Sequence[Message], *, thinking: bool) -> str:
        return "\n".join(message.content for message in messages) + ("<think>\n" if thinking else "")

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        return [len(tokens_of(text)) for text in texts]

    def complete(self, asks: Sequence[Ask]) -> dict[str, tuple[Answer, ...]]:
        if len({ask.id for ask in asks}) < len(asks):
            raise InputError("two asks have one id")
        self.batches.append(tuple(asks))
        self.usage.calls += 1
        answers = {ask.id: tuple(self._draw(ask, rest) for rest in self._rests(ask)) for ask in asks}
        self.usage.prompt_tokens += sum(self.count_tokens([ask.prompt for ask in asks]))
        self.usage.drawn_tokens += sum(answer.tokens for group in answers.values() for answer in group)
        return answers

    def score_labels(self, prompts: Mapping[str, str], labels: Sequence[str]) -> dict[str, NDArray[np.float64]]:
        self.probes.append(dict(prompts))
        self.usage.calls += 1
        self.usage.prompt_tokens += sum(self.count_tokens(list(prompts.values())))
        return {name: self._score(text, labels) for name, text in prompts.items()}

    def _rests(self, ask: Ask) -> list[str]:
        if ask.prompt in self.scripts:
            return [self.scripts[ask.prompt][number] for number in range(ask.samples)]
        rests = {
            script[len(ask.prompt) - len(prompt) :]
            for prompt, scripts in self.scripts.items()
            for script in scripts
            if (prompt + script).startswith(ask.prompt)
        }
        assert len(rests) == 1, f"{len(rests)} lines go on from {ask.prompt!r}"
        return [*rests] * ask.samples

    def _draw(self, ask: Ask, rest: str) -> Answer:
        text, tokens, finish = "", 0, "end"
        for token in tokens_of(rest):
            if tokens == ask.sampling.max_tokens:
                finish = "length"
                break
            text, tokens = text + token, tokens + 1
            ends = [text.index(stop) + len(stop) for stop in ask.sampling.stop if stop in text]
            if ends:
                text, finish = text[: min(ends)], "stop"
                break
        return Answer(text, tokens, finish)  # type: ignore[arg-type]

    def _score(self, text: str, labels: Sequence[str]) -> NDArray[np.float64]:
        said = SCORE.findall(text.partition("<think>")[2])
        values = np.array([float(label) for label in labels])
        if not said:
            return np.full(len(values), -np.log(len(values)))
        with np.errstate(divide="ignore"):
            logs: NDArray[np.float64] = np.log(np.maximum(0.0, 1.0 - np.abs(values - float(said[-1]))))
        return logs


@dataclass
class LoopingModel(ScriptedModel):
    """One whose program sees loops by itself, as vLLM does: its answers end so after a few tokens."""

    after: int = 5

    def _draw(self, ask: Ask, rest: str) -> Answer:
        finish: Finish = "repetition"
        return Answer("".join(tokens_of(rest)[: self.after]), self.after, finish)
