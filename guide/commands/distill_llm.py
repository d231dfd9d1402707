"""`guide distill llm`: train a language model to rate and review."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from guide.commands.options import json_option
from guide.errors import InputError

if TYPE_CHECKING:
    from guide.llm.finetune.grpo import GrpoOptions
    from guide.llm.finetune.lengths import Schedule
    from guide.llm.finetune.lora import LoraOptions
    from guide.llm.finetune.raft import RaftOptions
    from guide.llm.finetune.sft import SftOptions

_RECIPES = ("sft", "raft", "grpo-length")
# Which recipes an option is for; the others take no notice of it, so it is refused there.
_ONLY = {
    "epochs": ("sft", "raft"),
    "batch": ("sft", "raft"),
    "held_out": ("sft", "raft"),
    "skip_rates": ("sft",),
    "skip_model": ("sft",),
    "task": ("sft",),
    "rounds": ("raft",),
    "samples": ("raft", "grpo-length"),
    "proposals": ("raft", "grpo-length"),
    "keep": ("raft",),
    "thinking": ("raft",),
    "answer_tokens": ("raft",),
    "rating_weight": ("raft",),
    "steps": ("grpo-length",),
    "length_weight": ("grpo-length",),
    "compress_weight": ("grpo-length",),
    "tolerance": ("grpo-length",),
    "budget": ("grpo-length",),
    "short": ("grpo-length",),
    "reweigh_every": ("grpo-length",),
}


@click.command(epilog="Example:  guide distill llm --recipe sft --model Qwen/Qwen3-4B --out mine reviews.jsonl.zst")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="FILE...")
@click.option("--recipe", type=click.Choice(_RECIPES), default="sft", show_default=True)
@click.option("--model", required=True, metavar="NAME", help="Folder or hub id of the model to start from.")
@click.option("--out", required=True, type=click.Path(path_type=Path), help="New folder for the trained model.")
@click.option("--until", type=int, help="Last year of records to use.")
@click.option("--seed", type=int, default=0, show_default=True)
@click.option("--device", type=click.Choice(["auto", "cpu"]), default="auto", show_default=True)
@click.option("--rank", type=int, help="Rank of the adapters.  [16]")
@click.option("--alpha", type=int, help="Scale of the adapters.  [32]")
@click.option("--targets", metavar="NAME,...", help="Layers that get an adapter.  [all-linear]")
@click.option("--learning-rate", type=float, help="[1e-4; grpo-length 1e-5]")
@click.option("--max-tokens", type=int, help="Of a prompt and its answer; grpo-length: of an answer.  [8192; 2048]")
@click.option("--epochs", type=float, help="sft, raft: how often each answer is seen.  [3; raft 1]")
@click.option("--batch", type=int, help="sft, raft: answers that one step of the optimiser sees.  [8]")
@click.option("--held-out", type=float, help="sft, raft: share of the proposals that is measured on.  [0.1]")
@click.option("--task", type=click.Choice(["review", "rating"]), help="sft: what is asked for.  [review]")
@click.option("--skip-rates", metavar="SHARE,...", help="sft: shares of its thinking that a teacher's keeps.")
@click.option("--skip-model", type=click.Path(path_type=Path), help="sft: folder of the LLMLingua-2 that shortens it.")
@click.option("--rounds", type=int, help="raft: how often to sample and train.  [4]")
@click.option("--samples", type=int, help="raft, grpo-length: answers to each proposal.  [16; 8]")
@click.option("--proposals", type=int, help="raft: a round; grpo-length: a step.  [1000; 4]")
@click.option("--keep", type=int, help="raft: answers kept of each proposal.  [1]")
@click.option("--thinking", type=int, help="raft: tokens an answer may think.  [0]")
@click.option("--answer-tokens", type=int, help="raft: tokens of a review.  [1024]")
@click.option("--rating-weight", type=float, help="raft: of the rating; the concerns have the rest.  [0.5]")
@click.option("--steps", type=int, help="grpo-length: of the optimiser.  [200]")
@click.option("--length-weight", type=float, help="grpo-length: of a short answer.  [1]")
@click.option("--compress-weight", type=float, help="grpo-length: of thinking that ends once it named its rating.  [0]")
@click.option("--tolerance", type=float, help="grpo-length: points a right rating may be off.  [1]")
@click.option(
    "--budget", metavar="LOW:HIGH:STEPS", help="grpo-length: tokens that count, falling and rising in a cycle."
)
@click.option("--short", type=float, help="grpo-length: share of the prompts without thinking.  [0]")
@click.option("--reweigh-every", type=int, help="grpo-length: steps after which that share is set anew.")
@json_option
def llm(files: tuple[Path, ...], recipe: str, model: str, out: Path, until: int | None, **values: Any) -> None:
    """Train a language model on FILEs: JSON lines with title, abstract, and reviews or a teacher's answer.

    sft learns the answers. raft learns the best of the model's own, by how near they come to people's ratings and
    concerns. grpo-length learns to rate rightly in few tokens. The result loads with --engine transformers or vllm.
    """
    import json

    as_json = values.pop("as_json")
    given = {name: value for name, value in values.items() if value is not None}
    for name in given:
        if recipe not in _ONLY.get(name, _RECIPES):
            raise InputError(
                f"--{name.replace('_', '-')} is not for the recipe {recipe}",
                fix=f"It is for: {', '.join(_ONLY[name])}.",
            )
    card = _train(files, recipe, model, out, until, given)
    if as_json:
        click.echo(json.dumps(card))
        return
    left_out = ", ".join(f"{n:,} {reason}" for reason, n in card["data"]["left_out"].items())
    if left_out:
        click.echo(f"left out: {left_out}", err=True)
    click.echo(f"{recipe} of {card['base']['id']}: {card['steps']:,} steps, saved in {out}")
    for line in _figures(card):
        click.echo(f"  {line}")


def _train(
    files: tuple[Path, ...], recipe: str, model: str, out: Path, until: int | None, given: Mapping[str, Any]
) -> dict[str, Any]:
    from guide.llm.finetune.lora import require_packages

    require_packages()
    from guide.llm.finetune.examples import read_examples
    from guide.llm.finetune.grpo import finetune_grpo
    from guide.llm.finetune.raft import finetune_raft
    from guide.llm.finetune.sft import finetune_sft
    from guide.llm.finetune.tokenskip import llmlingua_compressor

    data = read_examples(files, until=until)
    if recipe == "raft":
        return finetune_raft(model, data, out, _raft(given))
    if recipe == "grpo-length":
        return finetune_grpo(model, data, out, _grpo(given))
    compress = llmlingua_compressor(given["skip_model"]) if "skip_model" in given else None
    return finetune_sft(model, data, out, _sft(given), compress=compress)


def _lora(given: Mapping[str, Any]) -> LoraOptions:
    from guide.llm.finetune.lora import LoraOptions

    named = _named(given, rank="rank", alpha="alpha")
    if "targets" in given:
        named["targets"] = tuple(name.strip() for name in given["targets"].split(",") if name.strip())
    return replace(LoraOptions(), **named)


def _sft(given: Mapping[str, Any], epochs: float = 3.0) -> SftOptions:
    from guide.llm.finetune.sft import SftOptions

    named = _named(
        given, "epochs", "learning_rate", "max_tokens", "held_out", "task", "device", "seed", accumulate="batch"
    )
    if "skip_rates" in given:
        named["skip_rates"] = _numbers(given["skip_rates"], ",", "--skip-rates", "0.5,0.7,1")
    return replace(SftOptions(lora=_lora(given), epochs=epochs), **named)


def _raft(given: Mapping[str, Any]) -> RaftOptions:
    from guide.llm.finetune.raft import RaftOptions
    from guide.llm.finetune.rewards import RewardOptions
    from guide.llm.finetune.sampling import SampleOptions

    reward = replace(RewardOptions(), **_named(given, weight="rating_weight"))
    sampling = replace(SampleOptions(reward=reward), **_named(given, "samples", "thinking", answer="answer_tokens"))
    named = _named(given, "rounds", "keep", batch="proposals")
    return replace(RaftOptions(), training=_sft(given, epochs=1.0), sampling=sampling, **named)


def _grpo(given: Mapping[str, Any]) -> GrpoOptions:
    from guide.llm.finetune.grpo import GrpoOptions
    from guide.llm.finetune.length_reward import LengthOptions

    reward = replace(
        LengthOptions(schedule=_schedule(given.get("budget"))),
        **_named(given, "tolerance", length="length_weight", compress="compress_weight"),
    )
    named = _named(
        given, "steps", "learning_rate", "max_tokens", "short", "reweigh_every", "device", "seed",
        group="samples", prompts="proposals",
    )  # fmt: skip
    return replace(GrpoOptions(lora=_lora(given), reward=reward), **named)


def _schedule(text: str | None) -> Schedule | None:
    from guide.llm.finetune.lengths import Schedule

    if text is None:
        return None
    numbers = _numbers(text, ":", "--budget", "8192:16384:640")
    if len(numbers) != 3:
        raise InputError(f"--budget has {len(numbers)} numbers", fix="Write for example 8192:16384:640.")
    return Schedule(*map(int, numbers))


def _numbers(text: str, mark: str, option: str, example: str) -> tuple[float, ...]:
    try:
        return tuple(float(part) for part in text.split(mark))
    except ValueError as error:
        raise InputError(f"{option} cannot be read: {text!r}", fix=f"Write for example {example}.") from error


def _named(given: Mapping[str, Any], *same: str, **renamed: str) -> dict[str, Any]:
    """Those of some settings that were given, under their names in the library."""
    names = {**{name: name for name in same}, **renamed}
    return {name: given[option] for name, option in names.items() if option in given}


def _figures(card: Mapping[str, Any]) -> list[str]:
    """What a training came to, in lines."""
    if card["recipe"] == "sft":
        loss = card["held_out_loss"]
        return [f"loss on {card['examples']['held_out']:,} held out: {loss['before']:.3f} -> {loss['after']:.3f}"]
    if card["recipe"] == "raft":
        rounds = [
            f"round {number}: reward {one['sampled']:.3f} of all, {one['kept']:.3f} of those kept"
            for number, one in enumerate(card["rounds"], 1)
        ]
        reward = card["held_out_reward"]
        held = card["examples"]["held_out"]
        return [*rounds, f"reward on {held:,} held out: {reward['before']:.3f} -> {reward['after']:.3f}"]
    return [
        f"{one['steps']:,} steps, {one['short']:.0%} without thinking: {one['tokens']:.0f} tokens an answer, "
        f"{one['accuracy']:.0%} right"
        for one in card["stretches"]
    ]
