import json

import numpy as np
import pytest

from guide.calibration.base_rates import parse_venue
from guide.calibration.measures import auroc
from guide.errors import InputError
from guide.eval.retrained import (
    CALIBRATION_YEARS,
    RAW_STUDENT,
    calibration_years,
    embed_training,
    fit_student,
    raw_baseline,
)
from guide.judging import JudgeRequest
from guide.student.distillation import HELD_OUT_YEARS, distill
from guide.student.embedding_cache import CachedEncoder
from guide.student.engine import load_student
from guide.student.training import read_training_set, take
from tests.submissions import submissions

LINK = " See https://example.org/code."


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("embeddings")


@pytest.fixture(scope="module")
def cached(encoder, cache):
    return CachedEncoder(encoder, cache)


def _write(path, records):
    path.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def decisions(tmp_path_factory):
    records = submissions(years=(2020, 2021, 2022), a_year=320)
    return _write(tmp_path_factory.mktemp("decisions") / "d.jsonl", records)


def test_it_says_what_the_distilled_student_of_the_same_decisions_says(decisions, encoder, cache, cached, tmp_path):
    shipped = distill(decisions, tmp_path / "student", members=2, cache=cache)
    engine, venue = load_student(shipped.folder, encoder=encoder), parse_venue("ICLR-2025")
    training = read_training_set(decisions, until=2024)
    pairs = [(one.title, one.text) for one in training.submissions[:120]]
    answers = engine.judge([JudgeRequest(str(row), *pair, venue) for row, pair in enumerate(pairs)])
    student = fit_student(training, embed_training(cached, training))
    found = student.chances(pairs, venue.base_rate, cached)
    # The shipped files keep the heads in half precision.
    assert found == pytest.approx([answers[str(row)].p_accept for row in range(120)], abs=5e-3)
    assert student.calibrated_on == (2021, 2022)
    assert shipped.card["calibrated_on"].startswith("ICLR 2021-2022")


def test_it_calibrates_on_as_many_years_as_the_shipped_student():
    assert CALIBRATION_YEARS == HELD_OUT_YEARS


def test_calibration_years_are_the_last_three_before_and_never_the_first(decisions, tmp_path):
    training = read_training_set(decisions, until=2024)
    assert calibration_years(training) == (2021, 2022)
    assert calibration_years(training, before=2022) == (2021,)
    assert calibration_years(training, before=2021) == ()
    many = _write(tmp_path / "d.jsonl", submissions(years=tuple(range(2015, 2021)), a_year=300))
    assert calibration_years(read_training_set(many, until=2024)) == (2018, 2019, 2020)


def test_one_year_alone_cannot_be_calibrated(decisions, cached):
    training = read_training_set(decisions, until=2020)
    with pytest.raises(InputError, match="calibrate"):
        fit_student(training, embed_training(cached, training))


def test_the_base_rate_moves_the_chances_and_not_their_order(decisions, cached):
    training = read_training_set(decisions, until=2024)
    student = fit_student(training, embed_training(cached, training))
    pairs = [(one.title, one.text) for one in training.submissions[:60]]
    low, high = (student.chances(pairs, rate, cached) for rate in (0.1, 0.6))
    assert (low < high).all()
    assert (np.argsort(low) == np.argsort(high)).all()


def test_trained_on_raw_text_it_learns_the_leak_and_says_that_it_is_exposed(tmp_path, cached):
    records = submissions(years=(2020, 2021, 2022), a_year=320)
    random = np.random.default_rng(0)
    for record in records:
        if random.random() < (0.8 if record["accepted"] else 0.05):
            record["abstract"] += LINK
    path = _write(tmp_path / "d.jsonl", records)
    raw, stripped = (read_training_set(path, until=2024, stripped=one) for one in (False, True))
    known, unseen = take(raw, raw.years < 2022), take(raw, raw.years == 2022)
    pairs = [(one.title, one.text) for one in unseen.submissions]
    exposed = raw_baseline(pairs, known, 0.3, cached)
    fair = fit_student(
        take(stripped, stripped.years < 2022), embed_training(cached, take(stripped, stripped.years < 2022))
    )
    plain = [(one.title, one.text) for one in take(stripped, stripped.years == 2022).submissions]
    assert exposed.name == RAW_STUDENT and exposed.note.startswith("LEAK-EXPOSED")
    assert auroc(exposed.scores, unseen.accepted) > auroc(fair.chances(plain, 0.3, cached), unseen.accepted) + 0.05
