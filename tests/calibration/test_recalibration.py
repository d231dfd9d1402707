import json

import numpy as np
import pytest

from guide.calibration.base_rates import parse_venue
from guide.calibration.logistic import logit
from guide.calibration.recalibration import evidence_of, load_calibration, stated_venue, without_year
from guide.errors import InputError
from guide.judging import JudgeRequest
from guide.review import Venue
from tests.calibrations import RATE, VENUE, decisions, fitted, told
from tests.judgements import judgement

TEXT = "We count the birds of the coast in every month of the year and ask which of them stay. " * 9
HERE = Venue(VENUE, RATE)


def ask(venue=HERE, text=TEXT):
    return JudgeRequest("x", "Birds", text, venue)


@pytest.fixture(scope="module")
def found():
    return fitted(decisions(1_500))


def test_a_judgement_is_stated_for_the_venue_with_what_was_learnt_there(found):
    moved = found.apply(told(1.0), ask())
    assert moved.calibration.status == "calibrated"
    assert (moved.calibration.venue, moved.calibration.n) == (VENUE, 1_500)
    expected = found.calibrator.evidence(np.array([1.0]))[0]
    assert logit(moved.p_accept) - logit(RATE) == pytest.approx(expected)
    assert 0.35 < expected < 0.65
    assert 0.5 < moved.p_correct < 1


def test_another_venue_moves_by_bayes_rule_and_says_so(found):
    here, there = found.apply(told(1.0), ask()), found.apply(told(1.0), ask(parse_venue("NeurIPS-2024")))
    odds = {one.calibration.base_rate: one.p_accept / (1 - one.p_accept) for one in (here, there)}
    assert odds[RATE] / (RATE / (1 - RATE)) == pytest.approx(odds[0.258] / (0.258 / 0.742))
    assert there.calibration.status == "not calibrated"
    assert there.p_correct is None
    assert f"calibrated on decisions of {VENUE}" in there.calibration.reasons[0]


def test_another_year_of_the_venue_is_the_same_venue(found):
    assert found.apply(told(1.0), ask(Venue("Workshop-2025", 0.2))).calibration.status == "calibrated"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("ICLR-2025", "iclr"),
        ("iclr", "iclr"),
        ("My Workshop '1998", "my workshop"),
        ("CVPR2024", "cvpr"),
        ("A-3", "a-3"),
    ],
)
def test_a_venues_years_share_the_name_without_the_year(name, expected):
    assert without_year(name).casefold() == expected


@pytest.mark.parametrize(
    ("x", "text", "why"),
    [
        (9.0, TEXT, "so high or so low a score"),
        (0.0, "We count birds.", "the text has 3 words"),
        (0.0, TEXT * 10, "at most 150"),
        (
            0.0,
            "Wir zaehlen die Voegel an der Kueste in jedem Monat und fragen, welche davon bleiben. " * 11,
            "language",
        ),
    ],
)
def test_what_is_unlike_the_labelled_submissions_is_not_calibrated(found, x, text, why):
    moved = found.apply(told(x), ask(text=text))
    assert moved.calibration.status == "not calibrated"
    assert any(why in reason for reason in moved.calibration.reasons)
    assert moved.p_correct is None


def test_a_text_like_the_labelled_ones_is_calibrated_however_far_they_are_from_the_training_texts(found):
    far = told(0.0).model_copy(update={"calibration": told(0.0).calibration.model_copy(update={"reasons": ("far",)})})
    assert found.apply(far, ask()).calibration.reasons == ()


def test_the_interval_holds_the_engines_own_and_the_error_of_the_fit(found):
    narrow = told(0.5)
    wide = narrow.model_copy(update={"interval": narrow.interval.model_copy(update={"low": 0.05, "high": 0.9})})
    small, large = (found.apply(one, ask()).interval for one in (narrow, wide))
    assert large.low < small.low < found.apply(narrow, ask()).p_accept < small.high < large.high


