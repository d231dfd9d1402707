from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from guide.calibration.verdict import DECISIONS, SLOPE, THRESHOLD, judge_runs, sampled_shares
from tests.llm.requests import request_about

ROOT = Path(__file__).parents[2]
REQUEST = request_about("T", "Text.")


def judged(shares, **options):
    return judge_runs(REQUEST, shares, engine="e", sha256="0", **options)


@given(arrays(np.float64, (3, 10), elements=st.floats(1e-6, 1)))
def test_a_judgement_is_a_distribution_with_its_mean(raw):
    shares = raw / raw.sum(axis=1, keepdims=True)
    found = judged(shares)
    assert sum(found.ratings) == pytest.approx(1)
    assert found.rating == pytest.approx(np.arange(1, 11) @ shares.mean(axis=0))
    assert 0 <= found.interval.low <= found.p_accept <= found.interval.high <= 1


def test_a_rating_at_the_threshold_leaves_the_base_rate():
    at = (THRESHOLD - 5, 6 - THRESHOLD)
    below, above = (judged(sampled_shares([rating])).p_accept for rating in (5, 6))
    rate = REQUEST.venue.base_rate
    assert below < rate < above
    log_odds = [np.log(p / (1 - p)) - np.log(rate / (1 - rate)) for p in (below, above)]
    assert log_odds == pytest.approx([-SLOPE * at[0], SLOPE * at[1]])


def test_runs_that_agree_have_a_narrow_interval_and_runs_that_differ_a_wide_one():
    same, different = judged(sampled_shares([6, 6, 6])), judged(sampled_shares([4, 6, 8]))
    assert same.interval.high - same.interval.low == pytest.approx(0)
    assert different.interval.high - different.interval.low > 0.5
    assert same.signals.disagreement == 0 < different.signals.disagreement


def test_a_model_that_would_rather_say_something_else_is_told():
    reasons = judged(sampled_shares([6]), masses=[0.03]).calibration.reasons
    assert any("only 3% of its probability" in reason for reason in reasons)
    assert not any(
        "of its probability" in reason for reason in judged(sampled_shares([6]), masses=[0.9]).calibration.reasons
    )


@pytest.mark.data
def test_the_constants_are_those_of_the_decisions(data_dir):
    file = data_dir / "iclr-decisions.jsonl.zst"
    script = ROOT / "benchmarks" / "fit_ratings.py"
    found = json.loads(subprocess.run([sys.executable, script, file], capture_output=True, check=True).stdout)
    assert found["decisions"] == DECISIONS
    assert found["slope"] == pytest.approx(SLOPE, abs=0.005)
    assert found["threshold"] == pytest.approx(THRESHOLD, abs=0.005)
