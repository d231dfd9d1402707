import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from benchmarks.bench_kills import run_kills
from guide.engines import EngineChoice
from guide.errors import GuideError, InputError
from guide.judging import Failure
from guide.scoring import judging
from guide.scoring.batch import plan_scoring, score_submissions
from guide.scoring.outcomes import Setup
from guide.scoring.results import Results
from guide.text.submissions import read_submissions
from tests.fakes import FakeEngine
from tests.judgements import judgement
from tests.scoring.test_judging import STORE, submission

ROOT = Path(__file__).parents[2]
MODEL = Setup(engine=EngineChoice(name="openai", model="small", base_url="http://localhost:1/v1"))


@pytest.fixture
def engine(monkeypatch):
    fake = FakeEngine()
    monkeypatch.setattr(judging, "load_engine", lambda choice, encoder=None: fake)
    return fake


def _write(path, *lines):
    path.write_text(
        "".join(line if isinstance(line, str) else json.dumps(line) + "\n" for line in lines), encoding="utf-8"
    )
    return path


def _read(path):
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def _score(source, out, **options):
    return score_submissions(read_submissions(str(source)), out, **options)


def test_every_record_gets_one_line_in_order(tmp_path, engine):
    engine.enqueue(judgement(0.2), judgement(0.6))
    file = _write(
        tmp_path / "in.jsonl",
        {"id": "b", "title": "Second\nthing", "abstract": "Text."},
        {"title": "First", "abstract": "More text."},
    )
    report = _score(file, tmp_path / "out.jsonl")
    rows = _read(tmp_path / "out.jsonl")
    assert [(row["id"], row["title"], row["p_accept"], row["status"], row["rank"]) for row in rows] == [
        ("b", "Second thing", 0.2, "ok", 2),
        ("line-2", "First", 0.6, "ok", 1),
    ]
    assert (report.records, report.judged, report.failed, report.computed) == (2, 2, 0, 2)
    assert report.written == (str(tmp_path / "out.jsonl"),)


def test_a_bad_record_keeps_its_line_and_says_why(tmp_path, engine):
    engine.enqueue(judgement(), judgement())
    good = {"id": "a", "title": "Title", "abstract": "Text."}
    file = _write(
        tmp_path / "in.jsonl",
        good,
        "{broken\n",
        {"id": "c", "abstract": "x"},
        {"id": "d", "title": "x"},
        good,
        {**good, "id": "z"},
    )
    report = _score(file, tmp_path / "out.jsonl")
    rows = _read(tmp_path / "out.jsonl")
    assert [row["status"] for row in rows] == [
        "ok",
        "unreadable: the line is not JSON",
        "unreadable: title is missing",
        "unreadable: abstract is missing",
        "unreadable: the id is not unique",
        "ok",
    ]
    assert [row["id"] for row in rows] == ["a", "record-2", "c", "d", "a", "z"]
    assert all(row["p_accept"] is None and row["rating"] is None for row in rows[1:5])
    assert (report.judged, report.failed, report.repeats, report.ties.submissions) == (2, 4, 1, 2)


def test_more_records_than_a_unit_are_all_written_and_a_unit_is_asked_together(tmp_path, engine):
    engine.enqueue(*[judgement()] * 150)
    records = [submission(number, text=f"Text {number}.") for number in range(150)]
    score_submissions(records, tmp_path / "out.jsonl", setup=MODEL)
    assert [row["id"] for row in _read(tmp_path / "out.jsonl")] == [f"s{number}" for number in range(150)]
    assert engine.batches == [64, 64, 22]


def test_a_second_run_computes_nothing_and_writes_the_same_bytes(tmp_path, engine):
    engine.enqueue(judgement(0.2), judgement(0.4))
    records = [submission(0), submission(1)]
    score_submissions(records, tmp_path / "out")
    names = ("scores.jsonl", "scores.csv")
    before = [(tmp_path / "out" / name).read_bytes() for name in names]
    again = score_submissions(records, tmp_path / "out")
    assert (again.computed, again.kept, again.judged) == (0, 2, 2)
    assert [(tmp_path / "out" / name).read_bytes() for name in names] == before


def test_an_edited_record_is_judged_anew_and_a_new_title_is_shown(tmp_path, engine):
    engine.enqueue(judgement(0.2), judgement(0.4), judgement(0.9))
    records = [{"id": "a", "title": "One", "abstract": "Text."}, {"id": "b", "title": "Two", "abstract": "Text."}]
    out = tmp_path / "out.jsonl"
    _score(_write(tmp_path / "in.jsonl", *records), out)
    records[1]["title"] = "Two, again"
    report = _score(_write(tmp_path / "in.jsonl", *records), out)
    assert (report.computed, report.kept) == (1, 1)
    assert [(row["id"], row["title"], row["p_accept"]) for row in _read(out)] == [
        ("a", "One", 0.2),
        ("b", "Two, again", 0.9),
    ]


def test_a_failure_keeps_its_line_and_is_tried_again_by_the_next_run(tmp_path, engine):
    engine.enqueue(judgement(0.4), Failure("no answer within 60 s"))
    records, out = [submission(0), submission(1)], tmp_path / "out.jsonl"
    report = score_submissions(records, out, setup=MODEL)
    assert report.reasons == {"failed: no answer within 60 s": 1}
    assert [(row["p_accept"], row["status"], row["rank"]) for row in _read(out)] == [
        (0.4, "ok", 1),
        (None, "failed: no answer within 60 s", None),
    ]
    assert score_submissions(records, out, setup=MODEL, retry_failed=False).computed == 0
    engine.enqueue(judgement(0.8))
    assert score_submissions(records, out, setup=MODEL).computed == 1
    assert [row["p_accept"] for row in _read(out)] == [0.4, 0.8]


