import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from guide.student.ordinal import bin_shares, distribution, fit_ordinal, mean_quantile, rating_map

RATINGS = st.lists(st.sampled_from([1.0, 3.0, 5.0, 6.0, 8.0, 10.0]), min_size=1, max_size=6)
YEAR = np.sort(np.repeat([1.0, 3.0, 5.0, 6.0, 8.0, 10.0], [4, 20, 30, 28, 16, 2]))


@given(RATINGS)
def test_shares_are_a_distribution(ratings):
    shares = bin_shares(ratings, YEAR)
    assert shares.shape == (10,)
    assert (shares >= 0).all()
    assert shares.sum() == pytest.approx(1)


def test_a_rating_covers_the_quantiles_of_its_year():
    # 3s are the ratings from the 4th to the 24th per cent.
    assert bin_shares([3.0], YEAR) == pytest.approx([0.3, 0.5, 0.2, 0, 0, 0, 0, 0, 0, 0])
    assert mean_quantile([3.0], YEAR) == pytest.approx(0.14)


def test_shares_over_the_whole_year_are_flat():
    assert bin_shares(list(YEAR), YEAR) == pytest.approx(np.full(10, 0.1))


def test_a_rating_nobody_gave_falls_in_the_bin_of_its_place():
    assert bin_shares([4.0], YEAR)[2] == 1


def test_the_way_back_restores_the_years_own_ratings():
    back = np.full(10, 0.1) @ rating_map(YEAR)
    assert back == pytest.approx([0.04, 0, 0.20, 0, 0.30, 0.28, 0, 0.16, 0, 0.02])


@given(st.floats(-5, 5), st.floats(0.1, 3))
def test_the_distribution_sums_to_one_and_rises_with_the_score(score, slope):
    thresholds = np.linspace(-2, 2, 9)
    p = distribution(np.array([score, score + 1]), slope, thresholds)
    assert p.sum(axis=1) == pytest.approx([1, 1])
    assert (p >= 0).all()
    mean = p @ np.arange(10)
    assert mean[1] > mean[0]


def test_the_fit_recovers_what_the_data_were_drawn_from():
    random = np.random.default_rng(0)
    scores = random.normal(size=20000) * 0.1
    thresholds = np.array([-2.2, -1.4, -0.8, -0.4, 0.0, 0.4, 0.9, 1.4, 2.2])
    p = distribution(scores, 8.0, thresholds)
    drawn = np.array([random.choice(10, p=row) for row in p])
    slope, found = fit_ordinal(scores, np.eye(10)[drawn])
    assert slope == pytest.approx(8.0, rel=0.05)
    assert found == pytest.approx(thresholds, abs=0.08)
