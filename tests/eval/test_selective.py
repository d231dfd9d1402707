import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from guide.calibration.measures import wilson
from guide.eval.ranks import Ranking, top_size
from guide.eval.selective import (
    decile_figure,
    pool_deciles,
    precision_coverage,
    risk_coverage,
    wrong_calls,
    wrong_top_calls,
)

tied = st.lists(st.tuples(st.integers(0, 4), st.booleans()), min_size=1, max_size=40)


def _arrays(sample):
    values, flags = zip(*sample, strict=True)
    return np.array(values, dtype=np.float64), np.array(flags)


@given(tied)
def test_each_point_of_the_precision_curve_is_the_precision_of_that_top_share(sample):
    scores, accepted = _arrays(sample)
    tally = Ranking(scores, accepted).tally(np.ones(len(scores)))
    for share in (0.05, 0.3, 0.55, 1.0):
        (point,) = precision_coverage(scores, accepted, [share])
        assert point.n == top_size(share, len(scores))
        assert point.rate == pytest.approx(tally.top_precision(share), abs=1e-12)
        assert (point.low, point.high) == wilson(point.k, point.n)
        assert point.low <= point.rate <= point.high
        assert point.threshold == sorted(scores, reverse=True)[point.n - 1]


def test_the_precision_curve_ends_at_the_base_rate_and_names_each_size_once():
    scores, accepted = np.arange(30.0), np.arange(30) >= 20
    curve = precision_coverage(scores, accepted)
    assert [point.n for point in curve] == list(range(1, 31))
    assert [point.rate for point in curve[:10]] == [1.0] * 10
    assert (curve[-1].coverage, curve[-1].k, curve[-1].rate) == (1.0, 10.0, pytest.approx(1 / 3))


def test_the_area_by_hand():
    # Risks at coverage 1 to 4: 0, 1/2, 1/3, 2/4; the oracle's: 0, 0, 1/3, 2/4.
    found = risk_coverage(np.array([0.9, 0.8, 0.7, 0.6]), np.array([0, 1, 0, 1]))
    assert found.area == pytest.approx((0 + 1 / 2 + 1 / 3 + 2 / 4) / 4)
    assert found.oracle == pytest.approx((1 / 3 + 2 / 4) / 4)
    assert found.excess == pytest.approx(1 / 8)
    assert found.error_rate == 0.5
    assert [(point.n, point.rate) for point in found.points] == [(1, 0), (2, 0.5), (3, pytest.approx(1 / 3)), (4, 0.5)]


def test_the_area_with_ties_is_the_mean_over_all_orders():
    confidence, wrong = np.array([3.0, 2, 2, 2, 1, 1]), np.array([0, 1, 0, 1, 1, 0], dtype=np.float64)
    areas = []
    for middle in itertools.permutations([1, 2, 3]):
        for last in itertools.permutations([4, 5]):
            order = [0, *middle, *last]
            areas.append(np.mean(np.cumsum(wrong[order]) / np.arange(1, 7)))
    assert risk_coverage(confidence, wrong).area == pytest.approx(np.mean(areas))


@given(tied)
def test_no_confidence_beats_the_oracle_and_a_silent_one_has_the_error_rate_as_its_area(sample):
    confidence, wrong = _arrays(sample)
    found = risk_coverage(confidence, wrong)
    assert found.excess >= -1e-12
    assert risk_coverage(-wrong.astype(np.float64), wrong).excess == pytest.approx(0, abs=1e-12)
    silent = risk_coverage(np.zeros(len(wrong)), wrong)
    assert silent.area == pytest.approx(silent.error_rate, abs=1e-12)
    assert silent.error_rate == pytest.approx(wrong.mean())


def test_the_oracle_is_near_geifmans_closed_form():
    # For many rows and an error rate r: r + (1 - r) ln(1 - r).
    wrong = np.arange(20_000) < 6_000
    r = 0.3
    assert risk_coverage(np.zeros(20_000), wrong).oracle == pytest.approx(r + (1 - r) * math.log(1 - r), abs=1e-4)


def test_a_call_is_wrong_if_it_is_not_what_was_decided():
    accepted = np.array([True, True, False, False])
    assert wrong_calls(np.array([0.5, 0.4, 0.5, 0.4]), accepted).tolist() == [0, 1, 1, 0]
    assert wrong_calls(np.array([0.5, 0.4, 0.5, 0.4]), accepted, threshold=0.3).tolist() == [0, 0, 1, 1]


