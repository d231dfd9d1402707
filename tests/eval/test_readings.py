import pytest

from guide.errors import InputError
from guide.eval.decisions import Decision
from guide.eval.readings import choose_readings, read_texts


def _decision(identifier="a", abstract="We sort. Code is at https://example.org/a.", predecision=None):
    return Decision(identifier, "Sorting", abstract, True, (), 2025, "r.jsonl:1", predecision=predecision)


def test_raw_text_is_as_it_was_given():
    found = read_texts([_decision()], "raw")
    assert found.pairs == (("Sorting", "We sort. Code is at https://example.org/a."),)
    assert found.removed == {}


def test_stripped_text_has_no_leaks_and_counts_them():
    found = read_texts([_decision()], "stripped")
    assert found.pairs == (("Sorting", "We sort."),)
    assert found.removed == {"link": 1}


def test_the_text_from_before_the_decision_is_read_where_it_is():
    found = read_texts([_decision(predecision="We will sort. See https://example.org/b.")], "pre-decision")
    assert found.pairs == (("Sorting", "We will sort."),)


def test_a_passage_taken_out_leaves_no_gap():
    found = read_texts([_decision(abstract="We sort (code: https://example.org/a)  tokens.\n\nIt works.")], "stripped")
    assert found.pairs == (("Sorting", "We sort tokens. It works."),)


def test_missing_earlier_texts_are_counted():
    with pytest.raises(InputError, match="1 of 2 records have no text from before the decision"):
        read_texts([_decision(), _decision("b", predecision="We will sort.")], "pre-decision")


def test_all_takes_what_the_records_have():
    assert choose_readings("all", [_decision()]) == ("stripped", "raw")
    assert choose_readings("all", [_decision(predecision="x")]) == ("stripped", "pre-decision", "raw")
    assert choose_readings("both", [_decision()]) == ("stripped", "raw")
    assert choose_readings("pre-decision", [_decision()]) == ("pre-decision",)
    with pytest.raises(InputError, match="no reading"):
        choose_readings("backwards", [_decision()])
