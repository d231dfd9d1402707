import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression

from guide.calibration.logistic import logit, sigmoid
from guide.calibration.maps import KINDS, Calibrator, fit_calibrator


def draw(n, *, slope=1.0, shift=0.0, rates=(0.3,), seed=0):
    """Evidence, decisions and each one's base rate, where slope * x + shift is the log likelihood ratio."""
    random = np.random.default_rng(seed)
    rate = np.array(rates)[np.arange(n) % len(rates)]
    accepted = random.random(n) < rate
    return (ratio(random, accepted) - shift) / slope, accepted, rate


def ratio(random, accepted, spread=1.2):
    """Log likelihood ratios that are their own: normal, with half their variance as the mean of either sign."""
    return np.where(accepted, 0.5, -0.5) * spread**2 + spread * random.normal(size=len(accepted))


def loss(z, accepted):
    return (np.logaddexp(0, z) - accepted * z).sum()


def test_temperature_is_what_scipy_finds():
    x, accepted, rate = draw(800, slope=0.6, rates=(0.2, 0.5))
    found = minimize(lambda a: loss(a[0] * x + logit(rate), accepted), [1.0], bounds=[(0, None)], tol=1e-12)
    assert fit_calibrator("temperature", x, accepted, rate).parameters == pytest.approx(tuple(found.x), abs=1e-3)


def test_logistic_is_what_sklearn_finds_at_one_base_rate():
    x, accepted, rate = draw(800, slope=0.6, shift=0.4)
    assert fit_calibrator("logistic", x, accepted, rate).parameters == pytest.approx((0.6, 0.4), abs=0.15)
    found = LogisticRegression(C=np.inf, tol=1e-10).fit(x[:, None], accepted)
    slope, intercept = fit_calibrator("logistic", x, accepted, rate).parameters
    assert slope == pytest.approx(found.coef_[0, 0], abs=1e-3)
    assert intercept + logit(0.3) == pytest.approx(found.intercept_[0], abs=1e-3)


@pytest.mark.parametrize(("bend", "seed"), [(0.0, 1), (0.6, 2), (-0.6, 3), (1.8, 4), (-1.8, 5)])
def test_beta_is_what_scipy_finds_within_the_same_bounds(bend, seed):
    random = np.random.default_rng(seed)
    x, rate = 1.5 * random.normal(size=1_000), np.full(1_000, 0.3)
    rises, falls = np.log(sigmoid(x)), np.log(sigmoid(-x))
    accepted = random.random(1_000) < sigmoid((1 + bend) * rises - (1 - bend) * falls + logit(rate))
    found = minimize(
        # The same pull towards the identity: what bends the map is weakly known.
        lambda w: (
            loss(w[0] * rises - w[1] * falls + w[2] + logit(rate), accepted) + 0.005 * ((w - [1, 1, 0]) ** 2).sum()
        ),
        [1.0, 1.0, 0.0],
        bounds=[(0, None), (0, None), (None, None)],
        options={"ftol": 1e-15, "gtol": 1e-9},
    )
    ours = fit_calibrator("beta", x, accepted, rate).parameters
    assert ours == pytest.approx(tuple(found.x), abs=5e-3)
    assert (min(ours[:2]) == 0) == (abs(bend) > 1)


def test_isotonic_is_what_sklearn_finds_with_the_two_made_up_decisions():
    x, accepted, rate = draw(500, slope=0.7)
    model = IsotonicRegression(out_of_bounds="clip").fit(
        np.r_[x.min(), x, x.max()],
        np.r_[1.0, accepted, 0.0],
        sample_weight=np.r_[1.0, np.where(accepted, accepted.mean() / 0.3, (1 - accepted.mean()) / 0.7), 1.0],
    )
    # Between the knots sklearn draws lines in chances, and we in log-odds; at the decisions there are only knots.
    ours = sigmoid(fit_calibrator("isotonic", x, accepted, rate).evidence(x) + logit(accepted.mean()))
    np.testing.assert_allclose(ours, model.predict(x), atol=1e-9)


@pytest.mark.parametrize("kind", KINDS)
def test_a_map_that_is_the_identity_is_found_again(kind):
    x, accepted, rate = draw(60_000, rates=(0.2, 0.3, 0.4))
    asked = np.linspace(-2, 2, 11)
    np.testing.assert_allclose(fit_calibrator(kind, x, accepted, rate).evidence(asked), asked, atol=0.3)


@pytest.mark.parametrize("kind", ["temperature", "logistic", "beta", "isotonic"])
def test_years_with_other_base_rates_do_not_bend_the_map(kind):
    x, accepted, rate = draw(40_000, slope=0.5, rates=(0.1, 0.5), seed=3)
    asked = np.linspace(-2, 2, 9)
    np.testing.assert_allclose(fit_calibrator(kind, x, accepted, rate).evidence(asked), asked / 2, atol=0.25)


@pytest.mark.parametrize("kind", ["temperature", "logistic", "beta", "isotonic"])
def test_an_engine_that_is_wrong_way_round_is_not_turned_but_silenced(kind):
    x, accepted, rate = draw(4_000, slope=-1.0)
    told = fit_calibrator(kind, x, accepted, rate).evidence(np.linspace(-2, 2, 7))
    np.testing.assert_allclose(told, 0, atol=0.1)


@pytest.mark.parametrize("kind", ["temperature", "logistic", "beta", "isotonic"])
def test_scores_that_part_the_decisions_without_an_error_give_no_certainty(kind):
    x = np.linspace(-3, 3, 60)
    found = fit_calibrator(kind, x, x > 0, np.full(60, 0.5))
    p = sigmoid(found.evidence(np.array([-3.0, 3.0])))
    # Sixty decisions of which none speaks against it: one in 62 may.
    assert 1 / 63 < p[0] < 0.1
    assert 0.9 < p[1] < 1 - 1 / 63


@settings(max_examples=60)
@given(
    st.lists(
        st.tuples(st.floats(-15, 15), st.booleans(), st.sampled_from([0.1, 0.3, 0.6])), min_size=4, max_size=60
    ).filter(lambda rows: 0 < sum(row[1] for row in rows) < len(rows)),
    st.sampled_from(KINDS),
)
def test_every_map_rises_and_no_chance_is_0_or_1(rows, kind):
    x, accepted, rate = (np.array(column) for column in zip(*rows, strict=True))
    told = fit_calibrator(kind, x, accepted, rate).evidence(np.linspace(x.min(), x.max(), 50))
    assert (np.diff(told) >= -1e-9).all()
    p = sigmoid(told + logit(0.3))
    assert ((p > 0) & (p < 1)).all()
    assert np.abs(told).max() <= np.log(len(rows) + 1)


def test_one_class_alone_is_refused():
    with pytest.raises(ValueError, match="accepted and rejected"):
        fit_calibrator("logistic", np.zeros(3), np.ones(3, dtype=bool), np.full(3, 0.3))


def test_nothing_is_changed_as_it_is():
    x = np.array([-2.0, 0.5])
    np.testing.assert_array_equal(Calibrator("as it is").evidence(x), x)
