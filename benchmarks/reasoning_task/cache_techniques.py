"""ShotKV and ChunkKV, and lots drawn under the same budget, against the whole cache."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.reasoning_task.outcomes import Outcomes, difference, mean_share, share
from benchmarks.reasoning_task.problems import OPEN, Problem, stated_answer
from benchmarks.reasoning_task.small_model import decode, encode, load
from guide.llm.decoding import pad_left
from guide.llm.kvcache.chunkkv import REUSE, random_chunks, select_chunks
from guide.llm.kvcache.eviction import continue_from, evict
from guide.llm.kvcache.observation import Observed, prefill
from guide.llm.kvcache.ratio import Kept
from guide.llm.kvcache.selection import Selection
from guide.llm.kvcache.shotkv import Span, Units, random_units, select_units
from guide.llm.model import Sampling
from guide.llm.thinking.trace import CLOSE

if TYPE_CHECKING:
    from transformers import PreTrainedModel

CHUNK = 4  # as long as a fact is on average: the paper's 10 leaves a prompt of 60 tokens four chunks to choose from
_BATCH = 32
_DRAWN = 256
_END = encode(CLOSE)[0]

Choice = Callable[[Observed, Sequence[Problem], Sequence[int]], Selection | Units | None]


@dataclass(frozen=True, slots=True)
class Greedy:
    """Greedy continuations of all problems from caches treated in one way.

    Attributes:
        outcomes: the answers stated last.
        tokens: by problem, those drawn.
        prompt_bytes: of the largest batch's cache as it was drawn from.
        needed_kept: (problems,) share of the facts asked for that were kept whole; None where no units were chosen.
    """

    outcomes: Outcomes
    tokens: tuple[tuple[int, ...], ...]
    prompt_bytes: int
    needed_kept: NDArray[np.float64] | None

    def agreement(self, whole: Greedy) -> NDArray[np.float64]:
        """(problems,) share of the tokens drawn from the whole cache that are drawn here before the first other one."""
        shares = []
        for own, plain in zip(self.tokens, whole.tokens, strict=True):
            pairs = enumerate(zip(own, plain, strict=False))
            same = next((place for place, (a, b) in pairs if a != b), min(len(own), len(plain)))
            shares.append(same / len(plain))
        return np.array(shares)

    def line(self, truth: NDArray[np.int64], whole: Greedy | None = None) -> dict[str, Any]:
        """Its figures, beside the whole cache's if that is given."""
        told = self.outcomes.line(truth, whole.outcomes if whole else None) | {"prompt_cache_bytes": self.prompt_bytes}
        if whole is not None:
            told["greedy_agreement"] = mean_share(self.agreement(whole))
            told["wholly_equal"] = share(np.array([a == b for a, b in zip(self.tokens, whole.tokens, strict=True)]))
        if self.needed_kept is not None:
            told["needed_facts_kept"] = mean_share(self.needed_kept)
        return told


def measure_units(folder: Path, problems: Sequence[Problem], kept: Kept) -> dict[str, Any]:
    """The line of whole modules kept by ShotKV: a unit is a fact, and the question is protected."""
    model, _ = load(folder)
    layers = int(model.config.num_hidden_layers)

    def by_attention(seen: Observed, batch: Sequence[Problem], _: Sequence[int]) -> Units:
        return select_units(seen.scores, seen.prefix.mask, [spans(one) for one in batch], kept, layers=layers)

    def by_lot(seen: Observed, batch: Sequence[Problem], seeds: Sequence[int]) -> Units:
        return random_units(seen.prefix.mask, [spans(one) for one in batch], kept, seeds, layers=layers)

    return _compare(model, problems, kept, "shotkv", {"shotkv": by_attention, "random modules": by_lot})


