"""Group-relative policy optimisation (GRPO: Shao et al., arXiv:2402.03300) towards ratings that are right and short.

The model rates proposals, thinking first ("long") or not ("short"), and of each group of answers those worth more than
their group's mean become likelier. The reward is in `length_reward.py`. TRL's trainer does the work; the
advantages are not divided by their spread, as in LC-R1 and against what TRL does by default.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from guide.errors import InputError
from guide.llm.finetune.examples import Example, ExampleSet
from guide.llm.finetune.length_reward import Drawn, LengthOptions, Mode, Worth, score_answers
from guide.llm.finetune.lengths import Reference, reweigh
from guide.llm.finetune.lora import (
    ADAPTER,
    Device,
    LoraOptions,
    load_adapted,
    quieten,
    release_memory,
    require_empty,
    require_packages,
    save_adapter,
    save_merged,
    seeded,
    trainer_settings,
    write_card,
)
from guide.llm.finetune.sft import describe, load_sampler
from guide.llm.model import TextModel
from guide.llm.prompt import build_prompt

if TYPE_CHECKING:
    from peft import PeftModel
    from transformers import PreTrainedTokenizerBase

_SHARES = 20  # rows that a mixture is made of: shares are kept to a twentieth


@dataclass(frozen=True, slots=True)
class GrpoOptions:
    """How to train.

    Attributes:
        lora: the adapters.
        reward: what an answer is worth.
        steps: of the optimiser.
        group: G, answers of one prompt that are held against each other.
        prompts: a step.
        learning_rate: constant.
        max_tokens: drawn for one answer; a schedule's highest budget takes its place.
        temperature: of the draws.
        short: share of the prompts that ask for an answer without thinking.
        reweigh_every: steps after which that share is set anew by TLDR's rule; None leaves it. The optimiser then
            starts afresh each time, and the rule's references are what each mode came to in the first stretch.
        eta: step size of that rule.
        device: "auto" takes a GPU where there is one.
        seed: of all draws.
    """

    lora: LoraOptions = field(default_factory=LoraOptions)
    reward: LengthOptions = field(default_factory=LengthOptions)
    steps: int = 200
    group: int = 8
    prompts: int = 4
    learning_rate: float = 1e-5
    max_tokens: int = 2048
    temperature: float = 1.0
    short: float = 0.0
    reweigh_every: int | None = None
    eta: float = 4.0
    device: Device = "auto"
    seed: int = 0

    def __post_init__(self) -> None:
        if self.steps < 1 or self.group < 2 or self.prompts < 1 or (self.reweigh_every or 1) < 1:
            raise InputError(
                "steps or groups that cannot be made", fix="Give 1 or more steps, and groups of 2 or more."
            )
        if not 0 <= self.short <= 1:
            raise InputError(f"a share of {self.short}", fix="Give one from 0 to 1.")
        if self.reweigh_every is not None and not 0 < self.short < 1:
            raise InputError("a mixture of one part cannot be reweighed", fix="Give a share of short answers, say 0.5.")

    @property
    def longest(self) -> int:
        """Tokens drawn for one answer at most."""
        return self.reward.schedule.high if self.reward.schedule else self.max_tokens


@dataclass(frozen=True, slots=True)
class Stretch:
    """What some steps in a row came to.

    Attributes:
        steps: how many.
        short: share of the prompts without thinking.
        rewards: mean reward at each step.
        tokens: mean length of an answer.
        accuracy: share of the answers that were correct.
    """

    steps: int
    short: float
    rewards: tuple[float, ...]
    tokens: float
    accuracy: float


def finetune_grpo(base: str, data: ExampleSet, out: Path, options: GrpoOptions | None = None) -> dict[str, Any]:
    """Train a model to rate rightly in few tokens, and save it as `finetune_sft` does.

    Args:
        base: folder or hub id of the model; one that never gives a rating gets no reward and learns nothing.
        data: proposals with ratings of people.
        out: new folder.
        options: how to train.

    Returns:
        The card.

    Raises:
        InputError: a package is missing, the folder is not empty, or a prompt leaves no room for an answer.
        ModelError: the model cannot be loaded.
    """
    options = options or GrpoOptions()
    require_packages()
    require_empty(out)
    sampler = load_sampler(base, options.device)
    rows = prompt_rows(sampler, data.examples, options.longest)
    del sampler
    release_memory()
    model, tokenizer = load_adapted(base, options.lora, device=options.device, seed=options.seed)
    short, done, reference = options.short, 0, None
    stretches: list[Stretch] = []
    worths: list[list[Worth]] = []
    while done < options.steps:
        steps = min(options.reweigh_every or options.steps, options.steps - done)
        mixed = mix(rows, short, options.seed + done)
        scored = _train(model, tokenizer, mixed, options, steps=steps, done=done)
        stretch = _stretch(scored, steps, short)
        stretches.append(stretch)
        worths += scored
        if options.reweigh_every is not None:
            reference = reference or _reference(worths)
            if reference is not None:
                short = reweigh(short, stretch.tokens, stretch.accuracy, reference, eta=options.eta)
        done += steps
    save_adapter(model, out / ADAPTER, base)
    save_merged(model, tokenizer, out)
    return write_card(
        out,
        {
            **describe("grpo-length", base, data, options),
            "steps": done,
            "stretches": [
                {"steps": one.steps, "short": one.short, "tokens": one.tokens, "accuracy": one.accuracy}
                for one in stretches
            ],
            "rewards": [reward for one in stretches for reward in one.rewards],
            "budgets": [options.reward.schedule.budget(step) for step in range(done)]
            if options.reward.schedule
            else None,
        },
    )


def prompt_rows(model: TextModel, examples: Sequence[Example], longest: int) -> dict[Mode, list[dict[str, Any]]]:
    """Rows for the trainer, of both modes: the prompt, its place among the examples, and the rating wanted.

    Raises:
        InputError: no prompt leaves room for an answer of `longest` tokens.
    """
    rows: dict[Mode, list[dict[str, Any]]] = {"short": [], "long": []}
    for mode in rows:
        prompts = [
            model.render(build_prompt(example.request, task="rating").messages, thinking=mode == "long")
            for example in examples
        ]
        for place, (example, prompt, count) in enumerate(
            zip(examples, prompts, model.count_tokens(prompts), strict=True)
        ):
            if count + longest <= model.context:
                wanted = sum(example.ratings) / len(example.ratings)
                rows[mode].append({"prompt": prompt, "place": place, "mode": mode, "wanted": wanted})
    if not rows["short"] or not rows["long"]:
        raise InputError(
            f"no prompt leaves room for {longest} tokens in a context of {model.context}",
            fix="Give less with --max-tokens.",
        )
    return rows


def mix(rows: dict[Mode, list[dict[str, Any]]], short: float, seed: int) -> list[dict[str, Any]]:
    """Rows of which a share is "short", as near as whole rows allow; every example comes as often as any other."""
    import random

    of_short = round(short * _SHARES)
    mixed = [row for row in rows["short"] for _ in range(of_short)]
    mixed += [row for row in rows["long"] for _ in range(_SHARES - of_short)]
    random.Random(seed).shuffle(mixed)  # noqa: S311 - no secret is made
    return mixed


def _train(
    model: PeftModel,
    tokenizer: PreTrainedTokenizerBase,
    rows: Sequence[dict[str, Any]],
    options: GrpoOptions,
    *,
    steps: int,
    done: int,
) -> list[list[Worth]]:
    """Train for some steps; what was drawn at each of them was worth."""
    from datasets import Dataset  # type: ignore[import-untyped]
    from trl import GRPOConfig, GRPOTrainer  # type: ignore[attr-defined]

    scored: list[list[Worth]] = []

    def pay(completion_ids: list[list[int]], trainer_state: Any, **columns: list[Any]) -> list[float | None]:
        drawn = [
            Drawn(*row)
            for row in zip(columns["place"], columns["mode"], completion_ids, columns["wanted"], strict=True)
        ]
        worths = score_answers(drawn, _decoder(tokenizer), options.reward, step=done + trainer_state.global_step)
        scored.append(worths)
        return [worth.total for worth in worths]

    with tempfile.TemporaryDirectory() as folder, seeded(options.seed + done):
        settings = GRPOConfig(
            **trainer_settings(Path(folder), options.device, options.seed + done),
            max_steps=steps,
            learning_rate=options.learning_rate,
            lr_scheduler_type="constant",
            per_device_train_batch_size=options.group,
            gradient_accumulation_steps=options.prompts,
            num_generations=options.group,
            max_completion_length=options.longest,
            temperature=options.temperature,
            scale_rewards="none",
            remove_unused_columns=False,
        )
        trainer = GRPOTrainer(
            model=model,
            reward_funcs=pay,
            args=settings,
            train_dataset=Dataset.from_list(
                [{**row, "prompt": _without_first_mark(tokenizer, row["prompt"])} for row in rows]
            ),
            processing_class=tokenizer,
        )
        quieten(trainer)
        trainer.train()
    return scored


def _without_first_mark(tokenizer: PreTrainedTokenizerBase, prompt: str) -> str:
    """The prompt less the mark that opens a text, where TRL's reading of it puts one there again."""
    mark = tokenizer.bos_token
    adds = mark is not None and tokenizer("a")["input_ids"][:1] == [tokenizer.bos_token_id]
    return prompt.removeprefix(str(mark)) if adds else prompt


