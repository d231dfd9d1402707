from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guide.corpus.budget import choose_passages
from guide.corpus.fusion import Hit
from guide.corpus.guards import count_tokens
from guide.corpus.modules import split_modules
from guide.errors import InputError
from tests.corpus.fakes import paper

TEXT = (
    "Bridges matter to rivers. We propose a crossing of ice. Our method freezes water. Experiments show that it holds."
)


def hit(number: int, module: str = "method", **compressed: str) -> Hit:
    return Hit(paper(number, abstract=TEXT), module, 0.5, 0.1, 1, 1, (), compressed)


def test_each_paper_gives_first_the_module_that_matched() -> None:
    chosen = choose_passages([hit(1), hit(2, "experiments")], 14)
    assert [(one.paper_id, one.kind) for one in chosen.passages] == [
        ("made:00001", "method"),
        ("made:00002", "experiments"),
    ]
    assert chosen.tokens == sum(count_tokens(one.text) for one in chosen.passages) <= 14
    assert chosen.left_out_papers == 0


def test_the_abstract_stands_for_all_its_modules() -> None:
    chosen = choose_passages([hit(1, "abstract")], 10_000)
    assert [one.kind for one in chosen.passages] == ["abstract"]


def test_the_shortened_text_is_handed_on_where_there_is_one() -> None:
    chosen = choose_passages([hit(1, method="Water freezes.")], 10_000)
    assert "Water freezes." in {one.text for one in chosen.passages}


def test_what_does_not_fit_is_counted() -> None:
    chosen = choose_passages([hit(1), hit(2)], 1)
    assert (chosen.passages, chosen.tokens, chosen.left_out_papers) == ((), 0, 2)
    assert chosen.left_out > 0


def test_a_budget_below_one_token_is_the_users_error() -> None:
    with pytest.raises(InputError):
        choose_passages([hit(1)], 0)


@given(budget=st.integers(1, 200), modules=st.lists(st.sampled_from(["abstract", "method", "experiments"]), max_size=5))
def test_passages_are_whole_modules_within_the_budget(budget: int, modules: list[str]) -> None:
    hits = [hit(number, module) for number, module in enumerate(modules)]
    chosen = choose_passages(hits, budget)
    assert chosen.tokens <= budget
    whole = {(one.paper.id, module.kind, module.text) for one in hits for module in split_modules(one.paper)}
    assert {(one.paper_id, one.kind, one.text) for one in chosen.passages} <= whole
    assert len({(one.paper_id, one.kind) for one in chosen.passages}) == len(chosen.passages)
