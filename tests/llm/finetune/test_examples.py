from __future__ import annotations

import json
from pathlib import Path

import pytest

from guide.errors import InputError
from guide.llm.answers import ParsedAnswer, element_ids, parse_answer
from guide.llm.finetune.examples import ExampleSet, answer_of_reviews, concerns_of, element_about, read_examples
from tests.llm.finetune.records import reviewed, taught, write_records


@pytest.fixture
def reviews(tmp_path: Path) -> ExampleSet:
    return read_examples([write_records(tmp_path / "reviews.jsonl", [reviewed(number) for number in range(20)])])


def test_reviews_by_people_become_an_answer_that_reads_back_whole(reviews: ExampleSet) -> None:
    for example in reviews.examples:
        assert example.answer is not None
        read = parse_answer(example.answer.model_dump_json())
        assert isinstance(read, ParsedAnswer)
        assert read.answer == example.answer
        assert not read.repairs


def test_reviewers_take_turns_and_what_each_puts_first_is_major(reviews: ExampleSet) -> None:
    findings = reviews.examples[0].answer.findings
    assert [(one.element, one.severity) for one in findings] == [
        ("evaluation", "major"),
        ("novelty", "major"),
        ("motivation", "minor"),
        ("resources", "minor"),
    ]
    assert findings[0].claim == "The experiments use one small dataset and no strong baseline."
    assert all(one.change for one in findings)


def test_the_letter_is_that_of_the_mean_rating(tmp_path: Path) -> None:
    records = [
        reviewed(number, ratings=ratings) for number, ratings in enumerate([(5, 6), (1, 2, 3), (0, 0), (10, 10)])
    ]
    read = read_examples([write_records(tmp_path / "r.jsonl", records)]).examples
    assert [one.letter for one in read] == ["F", "B", "A", "J"]
    assert read[2].ratings == (1.0, 1.0)


def test_a_teachers_answer_is_taken_as_it_is_with_its_thinking(tmp_path: Path) -> None:
    record = taught(0, rating="h", thinking=" It is a good one. ")
    (example,) = read_examples([write_records(tmp_path / "t.jsonl", [record])]).examples
    assert json.loads(example.answer.model_dump_json()) == record["answer"]
    assert (example.letter, example.ratings, example.thinking) == ("H", (8.0,), "It is a good one.")
    assert example.concerns == ("The baseline is missing.",)


def test_what_gives_the_decision_away_is_not_shown(tmp_path: Path) -> None:
    record = reviewed(0) | {"abstract": "We count birds in towns. Our code is available at https://example.net/x."}
    (example,) = read_examples([write_records(tmp_path / "r.jsonl", [record])]).examples
    assert example.request.text == "We count birds in towns."


def test_what_cannot_be_learnt_from_is_counted_by_reason(tmp_path: Path) -> None:
    records = [
        reviewed(0),
        {"title": "no abstract"},
        reviewed(1) | {"reviews": []},
        reviewed(2) | {"reviews": [{"rating": 5}]},
        taught(3) | {"answer": "none"},
        taught(4) | {"rating": None},
        reviewed(5) | {"year": 2026},
    ]
    read = read_examples([write_records(tmp_path / "r.jsonl", records)], until=2025)
    assert len(read.examples) == 1
    assert read.last_year == 2023
    assert read.left_out == {
        "without title or abstract": 1,
        "without reviews that rate": 1,
        "without weaknesses": 1,
        "with an answer that cannot be read": 1,
        "with an answer but no rating": 1,
        "later than 2025, or without a year": 1,
    }


def test_a_file_without_a_usable_record_is_refused_with_the_reasons(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="1 without title or abstract"):
        read_examples([write_records(tmp_path / "r.jsonl", [{"title": "x"}])])


def test_a_paper_is_never_on_both_sides_of_the_split(tmp_path: Path) -> None:
    records = [reviewed(number) for number in range(20)] * 2
    read = read_examples([write_records(tmp_path / "r.jsonl", records)])
    training, held_out = read.split(0.25, seed=0)
    assert len(training) + len(held_out) == 40
    assert len({one.request.title for one in held_out}) == 5
    assert not {one.request.title for one in training} & {one.request.title for one in held_out}
    assert read.split(0.25, seed=0) == (training, held_out)
    assert read.split(0.25, seed=1) != (training, held_out)


def test_one_paper_cannot_be_split(tmp_path: Path) -> None:
    read = read_examples([write_records(tmp_path / "r.jsonl", [reviewed(0), reviewed(0)])])
    with pytest.raises(InputError, match="fewer than two"):
        read.split(0.5, seed=0)


@pytest.mark.parametrize(
    ("sentence", "element"),
    [
        ("The related work is not discussed.", "related-work"),
        ("The contribution is rather incremental.", "novelty"),
        ("No ablations are given.", "evaluation"),
        ("It needs far more GPU hours than it says.", "resources"),
        ("The proof of lemma two is wrong.", "soundness"),
    ],
)
def test_a_sentence_is_about_the_element_that_its_words_name(sentence: str, element: str) -> None:
    assert element_about(sentence) == element
    assert element in element_ids()


def test_a_sentence_that_several_reviewers_wrote_is_found_once() -> None:
    review = {"weaknesses": "**Weaknesses:** The gains are within the noise of the runs.\n- Why?"}
    (finding,) = answer_of_reviews([review, review]).findings
    assert finding.claim == "The gains are within the noise of the runs."


def test_what_retells_the_paper_is_no_concern() -> None:
    told = "The paper trains a network on birds. It is not compared with any baseline. In detail it is as follows:"
    assert concerns_of([{"weaknesses": told}]) == ("It is not compared with any baseline.",)


def test_an_element_is_found_wanting_twice_at_most() -> None:
    said = "\n".join(f"- Baseline number {number} is missing from the table." for number in range(5))
    answer = answer_of_reviews([{"weaknesses": f"{said}\n- The novelty of it all is limited."}])
    assert [finding.element for finding in answer.findings] == ["evaluation", "evaluation", "novelty"]
