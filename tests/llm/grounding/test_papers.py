from __future__ import annotations

import pytest

from guide.llm.grounding.papers import keys_named, names_foreign, restore_names, says_known, years_named
from guide.llm.grounding.quotations import NormalText
from guide.review import CitedPaper, Evidence
from tests.judgements import evidence

PROPOSAL = NormalText("We rebuild what the Adaptive Ring Buffer Scheme of Moreno et al. (2018) keeps.")


def retrieved(title: str, year: int) -> dict[str, Evidence]:
    item = evidence("p1")
    paper = CitedPaper(**{**item.paper.model_dump(), "title": title, "year": year})
    return {"E1": item.model_copy(update={"paper": paper})}


def test_keys_are_named_alone_or_in_a_list() -> None:
    assert keys_named("As E1 [E2, E3; E4] and (E17), not XE5 or E1234.") == {"E1", "E2", "E3", "E4", "E17"}


def test_years_are_named_by_themselves_and_not_within_numbers() -> None:
    assert years_named("In 2019 and 1998, of 20191 items, at 3.2019 and 2,020.") == {"2019", "1998"}


@pytest.mark.parametrize(
    ("text", "known"),
    [
        ("This is already known.", True),
        ("It has been shown before.", True),
        ("The idea lacks novelty.", True),
        ("It is not known whether that holds.", False),
        ("What is new should be said first.", False),
    ],
)
def test_a_claim_that_the_idea_is_known_is_recognised(text: str, known: bool) -> None:
    assert says_known(text) is known


def test_a_key_a_year_beside_it_and_a_title_nearly_right_become_the_stores() -> None:
    papers = retrieved("Rebuilding Evicted Entries", 2021)
    restored = restore_names('E1 (2019) and "Rebuilding Evicted Entrys" differ.', papers)
    name = "\u201cRebuilding Evicted Entries\u201d (2021)"
    assert restored.text == f"{name} and {name} differ."
    assert (restored.keys, restored.count) == (("E1", "E1"), 2)
    assert "2021" not in restored.rest


@pytest.mark.parametrize(
    ("text", "foreign"),
    [
        ("As Nowak et al. found.", True),
        ("See arXiv:2401.00001.", True),
        ("The Slow Moving Window Method does that.", True),
        ("As Moreno et al. (2018) found.", False),
        ("The Adaptive Ring Buffer Scheme keeps them.", False),
        ("No baseline is given.", False),
    ],
)
def test_a_paper_that_was_not_shown_is_foreign(text: str, foreign: bool) -> None:
    assert names_foreign(text, PROPOSAL.text, PROPOSAL, is_claim=True) is foreign
