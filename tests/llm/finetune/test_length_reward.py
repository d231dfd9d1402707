from __future__ import annotations

from collections.abc import Sequence

import pytest

from guide.errors import InputError
from guide.llm.finetune.length_reward import Drawn, LengthOptions, Mode, first_mention, score_answers
from guide.llm.finetune.lengths import Schedule


def _drawn(text: str, *, mode: Mode = "long", place: int = 0, wanted: float = 6) -> Drawn:
    return Drawn(place, mode, [ord(sign) for sign in text], wanted)


def _decode(tokens: Sequence[int]) -> str:
    return "".join(map(chr, tokens))


def _totals(*drawn: Drawn, step: int = 0, **options: float | Schedule) -> list[float]:
    return [one.total for one in score_answers(drawn, _decode, LengthOptions(**options), step=step)]  # type: ignore[arg-type]


def test_a_right_rating_is_worth_more_than_a_wrong_one_and_none_is_worth_nothing() -> None:
    right, wrong, none = _drawn("x</think>\nRating: F"), _drawn("x</think>\nRating: A"), _drawn("x</think>\nwell")
    assert _totals(right, wrong, none) == [2.0, 1.0, 0.0]


def test_of_two_right_answers_the_shorter_is_worth_more() -> None:
    short, long = _drawn("x</think>\nRating: F"), _drawn(f"{'x' * 20}</think>\nRating: F")
    worth = _totals(short, long)
    assert worth[0] == pytest.approx(2 + 1 - len(short.tokens) / len(long.tokens))
    assert worth[1] == 2
    assert _totals(short, long, length=0) == [2, 2]


def test_answers_to_different_proposals_are_not_held_against_each_other() -> None:
    short, long = _drawn("x</think>\nRating: F"), _drawn(f"{'x' * 20}</think>\nRating: F", place=1)
    assert _totals(short, long) == [2, 2]
    assert _totals(short, _drawn("Rating: F", mode="short")) == [2, 2]


def test_thinking_that_never_ends_gives_no_rating() -> None:
    assert _totals(_drawn("so it is\nRating: F")) == [0]
    assert _totals(_drawn("Rating: F", mode="short")) == [2]


def test_what_does_not_fit_the_budget_of_its_step_does_not_count() -> None:
    answer = _drawn("x" * 30 + "</think>\nRating: F")
    cycle = Schedule(low=20, high=60, period=10)
    assert _totals(answer, step=0, schedule=cycle) == [2]
    assert _totals(answer, step=5, schedule=cycle) == [0]


def test_thinking_is_paid_for_naming_its_rating_last_and_loses_without_it() -> None:
    late = _drawn("Well, well. The rating is F.</think>\nRating: F")
    early = _drawn("The rating is F. Well, well.</think>\nRating: F", place=1)
    never = _drawn("Well.</think>\nRating: F", place=2)
    wrong = _drawn("The rating is A. Well, well.</think>\nRating: A", place=3)
    assert _totals(late, early, never, wrong, compress=1) == pytest.approx([2, 2 + 1 - 16 / 28, 1, 1])


@pytest.mark.parametrize(
    ("thinking", "end"),
    [
        ("I would rate it F. Or not.", 18),
        ("A score of 6 fits. More.", 18),
        ("A score of 6.5 fits. More.", None),
        ("A score of 60 fits.", None),
        ("Figure 6 and table F are bad.", None),
        ("The rating\nis F", None),
        ("So my rating: F", 15),
    ],
)
def test_a_rating_is_named_by_its_letter_or_number_behind_the_word(thinking: str, end: int | None) -> None:
    assert first_mention(thinking, 6.0) == end


def test_negative_weights_are_refused() -> None:
    with pytest.raises(InputError, match="negative"):
        LengthOptions(length=-1)