def _decoder(tokenizer: PreTrainedTokenizerBase) -> Callable[[Sequence[int]], str]:
    def decode(tokens: Sequence[int]) -> str:
        ended = list(tokens[:-1]) if tokens and tokens[-1] == tokenizer.eos_token_id else list(tokens)
        return str(tokenizer.decode(ended, skip_special_tokens=False))

    return decode


def _stretch(scored: Sequence[Sequence[Worth]], steps: int, short: float) -> Stretch:
    every = [worth for step in scored for worth in step]
    return Stretch(
        steps=steps,
        short=short,
        rewards=tuple(sum(worth.total for worth in step) / len(step) for step in scored),
        tokens=sum(worth.tokens for worth in every) / len(every),
        accuracy=sum(worth.correct for worth in every) / len(every),
    )


def _reference(scored: Sequence[Sequence[Worth]]) -> Reference | None:
    """What each mode came to; None until both were drawn."""
    figures: dict[Mode, tuple[float, float]] = {}
    for mode in ("short", "long"):
        own = [worth for step in scored for worth in step if worth.mode == mode]
        if not own:
            return None
        figures[mode] = (
            sum(worth.tokens for worth in own) / len(own),
            sum(worth.correct for worth in own) / len(own),
        )
    return Reference(*figures["short"], *figures["long"])
