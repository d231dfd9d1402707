"""Reads what a server answered, and believes none of it: neither its ids nor its shape."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from guide.llm.model import Answer, Finish, KeptThinking, Sampling
from guide.llm.server.retry import NoAnswerError
from guide.llm.server.stream import is_stream, read_stream
from guide.llm.server.thinking import begins_with_thinking, kept_apart, whole_characters
from guide.llm.server.usage import read_usage, rough_tokens

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

# Some servers write the spaces of their tokenizer's own alphabet.
_SPACES = " \u2581\u0120"
_NEVER = -9999.0  # what OpenAI and vLLM write for a probability of 0
_LEAST_MASS = 1e-12


def read_body(content: bytes) -> dict[str, Any]:
    """The JSON object of an answer, one that came as a stream put together.

    Raises:
        NoAnswerError: it is none.
    """
    if is_stream(content):
        return read_stream(content)
    try:
        body = json.loads(content)
    except (ValueError, RecursionError):
        raise NoAnswerError("the answer is not JSON", "garbled") from None
    if not isinstance(body, dict):
        raise NoAnswerError("the answer is no JSON object", "garbled")
    return body


def read_answers(body: Mapping[str, Any], sampling: Sampling, most: int) -> tuple[Answer, ...]:
    """The answers in a body, in the order of their indexes where these are 0, 1, ..., at most `most`.

    The tokens of one answer are the server's count. Where several share one count, each gets its share by length; where
    there is none, they are the rough count of `rough_tokens`, and the answer says that they are estimated. Thinking
    that the server keeps apart comes with the answer and is no part of its text.

    Raises:
        NoAnswerError: there is none, or one is cut off, withheld or has no text.
    """
    choices = _choices(body)
    if sorted(_index(choice) for choice in choices) == list(range(len(choices))):
        choices.sort(key=_index)
    read = [_read_choice(choice, sampling) for choice in choices[:most]]
    told = read_usage(body)
    wholes = [one.thinking + one.text for one in read]
    # 0 tokens for a text is how some servers fill in what they do not count.
    counted = told.drawn is not None and len(choices) == len(read) and (told.drawn > 0 or not any(wholes))
    tokens = _shares(told.drawn or 0, wholes) if counted else [rough_tokens(text) for text in wholes]
    known = told.thinking if counted else None
    thought = _shares(known or 0, [one.thinking for one in read])
    return tuple(
        Answer(one.text, count, one.finish, not counted, _kept(one, count, None if known is None else own))
        for one, count, own in zip(read, tokens, thought, strict=True)
    )


def _kept(read: _Read, tokens: int, told: int | None) -> KeptThinking | None:
    """The thinking of an answer of so many tokens; None without any."""
    if told is not None:
        return KeptThinking(read.thinking, told) if told or read.thinking else None
    if not read.thinking:
        return None
    return KeptThinking(read.thinking, round(tokens * len(read.thinking) / len(read.thinking + read.text)), True)


def scrubbed(answer: Answer, scrub: Callable[[str], str]) -> Answer:
    """An answer, and its thinking, as `scrub` leaves them."""
    kept = answer.thinking
    return replace(answer, text=scrub(answer.text), thinking=kept and replace(kept, text=scrub(kept.text)))


def _choices(body: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    choices = body.get("choices")
    if not isinstance(choices, list) or not all(isinstance(choice, dict) for choice in choices):
        choices = []
    if not choices and (error := body.get("error")):
        raise NoAnswerError("the answer tells of an error", "garbled", said=json.dumps(error, ensure_ascii=False))
    if not choices:
        raise NoAnswerError("the answer has no choices", "garbled")
    return list(choices)


def _index(choice: Mapping[str, Any]) -> int:
    index = choice.get("index")
    return index if isinstance(index, int) else -1


@dataclass(frozen=True, slots=True)
class _Read:
    """One choice as it was read."""

    text: str
    thinking: str
    finish: Finish


def _read_choice(choice: Mapping[str, Any], sampling: Sampling) -> _Read:
    message, reason = choice.get("message"), choice.get("finish_reason") or "stop"
    if reason == "content_filter":
        raise NoAnswerError("the server's filter withheld the answer", "final")
    if not isinstance(message, dict):
        raise NoAnswerError("the answer has no message", "garbled")
    if message.get("refusal"):
        raise NoAnswerError("the model refused to answer", "final")
    text, thinking = message.get("content"), kept_apart(message)
    if text is None and (thinking or reason == "length"):
        text = ""  # the limit fell into its thinking, or it said nothing behind it
    if not isinstance(text, str):
        raise NoAnswerError("the answer has no text", "garbled")
    text = whole_characters(text)
    if reason == "stop":
        # vLLM's and SGLang's names for the text that ended it; OpenAI does not tell, and then it counts as the end.
        stop = choice.get("stop_reason") or choice.get("matched_stop")
        if isinstance(stop, str) and stop in sampling.stop:
            return _Read(text if text.endswith(stop) else text + stop, thinking, "stop")
        return _Read(text, thinking, "end")
    if reason == "length":
        return _Read(text, thinking, "length")
    if reason == "repetition":
        return _Read(text, thinking, "repetition")
    named = f" ({reason})" if isinstance(reason, str) and re.fullmatch(r"[a-z_]{1,20}", reason) else ""
    raise NoAnswerError(f"the answer broke off{named}", "garbled")


def _shares(total: int, texts: Sequence[str]) -> list[int]:
    """`total` split in proportion to the lengths of the texts; the shares add up to it."""
    lengths = [len(text) for text in texts] if any(texts) else [1] * len(texts)
    whole, shares, before, done = sum(lengths), [], 0, 0
    for length in lengths:
        before += length
        shares.append(total * before // whole - done)
        done += shares[-1]
    return shares


def read_label_scores(body: Mapping[str, Any], labels: Sequence[str]) -> NDArray[np.float64] | None:
    """Natural log-probabilities (labels,) of each label as the first token, from the likeliest tokens listed.

    Tokens and labels are compared without leading spaces, and the tokens that then are one label add up. A label that
    is not listed gets the floor: it cannot be likelier than the least likely token listed, nor than all the mass that
    the list leaves over. That is an upper bound; the model may hold the label for less likely.

    Returns:
        None if the server tells no probabilities, or those of the first token of its thinking.

    Raises:
        NoAnswerError: what it tells are none.
    """
    import numpy as np

    choice = _choices(body)[0]
    listed = {} if begins_with_thinking(choice, read_usage(body)) else _listed(choice)
    if not listed:
        return None
    chances = np.exp(np.array(list(listed.values())))
    floor = min(*listed.values(), math.log(max(1 - float(chances.sum()), _LEAST_MASS)), 0.0)
    mass: dict[str, float] = {}
    for token, logarithm in listed.items():
        label = token.lstrip(_SPACES)
        mass[label] = float(np.logaddexp(mass[label], logarithm)) if label in mass else logarithm
    return np.array([mass.get(label.lstrip(_SPACES), floor) for label in labels], dtype=np.float64)


def _listed(choice: Mapping[str, Any]) -> dict[str, float]:
    """Log-probability by token, the drawn one included; empty if the server tells none."""
    try:
        first = choice["logprobs"]["content"][0]
        entries = list(first["top_logprobs"])
    except (KeyError, IndexError, TypeError):
        return {}
    if entries and isinstance(first.get("token"), str) and "logprob" in first:
        entries.append(first)
    listed: dict[str, float] = {}
    for entry in entries:
        token = entry.get("token") if isinstance(entry, dict) else None
        logarithm = entry.get("logprob") if isinstance(entry, dict) else None
        # A rounding above 0 is no fault; anything else above it, or no number, is no logarithm of a probability.
        if not isinstance(token, str) or not isinstance(logarithm, int | float) or not logarithm <= 0.01:
            raise NoAnswerError("the answer's probabilities cannot be read", "garbled")
        listed[token] = max(min(float(logarithm), 0.0), _NEVER)
    return listed


def read_context(models: Mapping[str, Any], name: str) -> int | None:
    """How many tokens the model called `name` takes, by a server's list of models; None if that does not tell."""
    listed = models.get("data")
    for model in listed if isinstance(listed, list) else []:
        if not isinstance(model, dict) or model.get("id") != name:
            continue
        # vLLM's name for it, and those of two hosts.
        for key in ("max_model_len", "context_length", "context_window"):
            if isinstance(told := model.get(key), int) and not isinstance(told, bool) and told > 0:
                return told
    return None
