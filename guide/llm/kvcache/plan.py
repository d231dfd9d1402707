"""How many runs of how many thinking tokens fit into a memory: the accounting of the DMS paper (2506.05345).

    batch * (shared + k * (prompt - shared + thinking)) * bytes per token <= memory

where `shared` are the tokens of a proposal's prompt that its k runs hold once. Eviction lessens the prompt alone, after
all of it was read: thinking stays whole, for that is where training-free eviction does its damage.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from guide.errors import InputError
from guide.llm.kvcache.ratio import Kept
from guide.llm.kvcache.shape import CacheShape

RUNS = (1, 2, 4, 8)
THINKING = (512, 1024, 2048, 4096, 8192)


@dataclass(frozen=True, slots=True)
class Candidate:
    """One way to spend a memory.

    Attributes:
        runs: k, of each proposal.
        thinking_tokens: of each run, its answer included.
        batch: proposals at a time; 0 if not one fits.
        bytes_used: of the cache at its fullest; of one proposal if not one fits.
    """

    runs: int
    thinking_tokens: int
    batch: int
    bytes_used: int


@dataclass(frozen=True, slots=True)
class Plan:
    """The way chosen, and the ones considered.

    Attributes:
        runs: k, of each proposal.
        thinking_tokens: of each run, its answer included.
        batch: proposals at a time.
        bytes_used: of the cache at its fullest.
        memory_bytes: that there are.
        bytes_per_token: of the cache.
        alternatives: every pair of runs and thinking tokens that the context allows, the chosen one among them.
    """

    runs: int
    thinking_tokens: int
    batch: int
    bytes_used: int
    memory_bytes: int
    bytes_per_token: int
    alternatives: tuple[Candidate, ...]


def bytes_needed(
    shape: CacheShape,
    *,
    runs: int,
    thinking_tokens: int,
    prompt_tokens: int,
    shared_prompt_tokens: int,
    batch: int = 1,
    kept: Kept | None = None,
) -> int:
    """Bytes of the cache at its fullest.

    Args:
        shape: of the cache.
        runs: of each proposal.
        thinking_tokens: of each run.
        prompt_tokens: of each proposal.
        shared_prompt_tokens: of them, held once by all runs of a proposal.
        batch: proposals at a time.
        kept: of the prompt, after all prompts of the batch were read whole.
    """
    kept = kept or Kept()
    shared = kept.tokens(shared_prompt_tokens)
    own = kept.tokens(prompt_tokens) - shared
    drawing = shared + runs * (own + thinking_tokens)
    return batch * max(drawing, prompt_tokens) * shape.bytes_per_token


def plan(
    shape: CacheShape,
    memory_bytes: int,
    prompt_tokens: int,
    shared_prompt_tokens: int,
    *,
    kept: Kept | None = None,
    runs: Sequence[int] = RUNS,
    thinking: Sequence[int] = THINKING,
    max_batch: int = 64,
) -> Plan:
    """Choose runs, thinking tokens and batch for a memory; more memory never means less of any of them.

    Runs and thinking tokens grow by turns, runs first, as long as one proposal fits; what is left then goes into the
    batch, once both are at their largest.

    Args:
        shape: of the cache.
        memory_bytes: for the cache, beside the weights and all else.
        prompt_tokens: of a proposal, the literature included.
        shared_prompt_tokens: of them, held once by a proposal's runs: all where an engine shares prefixes (vLLM), none
            where each run has a copy (transformers).
        kept: of the prompt; None keeps all.
        runs: choices, ascending.
        thinking: choices, ascending; those beyond the model's context are left out.
        max_batch: proposals at a time.

    Raises:
        InputError: not one run of the fewest thinking tokens fits, into the memory or the context; or a number makes no
            sense.
    """
    if min(memory_bytes, prompt_tokens, max_batch) < 1 or not 0 <= shared_prompt_tokens <= prompt_tokens:
        raise InputError("a plan needs memory, a prompt, and no more of it shared than there is")
    for choices in (runs, thinking):
        if not choices or min(choices) < 1 or list(choices) != sorted(set(choices)):
            raise InputError(f"{tuple(choices)} are not choices in ascending order, of at least 1")
    room = math.inf if shape.context is None else shape.context - prompt_tokens
    lengths = [length for length in thinking if length <= room]
    if not lengths:
        raise InputError(
            f"a prompt of {prompt_tokens:,} tokens leaves no {thinking[0]:,} of the model's {shape.context:,} to think",
            fix="Shorten the prompt: fewer or shorter modules of literature.",
        )

    def consider(run: int, length: int) -> Candidate:
        one = bytes_needed(
            shape,
            runs=run,
            thinking_tokens=length,
            prompt_tokens=prompt_tokens,
            shared_prompt_tokens=shared_prompt_tokens,
            kept=kept,
        )
        batch = min(max_batch, memory_bytes // one)
        return Candidate(run, length, batch, max(1, batch) * one)

    considered = {(run, length): consider(run, length) for run in runs for length in lengths}
    steps = [considered[step] for step in _staircase(runs, lengths)]
    fitting = [step for step in steps if step.batch]
    if not fitting:
        raise InputError(
            f"{memory_bytes:,} bytes do not hold one run of {lengths[0]:,} tokens after a prompt of {prompt_tokens:,}, "
            f"which takes {steps[0].bytes_used:,}",
            fix="Give more memory, shorten the prompt, or take a smaller model.",
        )
    best = fitting[-1]
    # Below the top step one proposal at a time: a step that fits one may not fit the batch that the step below it had.
    batch = best.batch if best is steps[-1] else 1
    return Plan(
        best.runs,
        best.thinking_tokens,
        batch,
        best.bytes_used // best.batch * batch,
        memory_bytes,
        shape.bytes_per_token,
        tuple(considered.values()),
    )


def _staircase(runs: Sequence[int], lengths: Sequence[int]) -> list[tuple[int, int]]:
    """From the smallest pair to the largest, each step raising one of the two, by turns as far as both can rise."""
    steps = [(0, 0)]
    while steps[-1] != (len(runs) - 1, len(lengths) - 1):
        run, length = steps[-1]
        rises = run < len(runs) - 1 and (run <= length or length == len(lengths) - 1)
        steps.append((run + 1, length) if rises else (run, length + 1))
    return [(runs[run], lengths[length]) for run, length in steps]
