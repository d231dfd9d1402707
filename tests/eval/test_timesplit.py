import json
import math
from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import linregress

from guide.calibration.logistic import chance
from guide.calibration.measures import auroc
from guide.errors import InputError
from guide.eval.bootstrap import Bootstrapped
from guide.eval.decisions import read_decisions
from guide.eval.retrained import embed_texts, embed_training, fit_student
from guide.eval.timesplit import AT_LAST_RATE, METRICS, _Played, _slope, replay_years
from guide.student.embedding_cache import CachedEncoder
from guide.student.training import read_training_set, take
from tests.submissions import submissions

YEARS = (2018, 2019, 2020, 2021)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("timesplit")


def _write(path, records):
    path.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def cached(encoder, folder):
    return CachedEncoder(encoder, folder / "cache")


@pytest.fixture(scope="module")
def training(folder):
    records = submissions(years=YEARS, a_year=300)
    late = [record for record in records if record["year"] == 2021]
    for record, ratings in zip(late, [one["ratings"] for one in late[1:] + late[:1]], strict=True):
        record["ratings"] = ratings
    return read_training_set(_write(folder / "d.jsonl", records), until=2024)


@pytest.fixture(scope="module")
def later(folder):
    return read_decisions(_write(folder / "later.jsonl", submissions(years=(2022,), a_year=150, seed=9))).records


@pytest.fixture(scope="module")
def table(training, later, cached):
    return replay_years(training, cached, later, resamples=100)


def test_every_year_with_two_before_it_is_replayed_and_then_the_file(table):
    assert [one.year for one in table.years] == [2020, 2021, 2022]
    assert [one.trained_on for one in table.years] == [(2018, 2019), (2018, 2020), (2018, 2021)]
    assert [one.calibrated_on for one in table.years] == [(2019,), (2019, 2020), (2019, 2020, 2021)]
    assert [one.n for one in table.years] == [300, 300, 150]
    assert [one.n_trained for one in table.years] == [600, 900, 1200]


def test_a_years_figures_are_those_of_a_student_that_never_saw_it(table, training, cached):
    """Fitted from the start on the earlier years alone, so nothing of the year or a later one can have come in."""
    past, now = take(training, training.years < 2020), take(training, training.years == 2020)
    student = fit_student(past, embed_training(cached, past))
    pairs = [(one.title, one.text) for one in now.submissions]
    p = student.chances(pairs, float(now.accepted.mean()), cached)
    found = table.years[0].metrics
    assert found["auroc"].value == pytest.approx(auroc(p, now.accepted), abs=1e-3)
    assert found["brier"].value == pytest.approx(np.mean((p - now.accepted) ** 2), abs=1e-4)


def test_the_file_is_judged_by_the_student_of_all_years(table, training, later, cached):
    student = fit_student(training, embed_training(cached, training))
    pairs = [(one.title, one.abstract) for one in later]
    accepted = np.array([one.accepted for one in later])
    layers = embed_texts(cached, pairs)
    evidence = student.evidence(pairs, layers.reshape(len(layers), -1))
    assert table.years[-1].metrics["auroc"].value == pytest.approx(auroc(evidence, accepted))
    at_last = chance(evidence, training.base_rate(training.years == 2021))
    assert table.years[-1].at_last_rate["brier"].value == pytest.approx(np.mean((at_last - accepted) ** 2))


def test_ratings_of_other_papers_give_no_spearman(table):
    spearman = {one.year: one.metrics["spearman"].value for one in table.years}
    assert math.isnan(spearman[2021])
    assert spearman[2020] > 0.3 and spearman[2022] > 0.3
    assert any("no Spearman for 2021" in note for note in table.notes)


def test_every_figure_has_an_interval_around_it(table):
    for year in table.years:
        for name in METRICS:
            one = year.metrics[name]
            assert math.isnan(one.value) or one.low <= one.value <= one.high
        assert set(year.at_last_rate) == set(AT_LAST_RATE)
        assert 0 < year.ece_by_chance < 0.2


def test_the_json_has_null_where_nothing_is_defined(table):
    found = json.loads(json.dumps(table.to_json(), allow_nan=False))
    assert found["years"][1]["metrics"]["spearman"] == {"value": None, "low": None, "high": None}
    assert set(found["drift"]) == set(METRICS)
    assert found["years"][0]["trained_on"] == [2018, 2019]


def _played(year):
    nothing = np.zeros(2)
    return _Played(year, (2000, year - 1), 1, (), nothing, np.array([True, False]), nothing, 0.5)


def _measured(value, spread, seed):
    drawn = value + spread * np.random.default_rng(seed).normal(size=500)
    return Bootstrapped({"auroc": value}, {"auroc": drawn}, 2, 0, 0.95)


def test_drift_at_equal_precision_is_the_least_squares_slope():
    years, values = [2019, 2020, 2021, 2022], [0.6, 0.63, 0.61, 0.66]
    same = np.random.default_rng(0).normal(size=500)
    measured = [Bootstrapped({"auroc": value}, {"auroc": value + 0.01 * same}, 2, 0, 0.95) for value in values]
    found = _slope("auroc", [_played(year) for year in years], measured)
    assert found.value == pytest.approx(linregress(years, values).slope)


def test_the_interval_of_the_drift_has_the_width_of_the_closed_form():
    years, spreads = [2019, 2020, 2021, 2022], [0.01, 0.02, 0.01, 0.03]
    measured = [_measured(0.6, spread, seed) for seed, spread in enumerate(spreads)]
    found = _slope("auroc", [_played(year) for year in years], measured)
    w, x = 1 / np.square(spreads), np.array(years, dtype=float)
    error = 1 / math.sqrt(w @ (x - w @ x / w.sum()) ** 2)
    assert found.high - found.low == pytest.approx(2 * 1.96 * error, rel=0.15)
    assert found.low < 0 < found.high


def test_one_year_has_no_drift():
    assert math.isnan(_slope("auroc", [_played(2020)], [_measured(0.6, 0.01, 0)]).value)


def test_too_few_years_are_refused(training, cached):
    with pytest.raises(InputError, match="no year can be replayed"):
        replay_years(take(training, training.years < 2020), cached, resamples=100)


def test_a_file_of_a_training_year_is_refused(training, cached, folder):
    known = read_decisions(_write(folder / "known.jsonl", submissions(years=(2021,), a_year=60))).records
    with pytest.raises(InputError, match="2021"):
        replay_years(training, cached, known, resamples=100)


def test_what_no_split_of_years_can_undo_is_said(table, training, later, cached):
    assert any("the student's design was chosen on time splits of 2017-2024" in note for note in table.notes)
    assert not any("do not state their year" in note for note in table.notes)
    unstated = replay_years(training, cached, [replace(one, year=None) for one in later], resamples=100)
    assert any("do not state their year and are taken for 2022" in note for note in unstated.notes)


def test_the_file_is_read_as_the_training_texts_are(training, later, cached):
    """Blank lines, which training takes out, must not cut the text into other windows."""
    broken = [replace(one, abstract=(8 * f"{one.abstract} ").replace(". ", ",\n\n")) for one in later]
    even = [replace(one, abstract=" ".join(one.abstract.split())) for one in broken]
    figures = [replay_years(training, cached, texts, resamples=100).years[-1] for texts in (broken, even)]
    assert figures[0] == figures[1]
