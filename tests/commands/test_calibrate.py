import json

import pytest

from guide.eval import calibrate as module
from guide.recalibration import load_calibration
from tests.fakes import FakeEngine
from tests.judgements import judgement


@pytest.fixture
def engine(monkeypatch):
    fake = FakeEngine(*(judgement(rating=4.0 + number % 5 / 2) for number in range(240)))
    monkeypatch.setattr(module, "load_engine", lambda choice: fake)
    return fake


def write(path, count):
    records = [
        {
            "id": f"d{n}",
            "title": f"On {n} birds",
            "abstract": f"We count {n} birds.",
            "accepted": n % 5 > 2 or n % 7 == 0,
            "year": 2024,
        }
        for n in range(count)
    ]
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    return path


def test_what_was_learnt_is_written_and_how_it_did_is_told(cli, tmp_path, engine):
    out = tmp_path / "engine.json"
    result = cli("calibrate", write(tmp_path / "decisions.jsonl", 240), "--out", out, "--json")
    assert result.exit_code == 0, result.stderr
    told = json.loads(result.stdout)
    found = load_calibration(out)
    assert (told["n"], told["left_out"], found.n, found.last_year) == (240, 0, 240, 2024)
    assert told["auroc"] == found.held_out.auroc > 0.7
    assert found.rating[0] > 0


def test_too_few_decisions_are_one_line_and_write_nothing(cli, tmp_path, engine):
    out = tmp_path / "engine.json"
    result = cli("calibrate", write(tmp_path / "decisions.jsonl", 40), "--out", out)
    assert result.exit_code == 2
    assert result.stderr.startswith("guide: decisions.jsonl: 40 decisions")
    assert not out.exists()
