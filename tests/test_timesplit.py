import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.calibration import calibration_curve

from guide.timesplit import calibration_error


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
