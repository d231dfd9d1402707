"""Trimming and step entropy, on and off, and what chance does with the same number of tokens or steps."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.reasoning_task.outcomes import Outcomes, difference
from benchmarks.reasoning_task.problems import WAIT, Problem
from benchmarks.reasoning_task.small_model import PROBE
from guide.llm.model import Sampling
from guide.llm.thinking.budget import ThinkingOptions, think
from guide.llm.thinking.entropy import KAPPA, MeasuredTrace, measure, skipped
from guide.llm.thinking.trace import Boundary, Trace, end_thinking
from guide.llm.thinking.trimming import TrimOptions, replay
from guide.llm.thinking.valid_thinking import valid_thinking_rate
from guide.llm.transformers_model import TransformersModel

BUDGET = 320
# Guide's own rule; but its `least` is more tokens than a whole trace of this task has.
_TRIM = TrimOptions(least=0)
_OFF = TrimOptions(agreed=False, undecided=False, least=0)
# Drawn as the texts that the model learnt from: greedy, it would make no mistake that a check could find.
_PLAIN = ThinkingOptions(
    budget=BUDGET, sampling=Sampling(temperature=1.0, top_p=1.0, seed=0), trim=_OFF, loop=None, watch=False
)
_LABELS = tuple(PROBE.labels)


def measure_trimming(model: TransformersModel, problems: Sequence[Problem]) -> tuple[dict[str, Any], list[Trace]]:
    """The line of trimming, and the whole traces.

    Drawn three times: plain; watched, with a score read at every boundary and no stop; and trimmed. The last two draw
    the same words up to the stop, so they are compared; plain tells what trimming costs or saves in time.
    """
    prompts = {str(number): problem.prompt for number, problem in enumerate(problems)}
    truth = np.array([problem.answer for problem in problems])
    plain, plain_traces = _run(model, prompts, _PLAIN)
    watched, whole = _run(model, prompts, replace(_PLAIN, watch=True))
    trimmed, stopped = _run(model, prompts, replace(_PLAIN, trim=_TRIM))
    chance = _chance_of_stopping([trace.boundaries for trace in whole], whole, float(trimmed.tokens.mean()))
    drawn = _stop_by_lot(model, prompts, whole, chance)
    replayed = [replay(trace.boundaries, _TRIM, BUDGET) for trace in whole]
    ends = [found[0].tokens if found else trace.tokens for found, trace in zip(replayed, whole, strict=True)]
    rates = [rate for trace in whole if (rate := valid_thinking_rate(trace)) is not None]
    line = {
        "technique": "trimming",
        "problems": len(problems),
        "plain": plain.line(truth),
        "watched": watched.line(truth),
        "trimmed": trimmed.line(truth, watched),
        "random stop": drawn.line(truth, watched),
        "trimmed less random stop": difference(trimmed.right(truth), drawn.right(truth)),
        "trimmed less plain": difference(trimmed.right(truth), plain.right(truth)),
        "stops": dict(Counter(trace.stop for trace in stopped)),
        "plain stops": dict(Counter(trace.stop for trace in plain_traces)),
        "probes": round(float(np.mean([trace.probes for trace in stopped])), 2),
        "valid_thinking_rate": round(float(np.mean(rates)), 3),
        "replay_agrees": sum(end == trace.tokens for end, trace in zip(ends, stopped, strict=True)),
    }
    return line, whole


def _run(
    model: TransformersModel, prompts: Mapping[str, str], options: ThinkingOptions
) -> tuple[Outcomes, list[Trace]]:
    begun = time.perf_counter()
    found = think(model, prompts, options, probe=PROBE)
    traces = [found[name][0] for name in prompts]
    answers = _read(model, prompts, [trace.text for trace in traces])
    tokens = np.array([trace.tokens for trace in traces])
    return Outcomes(answers, tokens, time.perf_counter() - begun), traces


def _read(model: TransformersModel, prompts: Mapping[str, str], thoughts: Sequence[str]) -> NDArray[np.int64]:
    """(prompts,) the likeliest label behind each thinking, once that is closed."""
    asked = {
        name: prompt + end_thinking(thought) + PROBE.lead
        for (name, prompt), thought in zip(prompts.items(), thoughts, strict=True)
    }
    read = model.score_labels(asked, _LABELS)
    return np.array([int(_LABELS[int(np.argmax(shares))]) for shares in read.values()])


def _chance_of_stopping(boundaries: Sequence[Sequence[Boundary]], whole: Sequence[Trace], wanted: float) -> float:
    """With which chance to stop at each boundary, so that `wanted` tokens are drawn on average."""

    def expected(chance: float) -> float:
        means = []
        for own, trace in zip(boundaries, whole, strict=True):
            stops = [chance * (1 - chance) ** number * boundary.tokens for number, boundary in enumerate(own)]
            means.append(sum(stops) + (1 - chance) ** len(own) * trace.tokens)
        return float(np.mean(means))

    low, high = 0.0, 1.0
    for _ in range(40):
        middle = (low + high) / 2
        low, high = (middle, high) if expected(middle) > wanted else (low, middle)
    return high


def _stop_by_lot(
    model: TransformersModel, prompts: Mapping[str, str], whole: Sequence[Trace], chance: float
) -> Outcomes:
    rng = random.Random(0)  # noqa: S311 - a lot, no secret
    begun = time.perf_counter()
    thoughts, tokens = [], []
    for trace in whole:
        passes = trace.text.split(WAIT)
        stop = next((number for number in range(trace.probes) if rng.random() < chance), None)
        thoughts.append(trace.text if stop is None else WAIT.join(passes[: stop + 1]))
        tokens.append(trace.tokens if stop is None else trace.boundaries[stop].tokens)
    answers = _read(model, prompts, thoughts)
    return Outcomes(answers, np.array(tokens), time.perf_counter() - begun)


def measure_step_entropy(
    model: TransformersModel, problems: Sequence[Problem], traces: Sequence[Trace]
) -> dict[str, Any]:
    """The line of step entropy: a second reader answers from what is left of each trace; tokens are those it reads."""
    prompts = {str(number): problem.prompt for number, problem in enumerate(problems)}
    truth = np.array([problem.answer for problem in problems])
    begun = time.perf_counter()
    found = [measure(model, prompt, trace.text) for prompt, trace in zip(prompts.values(), traces, strict=True)]
    measuring = time.perf_counter() - begun
    rng = random.Random(0)  # noqa: S311 - a lot, no secret
    ways = {
        "whole": [trace.text for trace in traces],
        "entropy": [skipped(trace) for trace in found],
        "entropy, total": [skipped(trace, by="total") for trace in found],
        "random steps": [skipped(_weighed(trace, [rng.random() for _ in trace.steps])) for trace in found],
        "last steps": [skipped(_weighed(trace, range(len(trace.steps)))) for trace in found],
        "all skipped": [skipped(trace, kappa=1.0) for trace in found],
    }
    outcomes = {}
    for way, thoughts in ways.items():
        begun = time.perf_counter()
        answers = _read(model, prompts, thoughts)
        seconds = time.perf_counter() - begun
        outcomes[way] = Outcomes(answers, np.array(model.count_tokens(thoughts)), seconds)
    right = {way: outcome.right(truth) for way, outcome in outcomes.items()}
    return {
        "technique": "step entropy",
        "problems": len(problems),
        "kappa": KAPPA,
        "steps": round(float(np.mean([len(trace.steps) for trace in found])), 2),
        "measuring_seconds": round(measuring, 2),
        **{way: outcome.line(truth, outcomes["whole"]) for way, outcome in outcomes.items()},
        "entropy less random steps": difference(right["entropy"], right["random steps"]),
        "entropy less last steps": difference(right["entropy"], right["last steps"]),
    }


def _weighed(trace: MeasuredTrace, weights: Sequence[float]) -> MeasuredTrace:
    """The same steps as if their entropies were these."""
    steps = zip(trace.steps, weights, strict=True)
    return replace(trace, steps=tuple(replace(step, tokens=1, total=float(weight)) for step, weight in steps))
