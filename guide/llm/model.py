"""A language model as guide sees it, whichever program runs it: text in, text out, and what it gives each label.

Three programs stand behind it: vLLM (vllm_model.py), transformers (transformers_model.py) and any server that speaks
OpenAI's protocol (server_model.py). What one of them cannot do it does not claim: a server cannot be made to continue
any text, so it is a `ChatModel` and no `TextModel`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol, runtime_checkable

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from guide.judging import Failure

Role = Literal["system", "user", "assistant"]
Finish = Literal["end", "stop", "length", "repetition"]


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a conversation."""

    role: Role
    content: str


@dataclass(frozen=True, slots=True)
class Sampling:
    """How tokens are drawn.

    Attributes:
        temperature: 0 always takes the likeliest token. 0.6 and a top_p of 0.95 are what DeepSeek recommends for R1.
        top_p: share of the probability that is drawn from.
        max_tokens: drawn at most.
        stop: texts that end an answer; they stay at its end.
        seed: of the draws; sample number i of an ask uses seed + i.
    """

    temperature: float = 0.6
    top_p: float = 0.95
    max_tokens: int = 1024
    stop: tuple[str, ...] = ()
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Ask:
    """One thing asked of a text model.

    Attributes:
        id: names the answers; unique within a batch.
        prompt: the whole text, the marks of the model's chat template included.
        sampling: how to draw.
        samples: how many answers.
        schema: JSON schema that the answer must follow; None leaves it free.
    """

    id: str
    prompt: str
    sampling: Sampling = field(default_factory=Sampling)
    samples: int = 1
    schema: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Talk:
    """One thing asked of a chat model; as `Ask`, with messages in place of a text."""

    id: str
    messages: tuple[Message, ...]
    sampling: Sampling = field(default_factory=Sampling)
    samples: int = 1
    schema: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class KeptThinking:
    """Thinking that a server keeps apart from its answer.

    Attributes:
        text: "" where the server only counts it.
        tokens: how many it has, part of the answer's.
        estimated: whether that is a share by length, because the server does not tell.
    """

    text: str
    tokens: int
    estimated: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer.

    Attributes:
        text: as drawn, the stop text included.
        tokens: how many were drawn, those of thinking kept apart included.
        finish: "end" by the model itself, "stop" at a stop text, "length" at the limit, "repetition" in a loop.
        estimated: whether `tokens` is a rough count, because a server does not tell.
        thinking: kept apart by a server, and no part of `text`; None without any.
    """

    text: str
    tokens: int
    finish: Finish
    estimated: bool = False
    thinking: KeptThinking | None = None


@dataclass(slots=True)
class Usage:
    """What a model was made to do so far, in its own tokens.

    Attributes:
        prompt_tokens: read.
        cached_tokens: of them, taken from a prefix read before.
        drawn_tokens: drawn.
        calls: how many times it was asked.
        thinking_tokens: of those drawn, the ones of thinking that a server keeps apart.
        estimated_prompt_tokens: a rough count of what was read and not told by a server; not part of the others.
        estimated_drawn_tokens: the same of what was drawn.
        estimated_thinking_tokens: the same of the thinking kept apart.
        lost: requests whose answer was lost on the way; what they took nobody told.
    """

    prompt_tokens: int = 0
    cached_tokens: int = 0
    drawn_tokens: int = 0
    calls: int = 0
    thinking_tokens: int = 0
    estimated_prompt_tokens: int = 0
    estimated_drawn_tokens: int = 0
    estimated_thinking_tokens: int = 0
    lost: int = 0


class Model(Protocol):
    """What all of them have."""

    @property
    def id(self) -> str:
        """The model's name: a hub id, the name of a folder, or what the server calls it."""

    @property
    def sha256(self) -> str:
        """Hash of all that can change an answer, as far as it can be known: weights or names, precision, settings."""

    @property
    def context(self) -> int:
        """How many tokens a prompt and its answer may have together."""

    @property
    def usage(self) -> Usage:
        """What it was made to do so far."""


