from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guide.errors import InputError
from guide.llm.thinking.labels import LabelScore
from guide.llm.thinking.trace import Boundary
from guide.llm.thinking.trimming import Trimmer, TrimOptions, Verdict, replay

BUDGET = 1000


def fed(scores: Sequence[float | None], step: int = 10, budget: int = BUDGET, **changes: float) -> list[Verdict]:
    """What the rule says at each boundary, `step` tokens apart."""
    trimmer = Trimmer(TrimOptions(**{"least": 0, **changes}), budget)  # type: ignore[arg-type]
    return [trimmer.feed(score, step * number) for number, score in enumerate(scores, start=1)]


def test_the_defaults_are_the_papers() -> None:
    options = TrimOptions()
    assert (options.running, options.share, options.segments) == (2, 0.5, 20)
    assert options.agreed
    assert options.undecided


def test_three_equal_scores_agree_at_the_third() -> None:
    assert fed([3, 7, 7, 7]) == ["keep", "keep", "keep", "agreed"]


def test_scores_just_epsilon_apart_agree_and_further_ones_do_not() -> None:
    assert fed([5, 5.5, 5], epsilon=0.5)[-1] == "agreed"
    assert fed([5, 5.51, 5], epsilon=0.5)[-1] == "keep"
    assert fed([5, 5, 5], epsilon=0)[-1] == "agreed"


@given(running=st.integers(1, 10))
def test_a_score_must_agree_so_often_running(running: int) -> None:
    assert fed([4] * (running + 1), running=running) == ["keep"] * running + ["agreed"]


def test_any_other_score_sets_the_count_back() -> None:
    # The known weakness of the rule: most of these say 7, and it never agrees.
    assert set(fed([7, 7, 2, 7, 7, 2, 7, 7], segments=100)) == {"keep"}
    assert set(fed([7, 2] * 9, segments=100)) == {"keep"}


def test_a_score_that_creeps_counts_as_agreed() -> None:
    # The other one: each is near the one before, the last is not near the first.
    assert fed([5, 5.4, 5.8], epsilon=0.5)[-1] == "agreed"


def test_a_run_is_undecided_once_past_the_share_and_not_at_it() -> None:
    verdicts = fed([1, 9] * 3, step=100, budget=1000, share=0.5)
    assert verdicts == ["keep"] * 5 + ["undecided"]


def test_a_run_is_undecided_after_so_many_segments() -> None:
    assert fed([1, 9] * 10) == ["keep"] * 19 + ["undecided"]


def test_agreement_comes_before_indecision() -> None:
    assert fed([5, 5, 5], segments=3) == ["keep", "keep", "agreed"]


def test_a_verdict_stays() -> None:
    assert fed([5, 5, 5, 1, 9]) == ["keep", "keep", "agreed", "agreed", "agreed"]


def test_a_score_not_read_counts_as_a_segment_and_nothing_else() -> None:
    assert fed([5, None, 5, 5], segments=100) == ["keep", "keep", "keep", "agreed"]
    assert fed([1, None, 9], segments=3) == ["keep", "keep", "undecided"]


def test_nothing_is_stopped_before_the_least_tokens() -> None:
    assert fed([5] * 6, step=10, least=50) == ["keep"] * 4 + ["agreed"] * 2
    assert fed([1, 9] * 3, step=10, least=50, segments=2, share=0) == ["keep"] * 4 + ["undecided"] * 2


def test_without_the_rule_for_agreement_a_settled_run_is_still_not_undecided() -> None:
    assert set(fed([5, 5, 5, 1, 9, 1, 9], step=200, agreed=False, segments=4)) == {"keep"}


@given(
    scores=st.lists(st.floats(0, 10), max_size=30),
    step=st.integers(1, 100),
    epsilon=st.floats(0, 10),
    share=st.floats(0, 1),
)
def test_each_rule_stops_only_where_it_is_on(scores: list[float], step: int, epsilon: float, share: float) -> None:
    both = fed(scores, step, epsilon=epsilon, share=share)
    over = fed(scores, step, epsilon=epsilon, share=share, undecided=False)
    under = fed(scores, step, epsilon=epsilon, share=share, agreed=False)
    neither = fed(scores, step, epsilon=epsilon, share=share, agreed=False, undecided=False)
    assert set(neither) <= {"keep"}
    assert set(over) <= {"keep", "agreed"}
    assert set(under) <= {"keep", "undecided"}
    # The first of the two to fire decides.
    stopped = [verdict for verdict in both if verdict != "keep"]
    if stopped:
        assert both == (over if stopped[0] == "agreed" else under)
    else:
        assert both == over == under == neither


@given(scores=st.lists(st.floats(0, 10), max_size=30), looser=st.floats(0, 5))
def test_a_wider_tolerance_never_agrees_later(scores: list[float], looser: float) -> None:
    narrow, wide = fed(scores, undecided=False), fed(scores, epsilon=0.5 + looser, undecided=False)
    assert wide.count("keep") <= narrow.count("keep")


def test_a_replay_finds_where_and_why_or_nothing() -> None:
    scores = [3, 7, 7, 7, 7]
    boundaries = [Boundary(100 * n, LabelScore(score, 0, 0, 1)) for n, score in enumerate(scores, start=1)]
    assert replay(boundaries, TrimOptions(least=200), 2000) == (boundaries[3], "agreed")
    assert replay(boundaries, TrimOptions(least=401), 2000) is None
    assert replay(boundaries, TrimOptions(segments=2, least=0), 2000) == (boundaries[1], "undecided")


@pytest.mark.parametrize(
    "changes",
    [
        {"epsilon": -0.1}, {"epsilon": float("nan")}, {"running": 0}, {"segments": 0}, {"least": -1}, {"share": 1.1},
        {"share": -0.1},
    ],
    ids=str,
)  # fmt: skip
def test_thresholds_that_make_no_sense_are_refused(changes: dict[str, float]) -> None:
    with pytest.raises(InputError):
        TrimOptions(**changes)  # type: ignore[arg-type]
