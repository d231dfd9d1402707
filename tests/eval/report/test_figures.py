"""The figures' words and numbers against the run they are made of, and that each of them can be painted."""

import math
from dataclasses import replace

import numpy as np
import pytest

from guide.eval.bootstrap import Estimate
from guide.eval.metrics import Sample, reliability
from guide.eval.report.breakdown import by_area
from guide.eval.report.drawing import draw
from guide.eval.report.figures import forest_figure, groups_figure, rating_figure, reliability_figure
from guide.eval.report.verdict_sentence import main_system
from tests.replays import made_run


@pytest.fixture(scope="module")
def run():
    return made_run(resamples=10)


@pytest.fixture(scope="module")
def system(run):
    return main_system(run)


@pytest.fixture(scope="module")
def sample(run, system):
    return run.sample(system)


def _numbers(figure, column):
    at = figure.columns.index(column)
    return [float(row[at].replace(",", "")) for row in figure.rows]


def test_the_reliability_table_has_the_bins_of_equal_mass_and_of_equal_width(sample):
    figure = reliability_figure(sample)
    bins = [*reliability(sample), *reliability(sample, binning="width")]
    assert _numbers(figure, "n") == [one.n for one in bins]
    assert _numbers(figure, "Share accepted") == pytest.approx([one.observed for one in bins], abs=5e-4)
    assert sum(row[0].startswith("equal mass") for row in figure.rows) == 10
    assert draw(figure, "x").png


def test_scores_that_are_no_probabilities_have_no_reliability(sample):
    with pytest.raises(ValueError, match="no reliability"):
        reliability_figure(replace(sample, probabilities=None))


def test_a_constant_probability_is_one_bin_and_can_be_drawn():
    sample = Sample(np.full(30, 0.3), np.arange(30) % 3 == 0, np.full(30, 0.3), np.full(30, 5.0))
    figure = reliability_figure(sample)
    assert len(figure.rows) == 2
    assert draw(figure, "x").svg


def test_the_rating_figure_counts_every_rated_submission_once(sample):
    ratings = sample.ratings.copy()
    ratings[:50] = math.nan
    figure = rating_figure(replace(sample, ratings=ratings), Estimate(0.3, 0.2, 0.4))
    assert sum(_numbers(figure, "n")) == len(ratings) - 50
    assert "Spearman 0.300 (0.200 to 0.400), over 250 submissions" in figure.caption
    assert draw(figure, "x").svg.count("<use") > 250


def test_a_run_without_ratings_has_no_rating_figure(sample):
    with pytest.raises(ValueError, match="no ratings"):
        rating_figure(replace(sample, ratings=np.full(len(sample.ratings), math.nan)), None)


def test_an_undefined_auroc_stays_out_of_the_picture_and_in_the_table():
    rows = [("guide", Estimate(0.6, 0.5, 0.7)), ("nothing", Estimate(math.nan, math.nan, math.nan))]
    figure = forest_figure("systems", "t", "c", rows, first_column="System", strong="guide")
    assert figure.rows[1] == ("nothing", "-", "")
    assert "one row each for 1." in figure.description
    assert "nothing" not in draw(figure, "x").svg.split("</desc>")[1]


def test_the_area_figure_has_a_row_an_area_and_says_how_many_it_rests_on(run, system):
    groups = by_area(run, system, resamples=10)
    figure = groups_figure("areas", groups, kind="primary area", whole=Estimate(0.7, 0.6, 0.8))
    assert [row[0] for row in figure.rows] == [group.name for group in groups]
    assert _numbers(figure, "n") == [group.n for group in groups]
    svg = draw(figure, "x").svg
    assert "all submissions" in svg
    assert "n\u00a0" in svg
