from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from guide.errors import InputError
from guide.llm.thinking.agreement import agreement
from guide.llm.thinking.labels import LabelScore

_number = st.floats(0, 10)
_scores = st.builds(LabelScore, expected=_number, sd=_number, entropy=_number, mass=st.floats(0, 1))


def test_what_runs_say_is_put_together_by_hand() -> None:
    runs = [LabelScore(4, 1, 0.5, 0.9), LabelScore(6, 2, 1.5, 0.7), LabelScore(8, 3, 1, 0.8)]
    found = agreement(runs)
    assert (found.runs, found.expected, found.between_sd) == (3, 6.0, 2.0)
    assert found.standard_error == pytest.approx(2 / np.sqrt(3))
    assert (found.within_sd, found.within_entropy, found.mass) == (2.0, 1.0, 0.7)


def test_one_run_tells_nothing_of_agreement() -> None:
    found = agreement([LabelScore(4, 1, 0.5, 0.9)])
    assert (found.expected, found.between_sd, found.standard_error, found.within_sd) == (4, None, None, 1)


def test_runs_that_agree_may_each_be_undecided_and_the_other_way_round() -> None:
    undecided = agreement([LabelScore(5, 3, 2, 1)] * 4)
    assert (undecided.between_sd, undecided.within_sd) == (0, 3)
    at_odds = agreement([LabelScore(1, 0, 0, 1), LabelScore(9, 0, 0, 1)])
    assert (at_odds.within_sd, at_odds.within_entropy) == (0, 0)
    assert at_odds.between_sd is not None
    assert at_odds.between_sd > 5


def test_more_runs_of_the_same_spread_lower_the_standard_error_alone() -> None:
    few, many = (agreement([LabelScore(4, 1, 1, 1), LabelScore(6, 1, 1, 1)] * times) for times in (1, 50))
    assert few.standard_error is not None
    assert many.standard_error is not None
    assert many.standard_error < few.standard_error / 5
    assert many.within_sd == few.within_sd


@given(runs=st.lists(_scores, min_size=2, max_size=8), data=st.data())
def test_the_order_of_the_runs_does_not_matter(runs: list[LabelScore], data: st.DataObject) -> None:
    assert agreement(runs) == agreement(data.draw(st.permutations(runs)))


@given(runs=st.lists(_scores, min_size=2, max_size=8), shift=st.floats(-5, 5))
def test_the_spread_between_runs_does_not_move_with_their_mean(runs: list[LabelScore], shift: float) -> None:
    moved = [LabelScore(run.expected + shift, run.sd, run.entropy, run.mass) for run in runs]
    assert agreement(moved).between_sd == pytest.approx(agreement(runs).between_sd, abs=1e-9)
    assert agreement(moved).expected == pytest.approx(agreement(runs).expected + shift)


def test_no_run_is_refused() -> None:
    with pytest.raises(InputError):
        agreement([])
