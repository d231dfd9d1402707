import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from guide.advice.concerns.labelling import count_raised, label_review, split_review
from guide.advice.concerns.taxonomy import load_kinds

KINDS = load_kinds()
NUMBERS = {kind.id: number for number, kind in enumerate(KINDS)}


@given(st.text())
def test_sentences_are_parts_of_the_review_in_its_order(text):
    words = [word for sentence in split_review(text) for word in sentence.split()]
    left = iter(text.split())
    assert all(word in left for word in words)


@given(st.text())
def test_a_sentence_has_single_spaces_and_is_long_enough_to_say_something(text):
    for sentence in split_review(text):
        assert sentence == " ".join(sentence.split())
        assert len(sentence) >= 12


def test_each_line_of_a_list_is_a_sentence():
    assert split_review("- no ablation study\n- unclear notation here") == [
        "- no ablation study",
        "- unclear notation here",
    ]


def test_a_review_raises_what_any_of_its_sentences_raises():
    one = label_review("The paper reads well. An ablation study is missing.", KINDS)
    assert one[NUMBERS["ablations"]]
    assert not one[NUMBERS["safety"]]


def test_reviewers_are_counted_and_sentences_are_not():
    asked = "An ablation study is missing. Please add an ablation study."
    assert count_raised([asked, asked, "Fine."], KINDS)[NUMBERS["ablations"]] == 2
    assert np.array_equal(count_raised([], KINDS), np.zeros(len(KINDS)))
