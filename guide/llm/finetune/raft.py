"""Reward-ranked fine-tuning (RAFT: Dong et al., arXiv:2304.06767), as GUIDE trained its 7B model.

In each round the model as it is now writes k reviews of every proposal, the best of them by reward are kept, and the
model is trained on those. GUIDE took k = 16, 1000 proposals a round and 4 rounds, after a supervised warm-up on 4000
answers of DeepSeek-R1 (`guide.llm.finetune.sft`).
"""

from __future__ import annotations

import random
import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from guide.errors import InputError
from guide.llm.finetune.examples import Example, ExampleSet
from guide.llm.finetune.lora import (
    ADAPTER,
    load_adapted,
    release_memory,
    require_empty,
    require_packages,
    save_adapter,
    save_merged,
    write_card,
)
from guide.llm.finetune.sampling import Sample, SampleOptions, draw_samples
from guide.llm.finetune.sft import Pair, SftOptions, describe, load_sampler, train_pairs
from guide.llm.reasoner import choose_probe

_ROUNDS = "rounds"  # folder of what the rounds hand on, taken out at the end


@dataclass(frozen=True, slots=True)
class RaftOptions:
    """How to go about it.

    Attributes:
        training: on the kept samples of a round; its `task` is always the review.
        sampling: k and how to draw.
        rounds: N.
        batch: proposals a round, drawn anew for each.
        keep: samples kept of each proposal, the best.
        checked: held-out proposals that are sampled before the first round and after the last.
    """

    training: SftOptions = field(default_factory=lambda: SftOptions(epochs=1.0))
    sampling: SampleOptions = field(default_factory=SampleOptions)
    rounds: int = 4
    batch: int = 1000
    keep: int = 1
    checked: int = 64

    def __post_init__(self) -> None:
        if self.rounds < 1 or self.batch < 1 or not 1 <= self.keep <= self.sampling.samples or self.checked < 1:
            raise InputError(
                "rounds, proposals or samples that cannot be drawn",
                fix="Give at least one of each, and keep no more than are sampled.",
            )

    @property
    def seed(self) -> int:
        """Of all draws."""
        return self.training.seed


@dataclass(frozen=True, slots=True)
class Round:
    """Mean rewards of one round, before its training, and what the training took.

    Attributes:
        sampled: of all samples.
        kept: of those kept.
        match: of the kept ones, the rating's part.
        overlap: of the kept ones, the concerns' part.
        readable: share of all samples whose review can be read.
        steps: of the training.
        loss: at its last step.
    """

    sampled: float
    kept: float
    match: float
    overlap: float
    readable: float
    steps: int
    loss: float


def finetune_raft(base: str, data: ExampleSet, out: Path, options: RaftOptions | None = None) -> dict[str, Any]:
    """Train a model on the best of its own reviews, round by round, and save it as `finetune_sft` does.

    Args:
        base: folder or hub id of the model; one that was warmed up (`finetune_sft`) starts from reviews worth ranking.
        data: proposals with ratings and concerns of people.
        out: new folder.
        options: how to train.

    Returns:
        The card; "held_out_reward" has the mean reward on held-out proposals before and after, from the same seed.

    Raises:
        InputError: a package is missing, the folder is not empty, or there is too little to learn from.
        ModelError: the model cannot be loaded.
    """
    options = options or RaftOptions()
    require_packages()
    training, held_out = data.split(options.training.held_out, options.seed)
    checked = held_out[: options.checked]
    require_empty(out)
    current, adapter, rounds = base, None, []
    before = _mean_reward(current, checked, options)
    for number in range(options.rounds):
        batch = _batch(training, options.batch, options.seed, number)
        groups = _sample(current, batch, options, options.seed + 1 + number)
        kept = best(groups, options.keep)
        release_memory()
        model, tokenizer = load_adapted(
            base, options.training.lora, adapter=adapter, device=options.training.device, seed=options.seed
        )
        settings = replace(options.training, seed=options.seed + number)
        done = train_pairs(model, tokenizer, [sample.pair for sample in kept], (), settings)
        rounds.append(_round(groups, kept, done.losses))
        folder = out / _ROUNDS / str(number)
        adapter, current = folder / ADAPTER, str(folder)
        save_adapter(model, adapter, base)
        save_merged(model, tokenizer, folder)
        del model
        release_memory()
    after = _mean_reward(current, checked, options)
    for path in Path(current).iterdir():
        path.replace(out / path.name)
    shutil.rmtree(out / _ROUNDS)
    return write_card(
        out,
        {
            **describe("raft", base, data, options),
            "examples": {"trained_on": len(training), "held_out": len(checked)},
            "steps": sum(one.steps for one in rounds),
            "rounds": [asdict(one) for one in rounds],
            "held_out_reward": {"before": before, "after": after},
        },
    )


def best(groups: Sequence[Sequence[Sample]], keep: int) -> list[Sample]:
    """The samples of the highest reward of each group, the first drawn of equal ones, in the groups' order.

    Of samples that are the same word for word one is kept: it would otherwise be learnt twice.
    """
    kept: list[Sample] = []
    for group in groups:
        ranked = sorted(group, key=lambda sample: -sample.reward.total)
        seen: dict[Pair, Sample] = {}
        for sample in ranked:
            seen.setdefault(sample.pair, sample)
        kept += list(seen.values())[:keep]
    return kept


def _sample(model: str, examples: Sequence[Example], options: RaftOptions, seed: int) -> list[tuple[Sample, ...]]:
    loaded = load_sampler(model, options.training.device)
    return draw_samples(loaded, choose_probe(loaded), examples, options.sampling, seed)


def _mean_reward(model: str, examples: Sequence[Example], options: RaftOptions) -> float:
    groups = _sample(model, examples, options, options.seed)
    release_memory()
    return float(np.mean([sample.reward.total for group in groups for sample in group]))


def _batch(examples: Sequence[Example], size: int, seed: int, number: int) -> list[Example]:
    if len(examples) <= size:
        return list(examples)
    return random.Random(f"{seed}/{number}").sample(examples, size)  # noqa: S311 - no secret is made


def _round(groups: Sequence[Sequence[Sample]], kept: Sequence[Sample], losses: Sequence[float]) -> Round:
    drawn = [sample for group in groups for sample in group]
    return Round(
        sampled=float(np.mean([sample.reward.total for sample in drawn])),
        kept=float(np.mean([sample.reward.total for sample in kept])),
        match=float(np.mean([sample.reward.match for sample in kept])),
        overlap=float(np.mean([sample.reward.overlap for sample in kept])),
        readable=float(np.mean([sample.answer is not None for sample in drawn])),
        steps=len(losses),
        loss=losses[-1],
    )
