from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from guide.errors import InputError
from guide.llm.finetune.examples import ExampleSet
from guide.llm.finetune.raft import RaftOptions, best, finetune_raft
from guide.llm.finetune.rewards import Reward, RewardOptions
from guide.llm.finetune.sampling import Sample, SampleOptions, draw_samples
from guide.llm.finetune.sft import Pair
from guide.llm.reasoner import choose_probe
from guide.llm.transformers_model import TransformersModel
from tests.llm.finetune.conftest import QUICK

FEW = SampleOptions(samples=4, answer=16, reward=RewardOptions(weight=0.9))


@pytest.fixture(scope="module")
def trained(base: str, reviews: ExampleSet, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    out = tmp_path_factory.mktemp("raft") / "out"
    return out, finetune_raft(base, reviews, out, RaftOptions(QUICK, FEW, rounds=3, checked=1))


def test_the_reward_rises_from_round_to_round_and_on_what_was_held_out(trained: tuple[Path, dict[str, Any]]) -> None:
    _, card = trained
    kept = [one["kept"] for one in card["rounds"]]
    sampled = [one["sampled"] for one in card["rounds"]]
    assert len(kept) == 3
    assert kept[-1] > kept[0]
    assert sampled[-1] > sampled[0]
    assert all(ours >= theirs for ours, theirs in zip(kept, sampled, strict=True))
    assert card["held_out_reward"]["after"] > card["held_out_reward"]["before"]


def test_the_last_rounds_model_is_saved_and_the_rounds_are_not(trained: tuple[Path, dict[str, Any]]) -> None:
    out, card = trained
    assert not (out / "rounds").exists()
    assert (out / "adapter" / "adapter_model.safetensors").is_file()
    assert card["recipe"] == "raft"
    assert card["steps"] == sum(one["steps"] for one in card["rounds"]) > 0
    model = TransformersModel(str(out), device="cpu")
    assert choose_probe(model).lead == "Rating:"


def test_the_adapters_grow_over_the_rounds_on_one_base(trained: tuple[Path, dict[str, Any]], base: str) -> None:
    from peft import PeftModel
    from torch import testing
    from transformers import AutoModelForCausalLM

    out, _ = trained
    ours = AutoModelForCausalLM.from_pretrained(out)
    added = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(base), str(out / "adapter"))
    testing.assert_close(ours.state_dict(), added.merge_and_unload().state_dict(), atol=1e-6, rtol=1e-5)


def test_samples_are_those_of_their_seed_and_worth_what_their_rating_is(base: str, reviews: ExampleSet) -> None:
    model = TransformersModel(base, device="cpu")
    probe = choose_probe(model)
    (first,) = draw_samples(model, probe, reviews.examples[:1], FEW, 3)
    assert (first,) == tuple(draw_samples(model, probe, reviews.examples[:1], FEW, 3))
    assert (first,) != tuple(draw_samples(model, probe, reviews.examples[:1], FEW, 4))
    # The ratings by people are 2 and 3; without thinking only the letter drawn tells the samples' matches apart.
    by_label = {sample.label: sample.reward.match for sample in first}
    distance = {label: abs(probe.labels[label] - 2.5) for label in by_label}
    assert sorted(by_label, key=lambda label: -by_label[label]) == sorted(by_label, key=lambda label: distance[label])
    assert all(sample.pair.completion.startswith(f"Rating:{sample.label}\n\n") for sample in first)


def test_what_cannot_be_read_is_not_learnt_from(base: str, reviews: ExampleSet) -> None:
    model = TransformersModel(base, device="cpu")
    options = SampleOptions(samples=2, answer=1)
    (group,) = draw_samples(model, choose_probe(model), reviews.examples[:1], options, 0)
    assert all(sample.answer is None and not sample.pair.ends for sample in group)
    assert all(sample.pair.completion == f"Rating:{sample.label}\n\n" for sample in group)
    assert all(sample.reward.overlap == 0 < sample.reward.match for sample in group)


def test_a_sample_that_thinks_is_learnt_with_its_thinking(base: str, reviews: ExampleSet) -> None:
    model = TransformersModel(base, device="cpu")
    options = SampleOptions(samples=2, thinking=6, answer=1)
    (group,) = draw_samples(model, choose_probe(model), reviews.examples[:1], options, 0)
    assert group[0].pair != group[1].pair
    for sample in group:
        assert sample.pair.prompt.endswith("<think>\n")
        thinking, _, rest = sample.pair.completion.partition("\n</think>\n\n")
        assert thinking.strip()
        assert rest == f"Rating:{sample.label}\n\n"


def _worth(total: float, text: str) -> Sample:
    return Sample(Pair("", text), " A", None, Reward(0, 0, total))


def test_the_best_of_each_group_are_kept_and_equal_texts_once() -> None:
    groups = [
        [_worth(0.1, "a"), _worth(0.9, "b"), _worth(0.9, "b"), _worth(0.5, "c")],
        [_worth(0.2, "d"), _worth(0.2, "e")],
    ]
    assert [sample.pair.completion for sample in best(groups, 1)] == ["b", "d"]
    assert [sample.pair.completion for sample in best(groups, 2)] == ["b", "c", "d", "e"]
    assert np.mean([sample.reward.total for sample in best(groups, 1)]) == pytest.approx(0.55)


def test_more_cannot_be_kept_than_is_sampled() -> None:
    with pytest.raises(InputError, match="cannot be drawn"):
        RaftOptions(sampling=FEW, keep=5)
