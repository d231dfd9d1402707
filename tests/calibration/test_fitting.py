import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from guide.calibration.fitting import LEAST_OF_EACH, WIDEST, check_labels, fit_engine, labels_needed
from guide.errors import InputError
from tests.calibrations import RATE, VENUE, decisions, fitted, origin


def half_width(accepted, n):
    interval = binomtest(accepted, n).proportion_ci(method="wilson")
    return (interval.high - interval.low) / 2


@given(st.integers(10, 3_000), st.floats(0.01, 0.99))
def test_the_number_needed_is_the_smallest_that_is_enough_at_this_share(n, share):
    accepted = min(max(round(share * n), 1), n - 1)
    needed = labels_needed(accepted, n)
    assert needed >= n
    rarer = min(accepted, n - accepted) / n
    assert needed * rarer >= LEAST_OF_EACH - 1e-6
    assert half_width(round(needed * accepted / n), needed) <= WIDEST + 0.002
    if needed > n:
        one_less = needed - 1
        too_wide = half_width(round(one_less * accepted / n), one_less) > WIDEST - 0.002
        assert too_wide or one_less * rarer < LEAST_OF_EACH


def test_a_refusal_names_the_number_and_how_many_are_missing():
    with pytest.raises(InputError) as refused:
        check_labels([True] * 30 + [False] * 70, "made.jsonl")
    assert str(refused.value) == (
        "made.jsonl: 100 labelled submissions, 30 of them accepted, are too few to calibrate on: 162 are needed at "
        "this share (30 of each decision, and a base rate known to 7 points). Add 62 more."
    )
    check_labels([True] * 60 + [False] * 140, "made.jsonl")


def test_a_rare_decision_needs_more():
    assert labels_needed(5, 100) == 600


def test_decisions_all_alike_are_refused():
    with pytest.raises(InputError, match="30 of each"):
        check_labels([True] * 500, "made.jsonl")
    with pytest.raises(InputError, match="30 of each"):
        check_labels([], "made.jsonl")


def test_an_engine_that_judges_all_alike_is_refused():
    with pytest.raises(InputError, match="alike"):
        fitted(decisions(400, spread=0.0))


def test_the_slope_that_made_the_decisions_is_found_and_the_figures_are_better():
    found = fitted(decisions(6_000, slope=0.5))
    asked = found.calibrator.evidence(np.array([-1.0, 1.0]))
    assert asked[1] - asked[0] == pytest.approx(1.0, abs=0.15)
    assert found.figures.log_loss < found.base_rate_alone.log_loss - 0.01
    assert found.figures.log_loss < found.uncalibrated.log_loss - 0.01
    assert found.figures.ece < 0.03 < found.uncalibrated.ece
    assert found.told_apart
    assert found.last_year == 2024


def test_the_base_rate_comes_with_wilsons_interval():
    found = fitted(decisions(1_000))
    interval = binomtest(found.accepted, found.n).proportion_ci(method="wilson")
    assert found.base_rate == found.accepted / found.n
    assert found.rate_interval == pytest.approx((interval.low, interval.high), abs=1e-4)


def test_a_stated_base_rate_is_carried_and_leaves_the_evidence_alone():
    made = decisions(1_000)
    plain, stated = fitted(made), fitted(made, base_rate=0.1)
    assert stated.base_rate == 0.1
    assert stated.rate_interval is None
    assert stated.calibrator == plain.calibrator
    # At a tenth accepted, to call all rejected is right nine times in ten.
    assert stated.correct.right == pytest.approx(0.9, abs=0.03)
    assert plain.correct.right < 0.8
    assert stated.venue_option == f"{VENUE}=0.100000"


def test_the_order_of_the_decisions_does_not_matter():
    made = decisions(400)
    shuffled = list(made)
    random.Random(0).shuffle(shuffled)
    assert fitted(shuffled) == fitted(made)


def test_decisions_without_a_year_are_taken_too():
    from dataclasses import replace

    found = fitted([replace(one, year=None) for one in decisions(400)])
    assert found.last_year is None


def test_ratings_can_be_what_is_calibrated():
    found = fitted(decisions(2_000, slope=0.5), score="rating")
    assert found.calibrator.kind != "as it is"
    assert found.figures.auroc > 0.6


def test_the_chance_of_being_right_is_calibrated():
    from guide.judging import JudgeRequest
    from guide.review import Venue

    found = fitted(decisions(6_000, slope=1.0, spread=1.5))
    asked = JudgeRequest("x", "T", "word " * 150, Venue(VENUE, found.base_rate))
    told, right = [], []
    for one in decisions(4_000, slope=1.0, spread=1.5, seed=1):
        moved = found.apply(one.judgement, asked)
        if moved.p_correct is not None:
            told.append(moved.p_correct)
            right.append((moved.p_accept >= 0.5) == one.accepted)
    told_array, right_array = np.array(told), np.array(right)
    for low, high in ((0.5, 0.7), (0.7, 0.85), (0.85, 1.0)):
        inside = (told_array >= low) & (told_array < high)
        assert inside.sum() > 100
        assert right_array[inside].mean() == pytest.approx(told_array[inside].mean(), abs=0.06)


def test_made_decisions_have_the_rate_they_say():
    assert np.mean([one.accepted for one in decisions(4_000, slope=0.0)]) == pytest.approx(RATE, abs=0.03)
    assert fit_engine(decisions(300), origin()).n == 300
