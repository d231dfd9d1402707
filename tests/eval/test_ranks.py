import itertools
import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy.stats import kendalltau, spearmanr
from sklearn.metrics import accuracy_score, average_precision_score, f1_score, roc_auc_score

from guide.eval.ranks import Agreement, Ranking, top_size


def _tally(scores, accepted):
    scores, accepted = np.asarray(scores, dtype=np.float64), np.asarray(accepted, dtype=np.bool_)
    return Ranking(scores, accepted).tally(np.ones(len(scores)))


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
    assert _tally(scores, accepted).auroc() == pytest.approx(roc_auc_score(accepted, scores), abs=1e-12)


@given(both_classes())
def test_auroc_does_not_change_under_a_monotone_map(sample):
    scores, accepted = sample
    assert _tally(np.exp(scores) - 5, accepted).auroc() == _tally(scores, accepted).auroc()


@given(both_classes())
def test_auroc_of_the_reversed_ranking_is_the_complement(sample):
    scores, accepted = sample
    assert _tally(-scores, accepted).auroc() == pytest.approx(1 - _tally(scores, accepted).auroc(), abs=1e-12)


def test_auroc_of_constant_scores_is_one_half():
    assert _tally([3, 3, 3], [True, False, False]).auroc() == 0.5


@given(both_classes())
def test_average_precision_is_that_of_scikit_learn_ties_included(sample):
    scores, accepted = sample
    expected = average_precision_score(accepted, scores)
    assert _tally(scores, accepted).average_precision() == pytest.approx(expected, abs=1e-12)


def test_average_precision_of_constant_scores_is_the_base_rate():
    assert _tally([3] * 10, [True] * 3 + [False] * 7).average_precision() == pytest.approx(0.3)


@given(both_classes(), st.sampled_from([0.05, 0.3, 0.5, 1.0]))
def test_a_perfect_ranking_has_the_best_precision_there_can_be(sample, fraction):
    _, accepted = sample
    best = min(1.0, accepted.sum() / top_size(fraction, len(accepted)))
    assert _tally(accepted, accepted).top_precision(fraction) == pytest.approx(best)


@given(both_classes(), st.sampled_from([0.05, 0.3]))
def test_recall_is_precision_times_k_over_accepted(sample, fraction):
    scores, accepted = sample
    tally, k = _tally(scores, accepted), top_size(fraction, len(accepted))
    expected = tally.top_precision(fraction) * k / accepted.sum()
    assert tally.accept_recall(fraction) == pytest.approx(expected, abs=1e-12)


@given(st.lists(st.booleans(), min_size=2, max_size=60), st.sampled_from([0.05, 0.3, 0.5]))
def test_accuracy_and_f1_at_the_cut_are_those_of_scikit_learn(accepted, fraction):
    # Without ties, so that the calls are one set and not an expectation.
    assume(any(accepted))
    called = np.arange(len(accepted)) < top_size(fraction, len(accepted))
    tally = _tally(-np.arange(len(accepted)), accepted)
    assert tally.accuracy(fraction) == pytest.approx(accuracy_score(accepted, called), abs=1e-12)
    assert tally.f1(fraction) == pytest.approx(f1_score(accepted, called), abs=1e-12)


@pytest.mark.parametrize(("hits", "precision", "recall"), [(143, 47.7, 44.8), (154, 51.3, 48.3)])
def test_the_published_table_of_guide_follows_from_these_definitions(hits, precision, recall):
    # arXiv 2507.08870: 1,000 submissions, 319 accepted; a row's two columns count the same hits in the top 300.
    tally = _guide(hits)
    assert 100 * tally.top_precision(0.3) == pytest.approx(precision, abs=0.05)
    assert 100 * tally.accept_recall(0.3) == pytest.approx(recall, abs=0.06)


