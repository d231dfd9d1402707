from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guide.llm.grounding.quotations import NormalText, Quotation, hold_quotation

PROPOSAL = NormalText(
    "We drop entries that 3 predictors can\nrebuild \u2013 and we do not retrain the \u201cmodel\u201d."
)


@pytest.mark.parametrize(
    ("quote", "held"),
    [
        ("\u201cwe DROP entries\u201d", Quotation("We drop entries", "exact")),
        ("can rebuild - and", Quotation("can rebuild \u2013 and", "exact")),
        ('the "model" ', Quotation("the \u201cmodel", "exact")),
        (
            "drop entrys that 3 predictors can rebuild",
            Quotation("drop entries that 3 predictors can rebuild", "restored"),
        ),
        ("drop entries that 4 predictors can rebuild", Quotation(None, "dropped")),
        ("and we do retrain the model of all", Quotation(None, "dropped")),
        ("drop entr", Quotation(None, "dropped")),
        (" \u201c\u201d ", None),
    ],
)
def test_a_quotation_is_held_against_the_proposal(quote: str, held: Quotation | None) -> None:
    assert hold_quotation(quote, PROPOSAL) == held


@given(st.lists(st.text("abcdeXYZ0123456789.,-", min_size=1, max_size=8), min_size=1, max_size=12), st.data())
def test_any_run_of_whole_words_is_found_in_the_texts_own_letters(words: list[str], data: st.DataObject) -> None:
    first = data.draw(st.integers(0, len(words) - 1))
    last = data.draw(st.integers(first, len(words) - 1))
    wanted = " ".join(words[first : last + 1])
    found = NormalText("\n".join(words)).find(wanted.upper())
    assert found is not None
    assert found.casefold() == wanted.casefold()


@given(st.text(max_size=80), st.text(max_size=40))
def test_whatever_is_held_as_a_quotation_stands_in_the_proposal(proposal: str, quote: str) -> None:
    held = hold_quotation(quote, NormalText(proposal))
    assert held is None or held.words is None or held.words in " ".join(proposal.split())
