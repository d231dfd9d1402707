"""Supervised training: the model learns to write the answers of examples, and its loss on held-out ones is measured.

Prompts are rendered as they are when the model is asked for a review, and the loss counts what comes behind them.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from guide.errors import InputError
from guide.llm.finetune.examples import Example, ExampleSet
from guide.llm.finetune.lora import (
    ADAPTER,
    Device,
    LoraOptions,
    load_adapted,
    losses_of,
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
from guide.llm.finetune.tokenskip import Compress, Thought, skip_pairs
from guide.llm.identity import hash_model, model_name
from guide.llm.model import Message, TextModel
from guide.llm.prompt import Task, build_prompt, prompts_sha256
from guide.llm.reasoner import choose_probe
from guide.llm.thinking.labels import ScoreProbe
from guide.llm.thinking.trace import end_thinking

if TYPE_CHECKING:
    from peft import PeftModel
    from transformers import PreTrainedTokenizerBase

SKIP_SEPARATOR = "\n-----\n"  # around the share of the thinking to keep, behind what the user asks

_IGNORED = -100  # label of a token that the loss passes over


@dataclass(frozen=True, slots=True)
class Pair:
    """A prompt and what is to follow it.

    Attributes:
        prompt: the whole text, marks of the chat template included.
        completion: what is to follow.
        ends: whether the model is to end there by itself; not where an answer was cut off.
    """

    prompt: str
    completion: str
    ends: bool = True


@dataclass(frozen=True, slots=True)
class SftOptions:
    """How to train.

    Attributes:
        lora: the adapters.
        epochs: how often each example is seen.
        learning_rate: at its highest; it falls to 0 along a cosine.
        batch: examples a step.
        accumulate: steps whose gradients are added up.
        max_tokens: of a prompt and its answer; longer ones are left out, not cut, since a cut answer teaches to cut.
        held_out: share of the examples that the loss is measured on.
        task: what is asked for: the rating with a review, or the rating alone.
        skip_rates: shares to which thinking is shortened, one drawn for each example that has some (TokenSkip); none
            leaves all thinking whole.
        device: "auto" takes a GPU where there is one.
        seed: of all draws.
    """

    lora: LoraOptions = field(default_factory=LoraOptions)
    epochs: float = 3.0
    learning_rate: float = 1e-4
    batch: int = 1
    accumulate: int = 8
    max_tokens: int = 8192
    held_out: float = 0.1
    task: Task = "review"
    skip_rates: tuple[float, ...] = ()
    device: Device = "auto"
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Trained:
    """What a training came to.

    Attributes:
        losses: at each step.
        before: mean loss on what was held out, before; None where nothing was.
        after: the same, after.
        used: pairs learnt from.
        too_long: pairs left out for their length.
    """

    losses: tuple[float, ...]
    before: float | None
    after: float | None
    used: int
    too_long: int


def finetune_sft(
    base: str, data: ExampleSet, out: Path, options: SftOptions | None = None, *, compress: Compress | None = None
) -> dict[str, Any]:
    """Train a model on the answers of examples and save it.

    Args:
        base: folder or hub id of the model.
        data: examples.
        out: new folder for the weights, with the adapters in the folder "adapter" and the card in "distillation.json".
        options: how to train.
        compress: shortens thinking, where `options.skip_rates` asks for it.

    Returns:
        The card.

    Raises:
        InputError: a package is missing, the folder is not empty, or there is too little to learn from.
        ModelError: the model cannot be loaded.
    """
    options = options or SftOptions()
    if bool(options.skip_rates) != (compress is not None):
        raise InputError("shares to keep go with a compressor", fix="Give both, or neither.")
    require_packages()
    training, held_out = data.split(options.held_out, options.seed)
    require_empty(out)
    model = load_sampler(base, options.device)
    probe = choose_probe(model)
    pairs, others = (pairs_of(model, probe, part, options, compress) for part in (training, held_out))
    del model
    release_memory()
    trained, tokenizer = load_adapted(base, options.lora, device=options.device, seed=options.seed)
    done = train_pairs(trained, tokenizer, pairs, others, options)
    save_adapter(trained, out / ADAPTER, base)
    save_merged(trained, tokenizer, out)
    return write_card(
        out,
        {
            **describe("sft", base, data, options),
            "examples": {"trained_on": done.used, "held_out": len(others), "too_long": done.too_long},
            "steps": len(done.losses),
            "losses": list(done.losses),
            "held_out_loss": {"before": done.before, "after": done.after},
        },
    )


def load_sampler(model: str, device: Device) -> TextModel:
    """The model as it is asked, to render prompts and to sample from. Raises ModelError as its engine does."""
    from guide.llm.transformers_model import TransformersModel

    return TransformersModel(model, device="cpu" if device == "cpu" else None)


def pairs_of(
    model: TextModel,
    probe: ScoreProbe,
    examples: Sequence[Example],
    options: SftOptions,
    compress: Compress | None = None,
) -> list[Pair]:
    """Examples as the model is asked for them, and answers: thinking where there is some, rating, review as JSON.

    With a compressor the thinking is shortened, and the prompt says to which share.
    """
    asked = [build_prompt(example.request, task=options.task).messages for example in examples]
    answers = [_answer(probe, example, options.task) for example in examples]
    thoughtful = [place for place, example in enumerate(examples) if example.thinking]
    questions = {place: asked[place][-1].content for place in thoughtful}
    written = {place: end_thinking(examples[place].thinking) + answers[place] for place in thoughtful}
    if compress is not None:
        thoughts = [
            Thought(questions[place], examples[place].thinking, end_thinking("") + answers[place])
            for place in thoughtful
        ]
        skipped = skip_pairs(thoughts, compress, separator=SKIP_SEPARATOR, rates=options.skip_rates, seed=options.seed)
        for place, pair in zip(thoughtful, skipped, strict=True):
            questions[place], written[place] = pair.prompt, pair.completion
    pairs = []
    for place, messages in enumerate(asked):
        thinks = place in questions
        turns = [*messages[:-1], Message("user", questions[place])] if thinks else messages
        pairs.append(Pair(model.render(turns, thinking=thinks), written[place] if thinks else answers[place]))
    return pairs


def _answer(probe: ScoreProbe, example: Example, task: Task) -> str:
    label = next(label for label, value in probe.labels.items() if value == example.rating)
    rating = f"{probe.lead}{label}"
    return rating if task == "rating" else f"{rating}\n\n{example.answer.model_dump_json()}"


def train_pairs(
    model: PeftModel,
    tokenizer: PreTrainedTokenizerBase,
    pairs: Sequence[Pair],
    held_out: Sequence[Pair],
    options: SftOptions,
) -> Trained:
    """Train the adapters of a model on pairs, with TRL's trainer.

    Raises:
        InputError: every pair is too long.
    """
    from datasets import Dataset  # type: ignore[import-untyped]
    from trl import SFTConfig, SFTTrainer  # type: ignore[attr-defined]

    room = min(options.max_tokens, getattr(model.config, "max_position_embeddings", None) or options.max_tokens)
    rows = [_tokens(tokenizer, pair) for pair in pairs]
    fitting = [row for row in rows if len(row["input_ids"]) <= room]
    checked = [row for row in (_tokens(tokenizer, pair) for pair in held_out) if len(row["input_ids"]) <= room]
    if not fitting:
        shortest = min((len(row["input_ids"]) for row in rows), default=0)
        raise InputError(
            f"no example fits into {room} tokens (the shortest has {shortest})",
            fix="Give more with --max-tokens, or a model with a longer context.",
        )
    with tempfile.TemporaryDirectory() as folder, seeded(options.seed):
        settings = SFTConfig(
            **trainer_settings(Path(folder), options.device, options.seed),
            num_train_epochs=options.epochs,
            learning_rate=options.learning_rate,
            lr_scheduler_type="cosine",
            warmup_steps=0.1,
            per_device_train_batch_size=options.batch,
            per_device_eval_batch_size=options.batch,
            gradient_accumulation_steps=options.accumulate,
            max_length=None,
            # The tokens are ours: special ones stand in the text already, and only completions are learnt.
            dataset_kwargs={"skip_prepare_dataset": True},
        )
        trainer = SFTTrainer(
            model=model,
            args=settings,
            train_dataset=Dataset.from_list(fitting),
            eval_dataset=Dataset.from_list(checked) if checked else None,
            processing_class=tokenizer,
        )
        quieten(trainer)
        before = float(trainer.evaluate()["eval_loss"]) if checked else None
        trainer.train()
        after = float(trainer.evaluate()["eval_loss"]) if checked else None
        losses = losses_of(trainer.state.log_history)
    return Trained(tuple(losses), before, after, len(fitting), len(rows) - len(fitting))


def describe(recipe: str, base: str, data: ExampleSet, options: Any) -> dict[str, Any]:
    """What the cards of all recipes begin with."""
    return {
        "recipe": recipe,
        "base": {"id": model_name(base), "sha256": hash_model(base, {})},
        "data": {
            "sha256": data.sha256,
            "records": len(data.examples),
            "left_out": dict(data.left_out),
            "trained_until": data.last_year,
        },
        "prompts_sha256": prompts_sha256(),
        "seed": options.seed,
        "options": asdict(options),
    }


def _tokens(tokenizer: PreTrainedTokenizerBase, pair: Pair) -> dict[str, list[int]]:
    """Token ids of a pair read as one text, as it is when the model is asked, and the labels of its completion."""
    read = tokenizer(pair.prompt + pair.completion, add_special_tokens=False, return_offsets_mapping=True)
    ids: list[int] = list(read["input_ids"])
    labels = [
        token if end > len(pair.prompt) else _IGNORED
        for token, (_, end) in zip(ids, read["offset_mapping"], strict=True)
    ]
    if pair.ends and tokenizer.eos_token_id is not None:
        ids.append(int(tokenizer.eos_token_id))
        labels.append(int(tokenizer.eos_token_id))
    return {"input_ids": ids, "labels": labels}
