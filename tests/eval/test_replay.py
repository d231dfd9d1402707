import json
import math

import numpy as np
import pytest

from guide.errors import InputError
from guide.eval import replay as module
from guide.eval.replay import METRICS, run_replay
from tests.fakes import FakeEngine
from tests.judgements import judgement
from tests.submissions import submissions

N = 60


@pytest.fixture
def engine(monkeypatch):
    fake = FakeEngine()
    fake.last_training_year = 2024
    monkeypatch.setattr(module, "load_engine", lambda name: fake)
    monkeypatch.delenv("GUIDE_DATA", raising=False)
    return fake


def _write(path, records):
    path.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")
    return path


def _records(**changed):
    return [
        {
            "id": f"r{n}",
            "title": f"Study {n}",
            "abstract": f"We study case {n}. Code is at https://example.org/{n}.",
            "accepted": n % 3 == 0,
            "ratings": [8, 8] if n % 3 == 0 else [3, 5],
            "year": 2025,
            **changed,
        }
        for n in range(N)
    ]


def _perfect():
    return [judgement(0.9 if n % 3 == 0 else 0.1) for n in range(N)]


def _run(path, **options):
    return run_replay(path, resamples=100, **options)


def test_a_perfect_engine_gets_perfect_figures(tmp_path, engine):
    engine.enqueue(*_perfect())
    report = _run(_write(tmp_path / "r.jsonl", _records()))
    (result,) = report.texts
    assert (report.n, report.base_rate) == (N, pytest.approx(1 / 3))
    assert result.metrics["auroc"].value == 1
    assert result.metrics["top5_precision"].value == 1
    assert result.metrics["top30_precision"].value == 1
    assert result.metrics["accept_recall"].value == pytest.approx(18 / 20)
    assert result.metrics["brier"].value == pytest.approx(0.01)


def test_stripped_and_raw_are_scored_apart(tmp_path, engine):
    engine.enqueue(*_perfect(), *_perfect())
    report = _run(_write(tmp_path / "r.jsonl", _records()), text="both")
    stripped, raw = report.texts
    assert [request.text for request in engine.history[:2]] == ["We study case 0.", "We study case 1."]
    assert "https://example.org/0" in engine.history[N].text
    assert (stripped.removed, raw.removed) == ({"link": N}, {})


def test_the_link_baseline_sees_links_in_the_raw_text_only(tmp_path, engine):
    records = _records()
    for n, record in enumerate(records):
        if n % 3:
            record["abstract"] = f"We study case {n}."
    engine.enqueue(*_perfect(), *_perfect())
    report = _run(_write(tmp_path / "r.jsonl", records), text="both")
    link = {result.text: result.baselines[3].metrics["auroc"].value for result in report.texts}
    assert link == {"stripped": 0.5, "raw": 1.0}


def test_the_json_holds_the_contracts_keys(tmp_path, engine):
    engine.enqueue(*_perfect(), *_perfect())
    found = json.loads(json.dumps(_run(_write(tmp_path / "r.jsonl", _records()), text="both").to_json()))
    assert {"n", "base_rate", "dropped", "baselines", "stripped", "raw"} <= set(found)
    assert set(found["stripped"]) == set(METRICS)
    assert set(found["raw"]["auroc"]) == {"value", "low", "high"}
    assert {"always-reject", "length", "link", "tfidf-logistic"} <= set(found["baselines"])
    assert found["baselines"]["tfidf-logistic"]["stripped"] is None
    assert "--train" in found["baselines"]["tfidf-logistic"]["note"]


def test_undefined_figures_are_null_in_json(tmp_path, engine):
    records = _records()
    for record in records:
        del record["ratings"]
    engine.enqueue(*_perfect())
    report = _run(_write(tmp_path / "r.jsonl", records))
    assert math.isnan(report.texts[0].metrics["spearman"].value)
    assert report.to_json()["stripped"]["spearman"] == {"value": None, "low": None, "high": None}
    assert "no ratings" in " ".join(report.notes)


def test_dropped_records_are_counted_by_reason(tmp_path, engine):
    engine.enqueue(*_perfect())
    report = _run(_write(tmp_path / "r.jsonl", [*_records(), {"title": "x"}, {"title": "y"}]))
    assert report.dropped == {"abstract is missing": 2}


def test_records_of_the_training_years_are_no_test(tmp_path, engine):
    engine.enqueue(*_perfect())
    report = _run(_write(tmp_path / "r.jsonl", _records(year=2023)))
    assert any(note.startswith("NOT A TEST") for note in report.notes)


def test_permuted_ratings_are_noticed(tmp_path, engine):
    records = _records()
    for record, ratings in zip(records, [r["ratings"] for r in records[1:]] + [[3, 5]], strict=True):
        record["ratings"] = ratings
    engine.enqueue(*_perfect())
    report = _run(_write(tmp_path / "r.jsonl", records))
    assert any("may belong to other papers" in note for note in report.notes)


def test_the_trained_baseline_knows_the_engines_years_only(tmp_path, engine):
    train = _write(tmp_path / "train.jsonl", submissions(years=(2022, 2023, 2026), a_year=100))
    engine.enqueue(*_perfect())
    report = _run(_write(tmp_path / "r.jsonl", _records()), train=train)
    tfidf = report.texts[0].baselines[-1]
    assert "200 decisions of 2022-2023" in tfidf.note
    assert not math.isnan(tfidf.metrics["auroc"].value)
    assert report.texts[0].beyond_tfidf.value == pytest.approx(1 - tfidf.metrics["auroc"].value)


def test_an_empty_file_is_an_input_error(tmp_path, engine):
    with pytest.raises(InputError):
        _run(_write(tmp_path / "r.jsonl", []))


def test_the_table_shows_every_number_and_what_is_missing(cli, tmp_path, engine):
    engine.enqueue(*_perfect())
    result = cli("replay", _write(tmp_path / "r.jsonl", _records()), "--resamples", "100")
    assert result.exit_code == 0
    for said in ("n 60", "AUROC", "1.000", "tf-idf", "not computed", "60 passages taken out", "chance alone"):
        assert said in " ".join(result.output.split())


@pytest.mark.data
def test_the_replay_of_2025_beats_chance_on_stripped_text(cli, data_dir, tmp_path):
    # A sample keeps this quick; README states the figures of the whole file.
    lines = (data_dir / "iclr2025-replay.jsonl").read_text(encoding="utf-8").splitlines(keepends=True)
    random = np.random.default_rng(0)
    sample = tmp_path / "sample.jsonl"
    sample.write_text(
        "".join(lines[row] for row in sorted(random.choice(len(lines), 150, replace=False))), encoding="utf-8"
    )
    found = json.loads(cli("replay", sample, "--resamples", "200", "--json").stdout)
    assert found["n"] == 150
    assert found["stripped"]["auroc"]["value"] > 0.52
    assert found["notes"] == []