def test_other_options_are_judged_anew_and_the_earlier_results_are_kept(tmp_path, engine):
    engine.enqueue(judgement(0.2), judgement(0.4))
    out = tmp_path / "out.jsonl"
    score_submissions([submission()], out)
    assert score_submissions([submission()], out, setup=Setup(venue="NeurIPS-2024")).computed == 1
    assert score_submissions([submission()], out).computed == 0
    assert _read(out)[0]["p_accept"] == 0.2


def test_what_was_judged_before_an_error_is_kept_and_the_earlier_file_too(tmp_path, engine):
    out = tmp_path / "out.jsonl"
    out.write_text("earlier\n", encoding="utf-8")
    engine.enqueue(*[judgement()] * 64, GuideError("the server went away"))
    records = [submission(number, text=f"Text {number}.") for number in range(65)]
    with pytest.raises(GuideError, match="went away"):
        score_submissions(records, out, setup=MODEL)
    assert out.read_text(encoding="utf-8") == "earlier\n"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.db", "out.jsonl"]
    engine.enqueue(judgement())
    assert score_submissions(records, out, setup=MODEL).computed == 1
    assert len(_read(out)) == 65


def test_an_empty_source_is_an_input_error(tmp_path, engine):
    with pytest.raises(InputError, match="no records"):
        _score(_write(tmp_path / "in.jsonl"), tmp_path / "out.jsonl")


def test_a_missing_folder_is_said_before_anything_is_judged(tmp_path, engine):
    with pytest.raises(InputError, match="mkdir"):
        score_submissions([submission()], tmp_path / "no" / "out.jsonl")
    assert engine.history == []


def test_a_cap_on_tokens_is_not_shared_by_workers(tmp_path):
    setup = Setup(engine=EngineChoice(name="openai", model="m", base_url="http://localhost:1/v1", max_tokens_total=9))
    with pytest.raises(InputError, match="--max-tokens-total"):
        score_submissions([submission()], tmp_path / "out.jsonl", setup=setup, workers=2)


def test_a_plan_counts_what_there_is_to_do_and_leaves_nothing_behind(tmp_path):
    records = [submission(0), submission(0, id="again", title="x"), submission(1)]
    plan = plan_scoring(records, tmp_path / "out.jsonl")
    assert (plan.listing.records, plan.listing.repeats, plan.pending, plan.kept) == (3, 1, 2, 0)
    assert plan.forecast.requests == 2
    assert list(tmp_path.iterdir()) == []


def test_a_plan_knows_what_earlier_runs_judged_and_changes_nothing(tmp_path):
    out = tmp_path / "out.jsonl"
    score_submissions([submission(0)], out)
    plan = plan_scoring([submission(0), submission(1)], out)
    assert (plan.pending, plan.kept) == (1, 1)
    with Results(tmp_path / "out.db") as results:
        assert [row["id"] for row in results.rows()] == ["s0"]


def test_the_files_are_the_same_to_the_byte_however_many_workers_and_in_whatever_runs(tmp_path):
    records = [submission(number, text=f"We sort case {number} of a kind. It works.") for number in range(100)]
    setup = Setup(store=STORE)
    one, two, parts = (tmp_path / name for name in ("one.jsonl", "two.jsonl", "parts.jsonl"))
    score_submissions(records, one, setup=setup, workers=1)
    score_submissions(records, two, setup=setup, workers=2)
    score_submissions(records[30:47], parts, setup=setup, workers=1)
    score_submissions(records[::-1][:51], parts, setup=setup, workers=1)
    assert score_submissions(records, parts, setup=setup, workers=1).kept > 60
    assert one.read_bytes() == two.read_bytes() == parts.read_bytes()


def test_killed_at_random_moments_and_started_again_no_row_is_lost(tmp_path):
    found = run_kills(tmp_path, records=300, kills=5, workers=2, seed=1)
    assert found["sound"], found
    kept = found["rows_kept_at_each_kill"]
    assert len(kept) == 5
    assert kept == sorted(kept)


def test_an_interrupt_exits_with_130_and_keeps_what_was_judged(tmp_path):
    lines = [{"id": f"r{n}", "title": f"T {n}", "abstract": f"We study case {n}. " * 40} for n in range(400)]
    file, out = _write(tmp_path / "in.jsonl", *lines), tmp_path / "out.jsonl"
    command = [sys.executable, "-m", "guide.cli", "score", str(file), "--out", str(out), "--workers", "2"]
    process = subprocess.Popen(command, cwd=ROOT, start_new_session=True, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 120
    while not _judged(tmp_path / "out.db") and time.monotonic() < deadline:
        time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "the same command goes on with the rest" in said
    assert "Traceback" not in said
    assert 0 < _judged(tmp_path / "out.db") < 400
    assert not out.exists()


def _judged(database):
    import sqlite3
    from contextlib import closing

    if not database.exists():
        return 0
    with closing(sqlite3.connect(database, timeout=30)) as db:
        if not db.execute("SELECT count(*) FROM sqlite_master WHERE name = 'judgements'").fetchone()[0]:
            return 0
        return db.execute("SELECT count(*) FROM judgements").fetchone()[0]
