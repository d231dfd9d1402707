"""The selective figures' words and numbers against the run they are made of, and that each of them can be painted."""

from dataclasses import replace

import numpy as np
import pytest

from guide.eval.report.drawing import draw
from guide.eval.report.selective_figures import (
    call_of,
    decile_chart,
    measure_deciles,
    measure_precision,
    measure_risk,
    order_of_deciles,
    order_of_risk,
    precision_figure,
    risk_figure,
)
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


def test_precision_at_full_coverage_is_the_base_rate_for_every_curve(run, sample):
    curves = {"guide": measure_precision(sample), "mirror": measure_precision(replace(sample, scores=-sample.scores))}
    figure = precision_figure(curves, run.base_rate)
    full = [float(row[2]) for row in figure.rows if row[0].startswith("100 %")]
    assert full == pytest.approx([100 * run.base_rate] * 2, abs=0.05)
    at = {row[0]: row for row in figure.rows}
    top = np.argsort(-sample.scores)[:90]
    assert float(at["30 %, guide"][2]) == pytest.approx(100 * sample.accepted[top].mean(), abs=0.05)
    assert draw(figure, "x").svg


def test_risk_at_full_coverage_is_the_share_of_wrong_calls(system, sample):
    curve = measure_risk(system, sample)
    figure = risk_figure(curve, call=call_of(sample), order=order_of_risk(system))
    wrong = np.mean((sample.probabilities >= 0.5) != sample.accepted)
    assert float(figure.rows[-1][2]) == pytest.approx(100 * wrong, abs=0.05)
    assert f"{curve.area:.3f}" in figure.caption
    assert draw(figure, "x").svg


def test_scores_that_are_no_probabilities_are_called_by_the_top_thirty_per_cent(system, sample):
    plain = replace(sample, probabilities=None)
    curve = measure_risk(replace(system, probabilities=None, confidence=None), plain)
    top = np.argsort(-sample.scores)[:90]
    called = np.isin(np.arange(300), top)
    assert curve.error_rate == pytest.approx(np.mean(called != sample.accepted))
    assert "top 30 %" in call_of(plain)


def test_guides_figure_has_each_tenth_and_each_share_of_it(system, sample, run):
    figure = decile_chart(measure_deciles(system, sample), run.base_rate, order=order_of_deciles(system))
    assert len(figure.rows) == 40
    whole = [row for row in figure.rows if row[0].endswith(", all")]
    assert sum(float(row[2]) for row in whole) == sample.accepted.sum()
    assert "lowest entropy" in figure.caption
    assert draw(figure, "x").svg


def test_a_system_without_confidence_has_no_surest_shares(system, sample, run):
    bare = replace(system, confidence=None, entropy=None)
    figure = decile_chart(measure_deciles(bare, sample), run.base_rate, order=order_of_deciles(bare))
    assert len(figure.rows) == 10
    assert "states no confidence" in figure.caption
    assert draw(figure, "x").svg
