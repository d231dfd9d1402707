from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from guide.eval.report.breakdown import NOT_STATED, SMALLEST, by_area, by_year
from guide.eval.report.verdict_sentence import main_system
from tests.replays import made_run


@pytest.fixture(scope="module")
def run():
    return made_run(resamples=20)


def _grouped(run, groups, name_of):
    system = main_system(run)
    for group in groups:
        names = group.pooled or (group.name,)
        at = [place for place, one in enumerate(run.submissions) if name_of(one) in names]
        yield group, [run.submissions[place].accepted for place in at], [system.scores[place] for place in at]


def test_each_areas_auroc_is_scikit_learns(run):
    groups = by_area(run, main_system(run), resamples=50)
    assert len(groups) == 4
    for group, accepted, scores in _grouped(run, groups, lambda one: one.area):
        assert group.n == len(accepted)
        assert group.base_rate == pytest.approx(np.mean(accepted))
        assert group.auroc.value == pytest.approx(roc_auc_score(accepted, scores))
        assert group.auroc.low <= group.auroc.value <= group.auroc.high


def test_small_areas_are_taken_together_in_the_last_place_and_named(run):
    *large, last = by_area(run, main_system(run), resamples=20)
    assert all(group.n >= SMALLEST and not group.pooled for group in large)
    assert [group.n for group in large] == sorted((group.n for group in large), reverse=True)
    assert last.pooled == ("causal reasoning", "optimization")
    assert last.name == f"2 areas with fewer than {SMALLEST} each"


def test_no_submission_is_lost_or_counted_twice(run):
    for groups in (by_area(run, main_system(run), resamples=5), by_year(run, main_system(run), resamples=5)):
        assert sum(group.n for group in groups) == len(run.submissions)


def test_years_stand_in_their_order(run):
    assert [group.name for group in by_year(run, main_system(run), resamples=5)] == ["2024", "2025"]


def test_one_small_area_keeps_its_name_and_what_is_not_stated_says_so(run):
    submissions = tuple(replace(one, area="" if at >= 5 else "odd") for at, one in enumerate(run.submissions))
    groups = by_area(replace(run, submissions=submissions), main_system(run), resamples=5)
    assert [(group.name, group.pooled) for group in groups] == [(NOT_STATED, ()), ("odd", ())]


def test_an_area_with_one_kind_of_decision_has_no_auroc(run):
    submissions = tuple(replace(one, area="lucky" if one.accepted else "unlucky", year=2025) for one in run.submissions)
    groups = by_area(replace(run, submissions=submissions), main_system(run), resamples=5)
    assert all(np.isnan([group.auroc.value, group.auroc.low, group.auroc.high]).all() for group in groups)
