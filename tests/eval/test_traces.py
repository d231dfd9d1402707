import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from guide.eval.traces import FAMILIES, count_traces

PLAIN = "We study attention. It works."


@pytest.mark.parametrize(
    ("family", "more"),
    [
        ("links", " See www.example.org now."),
        ("length", " It works again."),
        ("punctuation", " (100%)"),
        ("venue headers", " ICLR 2024 oral."),
        ("author blocks", " Department of Tests, a@b.org."),
        ("text source", "\n\nIt is ``fast''."),
    ],
)
def test_each_family_counts_its_own(family, more):
    counts = count_traces([PLAIN, PLAIN + more])[family]
    assert (counts[1] != counts[0]).any()


def test_plain_prose_has_neither_links_nor_headers_nor_authors():
    counts = count_traces([PLAIN])
    for family in ("links", "venue headers", "author blocks"):
        assert not counts[family].any()


def test_twice_the_text_has_the_same_densities():
    text = "It gains 4.2% (of 31.0%): why? "
    once, twice = count_traces([text])["punctuation"], count_traces([text * 2])["punctuation"]
    assert once == pytest.approx(twice)


@given(st.lists(st.text(max_size=200), max_size=5))
def test_any_text_gives_finite_counts_that_are_never_negative(texts):
    counts = count_traces(texts)
    assert tuple(counts) == FAMILIES
    for table in counts.values():
        assert len(table) == len(texts)
        assert np.isfinite(table).all()
        assert (table >= 0).all()


def test_a_long_line_takes_no_time():
    # Quadratic back-tracking would take minutes.
    count_traces(["$a- (b@c. " * 20_000, "x" * 200_000, "{" * 100_000, "\n " * 100_000])
