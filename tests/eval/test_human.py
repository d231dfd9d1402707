import itertools
import json
import math

import numpy as np
import pytest
from scipy.stats import spearmanr
from sklearn.metrics import average_precision_score, roc_auc_score

from guide.eval.human import METRICS, human_lines
from guide.eval.run import System


def _reviewed(n, seed=0, most=5):
    """Decisions by the mean of three to five noisy ratings, as they come about."""
    random = np.random.default_rng(seed)
    worth = random.normal(size=n)
    ratings = [
        tuple(np.clip(np.round(5 + one + 1.3 * random.normal(size=random.integers(3, most + 1))), 1, 10).tolist())
        for one in worth
    ]
    return ratings, [float(np.mean(own)) >= 5.6 for own in ratings]


def test_one_reviewer_is_the_mean_over_all_choices_of_one_reviewer():
    ratings = [(6.0, 3.0), (8.0, 5.0), (3.0, 5.0), (1.0, 6.0), (8.0, 6.0)]
    accepted = [True, True, False, False, True]
    found = []
    for choice in itertools.product([0, 1], repeat=5):
        own = [rating[at] for rating, at in zip(ratings, choice, strict=True)]
        other = [rating[1 - at] for rating, at in zip(ratings, choice, strict=True)]
        found.append(
            (roc_auc_score(accepted, own), average_precision_score(accepted, own), spearmanr(own, other).statistic)
        )
    (line,) = human_lines(ratings, accepted, sizes=(1,), draws=3000, resamples=1)
    for name, expected, spread in zip(
        ("auroc", "average_precision", "spearman"), np.mean(found, axis=0), np.std(found, axis=0), strict=True
    ):
        assert line.metrics[name].value == pytest.approx(expected, abs=5 * spread / math.sqrt(3000))


def test_all_reviewers_are_their_mean_without_any_drawing():
    ratings, accepted = _reviewed(80)
    (line,) = human_lines(ratings, accepted, sizes=(None,), resamples=50)
    means = [np.mean(own) for own in ratings]
    assert line.metrics["auroc"].value == pytest.approx(roc_auc_score(accepted, means))
    assert line.metrics["average_precision"].value == pytest.approx(average_precision_score(accepted, means))
    assert math.isnan(line.metrics["spearman"].value)
    assert "Spearman is undefined" in line.note


def test_the_rating_of_a_reviewer_is_not_compared_with_itself():
    # Two reviewers who always contradict each other: with the mean of both there would be no relation.
    ratings = [(float(n), float(10 - n)) for n in range(11)]
    (line,) = human_lines(ratings, [n > 5 for n in range(11)], sizes=(1,), draws=5, resamples=5)
    assert line.metrics["spearman"].value == pytest.approx(-1)


def test_more_reviewers_tell_more():
    ratings, accepted = _reviewed(200)
    lines = human_lines(ratings, accepted, draws=10, resamples=60)
    assert [line.name for line in lines] == ["one reviewer", "two reviewers", "three reviewers", "all reviewers"]
    for name in set(METRICS) - {"spearman"}:
        values = [line.metrics[name].value for line in lines]
        assert values[0] < values[-1]
        assert all(line.metrics[name].low <= line.metrics[name].value <= line.metrics[name].high for line in lines)
    assert [line.metrics["auroc"].value for line in lines] == sorted(line.metrics["auroc"].value for line in lines)


def test_submissions_with_too_few_ratings_are_left_out_and_counted():
    ratings, accepted = _reviewed(60)
    ratings[:5] = [(), (5.0,), (6.0, 5.0), (7.0, 8.0), ()]
    lines = human_lines(ratings, accepted, draws=2, resamples=5)
    assert [(line.n, line.left_out) for line in lines] == [(58, 2), (57, 3), (55, 5), (58, 2)]
    assert "5 with fewer are left out" in lines[2].note
    # Who has just three ratings has nobody left to be compared with.
    others = sum(len(own) > 3 for own in ratings)
    assert f"on {others} that have others" in lines[2].note


def test_a_size_that_nobody_has_is_said_not_to_be_computed():
    one, two = human_lines([(5.0,), (6.0,), (3.0,)], [True, True, False], sizes=(1, 2), draws=2, resamples=5)
    assert one.metrics["auroc"].value == 1
    assert math.isnan(one.metrics["spearman"].value)
    assert (two.n, two.left_out, two.metrics) == (0, 3, {})
    assert two.note.startswith("not computed")


def test_without_any_rating_there_is_no_human_line():
    assert human_lines([(), ()], [True, False]) == ()
    assert human_lines([], []) == ()


def test_one_seed_gives_one_answer_whatever_other_sizes_are_asked_for():
    ratings, accepted = _reviewed(50)
    options = {"draws": 3, "resamples": 10}
    (alone,) = human_lines(ratings, accepted, sizes=(2,), **options)
    among = human_lines(ratings, accepted, **options)[1]
    assert alone.metrics == among.metrics
    (other,) = human_lines(ratings, accepted, sizes=(2,), seed=1, **options)
    assert other.metrics["auroc"] != alone.metrics["auroc"]


def test_averaging_over_draws_does_not_widen_the_interval():
    # The interval is over papers: one draw of reviewers adds its own luck, the mean of many has little of it left.
    ratings, accepted = _reviewed(150)
    width = []
    for draws in (1, 15):
        (line,) = human_lines(ratings, accepted, sizes=(1,), draws=draws, resamples=200)
        width.append(line.metrics["auroc"].high - line.metrics["auroc"].low)
    assert width[1] < width[0]


def test_a_line_is_a_system_of_a_run_with_figures_and_no_scores():
    ratings, accepted = _reviewed(40)
    for line in human_lines(ratings, accepted, draws=2, resamples=5):
        system = System(line.name, "human", "stripped", line.note, metrics=line.metrics)
        assert system.scores is None
        assert set(system.metrics) == set(METRICS)
        json.dumps({name: one.to_json() for name, one in system.metrics.items()}, allow_nan=False)


def test_ratings_and_decisions_must_be_as_many():
    with pytest.raises(ValueError, match="one length"):
        human_lines([(5.0,)], [True, False])
