import itertools
import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy.stats import spearmanr
from sklearn.calibration import calibration_curve
from sklearn.metrics import brier_score_loss, roc_auc_score

from guide.eval.metrics import Prepared, Sample, ece_if_calibrated, reliability


def _prepared(scores, accepted, ratings=None, probabilities=None):
    scores = np.asarray(scores, dtype=np.float64)
    ratings = np.full(len(scores), np.nan) if ratings is None else np.asarray(ratings, dtype=np.float64)
    if probabilities is not None:
        probabilities = np.asarray(probabilities, dtype=np.float64)
    return Prepared(Sample(scores, np.asarray(accepted, dtype=np.bool_), probabilities, ratings))


def _ones(prepared):
    return np.ones(len(prepared.sample.accepted))


def _auroc(scores, accepted):
    prepared = _prepared(scores, accepted)
    return prepared.auroc(_ones(prepared))


def _top(scores, accepted, fraction):
    prepared = _prepared(scores, accepted)
    return prepared.top_precision(_ones(prepared), fraction)


# Few distinct values, so that ties are the rule.
rows = st.lists(st.tuples(st.integers(0, 9), st.booleans()), min_size=2, max_size=60)


@st.composite
def both_classes(draw):
    scores, accepted = zip(*draw(rows), strict=True)
    assume(0 < sum(accepted) < len(accepted))
    return np.array(scores, dtype=np.float64), np.array(accepted)


@given(both_classes())
def test_auroc_is_that_of_scikit_learn(sample):
    scores, accepted = sample
    assert _auroc(scores, accepted) == pytest.approx(roc_auc_score(accepted, scores), abs=1e-12)


@given(both_classes())
def test_auroc_does_not_change_under_a_monotone_map(sample):
    scores, accepted = sample
    assert _auroc(np.exp(scores) - 5, accepted) == _auroc(scores, accepted)


@given(both_classes())
def test_auroc_of_the_reversed_ranking_is_the_complement(sample):
    scores, accepted = sample
    assert _auroc(-scores, accepted) == pytest.approx(1 - _auroc(scores, accepted), abs=1e-12)


def test_auroc_of_constant_scores_is_one_half():
    assert _auroc([3, 3, 3], [True, False, False]) == 0.5


@given(both_classes(), st.sampled_from([0.05, 0.3, 0.5, 1.0]))
def test_a_perfect_ranking_has_the_best_precision_there_can_be(sample, fraction):
    _, accepted = sample
    k = max(1, math.floor(fraction * len(accepted) + 0.5))
    assert _top(accepted.astype(float), accepted, fraction) == pytest.approx(min(1.0, accepted.sum() / k))


@given(both_classes(), st.sampled_from([0.05, 0.3]))
def test_recall_is_precision_times_k_over_accepted(sample, fraction):
    scores, accepted = sample
    prepared = _prepared(scores, accepted)
    k = max(1, math.floor(fraction * len(accepted) + 0.5))
    precision = prepared.top_precision(_ones(prepared), fraction)
    recall = prepared.accept_recall(_ones(prepared), fraction)
    assert recall == pytest.approx(precision * k / accepted.sum(), abs=1e-12)


@pytest.mark.parametrize(("hits", "precision", "recall"), [(143, 47.7, 44.8), (154, 51.3, 48.3)])
def test_the_published_table_of_guide_follows_from_these_definitions(hits, precision, recall):
    # arXiv 2507.08870: 1,000 submissions, 319 accepted; a row's two columns count the same hits in the top 300.
    accepted = np.zeros(1000, dtype=bool)
    accepted[:hits] = accepted[300 : 300 + 319 - hits] = True
    prepared = _prepared(-np.arange(1000), accepted)
    assert 100 * prepared.top_precision(_ones(prepared), 0.3) == pytest.approx(precision, abs=0.05)
    assert 100 * prepared.accept_recall(_ones(prepared), 0.3) == pytest.approx(recall, abs=0.06)


def test_the_number_at_the_top_is_rounded_half_up_and_at_least_one():
    for n, fraction, k in ((10, 0.05, 1), (30, 0.05, 2), (5, 0.3, 2), (15, 0.3, 5), (3, 0.05, 1), (513, 0.05, 26)):
        prepared = _prepared(np.arange(n), np.arange(n) % 2 == 0)
        assert prepared.accepted_in_top(_ones(prepared), fraction)[1] == k


