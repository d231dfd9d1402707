from __future__ import annotations

import json

import numpy as np
import pytest

from guide.calibration import parse_venue
from guide.engines import Examination, JudgeRequest
from guide.engines.calibrated import Calibrated, CalibratedExaminer
from guide.errors import InputError
from guide.recalibration import Decided, fit_engine, load_calibration
from guide.review import Signals
from tests.fakes import FakeEngine
from tests.judgements import judgement

RATE = 0.3


def decisions(n: int, *, informative: bool, seed: int = 0) -> list[Decided]:
    """Made-up decisions: the log-odds of acceptance grow by 1.5 a point of the rating, or not at all."""
    drawn = np.random.default_rng(seed)
    made = []
    for number in range(n):
        rating = float(np.clip(drawn.normal(5.5, 1.0), 1, 10))
        slope = 1.5 if informative else 0.0
        p = 1 / (1 + np.exp(-(np.log(RATE / (1 - RATE)) + slope * (rating - 5.5))))
        signals = Signals(disagreement=float(drawn.uniform(0, 0.2)), entropy=0.5, coverage=None, distance=None)
        accepted = bool(drawn.random() < p)
        made.append(Decided(f"d{number}", judgement(rating=rating, signals=signals), accepted, RATE, 2024))
    return made


def fitted(made: list[Decided]):
    return fit_engine(made, engine_sha256="0" * 64, source="made.jsonl", source_sha256="1" * 64)


def test_the_slope_that_made_the_decisions_is_found():
    found = fitted(decisions(6_000, informative=True))
    slope, intercept = found.rating
    assert slope == pytest.approx(1.5, abs=0.15)
    assert -intercept / slope == pytest.approx(5.5, abs=0.15)
    assert found.last_year == 2024


def test_on_folds_held_out_it_beats_the_base_rate_where_there_is_something_to_learn():
    held = fitted(decisions(3_000, informative=True)).held_out
    assert held.brier < held.brier_base - 0.02
    assert held.brier_correct < held.brier_correct_base - 0.01
    assert held.auroc > 0.75


def test_an_engine_that_knows_nothing_gets_the_base_rate():
    found = fitted(decisions(3_000, informative=False))
    moved = found.apply(judgement(rating=7.0), in_domain=True)
    assert moved.p_accept == pytest.approx(moved.calibration.base_rate, abs=0.06)
    assert abs(found.held_out.auroc - 0.5) < 0.05


def test_the_chance_of_being_right_is_calibrated():
    made = decisions(6_000, informative=True)
    found = fitted(made)
    others = decisions(6_000, informative=True, seed=1)
    told, right = [], []
    for one in others:
        moved = found.apply(one.judgement, in_domain=True)
        if moved.p_correct is not None:
            p = moved.p_accept
            told.append(moved.p_correct)
            right.append((p >= 0.5) == one.accepted)
    told_array, right_array = np.array(told), np.array(right)
    for low, high in ((0.5, 0.7), (0.7, 0.85), (0.85, 1.0)):
        inside = (told_array >= low) & (told_array < high)
        assert inside.sum() > 100
        assert right_array[inside].mean() == pytest.approx(told_array[inside].mean(), abs=0.06)


def test_a_rating_that_no_decision_had_is_not_calibrated():
    moved = fitted(decisions(500, informative=True)).apply(judgement(rating=9.9), in_domain=True)
    assert moved.calibration.status == "not calibrated"
    assert moved.p_correct is None


def test_another_venue_is_not_calibrated():
    assert fitted(decisions(500, informative=True)).apply(judgement(), in_domain=False).p_correct is None


def test_too_few_decisions_or_all_alike_are_refused():
    with pytest.raises(InputError, match="too few to learn from"):
        fitted(decisions(150, informative=True))
    alike = [Decided(one.id, one.judgement, True, RATE) for one in decisions(300, informative=True)]
    with pytest.raises(InputError, match="too few to learn from"):
        fitted(alike)


def test_a_review_shows_prior_work_that_the_decisions_did_not_so_it_is_not_calibrated():
    class Examiner(FakeEngine):
        last_training_year = 2020

        def examine(self, requests):
            return {one.id: Examination(judgement(rating=6.0), (), None) for one in requests}

    calibrated = CalibratedExaminer(Examiner(), fitted(decisions(400, informative=True)))
    examined = calibrated.examine([JudgeRequest("a", "T", "Text.", parse_venue("ICLR-2025"))])["a"]
    assert examined.judgement.calibration.status == "not calibrated"
    assert examined.judgement.p_correct is None


def test_it_comes_back_as_it_was_written_and_not_altered(tmp_path):
    found, path = fitted(decisions(400, informative=True)), tmp_path / "engine.json"
    found.save(path)
    assert load_calibration(path) == found
    altered = json.loads(path.read_text())
    altered["n"] += 1
    path.write_text(json.dumps(altered))
    with pytest.raises(InputError, match="altered"):
        load_calibration(path)
    path.write_text("[]")
    with pytest.raises(InputError, match="no calibration"):
        load_calibration(path)


def test_it_fits_no_other_engine():
    engine = FakeEngine()
    engine.sha256 = "9" * 64
    with pytest.raises(InputError, match="guide calibrate"):
        Calibrated(engine, fitted(decisions(400, informative=True)))


def test_a_calibrated_engine_answers_under_the_same_ids():
    engine = FakeEngine(judgement(rating=4.0), judgement(rating=7.0))
    engine.last_training_year = 2020  # type: ignore[attr-defined]
    calibrated = Calibrated(engine, fitted(decisions(2_000, informative=True)))
    venue = parse_venue("ICLR-2025")
    answers = calibrated.judge([JudgeRequest(name, "T", "Text.", venue) for name in "ab"])
    assert answers["a"].p_accept < venue.base_rate < answers["b"].p_accept
    assert calibrated.last_training_year == 2024
    assert calibrated.sha256 != engine.sha256
