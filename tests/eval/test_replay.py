import json
import math

import pytest

from guide.corpus.starter import starter_path
from guide.errors import InputError
from guide.eval import replay as module
from guide.eval.decisions import read_decisions
from guide.eval.neighbours import NEIGHBOURS
from guide.eval.replay import ReplayOptions, run_replay
from guide.eval.retrained import RAW_STUDENT
from guide.eval.run import load_run
from guide.judging import UNKNOWN_YEAR
from tests.fakes import FakeEngine
from tests.judgements import judgement
from tests.submissions import submissions

N = 60


@pytest.fixture
def engine(monkeypatch):
    fake = FakeEngine()
    fake.last_training_year = 2024
    monkeypatch.setattr(module, "load_engine", lambda choice: fake)
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
            "area": "optimization" if n % 2 else "learning theory",
            **changed,
        }
        for n in range(N)
    ]


def _perfect():
    return [judgement(0.9 if n % 3 == 0 else 0.1) for n in range(N)]


def _run(path, **options):
    return run_replay(read_decisions(path), path.name, ReplayOptions(resamples=100, **options), folder=path.parent)


def test_a_perfect_engine_gets_perfect_figures(tmp_path, engine):
    engine.enqueue(*_perfect())
    run = _run(_write(tmp_path / "r.jsonl", _records()))
    found = run.system("guide", "stripped").metrics
    assert (len(run.submissions), run.base_rate, run.texts) == (N, pytest.approx(1 / 3), ("stripped",))
    assert found["auroc"].value == found["top5_precision"].value == found["top30_precision"].value == 1
    assert found["accept_recall"].value == pytest.approx(18 / 20)
    assert found["brier"].value == pytest.approx(0.01)


def test_stripped_and_raw_are_scored_apart(tmp_path, engine):
    engine.enqueue(*_perfect(), *_perfect())
    run = _run(_write(tmp_path / "r.jsonl", _records()), text="both")
    assert [request.text for request in engine.history[:2]] == ["We study case 0.", "We study case 1."]
    assert "https://example.org/0" in engine.history[N].text
    assert run.removed == {"stripped": {"link": N}, "raw": {}}


def test_the_text_from_before_the_decision_is_a_reading_of_its_own(tmp_path, engine):
    records = _records()
    for record in records:
        record["abstract_predecision"] = "As it was submitted."
    engine.enqueue(*_perfect(), *_perfect(), *_perfect())
    run = _run(_write(tmp_path / "r.jsonl", records), text="all")
    assert run.texts == ("stripped", "pre-decision", "raw")
    assert engine.history[N].text == "As it was submitted."


def test_the_link_baseline_sees_links_in_the_raw_text_only(tmp_path, engine):
    records = _records()
    for n, record in enumerate(records):
        if n % 3:
            record["abstract"] = f"We study case {n}."
    engine.enqueue(*_perfect(), *_perfect())
    run = _run(_write(tmp_path / "r.jsonl", records), text="both")
    link = {text: run.system("link", text).metrics["auroc"].value for text in run.texts}
    assert link == {"stripped": 0.5, "raw": 1.0}


def test_what_could_not_be_trained_keeps_its_place_and_reason(tmp_path, engine):
    engine.enqueue(*_perfect())
    run = _run(_write(tmp_path / "r.jsonl", _records()))
    for name in ("tfidf-logistic", NEIGHBOURS):
        assert run.system(name, "stripped").scores is None
        assert "--train" in run.system(name, "stripped").note
    assert run.probes == ()


def test_the_trained_baselines_know_the_engines_years_only(tmp_path, engine):
    train = _write(tmp_path / "train.jsonl", submissions(years=(2022, 2023, 2026), a_year=100))
    engine.enqueue(*_perfect(), *_perfect())
    run = _run(_write(tmp_path / "r.jsonl", _records()), train=train, text="both", quick=True)
    tfidf = run.system("tfidf-logistic", "stripped")
    assert "200 decisions of 2022-2023" in tfidf.note
    assert tfidf.beyond["auroc"].value == pytest.approx(1 - tfidf.metrics["auroc"].value)
    assert "--quick" in run.system(RAW_STUDENT, "raw").note
    assert {probe.text for probe in run.probes} == {"stripped", "raw"}
    assert run.provenance["training"] == "train.jsonl"


def test_every_baseline_is_measured_where_there_are_decisions_enough(tmp_path, engine):
    train = _write(tmp_path / "train.jsonl", submissions(years=(2022, 2023), a_year=310))
    engine.enqueue(*_perfect(), *_perfect())
    run = _run(_write(tmp_path / "r.jsonl", _records()), train=train, text="both", cache=tmp_path / "cache")
    measured = {one.name for one in run.systems if one.text == "raw" and one.metrics and one.kind != "human"}
    assert measured == {
        "guide",
        "always-reject",
        "base-rate",
        "length",
        "link",
        "tfidf-logistic",
        NEIGHBOURS,
        RAW_STUDENT,
    }
    assert [one.name for one in run.systems if one.leak_exposed] == [RAW_STUDENT]
    assert len({len(one.scores) for one in run.systems if one.scores is not None}) == 1


def test_human_lines_stand_beside_the_systems(tmp_path, engine):
    engine.enqueue(*_perfect())
    run = _run(_write(tmp_path / "r.jsonl", _records()))
    humans = {one.name: one for one in run.systems if one.kind == "human"}
    assert humans["all reviewers"].metrics["auroc"].value == 1


def test_undefined_figures_are_null_in_json(tmp_path, engine):
    records = _records()
    for record in records:
        del record["ratings"]
    engine.enqueue(*_perfect())
    run = _run(_write(tmp_path / "r.jsonl", records))
    assert math.isnan(run.system("guide", "stripped").metrics["spearman"].value)
    found = json.loads(json.dumps(run.to_json(), allow_nan=False))
    assert found["systems"][0]["metrics"]["spearman"] == {"value": None, "low": None, "high": None}
    assert "no ratings" in " ".join(run.notes)


