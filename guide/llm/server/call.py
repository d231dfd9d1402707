"""Requests to a server: sent, timed, counted, repeated."""

from __future__ import annotations

import asyncio
import ipaddress
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeVar
from urllib.parse import urlsplit

from guide.errors import InputError
from guide.llm.model import Message
from guide.llm.server.answer import read_body
from guide.llm.server.key import Key
from guide.llm.server.retry import NoAnswerError, Patience, read_failure, without_prompt
from guide.llm.server.thinking import with_rough_counts
from guide.llm.server.usage import Budget, Hold, ServerUsage, Told, read_usage

_log = logging.getLogger(__name__)
_T = TypeVar("_T")

# Fewer talks that found no server could be chance.
_FEWEST_UNREACHED = 3
_LONGEST_CONNECT = 20.0  # seconds


@dataclass(slots=True)
class Line:
    """The way to a server during one batch.

    Attributes:
        client: an `openai.AsyncOpenAI` that does not retry by itself.
        headers: sent with every request.
        key: to scrub what the server says.
        patience: how long and how often to try.
        usage: what is counted into.
        budget: the cap on tokens.
        concurrency: requests at one time.
        closed: why nothing more is sent; None while things go well.
    """

    client: Any
    headers: dict[str, Any]
    key: Key
    patience: Patience
    usage: ServerUsage
    budget: Budget
    concurrency: int
    closed: NoAnswerError | None = None
    _gate: asyncio.Semaphore = field(init=False)
    _unreached: int = 0

    def __post_init__(self) -> None:
        self._gate = asyncio.Semaphore(self.concurrency)

    @asynccontextmanager
    async def holding(self, tokens: int) -> AsyncIterator[Hold]:
        """Set aside what a talk may take at most.

        Raises:
            NoAnswerError: that could go past the cap.
        """
        hold = await self.budget.hold(tokens)
        if hold is None:
            most = f"it may take {tokens:,} tokens, and {self.budget.spent:,} of {self.budget.most:,} are spent"
            raise NoAnswerError(f"not sent: {most}", "capped")
        try:
            yield hold
        finally:
            self.budget.release(hold)

    async def ask(
        self,
        request: dict[str, Any],
        messages: Sequence[Message],
        hold: Hold,
        tokens: int,
        read: Callable[[dict[str, Any]], _T],
    ) -> _T:
        """Ask for a chat completion until an answer can be read.

        Args:
            request: arguments of `chat.completions.create`.
            messages: what is not to be quoted in a reason.
            hold: the tokens of its talk.
            tokens: that the answer may take, its prompt included.
            read: makes something of the answer's body, or raises NoAnswerError.

        Raises:
            NoAnswerError: no try led to an answer; its reason says how many there were.
        """
        for number in range(1, self.patience.tries + 1):
            try:
                answer = await self._try(request, hold, tokens, read, number)
            except NoAnswerError as failure:
                self._weigh(failure, last=number == self.patience.tries)
                if not failure.again or number == self.patience.tries or self.closed:
                    raise self._told(failure, messages, number) from None
                wait = self.patience.pause(number, failure.asked)
                _log.info("try %d: %s; waiting %.1f s", number, failure.reason, wait)
                await self.patience.sleep(wait)
            else:
                self._unreached = 0
                return answer
        raise AssertionError("the last try raises")

    async def _try(
        self, request: dict[str, Any], hold: Hold, tokens: int, read: Callable[[dict[str, Any]], _T], number: int
    ) -> _T:
        async with self._gate:
            if self.closed:
                raise NoAnswerError(f"not sent after other requests failed: {self.closed.reason}", "final")
            if not self.budget.take(hold, tokens):
                raise NoAnswerError(f"not sent: it could go past the cap of {self.budget.most:,} tokens", "capped")
            self.usage.requests += 1
            self.usage.retries += number > 1
            used = 0
            try:
                create = self.client.chat.completions.with_raw_response.create
                content = await self._send(partial(create, **request, extra_headers=self.headers))
                self.usage.calls += 1
                used, told = tokens, Told()
                try:
                    body = read_body(content)
                    told = with_rough_counts(read_usage(body), body, _sent(request))
                finally:
                    self.usage.add(told)
                if told.prompt is not None and told.drawn is not None:
                    used = told.prompt + told.drawn
                return read(body)
            except NoAnswerError as failure:
                if failure.kind == "lost":
                    used = tokens
                    self.usage.lost += 1
                    self.usage.add(Told())
                raise
            finally:
                self.budget.settle(hold, tokens, used)

    async def _send(self, send: Callable[[], Awaitable[Any]]) -> bytes:
        """The bytes of one answer. Raises NoAnswerError."""
        try:
            async with asyncio.timeout(self.patience.deadline):
                answer = await send()
                content: bytes = answer.http_response.content
                return content
        except Exception as error:
            failure = read_failure(error, self.patience.clock())
            if failure is None:
                raise
            raise failure from None  # the error holds the request, and that the key

    async def list_models(self) -> dict[str, Any]:
        """The body of the server's list of models.

        Raises:
            NoAnswerError: there is none.
        """
        try:
            return read_body(
                await self._send(partial(self.client.models.with_raw_response.list, extra_headers=self.headers))
            )
        except NoAnswerError as failure:
            raise self._told(failure, (), 1) from None

    def _weigh(self, failure: NoAnswerError, *, last: bool) -> None:
        """Close the line once no other talk can fare better, so that thousands do not each wait for all their tries."""
        if failure.kind == "denied":
            self.closed = failure
        elif failure.kind != "unreached":
            # Any answer, even a refusal, shows that the server lives.
            self._unreached = self._unreached if failure.kind in ("lost", "capped") else 0
        if last and failure.kind in ("unreached", "lost"):
            self._unreached += 1
            if self._unreached >= max(self.concurrency, _FEWEST_UNREACHED):
                self.closed = failure

    def _told(self, failure: NoAnswerError, messages: Sequence[Message], tries: int) -> NoAnswerError:
        """The failure in words that hold neither key nor prompt."""
        reason = failure.reason
        prompt = "\n".join(message.content for message in messages)
        if failure.said and (said := without_prompt(self.key.scrub(failure.said), prompt)):
            reason = f"{reason}: {said}"
        if tries > 1 and failure.again:
            reason = f"no answer after {tries} tries ({reason})"
        return NoAnswerError(reason, failure.kind, failure.asked)


