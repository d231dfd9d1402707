from dataclasses import replace

import pytest

from guide.calibration.base_rates import parse_venue
from guide.calibration.calibrated import Calibrated, calibrated
from guide.errors import InputError
from guide.judging import Examination, Examines, Explains, Failure, JudgeRequest
from guide.review import Venue
from guide.student.engine import load_student
from tests.calibrations import VENUE, decisions, fitted, told
from tests.fakes import FakeEngine
from tests.judgements import evidence

TEXT = "We count the birds of the coast in every month of the year and ask which of them stay. " * 9


class Engine(FakeEngine):
    last_training_year = 2020


class Examiner(Engine):
    def examine(self, requests):
        return {one.id: Examination(told(0.5), (), None) for one in requests}


@pytest.fixture(scope="module")
def calibration():
    return fitted(decisions(1_000))


def ask(name="x", venue=None):
    return JudgeRequest(name, "Birds", TEXT, venue or Venue(VENUE, 0.3))


def test_it_fits_no_other_engine(calibration):
    engine = Engine()
    engine.sha256 = "9" * 64
    with pytest.raises(InputError, match="guide calibrate"):
        calibrated(engine, calibration)


def test_answers_come_under_the_same_ids_and_failures_stay(calibration):
    failing = Engine(told(-1.0), told(1.0))
    plain = failing.judge
    failing.judge = (
        lambda requests, *, progress=False: {  # type: ignore[method-assign]
            **plain(requests[:2]),
            "c": Failure("it timed out"),
        }
    )
    answers = calibrated(failing, calibration).judge([ask("a"), ask("b"), ask("c")])
    assert answers["a"].p_accept < 0.3 < answers["b"].p_accept
    assert answers["c"] == Failure("it timed out")


def test_it_knows_as_much_as_the_decisions_it_was_calibrated_on(calibration):
    whole = calibrated(Engine(), calibration)
    assert whole.last_training_year == 2024
    assert whole.sha256 not in (Engine.sha256, calibration.sha256)


def test_a_review_of_a_language_model_shows_prior_work_that_the_decisions_did_not(calibration):
    whole = calibrated(Examiner(), calibration)
    assert isinstance(whole, Examines)
    examined = whole.examine([ask()])["x"]
    assert examined.judgement.calibration.status == "not calibrated"
    assert "without prior work" in examined.judgement.calibration.reasons[0]
    assert examined.judgement.p_correct is None


def test_a_judgement_on_prior_work_is_not_what_the_decisions_calibrated(calibration):
    whole = calibrated(Examiner(told(0.5), told(0.5)), calibration)
    shown = replace(ask("shown"), evidence=(evidence(),))
    answers = whole.judge([ask("plain"), shown])
    assert answers["plain"].calibration.status == "calibrated"
    assert answers["shown"].calibration.status == "not calibrated"
    assert "without prior work" in answers["shown"].calibration.reasons[0]


def test_what_an_engine_cannot_do_it_cannot_do_calibrated(calibration):
    whole = calibrated(Engine(), calibration)
    assert type(whole) is Calibrated
    assert not isinstance(whole, Explains | Examines)


def test_the_student_still_tells_what_a_sentence_does(encoder):
    student = load_student(encoder=encoder)
    whole = calibrated(student, fitted(decisions(1_000), engine_sha256=student.sha256))
    assert isinstance(whole, Explains)
    text = "We count birds. The ablation supports the claim. We release nothing."
    venue = Venue(VENUE, 0.25)
    changed = whole.chances_without_each("Birds", text, 2, venue)
    judged = whole.judge([JudgeRequest("x", "Birds", text, venue)])["x"]
    assert changed.shape == (3,)
    assert changed[0] == pytest.approx(judged.p_accept, abs=1e-5)


def test_the_student_is_told_of_another_venue_that_only_the_base_rate_moved(encoder):
    student = load_student(encoder=encoder)
    whole = calibrated(student, fitted(decisions(1_000), engine_sha256=student.sha256))
    judged = whole.judge([ask(venue=parse_venue("ICLR-2025"))])["x"]
    assert any(VENUE in reason for reason in judged.calibration.reasons)
