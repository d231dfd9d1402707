"""Each technique that shortens thinking or caches, on and off and against chance: one JSON line a technique.

A small Llama is trained here on sums that go on checking themselves after the answer is found, so that every answer
can be marked. How much is saved is a property of those texts, of which the generator decides how often they check;
what it costs, and whether the choice beats one by lot, is what is measured. Shares have Wilson's 95 % interval,
differences that of a paired bootstrap, in points.

Example:
    OMP_NUM_THREADS=1 python benchmarks/bench_reasoning.py --keep build/reasoning-model
"""

from __future__ import annotations

import argparse
import json
import random
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.reasoning_task.cache_techniques import measure_chunks, measure_units
from benchmarks.reasoning_task.problems import draw_problem
from benchmarks.reasoning_task.small_model import load_or_train
from benchmarks.reasoning_task.thinking_techniques import TransformersModel, measure_step_entropy, measure_trimming
from guide.llm.kvcache.ratio import Kept

_SEED = 10**6  # of the problems asked; training draws from 0


def main() -> None:
    """Read the options, train or load the model, measure, print a line for each technique."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--problems", type=int, default=600, help="problems that each technique is measured on")
    parser.add_argument("--steps", type=int, default=2500, help="steps of training")
    parser.add_argument("--kept", type=float, default=0.5, help="share of a prompt's cache that evictions keep")
    parser.add_argument("--keep", type=Path, help="folder to leave the trained model in, and to find it in again")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        for line in measure(load_or_train(options.keep or Path(folder), steps=options.steps), options):
            print(json.dumps(line), flush=True)


def measure(folder: Path, options: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """The lines, as they come: the model, then each technique."""
    rng = random.Random(_SEED)  # noqa: S311 - a lot, no secret
    problems = [draw_problem(rng) for _ in range(options.problems)]
    yield {"model": json.loads((folder / "training.json").read_text(encoding="utf-8"))}
    model = TransformersModel(str(folder), device="cpu", batch=64)
    line, traces = measure_trimming(model, problems)
    yield line
    yield measure_step_entropy(model, problems, traces)
    kept = Kept(options.kept)
    yield measure_units(folder, problems, kept)
    yield measure_chunks(folder, problems, kept)


if __name__ == "__main__":
    main()
