from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guide.errors import InputError
from guide.llm.finetune.lengths import Reference, Schedule, centred, compress_reward, length_rewards, reweigh

SIRI = Schedule(low=8192, high=16384, period=640)
REFERENCE = Reference(short_tokens=1000, short_accuracy=0.3, long_tokens=7000, long_accuracy=0.75)
GROUP = st.lists(st.tuples(st.integers(1, 5000), st.booleans()), min_size=1, max_size=16)


def test_siris_budget_begins_high_is_low_at_half_a_period_and_high_at_its_end() -> None:
    assert [SIRI.budget(step) for step in (0, 160, 320, 480, 640)] == [16384, 12288, 8192, 12288, 16384]


@given(st.integers(1, 10**5), st.integers(0, 10**5), st.integers(1, 2000), st.integers(0, 4000))
def test_a_budget_stays_between_its_ends_and_comes_back(low: int, more: int, period: int, step: int) -> None:
    schedule = Schedule(low, low + more, period)
    assert low <= schedule.budget(step) <= low + more
    assert schedule.budget(step) == pytest.approx(schedule.budget(step + period), abs=1)
    assert schedule.budget(period) == schedule.budget(0) == low + more
    assert schedule.budget(period / 2) == low


@pytest.mark.parametrize(("low", "high", "period"), [(0, 5, 1), (6, 5, 1), (1, 5, 0)])
def test_a_cycle_that_cannot_be_is_refused(low: int, high: int, period: int) -> None:
    with pytest.raises(InputError, match="no cycle"):
        Schedule(low, high, period)


def test_lengths_are_held_against_the_longest_correct_one() -> None:
    assert length_rewards([100, 50, 200, 10], [True, True, False, False]) == [0.0, 0.5, 0.0, 0.0]
    assert length_rewards([100, 50], [False, False]) == [0.0, 0.0]
    assert length_rewards([], []) == []


@given(GROUP)
def test_only_correct_answers_are_paid_and_shorter_ones_more(group: list[tuple[int, bool]]) -> None:
    rewards = length_rewards([length for length, _ in group], [right for _, right in group])
    assert all(0 <= reward < 1 for reward in rewards)
    assert all(reward == 0 for reward, (_, right) in zip(rewards, group, strict=True) if not right)
    paid = sorted((length, -reward) for reward, (length, right) in zip(rewards, group, strict=True) if right)
    assert [reward for _, reward in paid] == sorted(reward for _, reward in paid)


@pytest.mark.parametrize(
    ("kept", "whole", "correct", "reward"),
    [
        (25, 100, True, 0.75),
        (100, 100, True, 0.0),
        (None, 100, True, -1.0),
        (None, 0, True, -1.0),
        (25, 100, False, 0.0),
    ],
)
def test_thinking_is_paid_for_ending_once_the_answer_is_found(
    kept: int | None, whole: int, correct: bool, reward: float
) -> None:
    assert compress_reward(kept, whole, correct=correct) == reward


@given(st.lists(st.floats(-5, 5), min_size=1))
def test_centred_rewards_keep_their_differences(rewards: list[float]) -> None:
    moved = centred(rewards)
    assert math.fsum(moved) == pytest.approx(0, abs=1e-6)
    assert moved[0] - moved[-1] == pytest.approx(rewards[0] - rewards[-1], abs=1e-6)
    assert centred([]) == []


def test_answers_that_are_too_long_move_the_mixture_to_short_ones_and_wrong_ones_back() -> None:
    assert reweigh(0.5, 7000, 0.75, REFERENCE) > 0.97
    assert reweigh(0.5, 1000, 0.3, REFERENCE) < 0.03


@given(st.floats(0, 1))
def test_a_model_that_is_short_and_right_leaves_the_mixture_be(short: float) -> None:
    assert reweigh(short, 1000, 0.75, REFERENCE, smoothing=0) == pytest.approx(short, abs=1e-9)


def test_one_step_is_the_softmax_of_the_rule() -> None:
    # b_short = 3000 / 6000, b_long = 0.09 / 0.45
    short, long = 0.4 * math.exp(4 * 0.5), 0.6 * math.exp(4 * 0.2)
    expected = (1 - 1e-4) * short / (short + long) + 0.5e-4
    assert reweigh(0.4, 4000, 0.66, REFERENCE) == pytest.approx(expected)


def test_equal_references_divide_by_nothing() -> None:
    equal = Reference(1000, 0.5, 1000, 0.5)
    assert reweigh(0.3, 5000, 0.1, equal, smoothing=0) == pytest.approx(0.3)


@given(
    st.floats(0, 1), st.floats(0, 1e5), st.floats(0, 1), st.floats(0, 100),
    st.builds(Reference, st.floats(0, 1e4), st.floats(0, 1), st.floats(0, 1e4), st.floats(0, 1)),
)  # fmt: skip
def test_no_share_ever_leaves_the_mixture(
    short: float, tokens: float, accuracy: float, eta: float, reference: Reference
) -> None:
    assert 0.5e-4 <= reweigh(short, tokens, accuracy, reference, eta=eta) <= 1 - 0.5e-4 + 1e-12


def test_a_share_outside_the_mixture_is_refused() -> None:
    with pytest.raises(InputError, match="a share of 2"):
        reweigh(2, 1, 1, REFERENCE)
