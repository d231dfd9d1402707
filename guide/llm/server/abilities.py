"""What a server has of OpenAI's protocol, found out by asking, and requests made to fit it."""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from guide.llm.model import Message, Sampling
from guide.llm.server.retry import NoAnswerError

MANY = "n"  # taken, which does not yet mean given:
GIVES_MANY = "several choices"
TELLS = "logprobs"  # probabilities, at all
LOGPROBS = (20, 5)  # how many of the likeliest tokens it lists; 20 is OpenAI's and vLLM's limit, 5 that of others
# The label scores are those of the model itself, not of a distribution bent by temperature.
UNBENT = Sampling(temperature=1.0, top_p=1.0, max_tokens=1)


def schema_feature(schema: Mapping[str, Any]) -> str:
    """Name under which it is remembered whether a server takes this JSON schema: it may take one and not another."""
    return f"schema {hashlib.sha256(json.dumps(schema, sort_keys=True).encode()).hexdigest()[:16]}"


def logprobs_feature(top: int) -> str:
    """Name under which it is remembered whether a server lists that many tokens."""
    return f"top_logprobs={top}"


@dataclass(slots=True)
class Abilities:
    """What a server has (True) and what it refused (False); the rest is unknown.

    Attributes:
        limit: its name for the most tokens of an answer. OpenAI's reasoning models refuse the older "max_tokens".
    """

    limit: str = "max_tokens"
    _found: dict[str, bool] = field(default_factory=dict)

    def has(self, feature: str) -> bool | None:
        """Whether the server has a feature; None if unknown."""
        return self._found.get(feature)

    @property
    def gives_many(self) -> bool | None:
        """Whether the server gives several answers to one request; None if unknown."""
        return False if self.has(MANY) is False else self.has(GIVES_MANY)

    def ways(self, wanted: Sequence[str]) -> Iterator[frozenset[str]]:
        """Sets of features to ask with, one after the other while the server refuses: all, then ever fewer.

        What the server took before stays in: refusing it now, it means something else.
        """
        offered = [feature for feature in wanted if self.has(feature) is not False]
        doubtful = [feature for feature in offered if self.has(feature) is None]
        for count in range(len(doubtful) + 1):
            for dropped in itertools.combinations(doubtful, count):
                yield frozenset(offered) - set(dropped)

    def learn(self, kept: Iterable[str], dropped: Iterable[str] = ()) -> None:
        """Remember what the server took, and what it had to be asked without; what it took once it has."""
        for feature in dropped:
            self._found.setdefault(feature, False)
        self._found.update(dict.fromkeys(kept, True))

    def renames_limit(self, failure: NoAnswerError, asked_with: str) -> bool:
        """Whether a refusal is of the older name of the limit; from then on requests have the newer one."""
        if failure.kind != "refused" or asked_with != "max_tokens" or "max_completion_tokens" not in failure.reason:
            return False
        self.limit = "max_completion_tokens"
        return True

    def request(
        self, model: str, messages: Sequence[Message], sampling: Sampling, *, seed: int, samples: int = 1
    ) -> dict[str, Any]:
        """The arguments of `chat.completions.create`."""
        request: dict[str, Any] = {
            "model": model,
            "messages": [{"role": message.role, "content": message.content} for message in messages],
            "temperature": sampling.temperature,
            "top_p": sampling.top_p,
            "seed": seed,
            self.limit: sampling.max_tokens,
        }
        if sampling.stop:
            request["stop"] = list(sampling.stop)
        if samples > 1:
            request["n"] = samples
        return request


def as_response_format(schema: Mapping[str, Any]) -> dict[str, Any]:
    """OpenAI's structured output for a JSON schema."""
    return {"type": "json_schema", "json_schema": {"name": "answer", "schema": dict(schema), "strict": True}}
