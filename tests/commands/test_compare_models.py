import json

import pytest

from guide import engines as choice
from guide.commands import compare_models as command
from guide.errors import ModelError
from guide.eval.comparison.runs import Procedure, Question
from guide.llm.model import Message, Sampling
from tests.llm.tiny_models import make_qwen2
from tests.tiny_qwen2 import TinyQwen2

MODELS = {"whole": None, "broken": 2}


def _ask(idea):
    return Question((Message("user", idea.title),), "", (Message("user", idea.title),), frozenset())


def _load(name):
    if name not in MODELS:
        raise ModelError("there is no such model", where=name)
    return TinyQwen2(bits=MODELS[name])


@pytest.fixture
def file(tmp_path):
    file = tmp_path / "proposals.jsonl"
    records = [
        {"title": f"On {number} birds and {number**3 % 97} songs", "abstract": "We count."} for number in range(100)
    ]
    file.write_text("".join(json.dumps(record) + "\n" for record in [*records, {"title": "no abstract"}]))
    return file


@pytest.fixture
def engines(monkeypatch):
    procedure = Procedure(_ask, ("1", "2", "3"), (1, 2, 3), sampling=Sampling(temperature=0, max_tokens=1))
    monkeypatch.setattr(command, "asked_as_in_a_review", lambda store: procedure)
    monkeypatch.setattr(choice, "load_text_model", lambda chosen: _load(chosen.model))


@pytest.mark.usefixtures("engines")
def test_a_model_may_stand_in_for_itself(cli, file):
    result = cli("compare-models", "whole", "whole", file)
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert lines[0] == "A = whole, B = whole, 100 proposals"
    assert lines[-1] == "B is accepted"
    assert "not measured: citation_validity" in result.stdout
    assert "FAILED" not in result.stdout
    assert result.stderr == "1 left out: abstract is missing\n"


@pytest.mark.usefixtures("engines")
def test_a_broken_model_is_refused_by_name_of_what_failed_and_by_the_status(cli, file):
    result = cli("compare-models", "whole", "broken", file)
    assert result.exit_code == 1
    assert "B is refused: spearman, kendall" in result.stdout
    assert "  spearman: the order of the scores is what they are read for" in result.stdout
    (line,) = [line for line in result.stdout.splitlines() if line.startswith("spearman ")]
    assert line.endswith("at least 0.9  FAILED")


@pytest.mark.usefixtures("engines")
def test_json_says_the_same_and_fewer_proposals_are_refused(cli, file):
    result = cli("compare-models", "whole", "whole", file, "--limit", "12", "--json")
    told = json.loads(result.stdout)
    assert result.exit_code == 1
    assert told["proposals"] == 12
    assert told["verdict"] == "refused"
    assert told["failed"] == ["proposals"]
    assert told["figures"]["kendall"]["value"] == pytest.approx(1)


@pytest.mark.usefixtures("engines")
def test_a_model_that_cannot_be_loaded_is_one_line(cli, file):
    result = cli("compare-models", "whole", "nowhere", file)
    assert result.exit_code == 1
    assert result.stderr.splitlines()[-1] == "guide: nowhere: there is no such model."
    assert result.stdout == ""


def test_a_missing_file_is_found_before_any_model_is_loaded(cli, tmp_path):
    result = cli("compare-models", "whole", "whole", tmp_path / "none.jsonl")
    assert result.exit_code == 2
    assert "there is no such file" in result.stderr


def test_two_folders_are_asked_as_in_a_review(cli, tmp_path):
    models = [make_qwen2(tmp_path / name, seed=seed, context=16_384) for name, seed in (("whole", 0), ("other", 1))]
    file = tmp_path / "few.jsonl"
    file.write_text(
        "".join(json.dumps({"title": f"On {n} birds", "abstract": "We count birds."}) + "\n" for n in "abc")
    )
    result = cli("compare-models", *models, file, "--device", "cpu", "--json")
    assert result.exit_code == 1, result.stderr
    told = json.loads(result.stdout)
    assert told["verdict"] == "refused"
    assert told["proposals"] == 3