def test_ties_at_the_boundary_count_as_the_average_over_all_their_orders():
    scores = [5, 4, 4, 4, 4, 1, 0, 0, 0, 0]
    accepted = [True, True, False, False, True, True, False, False, False, True]
    tied = range(1, 5)
    k = 3
    found = []
    for order in itertools.permutations(tied):
        top = [0, *order][:k]
        found.append(sum(accepted[row] for row in top) / k)
    assert _top(scores, accepted, 0.3) == pytest.approx(np.mean(found))


@given(st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), min_size=3, max_size=50))
def test_spearman_is_that_of_scipy(pairs):
    scores, ratings = np.array(pairs, dtype=np.float64).T
    assume(len(set(scores)) > 1 and len(set(ratings)) > 1)
    prepared = _prepared(scores, np.ones(len(scores)), ratings)
    assert prepared.spearman(_ones(prepared)) == pytest.approx(spearmanr(scores, ratings).statistic, abs=1e-12)


def test_spearman_leaves_out_the_rows_without_ratings():
    nan = math.nan
    prepared = _prepared([1, 9, 2, 8, 3], [True] * 5, [4.0, nan, 5.0, nan, 6.0])
    assert prepared.spearman(_ones(prepared)) == 1.0


probabilities = st.lists(st.tuples(st.sampled_from(np.linspace(0, 1, 21)), st.booleans()), min_size=1, max_size=60)


@given(probabilities)
def test_brier_is_that_of_scikit_learn(sample):
    p, accepted = zip(*sample, strict=True)
    prepared = _prepared(p, accepted, probabilities=p)
    # scikit-learn wants to be told the positive class where only one occurs.
    expected = brier_score_loss(np.array(accepted, dtype=int), p, pos_label=1)
    assert prepared.brier(_ones(prepared)) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize(("binning", "strategy"), [("mass", "quantile"), ("width", "uniform")])
def test_the_bins_are_those_of_scikit_learn_where_nothing_is_tied(binning, strategy):
    random = np.random.default_rng(0)
    p = random.random(500)
    accepted = random.random(500) < p**2
    observed, predicted = calibration_curve(accepted, p, n_bins=10, strategy=strategy)
    table = reliability(Sample(p, accepted, p, np.full(500, np.nan)), binning=binning)
    assert [row.predicted for row in table] == pytest.approx(predicted)
    assert [row.observed for row in table] == pytest.approx(observed)
    prepared = _prepared(p, accepted, probabilities=p)
    weighed = sum(row.n * abs(row.predicted - row.observed) for row in table) / 500
    assert prepared.ece(_ones(prepared), binning=binning) == pytest.approx(weighed)


def test_ece_by_hand():
    # Two bins of two rows: |0.2 - 0.5| and |0.8 - 1.0|, each of half the rows.
    prepared = _prepared([0.1, 0.3, 0.7, 0.9], [False, True, True, True], probabilities=[0.1, 0.3, 0.7, 0.9])
    assert prepared.ece(_ones(prepared), bins=2) == pytest.approx(0.25)


@given(probabilities, st.sampled_from(["mass", "width"]))
def test_equal_probabilities_share_a_bin_and_no_row_is_lost(sample, binning):
    p, accepted = (np.array(part) for part in zip(*sample, strict=True))
    prepared = _prepared(p, accepted, probabilities=p)
    number = prepared.bins(_ones(prepared), 10, binning)
    assert all(len(set(number[p == value])) == 1 for value in p)
    table = reliability(prepared.sample, binning=binning)
    assert sum(row.n for row in table) == len(p)
    assert all(row.least <= row.predicted + 1e-12 and row.predicted <= row.greatest + 1e-12 for row in table)
    assert all(0 <= row.low <= row.observed + 1e-12 and row.observed - 1e-12 <= row.high <= 1 for row in table)


def test_a_probability_of_one_belongs_to_the_last_bin():
    p = np.array([0.0, 0.05, 0.95, 1.0])
    prepared = _prepared(p, [True] * 4, probabilities=p)
    assert prepared.bins(_ones(prepared), 10, "width").tolist() == [0, 0, 9, 9]


