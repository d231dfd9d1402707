"""What a server keeps apart from its answer: the model's thinking. It is read and counted, and is never the answer.

The field is `reasoning_content` with DeepSeek, SGLang and older vLLM, `reasoning` with newer vLLM, Ollama and
OpenRouter; a server may fill both with the same text.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from guide.llm.server.usage import Told, rough_tokens

_FIELDS = ("reasoning_content", "reasoning")
_OPENING = re.compile(r"\s*<(?:think(?:ing)?|reasoning)>?\s*", re.IGNORECASE)
# JSON can spell half a character, which no file can hold.
_HALF = re.compile("[\ud800-\udfff]")


def whole_characters(text: str) -> str:
    """A text of a server with a sign in place of every half character."""
    return _HALF.sub("\ufffd", text)


def kept_apart(message: Mapping[str, Any]) -> str:
    """The thinking that stands beside a message's content; "" where there is none."""
    for name in _FIELDS:
        text = message.get(name)
        if isinstance(text, str) and text:
            return whole_characters(text)
    return ""


def begins_with_thinking(choice: Mapping[str, Any], told: Told) -> bool:
    """Whether the first token of a choice is one of thinking, so that its probabilities are not an answer's.

    Args:
        choice: with the probabilities of its tokens.
        told: its usage.
    """
    message = choice.get("message")
    if told.thinking or (isinstance(message, Mapping) and kept_apart(message)):
        return True
    try:
        first = choice["logprobs"]["content"][0]["token"]
    except (KeyError, IndexError, TypeError):
        return False
    return isinstance(first, str) and _OPENING.fullmatch(first) is not None


@dataclass(frozen=True, slots=True)
class Texts:
    """What one choice holds."""

    content: str
    thinking: str


def texts_of(body: Mapping[str, Any]) -> list[Texts]:
    """The texts of all choices of a body, whatever else is wrong with it."""
    choices = body.get("choices")
    found = []
    for choice in choices if isinstance(choices, list) else []:
        message = choice.get("message") if isinstance(choice, dict) else None
        if isinstance(message, dict):
            content = message.get("content")
            found.append(Texts(content if isinstance(content, str) else "", kept_apart(message)))
    return found


def with_rough_counts(told: Told, body: Mapping[str, Any], prompt: str) -> Told:
    """The counts of a body, with rough ones beside those that it does not tell.

    Args:
        told: as the server counts.
        body: of the answer.
        prompt: all that was sent.
    """
    texts = texts_of(body)
    rough_drawn = sum(rough_tokens(one.thinking) + rough_tokens(one.content) for one in texts)
    drawn = told.drawn
    if drawn == 0 and rough_drawn:
        drawn = None  # how some servers fill in what they do not count
    thought, whole = (sum(map(len, parts)) for parts in ([t.thinking for t in texts], _all(texts)))
    share = round((rough_drawn if drawn is None else drawn) * thought / whole) if whole else 0
    return Told(
        told.prompt,
        told.cached,
        drawn,
        told.thinking,
        rough_prompt=rough_tokens(prompt),
        rough_drawn=rough_drawn,
        rough_thinking=share,
    )


def _all(texts: list[Texts]) -> list[str]:
    return [one.thinking + one.content for one in texts]