@asynccontextmanager
async def open_line(
    base_url: str, key: Key, patience: Patience, usage: ServerUsage, budget: Budget, concurrency: int
) -> AsyncIterator[Line]:
    """Connect to a server for one batch; meanwhile no library logs the key.

    Raises:
        InputError: the openai package is missing.
    """
    try:
        import openai
    except ImportError:
        raise InputError("the package openai is missing", fix="pip install 'guide-advisor[llm]'") from None
    budget.open()
    timeout = openai.Timeout(patience.deadline, connect=min(patience.deadline, _LONGEST_CONNECT))
    # A proxy named in the environment is not for a server on this machine, and no redirection may lead prompts away.
    http = openai.DefaultAsyncHttpxClient(
        timeout=timeout, follow_redirects=False, trust_env=not _is_local(urlsplit(base_url).hostname or "")
    )
    # The package insists on a key; "none" is never sent.
    headers: dict[str, Any] = {} if key else {"Authorization": openai.Omit()}
    client = openai.AsyncOpenAI(
        api_key=key.reveal() or "none", base_url=base_url, max_retries=0, timeout=timeout, http_client=http
    )
    with key.hidden_in_logs():  # after the client was made, which is when its loggers exist
        async with client:
            yield Line(client, headers, key, patience, usage, budget, concurrency)


def check_address(base_url: str) -> str:
    """The address of a server, without a slash at its end.

    Raises:
        InputError: it is none, or holds what could be a key.
    """
    try:
        parts = urlsplit(base_url)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable:
        raise InputError("the server's address is not usable", fix="Give one like http://localhost:8000/v1.")
    if parts.username is not None or parts.password is not None or parts.query or parts.fragment:
        # Addresses are logged, stored and printed.
        raise InputError(
            "the server's address holds more than a place", fix="Put keys into the environment: GUIDE_API_KEY."
        )
    return base_url.rstrip("/")


def _sent(request: dict[str, Any]) -> str:
    return "".join(message["content"] for message in request["messages"])


def _is_local(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
