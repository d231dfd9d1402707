from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from safetensors import safe_open

from guide.errors import InputError, ModelError
from guide.llm.finetune import lora
from guide.llm.finetune.examples import ExampleSet
from guide.llm.finetune.lora import LoraOptions, hash_weights
from guide.llm.finetune.sft import SftOptions, finetune_sft, pairs_of
from guide.llm.identity import hash_model
from guide.llm.model import Ask, Sampling
from guide.llm.prompt import build_prompt
from guide.llm.reasoner import choose_probe
from guide.llm.transformers_model import TransformersModel
from tests.llm.finetune.conftest import LONG_THINKING, QUICK

_PICKLES = (".bin", ".pt", ".pth", ".pkl", ".ckpt")


@pytest.fixture(scope="module")
def trained(base: str, reviews: ExampleSet, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    out = tmp_path_factory.mktemp("sft") / "out"
    return out, finetune_sft(base, reviews, out, QUICK)


def test_the_loss_falls_on_what_was_held_out(trained: tuple[Path, dict[str, Any]]) -> None:
    _, card = trained
    assert card["held_out_loss"]["after"] < 0.9 * card["held_out_loss"]["before"]
    assert card["losses"][-1] < card["losses"][0]
    assert card["steps"] == len(card["losses"]) == 8
    assert card["examples"] == {"trained_on": 4, "held_out": 1, "too_long": 0}


def test_the_saved_model_loads_and_answers(trained: tuple[Path, dict[str, Any]], reviews: ExampleSet) -> None:
    out, _ = trained
    model = TransformersModel(str(out), device="cpu")
    prompt = model.render(build_prompt(reviews.examples[0].request).messages, thinking=False)
    (answer,) = model.complete([Ask("a", prompt, Sampling(max_tokens=8))])["a"]
    assert answer.tokens == 8
    assert choose_probe(model).lead == "Rating:"


def test_the_saved_weights_are_the_base_with_the_adapters_added_in(
    trained: tuple[Path, dict[str, Any]], base: str
) -> None:
    from peft import PeftModel
    from torch import testing
    from transformers import AutoModelForCausalLM

    out, card = trained
    ours = AutoModelForCausalLM.from_pretrained(out)
    added = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(base), str(out / "adapter"))
    testing.assert_close(ours.state_dict(), added.merge_and_unload().state_dict(), atol=1e-6, rtol=1e-5)
    assert card["weights_sha256"] == hash_weights(out) != hash_weights(Path(base))


def test_the_card_says_what_it_was_made_of(
    trained: tuple[Path, dict[str, Any]], base: str, reviews: ExampleSet
) -> None:
    out, card = trained
    assert json.loads((out / "distillation.json").read_text()) == json.loads(json.dumps(card))
    assert card["recipe"] == "sft"
    assert card["base"]["sha256"] == hash_model(base, {})
    assert card["data"]["sha256"] == reviews.sha256
    assert card["data"]["trained_until"] == 2023
    assert card["seed"] == 0
    assert card["libraries"]["peft"]


def test_nothing_is_pickled_and_nothing_is_left_behind(trained: tuple[Path, dict[str, Any]]) -> None:
    out, _ = trained
    files = [path for path in out.rglob("*") if path.is_file()]
    assert not [path for path in files if path.suffix in _PICKLES]
    assert {path.name for path in (out / "adapter").iterdir()} == {"adapter_config.json", "adapter_model.safetensors"}
    with safe_open(out / "model.safetensors", "pt") as weights:
        assert not [name for name in weights.keys() if "lora" in name]  # noqa: SIM118 - it is no dictionary


def test_the_same_seed_gives_the_same_weights_and_another_one_others(
    trained: tuple[Path, dict[str, Any]], base: str, reviews: ExampleSet, tmp_path: Path
) -> None:
    out, card = trained
    again = finetune_sft(base, reviews, tmp_path / "again", QUICK)
    assert again == card
    assert hash_model(str(tmp_path / "again"), {}) == hash_model(str(out), {})
    other = finetune_sft(base, reviews, tmp_path / "other", replace(QUICK, seed=1, epochs=0.25))
    assert other["weights_sha256"] != card["weights_sha256"]