@runtime_checkable
class Priced(Protocol):
    """A model that is paid for."""

    @property
    def cost(self) -> float | None:
        """What it cost so far; None if that is unknown."""


@runtime_checkable
class Remarks(Protocol):
    """A model that was made to work otherwise than plainly, and says what came of it."""

    @property
    def remark(self) -> str:
        """What came of it so far, in a few words; "" if there is nothing to say."""


def describe_spending(model: Model) -> str:
    """What a model was made to do so far, in a line; of one behind a server also the cost, or that it is unknown.

    Rough counts are called so: "about 1,200 tokens read, ..., estimated".
    """
    usage = model.usage
    drawn = f"{_counted(usage.drawn_tokens, usage.estimated_drawn_tokens)} drawn"
    if usage.thinking_tokens or usage.estimated_thinking_tokens:
        drawn += f" ({_counted(usage.thinking_tokens, usage.estimated_thinking_tokens)} of them thinking)"
    parts = [
        f"{usage.calls:,} calls",
        f"{_counted(usage.prompt_tokens, usage.estimated_prompt_tokens)} tokens read",
        drawn,
    ]
    if usage.estimated_prompt_tokens or usage.estimated_drawn_tokens or usage.estimated_thinking_tokens:
        parts.append("estimated")
    if usage.lost:
        parts.append(f"without those of {usage.lost:,} lost answers")
    if isinstance(model, Priced):
        parts.append(f"cost {'unknown' if model.cost is None else format(model.cost, '.4g')}")
    if isinstance(model, Remarks) and model.remark:
        parts.append(model.remark)
    return ", ".join(parts)


def _counted(known: int, estimated: int) -> str:
    return f"{'about ' if estimated else ''}{known + estimated:,}"


@runtime_checkable
class TextModel(Model, Protocol):
    """A model that continues any text and tells its probabilities."""

    def render(self, messages: Sequence[Message], *, thinking: bool) -> str:
        """The text that the model's chat template makes of `messages`, up to where its answer begins.

        Args:
            messages: in order.
            thinking: open the model's thinking, or, False, leave it closed and empty.
        """

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """How many tokens each text has."""

    def complete(self, asks: Sequence[Ask]) -> dict[str, tuple[Answer, ...]]:
        """Continue every prompt; the answers have exactly the ids asked, `samples` of them each.

        Raises:
            InputError: two asks have one id, or a prompt leaves no room for an answer.
        """

    def score_labels(self, prompts: Mapping[str, str], labels: Sequence[str]) -> dict[str, NDArray[np.float64]]:
        """Natural log-probabilities (labels,) of each label as the next token, over the whole vocabulary.

        Raises:
            InputError: a label is not one token.
        """


@runtime_checkable
class MeasuresEntropy(Protocol):
    """A model that tells how open each of its tokens was."""

    def token_entropies(self, prompt: str, text: str) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """Entropy (bits, full vocabulary) of what could have stood at each token of `text`, and where each begins.

        Returns:
            (tokens,) entropies and (tokens,) character offsets into `text`.
        """


@dataclass(frozen=True, slots=True, eq=False)
class Position:
    """What a model holds where the next token is due: logits (vocabulary,) and representation (width,)."""

    logits: NDArray[np.floating[Any]]
    hidden: NDArray[np.floating[Any]]


@runtime_checkable
class ShowsPosition(Protocol):
    """A model that lets one look inside; the others' energy and effective rank are not measured."""

    def last_positions(self, prompts: Mapping[str, str]) -> dict[str, Position]:
        """For each prompt what the model holds at its last token: final logits, and last layer's representation."""


class ChatModel(Model, Protocol):
    """A model behind a server."""

    def talk(self, talks: Sequence[Talk]) -> dict[str, tuple[Answer, ...] | Failure]:
        """Answer every talk under its own id: `samples` answers, or why there are none."""

    def score_label_talks(
        self, talks: Mapping[str, Sequence[Message]], labels: Sequence[str]
    ) -> dict[str, NDArray[np.float64] | Failure | None]:
        """As `TextModel.score_labels`, for an answer's first token; None where the server tells no probabilities."""
