import json
import math

import pytest

from guide.errors import InputError
from guide.eval.bootstrap import Difference, Estimate
from guide.eval.run import Decided, Probe, Run, System, load_run


def _run() -> Run:
    submissions = (
        Decided("a", True, (6.0, 8.0), 2025, "optimization"),
        Decided("b", False, (), None),
        Decided("c", False, (3.0,), 2025),
    )
    engine = System(
        "guide",
        "engine",
        "stripped",
        "the engine",
        scores=(0.5, 0.25, 1 / 3),
        probabilities=(0.5, 0.25, 1 / 3),
        confidence=(0.5, 0.75, 2 / 3),
        entropy=(0.9, 0.8, 0.7),
        metrics={"auroc": Estimate(1.0, 0.5, 1.0), "spearman": Estimate(math.nan, math.nan, math.nan)},
    )
    length = System(
        "length",
        "baseline",
        "raw",
        "words",
        scores=(3.0, 2.0, 9.0),
        metrics={"auroc": Estimate(0.5, 0.0, 1.0)},
        beyond={"auroc": Difference(0.5, -0.1, 0.9, 0.2)},
    )
    missing = System("tfidf-logistic", "baseline", "raw", "not computed", leak_exposed=True)
    return Run(
        name="r.jsonl",
        submissions=submissions,
        systems=(engine, length, missing),
        balanced=(System("guide", "engine", "stripped", "2 submissions", metrics={"auroc": Estimate(1.0, 0.5, 1.0)}),),
        probes=(Probe("links", "raw", Estimate(0.6, 0.5, 0.7), "counts"),),
        dropped={"title is missing": 2},
        removed={"stripped": {"link": 1}, "raw": {}},
        retrieval={"papers posted after the cut-off, left out": 4},
        notes=("a note",),
        provenance={"seed": 0},
    )


def test_a_saved_run_comes_back_as_it_was(tmp_path):
    _run().save(tmp_path / "run")
    found = load_run(tmp_path / "run")
    assert found.submissions == _run().submissions
    assert found.systems[1:] == _run().systems[1:]
    assert found.systems[0].scores == _run().systems[0].scores
    assert math.isnan(found.systems[0].metrics["spearman"].value)
    assert found.balanced == _run().balanced
    assert (found.probes, found.dropped, found.removed) == (_run().probes, _run().dropped, _run().removed)
    assert (found.retrieval, found.notes, found.provenance) == (_run().retrieval, _run().notes, _run().provenance)


def test_a_run_is_saved_to_the_same_bytes_twice(tmp_path):
    for name in ("one", "two"):
        _run().save(tmp_path / name)
    for file in ("run.json", "rows.jsonl"):
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes()


def test_a_saved_run_has_a_row_for_every_submission(tmp_path):
    _run().save(tmp_path)
    rows = [json.loads(line) for line in (tmp_path / "rows.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [row["id"] for row in rows] == ["a", "b", "c"]
    assert rows[2]["said"][1] == {"name": "length", "text": "raw", "scores": 9.0}


def test_a_run_knows_its_base_rate_and_its_readings():
    assert _run().base_rate == pytest.approx(1 / 3)
    assert _run().texts == ("stripped", "raw")
    assert _run().system("length", "raw").note == "words"
    assert _run().system("length", "stripped") is None


def test_a_sample_holds_mean_ratings_and_marks_the_missing():
    run = _run()
    sample = run.sample(run.systems[0])
    assert sample.ratings[0] == 7
    assert math.isnan(sample.ratings[1])
    with pytest.raises(ValueError, match="no scores"):
        run.sample(run.systems[2])


def test_a_folder_without_a_run_is_named(tmp_path):
    with pytest.raises(InputError, match="cannot be read") as caught:
        load_run(tmp_path)
    assert str(tmp_path) in str(caught.value)


@pytest.mark.parametrize("damage", ["{}", "[1]", "not json", '{"format": 99}'])
def test_what_is_no_run_is_refused(tmp_path, damage):
    _run().save(tmp_path)
    (tmp_path / "run.json").write_text(damage, encoding="utf-8")
    with pytest.raises(InputError, match="no saved run"):
        load_run(tmp_path)


def test_missing_rows_are_noticed(tmp_path):
    _run().save(tmp_path)
    rows = (tmp_path / "rows.jsonl").read_text(encoding="utf-8").splitlines(keepends=True)
    (tmp_path / "rows.jsonl").write_text("".join(rows[:-1]), encoding="utf-8")
    with pytest.raises(InputError, match="no saved run"):
        load_run(tmp_path)
