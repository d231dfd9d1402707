"""Language models that answer from a queue and remember what they were asked."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from guide.errors import InputError
from guide.judging import Failure
from guide.llm.model import Answer, Ask, Message, Talk, Usage


def certain_of(letter: str, labels: Sequence[str], share: float = 0.9) -> NDArray[np.float64]:
    """Log-probabilities that give one label `share` of what the labels have and the others the rest, evenly."""
    rest = (1 - share) / (len(labels) - 1)
    return np.log([share if label.strip() == letter else rest for label in labels])


class FakeTextModel:
    """Continues every prompt by the next answer of its queue; the ratings it reads come from another."""

    id, sha256, context = "fake-text", "1" * 64, 100_000

    def __init__(self, answers: Sequence[str], ratings: Sequence[str]) -> None:
        self.usage = Usage()
        self.asked: list[Ask] = []
        self.scored: list[str] = []
        self._answers, self._ratings = deque(answers), deque(ratings)

    def render(self, messages: Sequence[Message], *, thinking: bool) -> str:
        text = "\n".join(f"[{message.role}] {message.content}" for message in messages)
        return f"{text}\n[assistant]" + ("<think>\n" if thinking else "")

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        return [len(text.split()) for text in texts]

    def complete(self, asks: Sequence[Ask]) -> dict[str, tuple[Answer, ...]]:
        self.asked.extend(asks)
        return {ask.id: tuple(self._draw() for _ in range(ask.samples)) for ask in asks}

    def score_labels(self, prompts: Mapping[str, str], labels: Sequence[str]) -> dict[str, NDArray[np.float64]]:
        if any(len(label.strip()) != 1 for label in labels):
            raise InputError("a label is not one token")
        if list(prompts) == ["probe"]:
            return {"probe": certain_of("A", labels)}
        self.scored.extend(prompts.values())
        return {name: certain_of(self._ratings.popleft(), labels) for name in prompts}

    def _draw(self) -> Answer:
        text = self._answers.popleft()
        return Answer(text, len(text.split()), "end")


class FakeChatModel:
    """Answers every talk by the next of its queue; tells probabilities if it is given letters."""

    id, sha256, context = "fake-chat", "2" * 64, 100_000

    def __init__(
        self, answers: Sequence[tuple[str, ...] | Failure], ratings: Sequence[str | Failure] | None = None
    ) -> None:
        self.usage = Usage()
        self.talks: list[Talk] = []
        self._answers = deque(answers)
        self._ratings = None if ratings is None else deque(ratings)

    def talk(self, talks: Sequence[Talk]) -> dict[str, tuple[Answer, ...] | Failure]:
        self.talks.extend(talks)
        return {talk.id: self._draw(talk) for talk in talks}

    def score_label_talks(
        self, talks: Mapping[str, Sequence[Message]], labels: Sequence[str]
    ) -> dict[str, NDArray[np.float64] | Failure | None]:
        if self._ratings is None:
            return dict.fromkeys(talks)
        drawn = {name: self._ratings.popleft() for name in talks}
        return {name: one if isinstance(one, Failure) else certain_of(one, labels) for name, one in drawn.items()}

    def _draw(self, talk: Talk) -> tuple[Answer, ...] | Failure:
        answer = self._answers.popleft()
        if isinstance(answer, Failure):
            return answer
        assert len(answer) == talk.samples
        return tuple(Answer(text, len(text.split()), "end") for text in answer)
