import pytest
from hypothesis import given
from hypothesis import strategies as st

from guide.advice.views.figures import bar_chart, columns, paper_map
from tests.judgements import concern, evidence


def _paper(similarity, year, decision=None):
    item = evidence("p", similarity)
    return item.model_copy(update={"paper": item.paper.model_copy(update={"year": year, "decision": decision})})


papers = st.lists(st.builds(_paper, st.floats(0, 1), st.integers(1990, 2026)), min_size=1, max_size=20)


@given(papers)
def test_marks_stand_inside_the_map_and_do_not_cover_each_other(made):
    drawn = paper_map(made)
    assert len(drawn.marks) == len(made)
    for at, one in enumerate(drawn.marks):
        assert 0 <= one.y <= drawn.bottom and one.x <= drawn.right
        assert all(abs(one.x - other.x) >= 17 or abs(one.y - other.y) >= 17 for other in drawn.marks[:at])


def test_nearer_is_to_the_right_and_later_is_higher():
    far_old, near_new = paper_map([_paper(0.3, 2015), _paper(0.8, 2024)]).marks
    assert far_old.x < near_new.x
    assert far_old.y > near_new.y


@pytest.mark.parametrize(
    ("decision", "shape"),
    [("Accept (oral)", "accepted"), ("reject", "rejected"), ("Withdrawn", "rejected"), (None, "unknown")],
)
def test_the_shape_is_the_decision(decision, shape):
    assert paper_map([_paper(0.5, 2020, decision)]).marks[0].shape == shape


def test_no_papers_make_no_map():
    assert paper_map([]) is None


def test_a_bar_is_as_long_as_the_chance_and_its_tick_is_the_base_rate():
    (bar,) = bar_chart([concern(p=0.25)], width=200).bars
    assert (bar.length, bar.tick) == (50, 100)


def test_twelve_concerns_are_drawn_at_most():
    assert len(bar_chart([concern(str(number)) for number in range(30)]).bars) == 12


def test_the_likeliest_rating_is_the_highest_column():
    drawn = columns((0, 0, 0.2, 0, 0.6, 0.2, 0, 0, 0, 0))
    assert max(drawn, key=lambda one: one.height).rating == 5
    assert drawn[2].height == pytest.approx(drawn[4].height / 3)


def test_ratings_of_nothing_are_flat():
    assert {one.height for one in columns((0.0,) * 10)} == {0}
