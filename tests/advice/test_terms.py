import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from guide.advice.terms import compare_terms
from guide.student.features import Vocabulary

# Smoothed idf of the field at large: common words low, telling ones high.
VOCABULARY = Vocabulary(
    [
        "and",
        "attention",
        "calibration",
        "for",
        "model",
        "of",
        "of calibration",
        "surprisingly",
        "sparse",
        "sparse attention",
        "we",
    ],
    np.array([1.0, 4.5, 6.0, 1.0, 1.5, 1.0, 6.2, 5.5, 5.0, 6.0, 1.1], dtype=np.float32),
)


def test_shared_and_different_terms_are_told_apart():
    terms = compare_terms("Sparse attention for calibration", "Calibrations of a zebrafish model", VOCABULARY)
    assert terms.shared == ("calibration",)
    assert terms.only_first == ("sparse attention",)
    assert "zebrafish" in terms.only_second


def test_common_words_and_manner_of_speech_are_no_terms():
    terms = compare_terms("Surprisingly we model", "we model surprisingly", VOCABULARY)
    assert terms.shared == ()


def test_a_pair_with_a_function_word_is_no_term():
    assert compare_terms("of calibration", "", VOCABULARY).only_first == ("calibration",)


def test_singular_and_plural_are_one_term():
    assert compare_terms("zebrafishes zebras", "zebra", VOCABULARY).shared == ("zebras",)


@given(st.text(), st.text())
def test_no_term_is_both_shared_and_different(first, second):
    terms = compare_terms(first, second, VOCABULARY)
    assert not set(terms.shared) & (set(terms.only_first) | set(terms.only_second))
    assert all(term in first.lower() or " " in term for term in (*terms.shared, *terms.only_first))


def test_a_text_shares_everything_with_itself():
    text = "Sparse attention and calibration of zebrafish."
    terms = compare_terms(text, text, VOCABULARY)
    assert set(terms.shared) == {"sparse attention", "calibration", "zebrafish"}
    assert terms.only_first == terms.only_second == ()
