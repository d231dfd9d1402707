from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from guide.errors import InputError
from guide.llm.finetune.rewards import (
    RewardOptions,
    match_earth_mover,
    match_total_variation,
    overlap_f1,
    rating_shares,
    review_reward,
)

RATINGS = st.lists(st.floats(1, 10), min_size=1, max_size=8)
SHARES = arrays(np.float64, 10, elements=st.floats(0.001, 1)).map(lambda weights: weights / weights.sum())
SENTENCES = st.lists(st.text("abc ", max_size=20), max_size=4)


def _sure(rating: int) -> np.ndarray:
    return np.eye(10)[rating - 1]


@given(RATINGS, st.floats(0, 1))
def test_ratings_become_shares_that_keep_their_mean_away_from_the_ends(ratings: list[float], smoothing: float) -> None:
    shares = rating_shares(ratings, smoothing)
    assert shares.min() >= 0
    assert shares.sum() == pytest.approx(1)
    if min(ratings) >= 2 and max(ratings) <= 9:
        assert shares @ np.arange(1, 11) == pytest.approx(np.mean(ratings))


def test_a_rating_is_spread_to_its_neighbours() -> None:
    assert rating_shares([5], 0.2)[[3, 4, 5]] == pytest.approx([0.1, 0.8, 0.1])
    assert rating_shares([1], 0.2)[[0, 1]] == pytest.approx([0.8, 0.2])
    assert rating_shares([10], 0.2)[[8, 9]] == pytest.approx([0.2, 0.8])


def test_no_ratings_are_refused() -> None:
    with pytest.raises(InputError, match="no ratings"):
        rating_shares([])


@given(SHARES, SHARES)
def test_a_match_is_a_share_symmetric_and_whole_only_for_equals(one: np.ndarray, other: np.ndarray) -> None:
    for match in (match_earth_mover, match_total_variation):
        assert 0 <= match(one, other) <= 1
        assert match(one, other) == pytest.approx(match(other, one))
        assert match(one, one) == 1
        if np.abs(one - other).max() > 1e-3:
            assert match(one, other) < 1


def test_the_earth_mover_sees_how_far_off_a_rating_is_and_total_variation_does_not() -> None:
    assert match_earth_mover(_sure(1), _sure(10)) == 0
    assert match_earth_mover(_sure(5), _sure(6)) == pytest.approx(8 / 9)
    assert match_total_variation(_sure(5), _sure(6)) == match_total_variation(_sure(1), _sure(10)) == 0


@given(SENTENCES, SENTENCES)
def test_overlap_is_a_symmetric_share(said: list[str], wanted: list[str]) -> None:
    assert 0 <= overlap_f1(said, wanted) <= 1
    assert overlap_f1(said, wanted) == pytest.approx(overlap_f1(wanted, said))


def test_overlap_is_the_mean_f1_of_words_and_pairs_of_words() -> None:
    assert overlap_f1(["The baseline is missing."], ["the BASELINE is missing"]) == 1
    # Words: 2 of 3 and 2 of 4, F1 = 4/7. Pairs: 1 of 2 and 1 of 3, F1 = 2/5.
    assert overlap_f1(["no baseline given"], ["no baseline was shown"]) == pytest.approx((4 / 7 + 2 / 5) / 2)
    assert overlap_f1(["baseline"], ["baseline"]) == 1
    assert overlap_f1([], ["no baseline"]) == overlap_f1(["no baseline"], []) == 0


def test_a_word_said_over_and_over_does_not_pay() -> None:
    assert overlap_f1(["baseline " * 50], ["no baseline was shown"]) < overlap_f1(
        ["baseline"], ["no baseline was shown"]
    )


def test_pairs_of_words_do_not_cross_sentences() -> None:
    assert overlap_f1(["no", "baseline"], ["no baseline"]) == pytest.approx(0.5)


@given(SHARES, RATINGS, st.floats(0, 1))
def test_the_reward_is_the_weighted_mean_of_its_parts(predicted: np.ndarray, human: list[float], weight: float) -> None:
    reward = review_reward(predicted, human, ["no baseline"], ["no baseline was shown"], RewardOptions(weight))
    assert reward.total == pytest.approx(weight * reward.match + (1 - weight) * reward.overlap)
    assert 0 <= reward.total <= 1 + 1e-9


def test_a_review_without_a_rating_matches_nothing() -> None:
    assert review_reward(None, [5], [], []).total == 0


def test_each_distance_is_asked_for_by_name() -> None:
    far = RewardOptions(weight=1, distance="total-variation", smoothing=0)
    near = RewardOptions(weight=1, distance="earth-mover", smoothing=0)
    assert review_reward(_sure(5), [6], [], [], far).total == 0
    assert review_reward(_sure(5), [6], [], [], near).total == pytest.approx(8 / 9)


def test_a_weight_that_is_no_share_is_refused() -> None:
    with pytest.raises(InputError, match="no share"):
        RewardOptions(weight=1.5)
