"""One run's thinking: the text, where it was probed, why it ended and what that saved."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from guide.llm.thinking.labels import LabelScore

Stop = Literal["closed", "agreed", "undecided", "repetition", "budget", "off"]

CLOSE = "</think>"


@dataclass(frozen=True, slots=True)
class Boundary:
    """A place where one segment of the thinking ended and the model's score was read.

    Attributes:
        tokens: drawn up to here, the reflection word that ended the segment included.
        score: what the model would say if its thinking ended before that word.
    """

    tokens: int
    score: LabelScore


@dataclass(frozen=True, slots=True)
class Trace:
    """What one run thought.

    Attributes:
        text: without the closing mark, and without a reflection word that it was stopped at.
        tokens: drawn, those two included. Compare it only with counts of the same model.
        budget: how many it could have drawn.
        segments: pieces that the reflection words part it into; 1 where nothing looked for them.
        boundaries: where the score was read, in order.
        stop: why it ended: "closed" by the model itself; "agreed", the score stayed the same (over-thinking);
            "undecided", it did not for too long (under-thinking); "repetition", a loop; "budget", used up, or the
            context full; "off", it was not to think.
    """

    text: str
    tokens: int
    budget: int
    segments: int
    boundaries: tuple[Boundary, ...]
    stop: Stop

    @property
    def probes(self) -> int:
        """How often the score was read; each reading costs a prefill of the closing mark and the lead-in."""
        return len(self.boundaries)

    @property
    def tokens_saved(self) -> int:
        """Tokens of the budget that a stop left undrawn: an upper bound of the saving, and no measurement.

        Nobody knows how far the run would have gone: it might have closed its thinking soon after. A run that closed by
        itself saved nothing. To measure, let a sample of runs finish (`ThinkingOptions.watch`) and replay the rule.
        """
        return self.budget - self.tokens if self.stop in ("agreed", "undecided", "repetition") else 0


def end_thinking(text: str, close: str = CLOSE) -> str:
    """The thinking with its closing mark and the blank line behind it, whether the model closed it or was stopped.

    The answer is asked for behind this text and a lead-in. The plain mark is all that is put there: TrimR's phrases
    for a mild and a forced ending would make the probes differ from the answer.
    """
    return f"{text.rstrip()}\n{close}\n\n"
