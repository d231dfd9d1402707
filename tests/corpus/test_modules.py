"""The split into modules: roles of sentences, and sections by their headings."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guide.corpus.modules import (
    KINDS,
    ROLES,
    Module,
    find_ignored,
    label_sentences,
    place_section,
    split_modules,
)
from guide.corpus.records import Paper, Section

BACKGROUND = "Keeping bees healthy remains challenging, and existing sensors often fail in winter."
CONTRIBUTION = "In this paper, we propose HiveNet, a novel framework for listening to hives."
METHOD = "Specifically, an encoder network maps each recording to a vector using a contrastive loss function."
EXPERIMENTS = "Extensive experiments on three datasets show that HiveNet outperforms all baselines by 12%."
ABSTRACT = " ".join((BACKGROUND, CONTRIBUTION, METHOD, EXPERIMENTS))


def make_paper(abstract: str = ABSTRACT, *sections: tuple[str, str]) -> Paper:
    return Paper("p", "Hives", abstract, 2024, "ICLR", sections=tuple(Section(*section) for section in sections))


def by_kind(paper: Paper) -> dict[str, str]:
    return {module.kind: module.text for module in split_modules(paper)}


def test_each_role_is_found_in_a_plain_abstract() -> None:
    assert [sentence.role for sentence in label_sentences(ABSTRACT)] == list(ROLES)


@pytest.mark.parametrize(
    ("sentence", "role"),
    [
        ("We introduce a new algorithm for sorting pebbles.", "contribution"),
        ("However, traditional methods typically suffer from high costs, which remains a problem.", "background"),
    ],
)
def test_a_single_sentence_goes_by_its_cues(sentence: str, role: str) -> None:
    assert [found.role for found in label_sentences(sentence)] == [role]


@given(
    st.one_of(
        st.text(), st.lists(st.sampled_from([*ABSTRACT.split(), ".", "\n\n", "e.g.", "\ud800", "\x00"])).map(" ".join)
    )
)
def test_every_letter_lies_in_one_sentence_with_exact_offsets(text: str) -> None:
    sentences = label_sentences(text)
    end = 0
    rest = text
    for sentence in sentences:
        assert end <= sentence.start < sentence.end <= len(text)
        assert text[sentence.start : sentence.end] == text[sentence.start : sentence.end].strip()
        assert sentence.role in ROLES
        rest = rest[: sentence.start] + " " * (sentence.end - sentence.start) + rest[sentence.end :]
        end = sentence.end
    assert not re.search(r"[^\W_]", rest)
    assert label_sentences(text) == sentences


def test_a_repeated_sentence_is_found_at_its_own_place() -> None:
    text = "Bees hum.  Bees hum."
    assert [(sentence.start, sentence.end) for sentence in label_sentences(text)] == [(0, 9), (11, 20)]


def test_a_text_of_white_space_has_no_sentence() -> None:
    assert label_sentences(" \n ") == ()
    assert label_sentences("") == ()


def test_the_abstract_comes_whole_and_the_other_modules_are_its_sentences() -> None:
    assert split_modules(make_paper()) == (
        Module("abstract", ABSTRACT),
        Module("contribution", CONTRIBUTION),
        Module("method", METHOD),
        Module("experiments", EXPERIMENTS),
    )


def test_a_module_without_a_sentence_is_left_out() -> None:
    assert [module.kind for module in split_modules(make_paper(CONTRIBUTION))] == ["abstract", "contribution"]


@given(st.lists(st.sampled_from((BACKGROUND, CONTRIBUTION, METHOD, EXPERIMENTS)), min_size=1).map(" ".join))
def test_modules_keep_their_order_and_are_never_empty(abstract: str) -> None:
    modules = split_modules(make_paper(abstract))
    assert modules[0] == Module("abstract", abstract)
    places = [KINDS.index(module.kind) for module in modules]
    assert places == sorted(set(places))
    assert all(module.text for module in modules)


@pytest.mark.parametrize(
    ("heading", "place"),
    [
        ("3 Our Method", "method"),
        ("The HiveNet Model", "method"),
        ("IV. Proposed approach", "method"),
        ("4.1 Experimental results", "experiments"),
        ("Evaluation of the model", "experiments"),
        ("1 Introduction", "introduction"),
        ("Our contributions", "contribution"),
        ("2. Related work on evaluation methods", "ignored"),
        ("Appendix B: More results", "ignored"),
        ("References", "ignored"),
        ("Acknowledgements", "ignored"),
        ("Queen bees", "by role"),
        ("", "by role"),
    ],
)
def test_the_heading_decides(heading: str, place: str) -> None:
    assert place_section(heading) == place


def test_sections_join_the_modules_their_headings_name() -> None:
    plain = "A microphone hangs in the hive."
    table = "Table 2 lists the hives."
    found = by_kind(make_paper(ABSTRACT, ("3 Method", plain), ("4 Results", table)))
    assert found["method"] == f"{METHOD} {plain}"
    assert found["experiments"] == f"{EXPERIMENTS} {table}"
    assert found["contribution"] == CONTRIBUTION


def test_an_introduction_gives_its_contribution_sentences_alone() -> None:
    second = "We present a new dataset of hive sounds."
    found = by_kind(make_paper(BACKGROUND, ("Introduction", f"{BACKGROUND} {second} {EXPERIMENTS}")))
    assert set(found) == {"abstract", "contribution"}
    assert found["contribution"] == second


def test_a_sentence_that_the_introduction_repeats_stands_once() -> None:
    assert by_kind(make_paper(ABSTRACT, ("Introduction", CONTRIBUTION)))["contribution"] == CONTRIBUTION


def test_ignored_sections_are_named_and_unused() -> None:
    paper = make_paper(ABSTRACT, ("Related work", CONTRIBUTION + " We propose more."), ("References", "[1] Bee."))
    assert find_ignored(paper) == ("Related work", "References")
    assert split_modules(paper) == split_modules(make_paper())
