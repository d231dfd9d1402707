import json

import pytest

from guide.calibration.recalibration import load_calibration
from guide.eval import calibrate as module
from tests.calibrations import decisions
from tests.fakes import FakeEngine


@pytest.fixture
def engine(monkeypatch):
    fake = FakeEngine(*(one.judgement for one in decisions(240)))
    fake.last_training_year = 2020  # type: ignore[attr-defined]
    monkeypatch.setattr(module, "load_engine", lambda choice: fake)
    return fake


def write(path, count):
    records = [
        {
            "id": f"d{n}",
            "title": f"On {n} birds",
            "abstract": f"We count {n} birds.",
            "accepted": one.accepted,
            "year": 2024,
        }
        for n, one in enumerate(decisions(count))
    ]
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    return path


def test_what_was_learnt_is_written_and_how_it_did_is_told(cli, tmp_path, engine):
    out = tmp_path / "engine.json"
    result = cli("calibrate", write(tmp_path / "in.jsonl", 240), "--venue", "COAST", "--out", out, "--json")
    assert result.exit_code == 0, result.stderr
    told = json.loads(result.stdout)
    found = load_calibration(out)
    assert (told["n"], told["left_out"], found.n, found.last_year) == (240, {}, 240, 2024)
    assert told["venue"] == found.venue == "COAST"
    assert told["figures"]["auroc"] == found.figures.auroc > 0.55
    assert told["sha256"] == found.sha256


def test_a_table_is_printed_without_json(cli, tmp_path, engine):
    out = tmp_path / "engine.json"
    result = cli("calibrate", write(tmp_path / "in.jsonl", 240), "--venue", "COAST", "--out", out)
    assert result.exit_code == 0, result.stderr
    assert "COAST: 240 submissions" in result.stdout
    assert "the base rate alone" in result.stdout
    assert "written to" in result.stderr


def test_too_few_decisions_are_one_line_and_write_nothing(cli, tmp_path, engine):
    out = tmp_path / "engine.json"
    result = cli("calibrate", write(tmp_path / "in.jsonl", 60), "--venue", "COAST", "--out", out)
    assert result.exit_code == 2
    assert result.stderr.startswith("guide: in.jsonl: 60 labelled submissions")
    assert not out.exists()


def test_a_folder_that_is_not_there_is_said_before_anything_is_judged(cli, tmp_path, engine):
    result = cli("calibrate", write(tmp_path / "in.jsonl", 240), "--venue", "X", "--out", tmp_path / "no" / "e.json")
    assert result.exit_code == 2
    assert "mkdir -p" in result.stderr
    assert engine.history == []


def test_the_decisions_are_not_written_over(cli, tmp_path, engine):
    file = write(tmp_path / "in.jsonl", 240)
    before = file.read_bytes()
    result = cli("calibrate", file, "--venue", "COAST", "--out", file)
    assert result.exit_code == 2
    assert "would take the place of FILE" in result.output
    assert file.read_bytes() == before


def test_a_folder_to_write_to_is_refused_before_anything_is_judged(cli, tmp_path, engine):
    result = cli("calibrate", write(tmp_path / "in.jsonl", 240), "--venue", "COAST", "--out", tmp_path)
    assert result.exit_code == 2
    assert "is a directory" in result.output
    assert engine.history == []
