"""What a server was made to do: tokens counted, tokens it never told, what they cost, and the cap on them."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from guide.llm.model import Message, Talk, Usage

CHARACTERS_PER_TOKEN = 4


def rough_tokens(text: str) -> int:
    """About how many tokens a text has: its characters / 4, rounded up.

    That fits English prose. Formulas, code and other scripts have more tokens, up to one a byte.
    """
    return math.ceil(len(text) / CHARACTERS_PER_TOKEN)


def rough_prompt_tokens(messages: Sequence[Message]) -> int:
    """About how many tokens a conversation has, without the marks of the chat template."""
    return rough_tokens("".join(message.content for message in messages))


@dataclass(slots=True)
class Tally:
    """A sum of which some parts may be unknown.

    Attributes:
        known: sum of the parts that were told.
        untold: how many were not.
        estimated: rough counts of those, where there is something to count.
    """

    known: int = 0
    untold: int = 0
    estimated: int = 0

    def add(self, part: int | None, rough: int = 0) -> None:
        """Count one part; None is one that was not told, and then the rough count stands for it."""
        if part is None:
            self.untold += 1
            self.estimated += rough
        else:
            self.known += part

    @property
    def total(self) -> int | None:
        """The sum; None as soon as one part is unknown."""
        return None if self.untold else self.known


@dataclass(frozen=True, slots=True)
class Told:
    """What one answer tells of its tokens; None where it does not.

    Attributes:
        prompt: read.
        cached: of them, taken from a prefix read before.
        drawn: in all, thinking included.
        thinking: of the drawn ones, those of thinking.
        rough_prompt: counted here, for where `prompt` is not told.
        rough_drawn: the same for `drawn`.
        rough_thinking: the same for `thinking`; 0 where there is no thinking to be seen.
    """

    prompt: int | None = None
    cached: int | None = None
    drawn: int | None = None
    thinking: int | None = None
    rough_prompt: int = 0
    rough_drawn: int = 0
    rough_thinking: int = 0


@dataclass(slots=True)
class ServerUsage:
    """What a server was made to do so far.

    A request whose answer was lost on the way is one that told nothing: the server may have drawn, and billed, it.

    Attributes:
        prompt: tokens read.
        cached: of them, taken from a prefix read before.
        drawn: tokens drawn.
        thinking: of them, those of thinking kept apart.
        calls: answers received.
        requests: sent; more than `calls` by those that failed.
        retries: of the requests, those that repeat one that failed.
        failed: talks that ended as a `Failure`.
        capped: of them, those that the cap on tokens kept from being sent.
        lost: requests whose answer was lost on the way.
        price_in: for a million prompt tokens, in any currency; None if unknown.
        price_out: for a million drawn tokens.
    """

    prompt: Tally = field(default_factory=Tally)
    cached: Tally = field(default_factory=Tally)
    drawn: Tally = field(default_factory=Tally)
    thinking: Tally = field(default_factory=Tally)
    calls: int = 0
    requests: int = 0
    retries: int = 0
    failed: int = 0
    capped: int = 0
    lost: int = 0
    price_in: float | None = None
    price_out: float | None = None

    def add(self, told: Told) -> None:
        """Count the tokens of one request."""
        self.prompt.add(told.prompt, told.rough_prompt)
        self.cached.add(told.cached)
        self.drawn.add(told.drawn, told.rough_drawn)
        # An answer that neither shows nor counts any thinking has none.
        self.thinking.add(told.thinking if told.thinking is not None or told.rough_thinking else 0, told.rough_thinking)

    @property
    def cost(self) -> float | None:
        """In the currency of the prices, cached tokens at the full price; None without prices or with tokens untold."""
        if self.prompt.total is None or self.drawn.total is None:
            return None
        return self.known_cost

    @property
    def known_cost(self) -> float | None:
        """Cost of the tokens that were told: at least what it cost; None without prices."""
        return _cost(self.prompt.known, self.drawn.known, self.price_in, self.price_out)

    def known(self) -> Usage:
        """The tokens that were told, as every model counts them, and rough counts of the others beside them."""
        return Usage(
            self.prompt.known,
            self.cached.known,
            self.drawn.known,
            self.calls,
            self.thinking.known,
            self.prompt.estimated,
            self.drawn.estimated,
            self.thinking.estimated,
            self.lost,
        )


@dataclass(frozen=True, slots=True)
class Estimate:
    """What talks would take, at most; nothing was sent to find out. Requests that fail and are repeated come on top.

    Attributes:
        calls: one for each sample, unless the server is known to give all samples of a talk in one call.
        prompt_tokens: characters / 4 (see `rough_tokens`), each call counted.
        drawn_tokens: every answer at its limit.
        cost: of both, in the currency of the prices; None without prices.
    """

    calls: int
    prompt_tokens: int
    drawn_tokens: int
    cost: float | None


def estimate(talks: Sequence[Talk], *, many: bool, price_in: float | None, price_out: float | None) -> Estimate:
    """What `talks` would take.

    Args:
        talks: not sent.
        many: whether all samples of a talk come in one call.
        price_in: for a million prompt tokens.
        price_out: for a million drawn tokens.
    """
    calls = prompt = drawn = 0
    for talk in talks:
        each = 1 if many else talk.samples
        calls += each
        prompt += each * rough_prompt_tokens(talk.messages)
        drawn += talk.samples * talk.sampling.max_tokens
    return Estimate(calls, prompt, drawn, _cost(prompt, drawn, price_in, price_out))


def _cost(prompt: int, drawn: int, price_in: float | None, price_out: float | None) -> float | None:
    if price_in is None or price_out is None:
        return None
    return (prompt * price_in + drawn * price_out) / 1_000_000


def read_usage(body: Mapping[str, object]) -> Told:
    """What the body of an answer tells of its tokens."""
    usage = body.get("usage")
    if not isinstance(usage, Mapping):
        return Told()
    details = usage.get("prompt_tokens_details")
    cached = _count(details.get("cached_tokens")) if isinstance(details, Mapping) else None
    if cached is None:
        cached = _count(usage.get("prompt_cache_hit_tokens"))  # DeepSeek's name for it
    # No prompt has 0 tokens: some servers fill in zeros for what they do not count.
    if not (prompt := _count(usage.get("prompt_tokens"))):
        return Told()
    details = usage.get("completion_tokens_details")
    thinking = _count(details.get("reasoning_tokens")) if isinstance(details, Mapping) else None
    if thinking is None:
        thinking = _count(usage.get("reasoning_tokens"))  # SGLang's place for it
    drawn = _count(usage.get("completion_tokens"))
    if thinking and drawn is not None and _count(usage.get("total_tokens")) == prompt + drawn + thinking:
        drawn += thinking  # some hosts count the answer alone
    return Told(prompt, cached, drawn, thinking)


def _count(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


@dataclass(slots=True)
class Hold:
    """Tokens set aside for one talk and not yet sent for."""

    left: int


class Budget:
    """The cap on tokens, read and drawn, of a whole run.

    The tokens that a talk may need at most are set aside before it is sent, its prompt by the rough count; what it did
    not need is free again afterwards. An answer that does not tell its tokens counts with what was set aside.
    """

    def __init__(self, most: int | None) -> None:
        self.most = most
        self.spent = 0
        self._held = 0
        self._freed = asyncio.Event()

    def open(self) -> None:
        """Begin a batch: whatever an interrupted one had set aside is free."""
        self._held = 0
        self._freed = asyncio.Event()  # an event belongs to the loop that first waits for it

    async def hold(self, tokens: int) -> Hold | None:
        """Set tokens aside, waiting for those that others may give back; None if there are too few even so."""
        while not self._fits(tokens):
            if not self._held:
                return None
            self._freed.clear()
            await self._freed.wait()
        self._held += tokens
        return Hold(tokens)

    def take(self, hold: Hold, tokens: int) -> bool:
        """Take tokens for one request; a repeated one may need more than was set aside. False if there are too few."""
        more = max(0, tokens - hold.left)
        if not self._fits(more):
            return False
        self._held += more
        hold.left += more - tokens
        return True

    def settle(self, hold: Hold, tokens: int, used: int) -> None:
        """Count what a request for which `tokens` were taken used; 0 where it failed and is to be repeated."""
        if used:
            self._held -= tokens
            self.spent += used
        else:
            hold.left += tokens

    def release(self, hold: Hold) -> None:
        """Free what is left of a talk's tokens."""
        self._held -= hold.left
        hold.left = 0
        self._freed.set()

    def _fits(self, tokens: int) -> bool:
        return self.most is None or self.spent + self._held + tokens <= self.most
