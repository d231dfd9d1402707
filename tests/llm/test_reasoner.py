from __future__ import annotations

import json
import re
from dataclasses import replace

import numpy as np
import pytest

from guide.errors import InputError
from guide.judging import Failure
from guide.llm.model import Sampling
from guide.llm.reasoner import Reasoner, ReasonerOptions, bounded_schema, choose_probe
from guide.llm.thinking.budget import ThinkingOptions
from tests.llm.fakes import FakeTextModel
from tests.llm.requests import request_about

PLAIN = ThinkingOptions(budget=500, loop=None, sampling=Sampling(), trim=ThinkingOptions().trim)
REVIEW = {
    "summary": "Reads less.",
    "findings": [
        {
            "severity": "major", "element": "novelty", "claim": "Earlier work [E1] compresses papers, too.",
            "quote": "keep what matters of each paper", "evidence": ["E1", "E9"], "known": False,
            "change": "Say what differs.",
        },
        {
            "severity": "minor", "element": "soundness", "claim": "Known already.", "quote": "", "evidence": ["E7"],
            "known": True, "change": "Name it.",
        },
    ],
    "rationale": [
        {"sentence": "The nearest work compresses.", "evidence": ["E1"]},
        {"sentence": "It will fail.", "evidence": []},
    ],
}  # fmt: skip
REQUEST = request_about("Fewer tokens", "We keep what matters of each paper and ask a small model.")


def options(runs: int) -> ReasonerOptions:
    quiet = replace(PLAIN, trim=replace(PLAIN.trim, agreed=False, undecided=False))
    return ReasonerOptions(runs=runs, thinking=quiet)


def test_the_rating_is_the_mean_over_runs_of_what_the_letters_were_given() -> None:
    model = FakeTextModel(["thought one</think>", "thought two</think>"], ["C", "G"])
    judgement = Reasoner(model, options(2)).judge([REQUEST])["one"]
    # Each letter has 0.9, the other nine 0.1 together.
    rest = 0.1 / 9
    due = [(value * 0.9 + (55 - value) * rest) for value in (3, 7)]
    assert judgement.rating == pytest.approx(np.mean(due))
    assert judgement.ratings[2] == pytest.approx((0.9 + rest) / 2)
    assert judgement.signals.disagreement > 0
    assert judgement.interval.low <= judgement.p_accept <= judgement.interval.high
    assert judgement.calibration.status == "not calibrated"
    assert judgement.p_correct is None


def test_a_higher_letter_is_a_higher_chance() -> None:
    chances = []
    for letter in "ADFHJ":
        model = FakeTextModel(["thought</think>"], [letter])
        chances.append(Reasoner(model, options(1)).judge([REQUEST])["one"].p_accept)
    assert chances == sorted(chances)
    assert chances[0] < 0.1 < 0.9 < chances[-1]


def test_one_run_bounds_nothing() -> None:
    model = FakeTextModel(["thought</think>"], ["E"])
    judgement = Reasoner(model, options(1)).judge([REQUEST])["one"]
    assert (judgement.interval.low, judgement.interval.high) == (0.0, 1.0)


def test_the_rating_is_read_behind_the_closed_thinking() -> None:
    model = FakeTextModel(["thought one</think>", "thought two</think>"], ["C", "G"])
    Reasoner(model, options(2)).judge([REQUEST])
    assert [text.rpartition("<think>\n")[2] for text in model.scored] == [
        "thought one\n</think>\n\nRating:",
        "thought two\n</think>\n\nRating:",
    ]


def test_the_run_nearest_to_the_mean_writes_the_review() -> None:
    model = FakeTextModel(["low</think>", "middle</think>", "high</think>", json.dumps(REVIEW)], ["B", "E", "I"])
    Reasoner(model, options(3)).examine([REQUEST])
    written = model.asked[-1]
    assert written.prompt.endswith("middle\n</think>\n\nRating: E\n\n")
    assert written.schema == bounded_schema()