def test_the_interval_covers_the_truth_in_nine_of_ten_calibrations(monkeypatch):
    monkeypatch.setattr("guide.calibration.selection.REPEATS", 1)  # ten times the time for the same choice
    # An engine that is sure of itself, so that only the fit and the base rate are in doubt.
    sure = told(1.2)
    sure = sure.model_copy(
        update={"interval": sure.interval.model_copy(update={"low": sure.p_accept, "high": sure.p_accept})}
    )
    inside = []
    for seed in range(40):
        made = decisions(250, slope=0.5, seed=seed)
        found = fitted(made)
        interval = found.apply(sure, ask(Venue(VENUE, found.base_rate))).interval
        inside.append(interval.low <= 1 / (1 + np.exp(-(0.6 + logit(RATE)))) <= interval.high)
    # At 90 % and 40 draws fewer than 31 come once in 500.
    assert sum(inside) >= 31


def test_the_track_record_is_of_held_out_decisions_with_a_like_chance(found):
    moved = found.apply(told(2.0), ask())
    assert "Of the 300 held-out submissions" in moved.calibration.track_record
    assert "the base rate alone" in moved.calibration.track_record
    assert "not shown to say more" not in moved.calibration.track_record


def test_an_engine_that_says_nothing_of_the_venue_is_said_to():
    found = fitted(decisions(400, slope=0.0))
    moved = found.apply(told(0.3), ask())
    assert not found.told_apart
    assert "not shown to say more" in moved.calibration.track_record


def test_chances_are_mapped_as_judgements_are(found):
    rate = 0.2
    p = told(1.0).p_accept
    at_rate = 1 / (1 + np.exp(-(logit(p) - logit(0.319) + logit(rate))))
    expected = found.apply(told(1.0), ask(Venue(VENUE, rate))).p_accept
    assert found.chances(np.array([at_rate]), rate)[0] == pytest.approx(expected)


def test_ratings_have_no_chances_to_map():
    with pytest.raises(ValueError, match="ratings"):
        fitted(decisions(400), score="rating").chances(np.array([0.5]), 0.3)


def test_the_evidence_in_a_chance_does_not_depend_on_the_base_rate_it_is_told_at():
    assert evidence_of(told(0.7), "p_accept") == pytest.approx(0.7)


def test_the_evidence_in_a_rating_is_what_human_ratings_say():
    assert evidence_of(judgement(rating=6.67), "rating") == pytest.approx(3.04)


def test_it_comes_back_as_it_was_written(tmp_path, found):
    found.save(tmp_path / "engine.json")
    again = load_calibration(tmp_path / "engine.json")
    assert again == found
    assert again.sha256 == found.sha256


def test_an_altered_file_is_refused(tmp_path, found):
    path = tmp_path / "engine.json"
    found.save(path)
    altered = json.loads(path.read_text())
    altered["held_out"]["accepted"][0] = not altered["held_out"]["accepted"][0]
    path.write_text(json.dumps(altered))
    with pytest.raises(InputError, match="altered"):
        load_calibration(path)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ("[]", "no calibration"),
        ("{}", "no calibration"),
        ("nonsense", "no calibration"),
        ('{"format": 1, "n": 3}', "has format 1.*Make it again: guide calibrate"),
        ('{"format": 2, "sha256": "", "n": 3}', "damaged.*Make it again"),
    ],
)
def test_a_file_that_is_none_or_an_old_one_is_one_line(tmp_path, content, why):
    path = tmp_path / "engine.json"
    path.write_text(content)
    with pytest.raises(InputError, match=why):
        load_calibration(path)
    with pytest.raises(InputError, match="cannot be read"):
        load_calibration(tmp_path / "none.json")


def test_without_a_venue_the_calibrations_own_is_stated(tmp_path, found):
    found.save(tmp_path / "engine.json")
    assert stated_venue(None, None) == "ICLR-2027"
    assert stated_venue("NeurIPS-2024", tmp_path / "engine.json") == "NeurIPS-2024"
    own = parse_venue(stated_venue(None, tmp_path / "engine.json"))
    assert own.name == VENUE
    assert own.base_rate == pytest.approx(found.base_rate, abs=1e-6)