def test_the_published_accuracy_and_f1_of_guide_are_those_of_accepting_the_top_300():
    tally = _guide(155)
    assert 100 * tally.accuracy(0.3) == pytest.approx(69.1, abs=0.05)
    assert 100 * tally.f1(0.3) == pytest.approx(50.1, abs=0.05)


def _guide(hits):
    accepted = np.zeros(1000, dtype=bool)
    accepted[:hits] = accepted[300 : 300 + 319 - hits] = True
    return _tally(-np.arange(1000), accepted)


def test_the_number_at_the_top_is_rounded_half_up_and_at_least_one():
    for n, fraction, k in ((10, 0.05, 1), (30, 0.05, 2), (5, 0.3, 2), (15, 0.3, 5), (3, 0.05, 1), (513, 0.05, 26)):
        assert _tally(np.arange(n), np.arange(n) % 2 == 0).accepted_in_top(fraction)[1] == k


def test_ties_at_the_boundary_count_as_the_average_over_all_their_orders():
    scores = [5, 4, 4, 4, 4, 1, 0, 0, 0, 0]
    accepted = np.array([True, True, False, False, True, True, False, False, False, True])
    found = []
    for order in itertools.permutations(range(1, 5)):
        called = np.isin(np.arange(10), [0, *order][:3])
        found.append((accepted[called].mean(), accuracy_score(accepted, called), f1_score(accepted, called)))
    tally = _tally(scores, accepted)
    assert (tally.top_precision(0.3), tally.accuracy(0.3), tally.f1(0.3)) == pytest.approx(np.mean(found, axis=0))


pairs = st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), min_size=3, max_size=50)


@given(pairs)
def test_spearman_and_kendall_are_those_of_scipy(values):
    x, y = np.array(values, dtype=np.float64).T
    assume(len(set(x)) > 1 and len(set(y)) > 1)
    agreement, ones = Agreement(x, y), np.ones(len(x))
    assert agreement.spearman(ones) == pytest.approx(spearmanr(x, y).statistic, abs=1e-12)
    assert agreement.kendall(ones) == pytest.approx(kendalltau(x, y).statistic, abs=1e-12)


@given(st.permutations(range(30)))
def test_kendall_without_ties_is_that_of_scipy(order):
    x, y = np.arange(30.0), np.array(order, dtype=np.float64)
    assert Agreement(x, y).kendall(np.ones(30)) == pytest.approx(kendalltau(x, y).statistic, abs=1e-12)


@given(pairs, st.data())
def test_weighting_rows_is_repeating_them_for_scipy_too(values, data):
    x, y = np.array(values, dtype=np.float64).T
    counts = np.array(data.draw(st.lists(st.integers(0, 3), min_size=len(x), max_size=len(x))))
    many_x, many_y = np.repeat(x, counts), np.repeat(y, counts)
    assume(len(set(many_x)) > 1 and len(set(many_y)) > 1)
    agreement, weights = Agreement(x, y), counts.astype(np.float64)
    assert agreement.kendall(weights) == pytest.approx(kendalltau(many_x, many_y).statistic, abs=1e-12)
    assert agreement.spearman(weights) == pytest.approx(spearmanr(many_x, many_y).statistic, abs=1e-12)


def test_an_order_agrees_with_itself_and_disagrees_with_its_reverse():
    x = np.array([3.0, 1.0, 2.0, 2.0, 5.0])
    ones = np.ones(5)
    assert Agreement(x, x**3).kendall(ones) == pytest.approx(1)
    assert Agreement(x, -x).kendall(ones) == pytest.approx(-1)


@pytest.mark.parametrize(("x", "y"), [([1, 1, 1], [1, 2, 3]), ([1, 2, 3], [4, 4, 4]), ([1], [2]), ([], [])])
def test_a_constant_correlates_with_nothing(x, y):
    agreement = Agreement(np.array(x, dtype=np.float64), np.array(y, dtype=np.float64))
    assert math.isnan(agreement.kendall(np.ones(len(x))))
    assert math.isnan(agreement.spearman(np.ones(len(x))))