def test_what_was_not_retrieved_is_dropped_and_counted() -> None:
    model = FakeTextModel(["thought</think>", json.dumps(REVIEW)], ["D"])
    examined = Reasoner(model, options(1)).examine([REQUEST])["one"]
    assert not isinstance(examined, Failure)
    (finding,) = examined.findings
    assert finding.evidence == ("made:0",)
    assert finding.quote == "keep what matters of each paper"
    assert examined.reasoning is not None
    assert examined.reasoning.dropped == {"evidence dropped": 2, "known dropped": 1, "names restored": 1}
    assert examined.reasoning.rationale == ("The nearest work compresses. [made:0]", "It will fail.")
    assert examined.judgement.signals.citations == 0.5


def test_a_review_that_cannot_be_read_leaves_the_rating() -> None:
    model = FakeTextModel(["thought</think>", "I would rather not."], ["D"])
    examined = Reasoner(model, options(1)).examine([REQUEST])["one"]
    assert not isinstance(examined, Failure)
    assert examined.findings == ()
    assert examined.reasoning is not None
    assert examined.reasoning.failure == "there is no JSON object with findings in the answer"


def test_a_prompt_too_long_fails_alone() -> None:
    model = FakeTextModel(["thought</think>"], ["D"])
    model.context = 3_000
    long = request_about("Long", "word " * 2_000, name="long")
    answers = Reasoner(model, options(1)).judge([long, REQUEST])
    assert isinstance(answers["long"], Failure)
    assert "does not fit" in answers["long"].reason
    assert not isinstance(answers["one"], Failure)


def test_every_answer_is_under_its_own_id() -> None:
    letters = "BDFHJ"
    model = FakeTextModel([f"about {letter}</think>" for letter in letters], list(letters))
    asked = [request_about(f"Title {letter}", "Text.", name=letter) for letter in letters]
    answers = Reasoner(model, options(1)).judge(asked)
    ratings = [answers[letter].rating for letter in letters]
    assert ratings == sorted(ratings)
    assert len(set(ratings)) == len(ratings)


def test_without_thinking_one_run_is_read_at_once() -> None:
    model = FakeTextModel([], ["D"])
    quiet = ReasonerOptions(runs=3, thinking=ThinkingOptions(budget=0))
    Reasoner(model, quiet).judge([REQUEST])
    assert model.asked == []
    assert model.scored[0].endswith("[assistant]Rating:")


def test_a_model_whose_letters_are_no_single_tokens_is_refused() -> None:
    class Odd(FakeTextModel):
        def score_labels(self, prompts, labels):  # type: ignore[no-untyped-def]
            raise InputError("the label ' A' is 2 tokens")

    with pytest.raises(InputError, match="letters of the scale are not single tokens"):
        choose_probe(Odd([], []))


def test_options_and_prompts_are_part_of_the_hash() -> None:
    model = FakeTextModel([], [])
    assert Reasoner(model, options(1)).sha256 == Reasoner(model, options(1)).sha256
    assert Reasoner(model, options(1)).sha256 != Reasoner(model, options(2)).sha256


def test_what_a_model_is_said_to_know_is_not_part_of_the_hash() -> None:
    model = FakeTextModel([], [])
    dated = replace(options(1), last_training_year=2024)
    assert Reasoner(model, dated).sha256 == Reasoner(model, options(1)).sha256


class MeasuredModel(FakeTextModel):
    """The longer a word, the more open it was."""

    def token_entropies(self, prompt: str, text: str) -> tuple[np.ndarray, np.ndarray]:
        words = list(re.finditer(r"\S+", text))
        return np.array([float(len(word[0])) for word in words]), np.array([word.start() for word in words])


def test_the_review_can_be_written_from_the_informative_steps_of_all_runs() -> None:
    thoughts = ["a b\n\nunforeseen difficulty</think>", "c d\n\nanother complication</think>", json.dumps(REVIEW)]
    model = MeasuredModel(thoughts, ["B", "I"])
    own = replace(options(2), kappa=0.5, aggregate=True)
    examined = Reasoner(model, own).examine([REQUEST])["one"]
    assert (
        model.asked[-1]
        .prompt.partition("<think>\n")[2]
        .startswith("unforeseen difficulty\n\nanother complication\n</think>\n\nRating: ")
    )
    assert not isinstance(examined, Failure)
    assert examined.reasoning is not None
    assert [run.steps for run in examined.reasoning.runs] == [("unforeseen difficulty",), ("another complication",)]
