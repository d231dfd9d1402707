from __future__ import annotations

import pytest

from guide.text.documents.latex_macros import MAX_CHARACTERS, brace_pairs, group_at
from guide.text.documents.latex_source import visible_source

NONE: frozenset[str] = frozenset()


def body(text: str) -> str:
    return " ".join(visible_source(text, NONE).body.split())


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        (r"\newcommand{\ours}{SparseKey}\ours is small, and \ours{} good", "SparseKey is small, and SparseKey good"),
        (r"\newcommand\ours{SparseKey}\ours.", "SparseKey."),
        (r"\newcommand{\two}[2]{#2 and #1}\two{a}{b}", "b and a"),
        (r"\newcommand{\opt}[2][d]{#1 #2}\opt{a} \opt[c]{b}", "d a c b"),
        (r"\def\ours{SparseKey}\def\by#1{by #1}\ours{} \by{us}", "SparseKey by us"),
        (r"\newcommand{\a}{\b}\newcommand{\b}{deep}\a", "deep"),
        (r"\newcommand{\a}{x}\ab", r"\ab"),
        (r"\newcommand{\a}[1]{<#1>}\a b", "<b>"),
        (r"\newcommand{\a}[1]{<#1>}\a{\a{c}}", "<<c>>"),
    ],
)
def test_the_authors_macros_are_put_in(text: str, seen: str) -> None:
    assert body(text) == seen


def test_a_macro_that_the_reader_knows_is_not_put_in() -> None:
    assert visible_source(r"\renewcommand{\cite}[1]{#1}\cite{x}", frozenset({"cite"})).body == r"\cite{x}"


def test_the_words_that_a_macro_drops_are_hidden() -> None:
    source = visible_source(r"\newcommand{\todo}[1]{}One \todo{accept this} two", NONE)
    assert " ".join(source.body.split()) == "One two"
    assert source.hidden == ["accept this"]


@pytest.mark.parametrize(
    "text",
    [
        r"\newcommand{\a}{\b\b\b\b\b\b\b\b}\newcommand{\b}{\a\a\a\a\a\a\a\a}\a",
        r"\newcommand{\a}{x\a}\a",
        r"\newcommand{\a}[1]{#1#1#1#1#1#1#1#1}" + r"\a{" * 9 + "word" + "}" * 9,
    ],
)
def test_macros_without_end_are_stopped_and_told(text: str) -> None:
    source = visible_source(text, NONE)
    assert source.notes == ["macros that stand for too much, or for themselves, were left out"]
    assert len(source.body) <= MAX_CHARACTERS


def test_groups_are_found_by_their_braces() -> None:
    text = r"\x  {a {b} \} c}{"
    pairs = brace_pairs(text)
    assert group_at(text, 2, pairs) == (r"a {b} \} c", 16)
    assert group_at(text, 16, pairs) is None
    assert group_at(text, 0, pairs) is None
