import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from sklearn.calibration import calibration_curve
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import brier_score_loss, log_loss

from guide.calibration.logistic import logit, sigmoid
from guide.eval.probabilities import CLIP, Forecasts, ece_by_chance, reliability_bins

samples = st.lists(st.tuples(st.sampled_from(np.linspace(0, 1, 21)), st.booleans()), min_size=1, max_size=60)


def _arrays(sample):
    p, accepted = zip(*sample, strict=True)
    return np.array(p), np.array(accepted)


def _drawn(n, seed=0, slope=1.0, shift=0.0):
    """Forecasts whose truth has log-odds shift + slope * logit(p)."""
    random = np.random.default_rng(seed)
    p = random.beta(3, 6, n)
    return p, random.random(n) < sigmoid(shift + slope * logit(p))


@given(samples)
def test_brier_and_log_loss_are_those_of_scikit_learn(sample):
    p, accepted = _arrays(sample)
    forecasts, ones = Forecasts(p, accepted), np.ones(len(p))
    # scikit-learn wants to be told the positive class where only one occurs.
    assert forecasts.brier(ones) == pytest.approx(brier_score_loss(accepted.astype(int), p, pos_label=1), abs=1e-12)
    expected = log_loss(accepted, np.clip(p, CLIP, 1 - CLIP), labels=[False, True])
    assert forecasts.log_loss(ones) == pytest.approx(expected, rel=1e-9)


def test_one_that_is_sure_and_wrong_costs_what_the_clip_says():
    forecasts = Forecasts(np.array([0.0, 1.0]), np.array([True, True]))
    assert forecasts.log_loss(np.ones(2)) == pytest.approx((-math.log(1e-6) + 1e-6) / 2)


@pytest.mark.parametrize(("binning", "strategy"), [("mass", "quantile"), ("width", "uniform")])
def test_the_bins_are_those_of_scikit_learn_where_nothing_is_tied(binning, strategy):
    random = np.random.default_rng(0)
    p = random.random(500)
    accepted = random.random(500) < p**2
    observed, predicted = calibration_curve(accepted, p, n_bins=10, strategy=strategy)
    table = reliability_bins(p, accepted, binning=binning)
    assert [row.predicted for row in table] == pytest.approx(predicted)
    assert [row.observed for row in table] == pytest.approx(observed)
    weighed = sum(row.n * abs(row.predicted - row.observed) for row in table) / 500
    assert Forecasts(p, accepted).binned(np.ones(500), binning=binning).ece() == pytest.approx(weighed)


def test_ece_by_hand():
    # Two bins of two rows: |0.2 - 0.5| and |0.8 - 1.0|, each of half the rows.
    forecasts = Forecasts(np.array([0.1, 0.3, 0.7, 0.9]), np.array([False, True, True, True]))
    assert forecasts.binned(np.ones(4), bins=2).ece() == pytest.approx(0.25)


@given(samples, st.sampled_from(["mass", "width"]))
def test_the_debiased_error_is_that_of_kumar_bin_by_bin(sample, binning):
    p, accepted = _arrays(sample)
    forecasts, ones = Forecasts(p, accepted), np.ones(len(p))
    number = forecasts.bins(ones, 10, binning)
    squared = 0.0
    for one in set(number):
        own_p, own = p[number == one], accepted[number == one]
        if len(own) > 1:
            gap = (own_p.mean() - own.mean()) ** 2 - np.var(own, ddof=1) / len(own)
            squared += len(own) / len(p) * gap
    expected = math.sqrt(max(0, squared))
    assert forecasts.binned(ones, binning=binning).rms_calibration_error() == pytest.approx(expected, abs=1e-7)


