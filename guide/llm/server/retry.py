"""When a server is asked again, and what is said of it when it is not."""

from __future__ import annotations

import asyncio
import json
import logging
import math
import random
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any, Literal

from guide.errors import InputError

_log = logging.getLogger(__name__)

# 409 is what OpenAI answers while a lock is held; 501 and 505 stay what they are.
_BUSY = frozenset({408, 409, 425, 429})
_SPENT = frozenset({"insufficient_quota", "billing_hard_limit_reached"})
_LONGEST_SAID = 200

Kind = Literal[
    "busy",  # the server asks to come back: nothing was drawn
    "unreached",  # no connection: nothing was drawn
    "lost",  # the connection broke, or the time ran out: something may have been drawn
    "garbled",  # an answer that cannot be read
    "refused",  # the request does not suit the server
    "denied",  # no request will do: the key is wrong
    "capped",  # it would go past the cap on tokens
    "final",  # no other try will fare better
]
_AGAIN: frozenset[Kind] = frozenset({"busy", "unreached", "lost", "garbled"})


class NoAnswerError(Exception):
    """One try that failed.

    Args:
        reason: one clause of guide's own, without key or prompt.
        kind: what that means.
        asked: seconds that the server asked to wait; None if it did not say.
        said: what the server said, which may hold key and prompt.
    """

    def __init__(self, reason: str, kind: Kind, asked: float | None = None, said: str = "") -> None:
        super().__init__(reason)
        self.reason = reason
        self.kind: Kind = kind
        self.asked = asked
        self.said = said

    @property
    def again(self) -> bool:
        """Whether another try may fare better."""
        return self.kind in _AGAIN


@dataclass(frozen=True, slots=True)
class Patience:
    """How long and how often a server is waited for.

    Attributes:
        tries: of one request, the first included.
        backoff: first back-off, seconds; it doubles with each try, with up to as much jitter again.
        longest_wait: the most that one wait may take, seconds; a longer Retry-After is cut to it, and that is logged.
        deadline: of one try, seconds from sending it to the last byte of its answer, however the bytes drip.
        sleep: how to let seconds pass.
        clock: seconds since 1970, for a Retry-After that is a date.
    """

    tries: int = 5
    backoff: float = 1.0
    longest_wait: float = 60.0
    deadline: float = 600.0
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    clock: Callable[[], float] = time.time

    def __post_init__(self) -> None:
        bounds = (self.backoff, self.longest_wait, self.deadline)
        if self.tries < 1 or not all(math.isfinite(bound) and bound >= 0 for bound in bounds) or self.deadline == 0:
            raise InputError(
                "a server is asked at least once, within a deadline over 0 s, with waits of 0 s or more",
                fix="Correct tries, backoff, longest_wait or deadline.",
            )

    def pause(self, number: int, asked: float | None) -> float:
        """Seconds to wait after try `number`: what the server asked for, or the back-off, never over the longest."""
        jitter = random.random()  # noqa: S311 - no secret
        if not asked:
            return min(self.backoff * 2.0 ** min(number - 1, 60) * (1 + jitter), self.longest_wait)
        if asked > self.longest_wait:
            _log.warning("the server asks to wait %.0f s; waiting only %.0f s", asked, self.longest_wait)
        # All that were turned away together would otherwise come back together.
        return min(asked * (1 + 0.1 * jitter), self.longest_wait)


def seconds_asked(headers: Mapping[str, str], now: float) -> float | None:
    """What the headers of an answer ask to wait, in seconds; None if they do not, or not in a way that can be read.

    Args:
        headers: of the answer; names in lower case, or a mapping that does not mind.
        now: seconds since 1970; counts only where the answer has no date of its own, which the server's clock wrote.
    """
    for name, unit in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        try:
            seconds = float(headers.get(name, "")) * unit
        except ValueError:
            continue
        if math.isfinite(seconds) and seconds >= 0:
            return seconds
    until = _moment(headers.get("retry-after"))
    if until is None:
        return None
    sent = _moment(headers.get("date"))
    return max(0.0, until - (now if sent is None else sent))


def _moment(date: str | None) -> float | None:
    try:
        return None if date is None else parsedate_to_datetime(date).timestamp()
    except (ValueError, TypeError, OverflowError):
        return None


def read_failure(error: Exception, now: float) -> NoAnswerError | None:
    """What an error of the openai package means; None if it is none of a request's failures."""
    import openai

    if isinstance(error, TimeoutError | openai.APITimeoutError):
        # Where the connection itself is what timed out, nothing was sent.
        unreached = type(error.__cause__).__name__ == "ConnectTimeout"
        return NoAnswerError("the server did not answer in time", "unreached" if unreached else "lost")
    if isinstance(error, openai.APIConnectionError):
        if type(error.__cause__).__name__ in ("ConnectError", "UnsupportedProtocol", "ProxyError"):
            return NoAnswerError("no connection to the server", "unreached")
        return NoAnswerError("the connection to the server was lost", "lost")
    if isinstance(error, openai.APIStatusError):
        return _read_status(error, now)
    if isinstance(error, UnicodeEncodeError):
        return NoAnswerError("the prompt is not valid Unicode", "final")
    if isinstance(error, openai.OpenAIError):
        return NoAnswerError(f"the openai package gave up ({type(error).__name__})", "final")
    return None


def _read_status(error: Any, now: float) -> NoAnswerError:
    status: int = error.status_code
    kind: Kind = "final"
    if status == 401 or error.code in _SPENT:
        kind = "denied"
    elif status in _BUSY or (status >= 500 and status not in (501, 505)):
        kind = "busy"
    elif status in (400, 422, 501):
        kind = "refused"
    asked = seconds_asked(error.response.headers, now)
    return NoAnswerError(f"the server answered with status {status}", kind, asked, _said(error.body))


def _said(body: object) -> str:
    """The message in an error's body: OpenAI's, FastAPI's, Ollama's; nothing where it is a web page."""
    if isinstance(body, Mapping):
        body = body.get("message") or body.get("detail") or body.get("error")
    if isinstance(body, list | dict):
        body = json.dumps(body, ensure_ascii=False)
    return body if isinstance(body, str) and "<html" not in body.lower() and "<!doctype" not in body.lower() else ""


def without_prompt(said: str, prompt: str) -> str:
    """One printable line of at most 200 characters, with "[prompt]" where 12 characters or more repeat the prompt.

    To be called on what was scrubbed of the key: cut before, half a key would pass for a word.
    """
    line, asked = _flat(said), _flat(prompt)
    size = min(12, max(len(asked), 4))
    pieces = {asked[at : at + size] for at in range(len(asked) - size + 1)}
    kept: list[str] = []
    at = 0
    while at < len(line):
        end = at
        while line[end : end + size] in pieces:
            end += 1
        if end == at:
            kept.append(line[at] if line[at].isprintable() else "?")
            at += 1
        else:
            kept.append("[prompt]")
            at = end + size - 1
    told = "".join(kept)
    return told if len(told) <= _LONGEST_SAID else told[: _LONGEST_SAID - 1] + "…"


def _flat(text: str) -> str:
    """`text` in one line, without the marks by which JSON and Python escape it."""
    return " ".join(text.replace("\\n", " ").replace("\\t", " ").replace("\\", "").split())
