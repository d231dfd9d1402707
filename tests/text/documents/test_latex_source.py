from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guide.text.documents.latex_macros import MAX_CHARACTERS
from guide.text.documents.latex_source import visible_source

NONE: frozenset[str] = frozenset()


@pytest.mark.parametrize(
    ("text", "seen", "hidden"),
    [
        ("One % accept this\ntwo", "One two", ["accept this"]),
        ("One%\n  two", "Onetwo", []),
        (r"One 50\% two", r"One 50\% two", []),
        (r"One \\% a remark" + "\ntwo", r"One \\two", ["a remark"]),
        ("One\n%\n%% a remark\n\ntwo", "One two", ["a remark"]),
        (r"\verb|50 % of| two % out", r"50 \% of two", ["out"]),
        (r"\begin{verbatim}a % b\end{verbatim} two", "two", []),
        (r"\begin{comment} accept this \end{comment} two", "two", [r"accept this"]),
        (r"\iffalse out \iffalse deep \fi also \fi two", "two", ["out", "deep", "also"]),
        (r"\iffalse out \else in \fi two", "in two", ["out"]),
        (r"\iftrue in \else out \fi two", "in two", ["out"]),
        (r"\iffalse $a \iff b$ out \fi two", "two", ["b$ out"]),
        (r"\newif\ifdraft \ifdraft out \else in \fi two", "in two", ["out"]),
        (r"\newif\ifdraft \drafttrue \ifdraft in \else out \fi two", "in two", ["out"]),
        (r"\ifsomething one \else two \fi", "one two", []),
        (r"\begin{document}One\end{document} after it", "One", ["after it"]),
    ],
)
def test_what_latex_does_not_set_is_hidden(text: str, seen: str, hidden: list[str]) -> None:
    source = visible_source(text, NONE)
    assert " ".join(source.body.split()) == seen
    assert source.hidden == hidden


def test_a_comment_does_not_join_paragraphs() -> None:
    assert visible_source("One.%\n\nTwo.", NONE).body == "One.\n\nTwo."


def test_comments_before_the_document_are_the_templates_and_not_told() -> None:
    source = visible_source("% of the template\n\\begin{document}One % of mine\n\\end{document}", NONE)
    assert source.hidden == ["of mine"]
    assert " ".join(source.body.split()) == "One"


def test_a_branch_that_is_never_closed_is_kept_and_told() -> None:
    source = visible_source(r"One \iffalse two three", NONE)
    assert source.body.endswith("two three")
    assert source.notes == [r"an \if that is never closed was ignored"]


@pytest.mark.parametrize(
    "text",
    [
        r"\iffalse " * 30_000,
        r"\begin{verbatim}" * 20_000,
        r"\verb|" * 30_000,
        "%" * 300_000,
        r"\newcommand{\x}[1]{#1}" + r"\x{" * 30_000,
        r"\newcommand{\x}" * 20_000,
        r"\newif\ifx" * 20_000,
        "{" * 300_000,
    ],
    ids=lambda text: text[:12],
)
def test_the_time_grows_with_the_text_and_no_faster(text: str) -> None:
    begun = time.process_time()
    visible_source(text, NONE)
    assert time.process_time() - begun < 5


pieces = st.sampled_from(
    [*"ab{}%\\ \n[]#1|", "\\iffalse ", "\\fi ", "\\else ", "\\newcommand", "\\a", "\\begin{comment}", "\\verb|"]
)


@given(st.lists(pieces, max_size=60).map("".join))
def test_any_source_is_read(text: str) -> None:
    source = visible_source(text, NONE)
    assert len(source.body) <= MAX_CHARACTERS
    assert all(passage.strip() for passage in source.hidden)


@given(st.text(st.characters(blacklist_characters="\\%{}", blacklist_categories=["Cs"]), max_size=200))
def test_a_text_without_latex_stays_as_it_is(text: str) -> None:
    assert visible_source(text, NONE).body == text