def test_the_debiased_error_is_right_on_average_where_the_ece_errs_upwards():
    # Five chances, each 0.15 too high: the true error is 0.15 in every bin, by either definition.
    random = np.random.default_rng(4)
    p = np.repeat([0.25, 0.35, 0.45, 0.55, 0.65], 20)
    squared, plain = [], []
    for _ in range(2000):
        binned = Forecasts(p, random.random(100) < p - 0.15).binned(np.ones(100))
        squared.append(binned.rms_calibration_error() ** 2)
        plain.append(binned.ece())
    assert np.mean(squared) == pytest.approx(0.15**2, rel=0.04)
    assert np.mean(plain) > 0.155


@given(samples, st.sampled_from(["mass", "width"]))
def test_equal_probabilities_share_a_bin_and_no_row_is_lost(sample, binning):
    p, accepted = _arrays(sample)
    number = Forecasts(p, accepted).bins(np.ones(len(p)), 10, binning)
    assert all(len(set(number[p == value])) == 1 for value in p)
    table = reliability_bins(p, accepted, binning=binning)
    assert sum(row.n for row in table) == len(p)
    assert all(row.least <= row.predicted + 1e-12 and row.predicted <= row.greatest + 1e-12 for row in table)
    assert all(0 <= row.low <= row.observed + 1e-12 and row.observed - 1e-12 <= row.high <= 1 for row in table)


def test_a_probability_of_one_belongs_to_the_last_bin():
    forecasts = Forecasts(np.array([0.0, 0.05, 0.95, 1.0]), np.ones(4, dtype=bool))
    assert forecasts.bins(np.ones(4), 10, "width").tolist() == [0, 0, 9, 9]


def test_a_reliability_bin_carries_wilsons_interval():
    (row,) = reliability_bins(np.full(30, 0.9), np.arange(30) < 28)
    # 28 of 30 at z = 1.96: middle (28 + z^2 / 2) / (30 + z^2), half-width z sqrt(28 * 2 / 30 + z^2 / 4) / (30 + z^2).
    middle, half = 29.9208 / 33.8416, 1.96 * math.sqrt(56 / 30 + 0.9604) / 33.8416
    assert (row.low, row.high) == pytest.approx((middle - half, middle + half))
    assert (row.n, row.observed, row.least, row.greatest) == (30, 28 / 30, 0.9, 0.9)


@pytest.mark.parametrize("seed", range(5))
def test_the_slope_is_that_of_an_unpenalised_regression_in_scikit_learn(seed):
    p, accepted = _drawn(400, seed, slope=0.7, shift=-0.3)
    oracle = LogisticRegression(C=np.inf, tol=1e-10, solver="newton-cholesky")
    counts = np.random.default_rng(seed).integers(0, 4, 400)
    for weights in (np.ones(400), counts.astype(np.float64)):
        fitted = oracle.fit(logit(p)[:, None], accepted, sample_weight=weights)
        assert Forecasts(p, accepted).slope(weights) == pytest.approx(fitted.coef_[0, 0], rel=1e-6)


def test_the_slope_of_a_resample_is_found_from_far_away():
    # The sample's own fit is steep, the resample's is not: a full Newton step between them overshoots for good.
    p = np.array([1.0, 0.7, 0.0001, 0.0001, 0.01, 0.1, 0.7, 0.01, 0.9, 0.9])
    accepted = np.isin(np.arange(10), [0, 7])
    counts = np.array([0, 0, 1, 1, 0, 0, 0, 2, 2, 2])
    repeated = Forecasts(np.repeat(p, counts), np.repeat(accepted, counts)).slope(np.ones(8))
    assert Forecasts(p, accepted).slope(counts.astype(np.float64)) == pytest.approx(repeated, rel=1e-6)
    assert repeated == pytest.approx(-0.1293, abs=1e-4)


@given(samples)
def test_the_intercept_makes_the_chances_right_on_the_whole(sample):
    # The score equation of the maximum: the shifted chances add up to the number accepted.
    p, accepted = _arrays(sample)
    assume(0 < accepted.sum() < len(accepted))
    a = Forecasts(p, accepted).intercept(np.ones(len(p)))
    assert sigmoid(logit(np.clip(p, CLIP, 1 - CLIP)) + a).sum() == pytest.approx(accepted.sum(), rel=1e-6)


