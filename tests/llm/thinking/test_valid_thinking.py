from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guide.llm.thinking.labels import LabelScore
from guide.llm.thinking.trace import Boundary, Trace
from guide.llm.thinking.valid_thinking import valid_thinking_rate

_scores = st.lists(st.floats(0, 10), min_size=1, max_size=20)


def thought(*scores: float, tail: int = 0) -> Trace:
    """A boundary every 100 tokens, and `tail` tokens behind the last."""
    boundaries = tuple(Boundary(100 * number, LabelScore(score, 0, 0, 1)) for number, score in enumerate(scores, 1))
    tokens = 100 * len(scores) + tail
    return Trace("text", tokens, 10_000, len(scores) + 1, boundaries, "closed")


def test_the_rate_is_where_the_score_settled_over_all_tokens() -> None:
    assert valid_thinking_rate(thought(2, 9, 7, 7.3, 6.9, 7, tail=400)) == pytest.approx(300 / 1000)


def test_a_score_just_epsilon_away_is_settled() -> None:
    assert valid_thinking_rate(thought(7.5, 6.5, 7), epsilon=0.5) == pytest.approx(1 / 3)


def test_a_score_that_leaves_and_comes_back_settles_when_it_comes_back() -> None:
    assert valid_thinking_rate(thought(7, 7, 2, 7)) == pytest.approx(1.0)


def test_a_score_that_never_moves_is_settled_at_the_first_boundary() -> None:
    assert valid_thinking_rate(thought(5, 5, 5, 5)) == pytest.approx(0.25)


def test_the_score_after_all_the_thinking_counts_where_it_is_known() -> None:
    trace = thought(5, 5, 5, tail=100)
    assert valid_thinking_rate(trace, final=5.2) == pytest.approx(0.25)
    assert valid_thinking_rate(trace, final=8) == 1.0


def test_nothing_to_compare_gives_no_rate() -> None:
    assert valid_thinking_rate(thought(tail=50)) is None
    assert valid_thinking_rate(Trace("", 0, 0, 0, (), "off"), final=5) is None
    assert valid_thinking_rate(thought(tail=50), final=5) == 1.0


@given(scores=_scores, wider=st.floats(0, 10), tail=st.integers(0, 500))
def test_a_wider_tolerance_never_settles_later(scores: list[float], wider: float, tail: int) -> None:
    narrow, wide = (valid_thinking_rate(thought(*scores, tail=tail), epsilon) for epsilon in (0.5, 0.5 + wider))
    assert narrow is not None
    assert wide is not None
    assert 0 < wide <= narrow <= 1


@given(scores=_scores)
def test_from_the_settling_on_every_score_is_near_the_last_and_the_one_before_is_not(scores: list[float]) -> None:
    rate = valid_thinking_rate(thought(*scores))
    assert rate is not None
    first = round(rate * len(scores)) - 1
    assert all(abs(score - scores[-1]) <= 0.5 for score in scores[first:])
    assert first == 0 or abs(scores[first - 1] - scores[-1]) > 0.5
