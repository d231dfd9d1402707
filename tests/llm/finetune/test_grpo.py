from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from guide.errors import InputError
from guide.llm.finetune.examples import ExampleSet
from guide.llm.finetune.grpo import GrpoOptions, finetune_grpo, mix, prompt_rows
from guide.llm.finetune.length_reward import LengthOptions
from guide.llm.finetune.lengths import Schedule
from guide.llm.finetune.lora import LoraOptions
from guide.llm.model import Ask, Sampling
from guide.llm.prompt import build_prompt
from guide.llm.transformers_model import TransformersModel

OPTIONS = GrpoOptions(
    lora=LoraOptions(rank=16, alpha=32), steps=7, group=8, prompts=1, learning_rate=6e-3, max_tokens=32, device="cpu"
)


@pytest.fixture(scope="module")
def trained(warm: str, thinkers: ExampleSet, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    out = tmp_path_factory.mktemp("grpo") / "out"
    return out, finetune_grpo(warm, thinkers, out, OPTIONS)


def _mean_tokens(folder: str | Path, data: ExampleSet) -> float:
    model = TransformersModel(str(folder), device="cpu")
    prompt = model.render(build_prompt(data.examples[0].request, task="rating").messages, thinking=True)
    drawn = model.complete([Ask("a", prompt, Sampling(temperature=1, top_p=0.9, max_tokens=40), 32)])["a"]
    assert sum("Rating: F" in answer.text for answer in drawn) > 24
    return sum(answer.tokens for answer in drawn) / len(drawn)


def test_answers_become_shorter_and_stay_right(
    trained: tuple[Path, dict[str, Any]], warm: str, thinkers: ExampleSet
) -> None:
    out, card = trained
    assert _mean_tokens(out, thinkers) < 0.9 * _mean_tokens(warm, thinkers)
    assert card["recipe"] == "grpo-length"
    assert len(card["rewards"]) == card["steps"] == 7
    assert card["budgets"] is None
    assert card["stretches"][0]["accuracy"] > 0.5


def test_the_budget_and_the_mixture_follow_their_rules(warm: str, thinkers: ExampleSet, tmp_path: Path) -> None:
    options = GrpoOptions(
        lora=OPTIONS.lora,
        reward=LengthOptions(compress=1, schedule=Schedule(low=16, high=40, period=4)),
        steps=3,
        group=2,
        prompts=2,
        short=0.5,
        reweigh_every=2,
        device="cpu",
    )
    card = finetune_grpo(warm, thinkers, tmp_path / "out", options)
    assert card["budgets"] == [40, 28, 16]
    assert [one["steps"] for one in card["stretches"]] == [2, 1]
    assert card["stretches"][0]["short"] == 0.5
    # Answers that are longer than the short ones shift the mixture towards these.
    assert card["stretches"][1]["short"] > 0.5


def test_a_mixture_has_the_share_it_was_asked_for_and_every_example_alike(base: str, thinkers: ExampleSet) -> None:
    rows = prompt_rows(TransformersModel(base, device="cpu"), thinkers.examples, 40)
    mixed = mix(rows, 0.3, seed=0)
    assert sum(row["mode"] == "short" for row in mixed) == 0.3 * len(mixed)
    assert set(Counter(row["place"] for row in mixed).values()) == {20}
    assert mix(rows, 0.3, seed=0) == mixed != mix(rows, 0.3, seed=1)
    assert all(row["prompt"].endswith("<think>\n") == (row["mode"] == "long") for row in mixed)


def test_prompts_that_leave_no_room_are_refused(base: str, thinkers: ExampleSet) -> None:
    with pytest.raises(InputError, match="no prompt leaves room for 4000 tokens in a context of 4096"):
        prompt_rows(TransformersModel(base, device="cpu"), thinkers.examples, 4000)


def test_a_mixture_of_one_part_is_not_reweighed() -> None:
    with pytest.raises(InputError, match="one part"):
        GrpoOptions(reweigh_every=5)