def test_the_intercept_of_a_constant_is_the_difference_in_log_odds():
    accepted = np.arange(10) < 3
    forecasts = Forecasts(np.full(10, 0.5), accepted)
    assert forecasts.intercept(np.ones(10)) == pytest.approx(float(logit(0.3)))
    assert math.isnan(forecasts.slope(np.ones(10)))


def test_slope_and_intercept_say_what_was_done_to_the_chances():
    for slope, shift in ((1.0, 0.0), (0.5, 0.0), (2.0, 0.0), (1.0, 0.8)):
        p, accepted = _drawn(40_000, 1, slope, shift)
        forecasts, ones = Forecasts(p, accepted), np.ones(40_000)
        assert forecasts.slope(ones) == pytest.approx(slope, rel=0.06)
        if slope == 1:
            assert forecasts.intercept(ones) == pytest.approx(shift, abs=0.04)


def test_the_slope_undoes_a_stretch_of_the_log_odds():
    p, accepted = _drawn(500, 2)
    plain, stretched = Forecasts(p, accepted), Forecasts(sigmoid(3 * logit(p) - 1), accepted)
    assert stretched.slope(np.ones(500)) == pytest.approx(plain.slope(np.ones(500)) / 3, rel=1e-6)


@pytest.mark.parametrize(
    ("p", "accepted"),
    [
        ([0.1, 0.2, 0.8, 0.9], [False, False, True, True]),  # parted without overlap
        ([0.1, 0.5, 0.5, 0.9], [False, False, True, True]),  # parted but for one chance
        ([0.9, 0.8, 0.2, 0.1], [False, False, True, True]),  # the wrong way round
        ([0.4, 0.4, 0.4, 0.4], [False, False, True, True]),
        ([0.1, 0.2, 0.8, 0.9], [True, True, True, True]),
        ([0.1, 0.2, 0.8, 0.9], [False, False, False, False]),
    ],
)
def test_a_slope_without_a_single_best_value_is_undefined(p, accepted):
    assert math.isnan(Forecasts(np.array(p), np.array(accepted)).slope(np.ones(4)))


def test_chance_alone_gives_a_calibrated_engine_the_ece_said():
    # One bin a row at p = 1/2: every gap is exactly 1/2. One bin in all at p = 0 or 1: never a gap.
    half, sure = np.full(10, 0.5) + np.linspace(-1e-9, 1e-9, 10), np.array([0.0, 1.0] * 5)
    assert ece_by_chance(half, draws=100, seed=0) == pytest.approx(0.5, abs=1e-6)
    assert ece_by_chance(sure, draws=100, seed=0) == 0
    # Bins of equal width hold them all together: the mean of |binomial / 10 - 0.55|.
    together = np.full(10, 0.55) + np.linspace(-1e-9, 1e-9, 10)
    expected = sum(math.comb(10, k) * 0.55**k * 0.45 ** (10 - k) * abs(k / 10 - 0.55) for k in range(11))
    assert ece_by_chance(together, draws=20_000, seed=0, binning="width") == pytest.approx(expected, rel=0.03)


def test_the_ece_of_a_calibrated_engine_is_what_chance_gives_and_that_of_another_is_not():
    random = np.random.default_rng(0)
    p, ones = random.beta(3, 6, 1000), np.ones(1000)
    right, wrong = random.random(1000) < p, random.random(1000) < p + 0.15
    for binning in ("mass", "width"):
        floor = ece_by_chance(p, draws=300, seed=0, binning=binning)
        assert Forecasts(p, right).binned(ones, binning=binning).ece() < 2 * floor
        assert Forecasts(p, wrong).binned(ones, binning=binning).ece() > 3 * floor
