from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from guide.errors import InputError, ModelError
from guide.llm.thinking.labels import ScoreProbe

PROBE = ScoreProbe("Score: ", {"A": 1, "B": 2, "C": 3, "D": 4})
_logs = arrays(np.float64, 4, elements=st.floats(-30, 0))


def test_a_uniform_reading_is_the_middle_and_wholly_open() -> None:
    score = PROBE.read(np.log(np.full(4, 0.25)))
    assert score.expected == pytest.approx(2.5)
    assert score.sd == pytest.approx(np.sqrt(1.25))
    assert score.entropy == pytest.approx(2.0)
    assert score.mass == pytest.approx(1.0)


def test_a_peaked_reading_has_no_spread() -> None:
    score = PROBE.read(np.array([-np.inf, -np.inf, 0.0, -np.inf]))
    assert (score.expected, score.sd, score.entropy, score.mass) == (3.0, 0.0, 0.0, 1.0)


def test_the_mass_is_what_the_labels_hold_of_all_words() -> None:
    score = PROBE.read(np.log([0.1, 0.1, 0.0001, 0.0001]))
    assert score.mass == pytest.approx(0.2002)
    assert score.expected == pytest.approx((0.1 * 1 + 0.1 * 2 + 0.0001 * 7) / 0.2002)


@given(logs=_logs, less=st.floats(0, 600))
def test_only_the_mass_changes_when_all_labels_are_rarer(logs: np.ndarray, less: float) -> None:
    score, rarer = PROBE.read(logs), PROBE.read(logs - less)
    assert rarer.expected == pytest.approx(score.expected)
    assert rarer.sd == pytest.approx(score.sd, abs=1e-6)
    assert rarer.entropy == pytest.approx(score.entropy, abs=1e-6)


@given(logs=_logs)
def test_a_score_lies_among_the_labels(logs: np.ndarray) -> None:
    score = PROBE.read(logs)
    assert 1 - 1e-9 <= score.expected <= 4 + 1e-9
    assert 0 <= score.sd <= 1.5 + 1e-9
    assert 0 <= score.entropy <= 2 + 1e-9
    assert 0 <= score.mass <= 1


@pytest.mark.parametrize("logs", [[-np.inf] * 4, [np.nan, 0.0, 0.0, 0.0], [0.0] * 3])
def test_a_reading_that_is_none_is_the_models_error(logs: list[float]) -> None:
    with pytest.raises(ModelError):
        PROBE.read(np.array(logs))


@pytest.mark.parametrize("labels", [{}, {"A": 1.0}, {"A": 1.0, "B": float("inf")}])
def test_labels_that_make_no_score_are_refused(labels: dict[str, float]) -> None:
    with pytest.raises(InputError):
        ScoreProbe("", labels)