@given(tied)
def test_wrong_calls_at_a_cut_add_up_to_its_error_rate(sample):
    scores, accepted = _arrays(sample)
    wrong = wrong_top_calls(scores, accepted)
    accuracy = Ranking(scores, accepted).tally(np.ones(len(scores))).accuracy(0.3)
    assert wrong.mean() == pytest.approx(1 - accuracy, abs=1e-12)
    assert ((wrong >= 0) & (wrong <= 1)).all()


def test_ties_at_the_cut_are_wrong_in_a_share_of_the_orders():
    # Three of ten are called accepted: the best, and two of the four that tie behind it.
    scores = np.array([9, 5, 5, 5, 5, 1, 1, 1, 1, 1], dtype=np.float64)
    accepted = np.array([True, True, False, False, False, True, False, False, False, False])
    assert wrong_top_calls(scores, accepted).tolist() == [0, 0.5, 0.5, 0.5, 0.5, 1, 0, 0, 0, 0]


# arXiv 2507.08870, "uncertainty" figure, read off: accepted of the surest 10, 20, 30 and of all 100 of a decile.
GUIDE = {1: (10, 19, 25, 65), 2: (9, 14, 17, 48), 3: (9, 10, 16, 38)}


def _guides_figure():
    accepted = np.zeros(1000, dtype=bool)
    confidence = np.tile(np.linspace(1, 0.01, 100), 10)
    for decile, found in GUIDE.items():
        begin, before = 100 * (decile - 1), 0
        for first, count in zip((0, 10, 20, 30), found, strict=True):
            accepted[begin + first : begin + first + count - before] = True
            before = count
    return -np.arange(1000.0), confidence + np.arange(1000) * 1e-9, accepted


def test_guides_own_figure_comes_out_with_its_counts():
    cells = decile_figure(*_guides_figure(), deciles=(1, 2, 3), shares=(0.1, 0.2, 0.3, 1.0))
    for decile, found in GUIDE.items():
        own = [cell for cell in cells if cell.decile == decile]
        assert [cell.n for cell in own] == [10, 20, 30, 100]
        assert [cell.accepted for cell in own] == list(found)
        assert all((cell.low, cell.high) == wilson(cell.accepted, cell.n) for cell in own)


def test_guides_headline_rests_on_30_papers():
    (surest,) = pool_deciles(decile_figure(*_guides_figure(), deciles=(1, 2, 3), shares=(0.1,)))
    assert (surest.decile, surest.n, surest.accepted) == (0, 30, 28)
    assert (surest.low, surest.high) == (pytest.approx(0.79, abs=0.005), pytest.approx(0.98, abs=0.005))


@given(tied, st.integers(0, 3))
def test_all_ten_deciles_hold_every_row_once(sample, seed):
    scores, accepted = _arrays(sample)
    confidence = np.random.default_rng(seed).integers(3, size=len(scores)).astype(np.float64)
    cells = decile_figure(scores, confidence, accepted, orders=5)
    (whole,) = [cell for cell in pool_deciles(cells) if cell.share == 1.0]
    assert whole.n == len(scores)
    assert whole.accepted == pytest.approx(accepted.sum())
    assert all(0 <= cell.accepted <= cell.n and cell.low <= cell.precision <= cell.high for cell in cells)


def test_scores_and_confidence_that_say_nothing_give_the_base_rate_in_every_cell():
    accepted = np.arange(300) < 90
    for cell in decile_figure(np.zeros(300), np.zeros(300), accepted, orders=2000):
        assert cell.precision == pytest.approx(0.3, abs=0.03)


def test_luck_in_the_ranking_is_no_luck_within_the_decile():
    # Two groups of ties meet in the second decile: the surest tenth must hold both in equal shares.
    scores = np.repeat([2.0, 1.0], [15, 85])
    cells = decile_figure(scores, np.zeros(100), scores == 2, deciles=(2,), shares=(1.0, 0.1), orders=4000)
    assert [cell.precision for cell in cells] == [pytest.approx(0.5), pytest.approx(0.5, abs=0.04)]


def test_nothing_gives_no_points():
    none = np.array([], dtype=np.float64)
    assert precision_coverage(none, none.astype(bool)) == ()
    assert decile_figure(none, none, none.astype(bool)) == ()
    assert math.isnan(risk_coverage(none, none).area)


@pytest.mark.parametrize(("values", "flags"), [([1.0, 2.0], [True]), ([1.0, math.nan], [True, False])])
def test_curves_of_what_makes_no_sense_are_refused(values, flags):
    values, flags = np.array(values), np.array(flags)
    for curve in (
        lambda: precision_coverage(values, flags),
        lambda: risk_coverage(values, flags),
        lambda: decile_figure(values, values, flags),
    ):
        with pytest.raises(ValueError, match=r"one length|nan"):
            curve()