def test_a_reliability_bin_carries_wilsons_interval():
    p = np.full(30, 0.9)
    accepted = np.arange(30) < 28
    (row,) = reliability(Sample(p, accepted, p, np.full(30, np.nan)))
    # 28 of 30 at z = 1.96: middle (28 + z^2 / 2) / (30 + z^2), half-width z sqrt(28 * 2 / 30 + z^2 / 4) / (30 + z^2).
    middle, half = 29.9208 / 33.8416, 1.96 * math.sqrt(56 / 30 + 0.9604) / 33.8416
    assert (row.low, row.high) == pytest.approx((middle - half, middle + half))
    assert (row.n, row.observed, row.least, row.greatest) == (30, 28 / 30, 0.9, 0.9)


def test_chance_alone_gives_a_calibrated_engine_the_ece_said():
    # One bin a row at p = 1/2: every gap is exactly 1/2. One bin in all at p = 0 or 1: never a gap.
    nan = np.full(10, np.nan)
    half, sure = np.full(10, 0.5) + np.linspace(-1e-9, 1e-9, 10), np.array([0.0, 1.0] * 5)
    assert ece_if_calibrated(Sample(half, np.ones(10, dtype=bool), half, nan)) == pytest.approx(0.5, abs=1e-6)
    assert ece_if_calibrated(Sample(sure, np.ones(10, dtype=bool), sure, nan)) == 0


def test_the_ece_of_a_calibrated_engine_is_what_chance_gives_and_that_of_another_is_not():
    random = np.random.default_rng(0)
    p = random.beta(3, 6, 1000)
    nan = np.full(1000, np.nan)
    right = Sample(p, random.random(1000) < p, p, nan)
    wrong = Sample(p, random.random(1000) < p + 0.15, p, nan)
    floor = ece_if_calibrated(right)
    assert Prepared(right).ece(np.ones(1000)) < 2 * floor
    assert Prepared(wrong).ece(np.ones(1000)) > 3 * floor


METRICS = {"auroc", "top5_precision", "top30_precision", "accept_recall", "spearman", "brier", "ece"}


@pytest.mark.parametrize(
    ("scores", "accepted", "p", "ratings", "undefined"),
    [
        ([1, 2, 3], [True] * 3, [0.1, 0.2, 0.3], [1, 2, 3], {"auroc"}),
        ([1, 2, 3], [False] * 3, [0.1, 0.2, 0.3], [1, 2, 3], {"auroc", "accept_recall"}),
        ([1, 1, 1], [True, False, False], [0.3] * 3, [1, 2, 3], {"spearman"}),
        ([1, 2, 3], [True, False, False], [0.1, 0.2, 0.3], [5, 5, 5], {"spearman"}),
        ([1, 2, 3], [True, False, False], [0.1, 0.2, 0.3], None, {"spearman"}),
        ([1, 2, 3], [True, False, False], [0.1, 0.2, 0.3], [5, math.nan, math.nan], {"spearman"}),
        ([1, 2, 3], [True, False, False], None, [1, 2, 3], {"brier", "ece"}),
        ([], [], [], None, METRICS),
    ],
)
def test_what_a_sample_leaves_undefined_is_nan_and_nothing_else_is(scores, accepted, p, ratings, undefined):
    prepared = _prepared(scores, accepted, ratings, p)
    found = prepared.evaluate(_ones(prepared))
    assert set(found) == METRICS
    assert {name for name, value in found.items() if math.isnan(value)} == undefined


def test_scores_that_are_no_probabilities_have_no_reliability():
    sample = _prepared([1, 2, 3], [True, False, True]).sample
    assert reliability(sample) == ()
    assert math.isnan(ece_if_calibrated(sample))


@pytest.mark.parametrize(
    ("scores", "accepted", "p", "message"),
    [
        ([1, 2], [True], None, "one length"),
        ([1, math.nan], [True, False], None, "nan"),
        ([1, 2], [True, False], [0.5, 1.5], "0 to 1"),
        ([1, 2], [True, False], [0.5, math.nan], "0 to 1"),
    ],
)
def test_a_sample_that_makes_no_sense_is_refused(scores, accepted, p, message):
    with pytest.raises(ValueError, match=message):
        _prepared(scores, accepted, np.zeros(len(scores)), p)