def test_only_the_answer_is_learnt_with_its_end(warm: str, thinkers: ExampleSet) -> None:
    model = TransformersModel(warm, device="cpu")
    example = thinkers.examples[0]
    prompt = model.render(build_prompt(example.request, task="rating").messages, thinking=True)
    drawn = model.complete([Ask("a", prompt, Sampling(temperature=1, top_p=0.9, max_tokens=40), 8)])["a"]
    assert {answer.finish for answer in drawn} == {"end"}
    assert all(answer.text.endswith("</think>\n\nRating: F") for answer in drawn)


def test_an_answer_is_written_as_the_engine_asks_for_it(base: str, reviews: ExampleSet, thinkers: ExampleSet) -> None:
    model = TransformersModel(base, device="cpu")
    probe = choose_probe(model)
    quiet, loud = pairs_of(model, probe, [reviews.examples[0], thinkers.examples[1]], SftOptions())
    assert quiet.prompt.endswith("<think>\n\n</think>\n\n")
    assert quiet.completion == f"Rating: C\n\n{reviews.examples[0].answer.model_dump_json()}"
    assert loud.prompt.endswith("<|im_start|>assistant\n<think>\n")
    assert loud.completion.startswith(f"{LONG_THINKING}\n</think>\n\nRating: F\n\n{{")


def test_shortened_thinking_is_announced_where_the_user_asks(base: str, thinkers: ExampleSet) -> None:
    def halve(texts: Sequence[str], rate: float) -> list[str]:
        return [text[: round(rate * len(text))] for text in texts]

    model = TransformersModel(base, device="cpu")
    options = SftOptions(task="rating", skip_rates=(0.5,))
    pair = pairs_of(model, choose_probe(model), [thinkers.examples[1]], options, halve)[0]
    assert "\n-----\n0.5\n-----\n<|im_end|>\n<|im_start|>assistant\n" in pair.prompt
    assert pair.completion == f"{LONG_THINKING[: round(0.5 * len(LONG_THINKING))]}\n</think>\n\nRating: F"


def test_examples_that_do_not_fit_are_left_out_and_not_cut(base: str, reviews: ExampleSet, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no example fits into 100 tokens"):
        finetune_sft(base, reviews, tmp_path / "out", replace(QUICK, max_tokens=100))


def test_the_saved_tokenizer_cuts_text_as_the_bases_own(trained: tuple[Path, dict[str, Any]], base: str) -> None:
    from tokenizers import Tokenizer

    text = "In 2024 we say 1,048,576   so\n\nWait: don't 27%"
    ours, due = (Tokenizer.from_file(str(Path(one) / "tokenizer.json")) for one in (trained[0], base))
    assert ours.encode(text, add_special_tokens=False).ids == due.encode(text, add_special_tokens=False).ids
    saved = TransformersModel(str(trained[0]), device="cpu")
    assert saved.count_tokens([text]) == [len(due.encode(text, add_special_tokens=False).ids)]


def test_a_folder_that_holds_something_is_left_alone(base: str, reviews: ExampleSet, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(InputError, match="not empty"):
        finetune_sft(base, reviews, tmp_path, QUICK)
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


def test_a_model_that_is_not_there_is_said_to_be_missing(reviews: ExampleSet, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="cannot be loaded"):
        finetune_sft(str(tmp_path / "none"), reviews, tmp_path / "out", QUICK)


def test_layers_that_the_model_has_not_are_refused(base: str, reviews: ExampleSet, tmp_path: Path) -> None:
    options = replace(QUICK, lora=LoraOptions(targets=("not_there",)))
    with pytest.raises(InputError, match="no layers called not_there"):
        finetune_sft(base, reviews, tmp_path / "out", options)


def test_a_missing_package_is_named_with_the_command_that_installs_it(
    reviews: ExampleSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lora, "_PACKAGES", ("no_such_package",))
    with pytest.raises(InputError, match=r"no_such_package.*pip install 'guide-advisor\[llm,distill\]'"):
        finetune_sft("unread", reviews, tmp_path / "out", QUICK)
    assert not (tmp_path / "out").exists()
