import numpy as np
import pytest
from sklearn.metrics import brier_score_loss, log_loss, roc_auc_score

from guide.calibration.logistic import sigmoid
from guide.calibration.selection import Figures, Trial, choose, cross_validate, measure, year_rates


def bend(x):
    return 2.0 * np.log(sigmoid(x)) - 0.2 * np.log(sigmoid(-x)) + 1.3


_GRID = np.linspace(-30, 30, 6_001)
# From a log likelihood ratio to an engine that would have to be mapped by each kind to tell it.
ENGINES = {
    "as it is": lambda truth: truth,
    "temperature": lambda truth: 2 * truth,
    "logistic": lambda truth: 2 * (truth - 0.7),
    "beta": lambda truth: np.interp(truth, bend(_GRID), _GRID),
}


def draw(n, kind, *, seed=0, rate=0.3):
    """An engine's evidence and the decisions, of which the map `kind` makes the log likelihood ratio."""
    random = np.random.default_rng(seed)
    accepted = random.random(n) < rate
    if kind == "isotonic":
        # Nothing but whether it lies above 0.8 says anything, which no map with parameters can follow.
        high = random.random(n) < np.where(accepted, 0.5, 0.05)
        return np.where(high, random.uniform(0.8, 3.0, n), random.uniform(-3.0, 0.8, n)), accepted
    truth = np.where(accepted, 0.5, -0.5) * 1.2**2 + 1.2 * random.normal(size=n)
    return ENGINES[kind](truth), accepted


def validate(x, accepted, **options):
    return cross_validate(x, accepted, np.zeros(len(x), dtype=np.int64), **options)


@pytest.mark.parametrize("kind", [*ENGINES, "isotonic"])
def test_with_enough_decisions_the_map_that_made_them_is_chosen(kind):
    assert validate(*draw(6_000, kind)).chosen == kind


def test_with_few_decisions_a_simple_map_is_chosen():
    kinds = ["as it is", "temperature", "logistic", "beta", "isotonic"]
    chosen = [validate(*draw(200, "temperature", seed=seed)).chosen for seed in range(12)]
    assert np.mean([kinds.index(kind) for kind in chosen]) < 2
    assert "isotonic" not in chosen


def test_the_rule_takes_the_simplest_within_one_standard_error():
    figures = Figures(0.6, 0.2, 0.02, 0.6)
    simple, middle = Trial("as it is", figures, 0.02, 0.01), Trial("temperature", figures, 0.004, 0.005)
    best = Trial("isotonic", figures, 0.0, 0.0)
    assert choose([simple, middle, best]) == "temperature"
    assert choose([simple, best]) == "isotonic"


def test_figures_are_those_of_sklearn():
    random = np.random.default_rng(0)
    p, accepted = random.uniform(0.01, 0.99, 300), random.random(300) < 0.4
    found = measure(p, accepted)
    assert found.log_loss == pytest.approx(log_loss(accepted, p))
    assert found.brier == pytest.approx(brier_score_loss(accepted, p))
    assert found.auroc == pytest.approx(roc_auc_score(accepted, p))


def test_a_constant_that_is_right_on_the_mean_has_no_calibration_error_in_any_order():
    accepted = np.array([True] * 30 + [False] * 70)
    assert measure(np.full(100, 0.3), accepted).ece == pytest.approx(0)
    assert measure(np.full(100, 0.4), accepted).ece == pytest.approx(0.1)


def test_the_calibration_error_is_that_of_ten_bins_of_equal_mass():
    random = np.random.default_rng(1)
    p, accepted = random.uniform(0.01, 0.99, 200), random.random(200) < 0.4
    order = np.argsort(p)
    bins = [abs(p[part].mean() - accepted[part].mean()) for part in order.reshape(10, 20)]
    assert measure(p, accepted).ece == pytest.approx(np.mean(bins))


def test_an_engine_that_knows_nothing_does_not_gain_on_the_base_rate():
    random = np.random.default_rng(0)
    found = validate(random.normal(size=1_000), random.random(1_000) < 0.3)
    assert found.gain < 1.645 * found.gain_error
    assert found.base_rate.log_loss == pytest.approx(-0.3 * np.log(0.3) - 0.7 * np.log(0.7), abs=0.03)


def test_no_decision_is_told_by_its_own():
    # One decision a year: with its own share as the offset every decision would be known.
    random = np.random.default_rng(0)
    accepted = random.random(400) < 0.3
    found = cross_validate(0.1 * random.normal(size=400), accepted, np.arange(400))
    assert abs(found.base_rate.auroc - 0.5) < 0.1
    assert found.base_rate.log_loss > 0.55


def test_a_small_year_is_drawn_towards_all_and_a_large_one_keeps_its_own():
    accepted = np.array([True] * 2 + [False] * 998 + [True] * 600 + [False] * 400)
    years = np.array([2020] * 2 + [2021] * 998 + [2022] * 1_000)
    rates = year_rates(accepted, years)
    assert rates[0] == pytest.approx((2 + 20 * 602 / 2000) / 22)
    assert 0 < rates[2] < 0.01
    assert rates[-1] == pytest.approx(0.594, abs=0.001)


def test_a_year_that_was_not_fitted_on_has_the_share_of_all():
    accepted, years = np.array([True, False, True, True]), np.array([1, 1, 2, 2])
    rates = year_rates(accepted, years, np.array([True, True, False, False]))
    np.testing.assert_allclose(rates, 0.5)
