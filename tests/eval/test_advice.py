import numpy as np
import pytest
from sklearn.metrics import f1_score, roc_auc_score

from guide.eval.advice import (
    f1_of_lists,
    leave_one_out,
    lift_of_lists,
    macro_auroc,
    mark_top,
    mean_over_papers,
    measure_kinds,
    name_precision,
    rarity_recall,
)

GENERATOR = np.random.default_rng(3)
CHANCES = GENERATOR.random((300, 4))
RAISED = GENERATOR.random((300, 4)) < CHANCES


def test_auroc_is_that_of_scikit_learn():
    figures = measure_kinds("abcd", CHANCES, RAISED, np.ones(300))
    expected = [roc_auc_score(RAISED[:, kind], CHANCES[:, kind]) for kind in range(4)]
    assert [one.auroc for one in figures] == pytest.approx(expected)
    estimate = macro_auroc(CHANCES, RAISED, resamples=100, seed=0)
    assert estimate.value == pytest.approx(np.mean(expected))
    assert estimate.low < estimate.value < estimate.high


def test_base_rate_and_lift_are_shares_of_papers():
    figure = measure_kinds("abcd", CHANCES, RAISED, np.ones(300))[0]
    top = np.argsort(-CHANCES[:, 0])[:30]
    assert figure.base_rate == pytest.approx(RAISED[:, 0].mean())
    assert figure.lift == pytest.approx(RAISED[top, 0].mean() / RAISED[:, 0].mean())


def test_chances_that_are_twice_what_happens_have_a_large_error():
    right, wrong = measure_kinds(
        "ab", np.full((300, 2), [0.2, 0.9]), np.tile(np.arange(300)[:, None] % 5 == 0, 2), np.ones(300)
    )
    assert right.calibration_error == 0
    assert wrong.calibration_error == pytest.approx(0.7, abs=0.01)


def test_f1_is_that_of_scikit_learn_and_one_for_two_empty_lists():
    listed = mark_top(CHANCES, 2)
    expected = [f1_score(truth, own, zero_division=1.0) for truth, own in zip(RAISED, listed, strict=True)]
    assert f1_of_lists(listed, RAISED) == pytest.approx(expected)
    nothing = np.zeros((1, 4), dtype=bool)
    assert f1_of_lists(nothing, nothing) == pytest.approx([1.0])


def test_of_equal_scores_the_first_are_listed():
    assert mark_top(np.array([[0.5, 0.9, 0.5, 0.5]]), 2).tolist() == [[True, True, False, False]]


def test_a_rare_concern_counts_more_than_a_common_one():
    truth = np.array([[True, True]])
    base = np.array([0.25, 0.5])  # weights of log 4 and log 2: two thirds and one third
    assert rarity_recall(np.array([[True, False]]), truth, base) == pytest.approx([2 / 3])
    assert lift_of_lists(np.array([[True, False]]), truth, base) == pytest.approx([4.0])
    assert np.isnan(rarity_recall(truth, ~truth, base)).all()


def test_the_reviewer_left_out_is_not_among_the_others():
    labels = [np.eye(3, dtype=bool)] * 20
    one, others = leave_one_out(labels, seed=0)
    assert (one.sum(axis=1) == 1).all()
    assert (one ^ others).all()


def test_missing_names_count_as_misses():
    assert name_precision([["A", "B"], []], [{"A"}, {"A"}]) == pytest.approx([0.2, 0.0])


def test_the_interval_of_a_mean_is_as_wide_as_theory_says():
    values = GENERATOR.normal(size=1000)
    estimate = mean_over_papers(values, resamples=2000, seed=0)
    assert estimate.value == pytest.approx(values.mean())
    assert estimate.high - estimate.low == pytest.approx(2 * 1.96 * values.std() / 1000**0.5, rel=0.1)
