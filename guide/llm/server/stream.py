"""An answer that came as a stream of events, put together again.

guide asks for whole answers. Some gateways and small servers stream all the same; what they send is then read as the
whole answer that it adds up to. A stream without its end is no answer.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from guide.llm.server.retry import NoAnswerError

_DONE = "[DONE]"
_LINE_END = re.compile(r"\r\n|\n|\r")
_TEXTS = ("content", "reasoning_content", "reasoning", "refusal")


def is_stream(content: bytes) -> bool:
    """Whether a body is a stream of server-sent events."""
    return content.lstrip()[:6].startswith((b"data:", b"event:", b"id:", b"retry:", b":"))


def read_stream(content: bytes) -> dict[str, Any]:
    """The body of the chat completion whose chunks a stream holds.

    Raises:
        NoAnswerError: a chunk is not JSON, the stream broke off, or a choice goes on after its end.
    """
    whole: dict[str, Any] = {}
    choices: dict[int, dict[str, Any]] = {}
    ended = False
    for data in _events(content):
        if data == _DONE:
            ended = True
            break
        chunk = _chunk(data)
        if chunk.get("error"):
            return {"error": chunk["error"]}
        # The usage comes in a last chunk of its own, or in every chunk, growing.
        whole.update({key: value for key, value in chunk.items() if key != "choices" and value is not None})
        for part in chunk.get("choices") or []:
            if isinstance(part, dict):
                number = part.get("index")
                _add(choices.setdefault(number if isinstance(number, int) else 0, _empty()), part)
    if not ended and not (choices and all(choice["finish_reason"] for choice in choices.values())):
        raise NoAnswerError("the stream of the answer broke off", "garbled")
    found = [{"index": number, **choice} for number, choice in sorted(choices.items())]
    return {**whole, "object": "chat.completion", "choices": found}


def _events(content: bytes) -> Iterator[str]:
    """The data of each event; an event that is cut off in the middle comes as far as it goes."""
    lines: list[str] = []
    # Not `splitlines`: JSON may hold the other line ends of Unicode as they are.
    for line in [*_LINE_END.split(content.decode("utf-8", errors="replace")), ""]:
        if line.startswith("data:"):
            lines.append(line[5:].removeprefix(" "))
        elif not line and lines:
            yield "\n".join(lines)
            lines = []


def _chunk(data: str) -> dict[str, Any]:
    try:
        chunk = json.loads(data)
    except (ValueError, RecursionError):
        raise NoAnswerError("a part of the answer's stream is not JSON", "garbled") from None
    if not isinstance(chunk, dict):
        raise NoAnswerError("a part of the answer's stream is no JSON object", "garbled")
    return chunk


def _empty() -> dict[str, Any]:
    return {"message": {"role": "assistant", "content": None}, "finish_reason": None}


def _add(choice: dict[str, Any], part: Mapping[str, Any]) -> None:
    """Add what one chunk holds of a choice."""
    delta = part.get("delta")
    for name in _TEXTS if isinstance(delta, dict) else ():
        if isinstance(text := delta.get(name), str):  # type: ignore[union-attr]
            if text and choice["finish_reason"]:
                # Two choices under one index: nobody can tell them apart.
                raise NoAnswerError("the answer's stream goes on after its end", "garbled")
            choice["message"][name] = (choice["message"].get(name) or "") + text
    for name in ("finish_reason", "stop_reason", "matched_stop"):
        if part.get(name) is not None:
            choice[name] = part[name]
    logprobs = part.get("logprobs")
    if isinstance(logprobs, dict) and isinstance(logprobs.get("content"), list):
        choice.setdefault("logprobs", {"content": []})["content"] += logprobs["content"]
