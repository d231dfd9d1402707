import json

import pytest
from click import Group

from guide.commands.distill import distill
from guide.llm.finetune import lora
from guide.llm.transformers_model import TransformersModel
from tests.llm.finetune.records import reviewed, taught, write_records
from tests.llm.tiny_models import make_qwen2

QUICK = ("--device", "cpu", "--rank", "8", "--learning-rate", "0.01")


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return make_qwen2(tmp_path_factory.mktemp("model"), layers=1)


@pytest.fixture
def file(tmp_path):
    return write_records(tmp_path / "reviews.jsonl", [reviewed(number) for number in range(3)])


def test_decisions_are_distilled_with_and_without_the_commands_name(cli, tmp_path):
    missing = tmp_path / "none.jsonl"
    for words in (["distill"], ["distill", "student"]):
        for order in ([missing, "--out", tmp_path / "out"], ["--out", tmp_path / "out", missing]):
            result = cli(*words, *order)
            assert result.exit_code == 2
            assert result.output.startswith(f"guide: {missing}: cannot be read")


def test_distill_without_arguments_asks_for_decisions(cli):
    result = cli("distill")
    assert result.exit_code == 2
    assert "Missing argument 'DECISIONS'" in result.output


def test_help_names_both_commands(cli):
    result = cli("distill", "--help")
    assert result.exit_code == 0
    assert isinstance(distill, Group)
    assert all(f"\n  {name} " in result.output for name in ("llm", "student"))


def test_a_model_is_trained_saved_and_answers(cli, model, file, tmp_path):
    out = tmp_path / "mine"
    result = cli("distill", "llm", "--model", model, "--out", out, "--epochs", 1, "--batch", 1, *QUICK, file)
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith(f"sft of {model.name}: 2 steps, saved in {out}\n  loss on 1 held out: ")
    assert TransformersModel(str(out), device="cpu").id == "mine"


def test_raft_prints_its_card_as_json_and_says_what_was_left_out(cli, model, tmp_path):
    file = write_records(tmp_path / "r.jsonl", [*(reviewed(number) for number in range(2)), {"title": "x"}])
    options = ["--rounds", 1, "--samples", 2, "--answer-tokens", 8, "--targets", "q_proj, v_proj", "--json"]
    result = cli(
        "distill", "llm", "--recipe", "raft", "--model", model, "--out", tmp_path / "o", *QUICK, *options, file
    )
    assert result.exit_code == 0, result.output
    card = json.loads(result.stdout)
    assert card == json.loads((tmp_path / "o" / "distillation.json").read_text())
    assert len(card["rounds"]) == 1
    assert card["data"]["left_out"] == {"without title or abstract": 1}
    assert card["options"]["training"]["lora"] == {
        "rank": 8,
        "alpha": 32,
        "dropout": 0.0,
        "targets": ["q_proj", "v_proj"],
    }


def test_grpo_takes_its_budget_from_the_command_line(cli, model, tmp_path):
    file = write_records(tmp_path / "t.jsonl", [taught(number) for number in range(2)])
    options = ["--steps", 1, "--samples", 2, "--proposals", 1, "--budget", "4:8:2", "--short", "0.5"]
    result = cli(
        "distill", "llm", "--recipe", "grpo-length", "--model", model, "--out", tmp_path / "o", *QUICK, *options, file
    )
    assert result.exit_code == 0, result.output
    assert "1 steps, 50% without thinking: " in result.stdout
    assert json.loads((tmp_path / "o" / "distillation.json").read_text())["budgets"] == [8]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--rounds", "2"], "--rounds is not for the recipe sft. It is for: raft."),
        (["--recipe", "grpo-length", "--budget", "5"], "--budget has 1 numbers"),
        (["--recipe", "grpo-length", "--budget", "a:b:c"], "--budget cannot be read: 'a:b:c'"),
        (["--skip-rates", "0.5"], "shares to keep go with a compressor"),
        (["--rank", "0"], "adapters that cannot be made"),
        (["--until", "2000"], "no record can be learnt from (3 later than 2000, or without a year)"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line(cli, model, file, tmp_path, options, said):
    result = cli("distill", "llm", "--model", model, "--out", tmp_path / "out", *options, file)
    assert result.exit_code == 2
    assert said in result.output
    assert len(result.output.splitlines()) == 1
    assert not (tmp_path / "out").exists()


def test_without_its_packages_the_command_says_how_to_get_them(cli, model, file, tmp_path, monkeypatch):
    monkeypatch.setattr(lora, "_PACKAGES", ("no_such_package",))
    result = cli("distill", "llm", "--model", model, "--out", tmp_path / "out", file)
    assert result.exit_code == 2
    assert "pip install 'guide-advisor[llm,distill]'" in result.output
