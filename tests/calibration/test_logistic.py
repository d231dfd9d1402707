import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest
from sklearn.calibration import calibration_curve
from sklearn.linear_model import LogisticRegression

from guide.calibration.logistic import chance, fit_logistic, logit, sigmoid
from guide.calibration.measures import calibration_error, wilson


@given(st.floats(-15, 15))
def test_logit_undoes_sigmoid(x):
    assert logit(sigmoid(x)) == pytest.approx(x, abs=1e-8)


def test_sigmoid_does_not_overflow():
    assert sigmoid(np.array([-1e5, 1e5])).tolist() == [0.0, 1.0]


def _decisions(n, rate, seed=0):
    random = np.random.default_rng(seed)
    x = random.normal(size=(n, 2))
    return x, random.random(n) < sigmoid(0.8 * x[:, 0] - 0.3 * x[:, 1] + logit(rate))


def test_the_fit_equals_scikit_learns_without_a_penalty():
    x, accepted = _decisions(3000, 0.5)
    fit = fit_logistic(x, accepted, np.full(3000, 0.5))
    reference = LogisticRegression(C=np.inf, tol=1e-10, max_iter=1000).fit(x, accepted)
    assert fit.coefficients[:2] == pytest.approx(reference.coef_[0], abs=1e-4)
    assert fit.coefficients[2] == pytest.approx(reference.intercept_[0], abs=1e-4)


def test_the_covariance_predicts_the_spread_of_refits():
    fits = []
    for seed in range(200):
        x, accepted = _decisions(600, 0.3, seed)
        fits.append(fit_logistic(x, accepted, np.full(600, 0.3)))
    spread = np.std([fit.coefficients for fit in fits], axis=0)
    assert spread == pytest.approx(np.sqrt(np.diag(fits[0].covariance)), rel=0.25)


def test_the_offset_takes_the_base_rate_out():
    x, accepted = _decisions(20000, 0.2)
    fit = fit_logistic(x, accepted, np.full(20000, 0.2))
    assert fit.coefficients == pytest.approx([0.8, -0.3, 0.0], abs=0.08)


def test_the_mean_chance_is_the_share_accepted_where_the_rate_is_it():
    x, accepted = _decisions(2000, 0.2)
    rate = accepted.mean()
    fit = fit_logistic(x, accepted, np.full(2000, rate))
    assert chance(fit.evidence(x), rate).mean() == pytest.approx(rate, abs=1e-9)


def test_no_evidence_gives_the_base_rate():
    assert chance(np.array([0.0]), 0.319)[0] == pytest.approx(0.319)


@given(st.floats(-5, 5), st.floats(0.01, 0.98))
def test_a_higher_base_rate_gives_a_higher_chance(evidence, rate):
    low, high = chance(np.array([evidence]), rate)[0], chance(np.array([evidence]), rate + 0.01)[0]
    assert 0 < low < high < 1


def test_one_class_cannot_be_fitted():
    with pytest.raises(ValueError, match="accepted and rejected"):
        fit_logistic(np.zeros((3, 1)), np.ones(3, dtype=bool), np.full(3, 0.5))


@given(st.integers(1, 500), st.data())
def test_wilson_equals_scipys(n, data):
    k = data.draw(st.integers(0, n))
    expected = binomtest(k, n).proportion_ci(0.95, method="wilson")
    assert wilson(k, n, z=1.959964) == pytest.approx((expected.low, expected.high), abs=1e-6)


def test_wilson_of_nothing_is_everything():
    assert wilson(0, 0) == (0.0, 1.0)


@given(st.integers(0, 1000))
def test_the_calibration_error_equals_scikit_learns_curve(seed):
    random = np.random.default_rng(seed)
    p = random.random(200)
    accepted = random.random(200) < p**2
    observed, predicted = calibration_curve(accepted, p, n_bins=10, strategy="quantile")
    assert calibration_error(p, accepted) == pytest.approx(np.abs(observed - predicted).mean(), abs=0.02)


def test_perfect_probabilities_have_no_error():
    p = np.repeat([0.0, 1.0], 50)
    assert calibration_error(p, p > 0.5) == 0


def test_a_constant_shift_is_the_error():
    p = np.full(100, 0.75)
    assert calibration_error(p, np.arange(100) < 50, bins=1) == pytest.approx(0.25)


def test_a_constant_that_is_right_on_the_mean_has_no_error_in_any_order():
    for accepted in (np.arange(100) < 30, np.arange(100) % 10 < 3):
        assert calibration_error(np.full(100, 0.3), accepted) == pytest.approx(0)