def measure_chunks(folder: Path, problems: Sequence[Problem], kept: Kept) -> dict[str, Any]:
    """The line of ChunkKV's eviction; the question is the window."""
    model, _ = load(folder)
    layers = int(model.config.num_hidden_layers)

    def by_attention(chunk: int, reuse: int) -> Choice:
        def choose(seen: Observed, _: Sequence[Problem], __: Sequence[int]) -> Selection:
            return select_chunks(
                seen.scores, seen.prefix.mask, kept, layers=layers, window=seen.window, chunk=chunk, reuse=reuse
            )

        return choose

    def by_lot(reuse: int) -> Choice:
        def choose(seen: Observed, _: Sequence[Problem], seeds: Sequence[int]) -> Selection:
            return random_chunks(
                seen.prefix.mask, kept, seeds, layers=layers, window=seen.window, chunk=CHUNK, reuse=reuse
            )

        return choose

    # With the paper's reuse the first of only two layers chooses for both, so each layer's own choice is shown beside.
    ways = {
        "chunkkv": by_attention(CHUNK, REUSE),
        "random chunks": by_lot(REUSE),
        "chunkkv, chunks of 10": by_attention(10, REUSE),
        "chunkkv, each layer": by_attention(CHUNK, 1),
        "random chunks, each layer": by_lot(1),
    }
    return _compare(model, problems, kept, "chunkkv", ways)


def _compare(
    model: PreTrainedModel, problems: Sequence[Problem], kept: Kept, technique: str, ways: dict[str, Choice]
) -> dict[str, Any]:
    truth = np.array([problem.answer for problem in problems])
    whole = _continue_greedily(model, problems, lambda seen, batch, seeds: None)
    found = {way: _continue_greedily(model, problems, choose) for way, choose in ways.items()}
    (ours, real), (other, lot), *_ = found.items()
    return {
        "technique": technique,
        "problems": len(problems),
        "kept": kept.share,
        "whole": whole.line(truth),
        **{way: greedy.line(truth, whole) for way, greedy in found.items()},
        f"{ours} less {other}": difference(real.outcomes.right(truth), lot.outcomes.right(truth)),
        "greedy agreement, the same": difference(real.agreement(whole), lot.agreement(whole)),
    }


def spans(problem: Problem) -> list[Span]:
    """The facts of a problem as units of its prompt, named by what they give a value to."""
    units, start = [], 0
    for fact in problem.facts:
        stop = start + len(encode(fact.text))
        units.append(Span(fact.name, start, stop))
        start = stop
    return units


def _continue_greedily(model: PreTrainedModel, problems: Sequence[Problem], choose: Choice) -> Greedy:
    answers: list[int] = []
    tokens: list[tuple[int, ...]] = []
    needed: list[float] = []
    peak = prompt_bytes = 0
    seconds = 0.0
    for first, batch in _batches(problems):
        ids, mask = pad_left([encode(problem.prompt) for problem in batch], 0, model.device)
        begun = time.perf_counter()
        seen = prefill(model, ids, mask, window=len(encode(batch[0].question + OPEN)))
        chosen = choose(seen, batch, range(first, first + len(batch)))
        if isinstance(chosen, Units):
            needed += [_needed(problem, kept) for problem, kept in zip(batch, chosen.retained, strict=True)]
            chosen = chosen.selection
        prefix = seen.prefix if chosen is None else evict(seen.prefix, chosen)
        drawn = continue_from(model, prefix, Sampling(0.0, 1.0, max_tokens=_DRAWN), ends=(_END,))
        seconds += time.perf_counter() - begun
        prompt_bytes = max(prompt_bytes, prefix.bytes)
        peak = max(peak, drawn.peak_cache_bytes)
        own = [samples[0].tokens for samples in drawn.drawn]
        tokens += own
        stated = [stated_answer(decode(row)) for row in own]
        answers += [-1 if answer is None else answer for answer in stated]
    outcomes = Outcomes(np.array(answers), np.array([len(row) for row in tokens]), seconds, peak)
    return Greedy(outcomes, tuple(tokens), prompt_bytes, np.array(needed) if needed else None)


def _needed(problem: Problem, retained: Sequence[str]) -> float:
    return len(set(problem.names) & set(retained)) / len(problem.names)


def _batches(problems: Sequence[Problem]) -> Iterator[tuple[int, Sequence[Problem]]]:
    for first in range(0, len(problems), _BATCH):
        yield first, problems[first : first + _BATCH]
