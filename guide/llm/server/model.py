"""A language model behind any server that speaks OpenAI's protocol: `vllm serve`, Ollama, llama.cpp, a hosted API."""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
import math
import threading
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from guide.errors import InputError, SourceError
from guide.judging import Failure
from guide.llm.model import Answer, Message, Talk, Usage
from guide.llm.server import usage as server_usage
from guide.llm.server.abilities import (
    GIVES_MANY,
    LOGPROBS,
    MANY,
    TELLS,
    UNBENT,
    Abilities,
    as_response_format,
    logprobs_feature,
    schema_feature,
)
from guide.llm.server.answer import read_answers, read_context, read_label_scores, scrubbed
from guide.llm.server.call import Line, check_address, open_line
from guide.llm.server.key import Key
from guide.llm.server.retry import NoAnswerError, Patience
from guide.llm.server.usage import Budget, Estimate, Hold, ServerUsage, rough_prompt_tokens

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_log = logging.getLogger(__name__)
_T = TypeVar("_T")

# So many answers without probabilities, and not one with them: the server has none, and more would be paid for nothing.
_ENOUGH_SILENCE = 3


class ServerModel:
    """A `ChatModel` behind a server. One batch at a time: a second thread waits for the first.

    The key, if the server needs one, is read from the environment (see `server_key.Key`).

    Args:
        model: what the server calls it.
        base_url: where the server is, up to and with "/v1".
        concurrency: requests at one time.
        patience: how long and how often to try.
        max_tokens_total: cap on the tokens read and drawn over the life of this object. Talks that could go past it end
            as a `Failure`; see `server_usage.Budget` for what "could" rests on.
        price_in: for a million prompt tokens, in any currency.
        price_out: for a million drawn tokens.
        context: tokens that a prompt and its answer may have together; None asks the server.

    Raises:
        InputError: the address, the key in the environment or a number cannot be used.
    """

    def __init__(
        self,
        model: str,
        base_url: str,
        *,
        concurrency: int = 8,
        patience: Patience | None = None,
        max_tokens_total: int | None = None,
        price_in: float | None = None,
        price_out: float | None = None,
        context: int | None = None,
    ) -> None:
        if concurrency < 1:
            raise InputError("a server takes at least one request at a time", fix="Set the concurrency to 1 or more.")
        if not all(price is None or (math.isfinite(price) and price >= 0) for price in (price_in, price_out)):
            raise InputError("a price is not a number of 0 or more", fix="Give prices for a million tokens.")
        self.base_url = check_address(base_url)
        self.concurrency = concurrency
        self.spent = ServerUsage(price_in=price_in, price_out=price_out)
        self._model = model
        self._patience = patience or Patience()
        self._context = context
        self._key = Key.from_environment()
        self._abilities = Abilities()
        self._budget = Budget(max_tokens_total)
        self._one_batch = threading.Lock()
        self._silent = 0

    def __repr__(self) -> str:
        return f"ServerModel({self._model!r}, {self.base_url!r}, concurrency={self.concurrency})"

    @property
    def id(self) -> str:
        """What the server calls the model."""
        return self._model

    @property
    def sha256(self) -> str:
        """Hash of the names; the weights behind them a server may change, and does not tell."""
        return hashlib.sha256(json.dumps([self.base_url, self._model]).encode()).hexdigest()

    @property
    def context(self) -> int:
        """How many tokens a prompt and its answer may have together: as given, or as the server's list of models tells.

        Raises:
            SourceError: neither is so.
        """
        if self._context is None:
            self._context = self._in_loop(self._ask_context)
        return self._context

    @property
    def cost(self) -> float | None:
        """What all of it cost so far; None where no prices were given or the server did not tell every count."""
        return self.spent.cost

    @property
    def usage(self) -> Usage:
        """The tokens that the server told, and rough counts of those that it did not; `spent` has the details."""
        return self.spent.known()

    def estimate(self, talks: Sequence[Talk]) -> Estimate:
        """What `talks` would take at most, by a rough count; nothing is sent."""
        many = self._abilities.gives_many is True
        return server_usage.estimate(talks, many=many, price_in=self.spent.price_in, price_out=self.spent.price_out)

    def talk(self, talks: Sequence[Talk]) -> dict[str, tuple[Answer, ...] | Failure]:
        """Answer every talk under its own id, in the order asked: `samples` answers, or why there are none.

        A server that refuses JSON schemas is asked without: the answer then follows the schema only as far as the
        prompt makes it. What an answer's tokens are where the server does not tell, `server_answer.read_answers` says.

        Raises:
            InputError: two talks have one id, one asks for no sample, or the openai package is missing.
        """
        if len({talk.id for talk in talks}) < len(talks):
            raise InputError("two talks have one id", fix="Give each its own.")
        if any(talk.samples < 1 for talk in talks):
            raise InputError("a talk asks for no sample", fix="Ask for 1 or more.")
        return self._batch({talk.id: partial(self._answer, talk) for talk in talks})

    def score_label_talks(
        self, talks: Mapping[str, Sequence[Message]], labels: Sequence[str]
    ) -> dict[str, NDArray[np.float64] | Failure | None]:
        """Natural log-probabilities (labels,) of each label as an answer's first token; None if the server has none.

        Servers list the 20 likeliest tokens at most; a label that is not among them gets a floor
        (`server_answer.read_label_scores`). A label of several tokens is never listed: use single letters or digits.

        Raises:
            InputError: the openai package is missing.
        """
        return self._batch({name: partial(self._score, messages, labels) for name, messages in talks.items()})

    def _batch(self, jobs: Mapping[str, Callable[[Line], Awaitable[_T]]]) -> dict[str, _T | Failure]:
        return self._in_loop(partial(self._work, jobs)) if jobs else {}

    def _in_loop(self, work: Callable[[Line], Awaitable[_T]]) -> _T:
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            pass
        else:
            raise InputError("an event loop is running in this thread", fix="Use `await asyncio.to_thread(...)`.")

        async def run() -> _T:
            async with open_line(
                self.base_url, self._key, self._patience, self.spent, self._budget, self.concurrency
            ) as line:
                return await work(line)

        with self._one_batch:
            return asyncio.run(run())

    async def _work(self, jobs: Mapping[str, Callable[[Line], Awaitable[_T]]], line: Line) -> dict[str, _T | Failure]:
        ends: dict[str, _T | Failure] = {}
        waiting = iter(jobs.items())

        async def work_off() -> None:
            for name, job in waiting:
                ends[name] = await self._end(job(line))

        # Workers, not a task for each job: while they wait out a busy server, nothing new is sent to it.
        async with asyncio.TaskGroup() as group:
            for _ in range(min(self.concurrency, len(jobs))):
                group.create_task(work_off())
        return {name: ends[name] for name in jobs}

    async def _end(self, job: Awaitable[_T]) -> _T | Failure:
        try:
            return await job
        except NoAnswerError as failure:
            reason = failure.reason
            self.spent.capped += failure.kind == "capped"
        except Exception as error:  # noqa: BLE001 - a fault in one must not cost the others the answers they paid for
            reason = f"an unexpected {type(error).__name__}"
            _log.error("a talk ended in %s", reason)
        self.spent.failed += 1
        return Failure(reason)

    async def _answer(self, talk: Talk, line: Line) -> tuple[Answer, ...]:
        prompt, most = rough_prompt_tokens(talk.messages), talk.sampling.max_tokens
        each = 1 if self._abilities.gives_many else talk.samples
        async with line.holding(each * prompt + talk.samples * most) as hold:
            # The first goes ahead of the rest even where each has its own request: they then share its prefix.
            together = talk.samples if self._abilities.gives_many is not False else 1
            answers = await self._ask(talk, line, hold, together, 0)
            if together > 1:
                self._abilities.learn(*([GIVES_MANY], []) if len(answers) == together else ([], [GIVES_MANY]))
            rest = [self._ask(talk, line, hold, 1, number) for number in range(len(answers), talk.samples)]
            for more in await asyncio.gather(*rest, return_exceptions=True):
                if isinstance(more, BaseException):
                    raise more
                answers += more
            return answers

    async def _ask(self, talk: Talk, line: Line, hold: Hold, samples: int, first: int) -> tuple[Answer, ...]:
        """Ask for `samples` answers, of which the first is number `first`; fewer may come, one at least."""
        schema = None if talk.schema is None else schema_feature(talk.schema)
        wanted = [feature for feature in (schema, MANY if samples > 1 else None) if feature]

        async def ask(kept: frozenset[str]) -> tuple[Answer, ...]:
            many = samples if MANY in kept else 1
            request = self._abilities.request(
                self._model, talk.messages, talk.sampling, seed=talk.sampling.seed + first, samples=many
            )
            if talk.schema is not None and schema in kept:
                request["response_format"] = as_response_format(talk.schema)
            read = partial(read_answers, sampling=talk.sampling, most=many)
            tokens = rough_prompt_tokens(talk.messages) + many * talk.sampling.max_tokens
            answers = await line.ask(request, talk.messages, hold, tokens, read)
            return tuple(scrubbed(answer, self._key.scrub_answer) for answer in answers)

        return await self._first_taken(self._abilities.ways(wanted), ask)

    async def _score(
        self, messages: Sequence[Message], labels: Sequence[str], line: Line
    ) -> NDArray[np.float64] | None:
        listed = {
            logprobs_feature(top): top for top in LOGPROBS if self._abilities.has(logprobs_feature(top)) is not False
        }
        if not listed or self._abilities.has(TELLS) is False:
            return None
        tokens = rough_prompt_tokens(messages) + UNBENT.max_tokens

        async def ask(kept: frozenset[str]) -> NDArray[np.float64] | None:
            request = self._abilities.request(self._model, messages, UNBENT, seed=UNBENT.seed)
            for feature in kept:
                request |= {"logprobs": True, "top_logprobs": listed[feature]}
            return await line.ask(request, messages, hold, tokens, partial(read_label_scores, labels=labels))

        taken = next((feature for feature in listed if self._abilities.has(feature)), None)
        # The last way tells a server that has no probabilities from a prompt that it does not take.
        ways = [{taken}] if taken else [*({feature} for feature in listed), set()]
        async with line.holding(tokens) as hold:
            scores = await self._first_taken([frozenset(way) for way in ways], ask)
        if scores is not None:
            self._abilities.learn([TELLS])
        elif (silent := self._silent + 1) >= _ENOUGH_SILENCE:
            self._abilities.learn([], [TELLS])
        else:
            self._silent = silent
        return scores

    async def _first_taken(self, ways: Iterable[frozenset[str]], ask: Callable[[frozenset[str]], Awaitable[_T]]) -> _T:
        """Ask with one set of features after the other until the server takes one, and remember that."""
        refusal, tried = None, set[str]()
        for kept in ways:
            limit = self._abilities.limit
            try:
                try:
                    answer = await ask(kept)
                except NoAnswerError as failure:
                    if not self._abilities.renames_limit(failure, limit):
                        raise
                    answer = await ask(kept)
            except NoAnswerError as failure:
                if failure.kind != "refused":
                    raise
                refusal = refusal or failure
                tried |= kept
            else:
                self._abilities.learn(kept, tried - kept)
                return answer
        # What it said to the whole request is the most telling.
        raise refusal or NoAnswerError("the server takes no such request", "refused")

    async def _ask_context(self, line: Line) -> int:
        try:
            told = read_context(await line.list_models(), self._model)
            reason = "the server does not tell how many tokens the model takes"
        except NoAnswerError as failure:
            told, reason = None, failure.reason
        if told is None:
            raise SourceError(reason, where=self.base_url, fix="State the context.")
        return told