def test_dropped_records_are_counted_by_reason(tmp_path, engine):
    engine.enqueue(*_perfect())
    run = _run(_write(tmp_path / "r.jsonl", [*_records(), {"title": "x"}, {"title": "y"}]))
    assert run.dropped == {"abstract is missing": 2}


def test_areas_are_taken_from_the_records_or_guessed(tmp_path, engine):
    engine.enqueue(*_perfect())
    told = _run(_write(tmp_path / "r.jsonl", _records()))
    assert told.submissions[1].area == "optimization"
    engine.enqueue(*_perfect())
    guessed = _run(_write(tmp_path / "r.jsonl", _records(area=None)))
    assert all(one.area.endswith("(guessed)") for one in guessed.submissions)


def test_prior_work_is_searched_with_the_venues_cutoff_and_counted(tmp_path, engine):
    engine.enqueue(*_perfect())
    run = _run(_write(tmp_path / "r.jsonl", _records()), store=starter_path())
    assert run.provenance["cutoff"] == "2024-09"
    assert run.retrieval["submissions that found themselves, left out"] == 0
    assert all(request.evidence for request in engine.history)


def test_a_cutoff_without_a_store_is_refused(tmp_path, engine):
    with pytest.raises(InputError, match="none is named"):
        _run(_write(tmp_path / "r.jsonl", _records()), cutoff="2024-09")


def test_an_empty_file_is_an_input_error(tmp_path, engine):
    with pytest.raises(InputError):
        _run(_write(tmp_path / "r.jsonl", []))


def test_the_table_shows_every_number_and_what_is_missing(cli, tmp_path, engine):
    engine.enqueue(*_perfect())
    file = _write(tmp_path / "r.jsonl", _records())
    result = cli("replay", file, "--resamples", "100", "--out", tmp_path / "run")
    assert result.exit_code == 0
    said = " ".join(result.output.split())
    for part in (
        "always-reject",
        "one reviewer",
        "n 60",
        "AUROC",
        "1.000",
        "not computed",
        "60 passages taken out",
        "chance alone",
        "GUIDE-7B",
        "72.0",
    ):
        assert part in said
    assert load_run(tmp_path / "run").system("guide", "stripped").metrics["auroc"].value == 1


def test_json_holds_every_system_with_its_figures(cli, tmp_path, engine):
    engine.enqueue(*_perfect())
    file = _write(tmp_path / "r.jsonl", _records())
    found = json.loads(cli("replay", file, "--resamples", "100", "--json").stdout)
    assert (found["n"], found["systems"][0]["name"]) == (N, "guide")
    assert found["systems"][0]["metrics"]["auroc"]["value"] == 1


@pytest.mark.parametrize("source", [("a", "b"), ("openreview",), ("openreview", "a", "b")])
def test_what_is_neither_file_nor_venue_is_refused(cli, source):
    result = cli("replay", *source)
    assert result.exit_code == 2
    assert "neither one file nor a venue" in result.output


@pytest.mark.parametrize(("last", "learnt"), [(2024, "2022-2023"), (UNKNOWN_YEAR, "2022-2022")])
def test_no_baseline_learns_the_year_replayed_for_an_engine_that_does_not_state_its_own(tmp_path, engine, last, learnt):
    train = _write(tmp_path / "train.jsonl", submissions(years=(2022, 2023), a_year=310))
    engine.last_training_year = last
    engine.enqueue(*_perfect())
    run = _run(_write(tmp_path / "r.jsonl", _records(year=2023)), train=train, quick=True)
    assert f"decisions of {learnt}" in run.system("tfidf-logistic", "stripped").note
    assert all(f"decisions of {learnt}" in probe.note for probe in run.probes)


def test_a_stated_source_is_audited_where_both_files_have_it(tmp_path, engine):
    known = [
        record | {"abstract_version": "final" if record["accepted"] else "pre-decision"}
        for record in submissions(years=(2022, 2023), a_year=310)
    ]
    records = [record | {"source": "final" if record["accepted"] else "pre-decision"} for record in _records()]
    train = _write(tmp_path / "train.jsonl", known)
    engine.enqueue(*_perfect())
    run = _run(_write(tmp_path / "r.jsonl", records), train=train, quick=True)
    assert {probe.name: probe.auroc.value for probe in run.probes}["stated source"] == 1


def test_a_cutoff_that_is_no_month_ends_the_replay_before_anything_is_judged(tmp_path, engine):
    engine.enqueue(*_perfect())
    with pytest.raises(InputError, match="is no month"):
        _run(_write(tmp_path / "r.jsonl", _records()), knowledge_cutoff="never")
    assert not engine.history


def test_an_out_that_cannot_be_written_ends_the_replay_before_anything_is_judged(cli, tmp_path, engine):
    engine.enqueue(*_perfect())
    file = _write(tmp_path / "r.jsonl", _records())
    result = cli("replay", file, "--resamples", "100", "--out", file)
    assert (result.exit_code, engine.history) == (2, [])
    assert "Name another --out" in result.output


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--out", "run"), "Leave --out"),
        (("--text", "both"), "Leave --text and --store out"),
        (("--store", "lit"), "Leave --text and --store out"),
    ],
)
def test_the_time_split_refuses_what_it_would_leave_aside(cli, tmp_path, options, said):
    result = cli("replay", _write(tmp_path / "r.jsonl", _records()), "--by-year", *options)
    assert result.exit_code == 2
    assert said in result.output
    assert not (tmp_path / "run").exists()
