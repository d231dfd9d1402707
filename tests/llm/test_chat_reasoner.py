from __future__ import annotations

import json

import pytest

from guide.judging import Failure
from guide.llm.chat_reasoner import ChatReasoner, rating_schema, read_rating, review_schema
from guide.llm.reasoner import ReasonerOptions
from guide.llm.server.model import ServerModel
from tests.llm.fakes import FakeChatModel
from tests.llm.llm_server import serve
from tests.llm.requests import request_about
from tests.llm.test_reasoner import REVIEW

REQUEST = request_about("Fewer tokens", "We keep what matters of each paper and ask a small model.")
OTHER = request_about("More tokens", "We keep all.", name="two")


def rated(letter: str) -> str:
    return json.dumps({"rating": letter})


def test_where_probabilities_are_told_nothing_is_drawn() -> None:
    model = FakeChatModel([], ["G", "C"])
    answers = ChatReasoner(model).judge([REQUEST, OTHER])
    assert model.talks == []
    assert answers["one"].rating > 6 > 5 > answers["two"].rating


def test_without_probabilities_k_answers_are_drawn_and_counted() -> None:
    model = FakeChatModel([(rated("D"), rated("D"), rated("F"), "I cannot say.")])
    judgement = ChatReasoner(model, ReasonerOptions(runs=4)).judge([REQUEST])["one"]
    assert [talk.samples for talk in model.talks] == [4]
    assert model.talks[0].schema == rating_schema()
    assert judgement.ratings[3] == pytest.approx(2 / 3)
    assert judgement.rating == pytest.approx((4 + 4 + 6) / 3)


def test_a_failure_is_told_under_its_own_id() -> None:
    model = FakeChatModel([Failure("no answer within 60 s"), (rated("E"),) * 3])
    answers = ChatReasoner(model).judge([REQUEST, OTHER])
    assert answers["one"] == Failure("no answer within 60 s")
    assert answers["two"].rating == pytest.approx(5)


def test_where_the_probabilities_fail_the_rating_is_drawn() -> None:
    model = FakeChatModel([(rated("E"),) * 3], ["G", Failure("lost")])
    answers = ChatReasoner(model).judge([REQUEST, OTHER])
    assert [talk.id for talk in model.talks] == ["two"]
    assert answers["two"].rating == pytest.approx(5)


def test_answers_without_a_rating_are_a_failure() -> None:
    model = FakeChatModel([("no", "never", "{}")])
    assert ChatReasoner(model).judge([REQUEST])["one"] == Failure("none of 3 answers gives a rating")


def test_the_review_is_the_answer_nearest_to_the_mean() -> None:
    reviews = [json.dumps({"rating": letter, **REVIEW, "summary": letter}) for letter in "AEH"]
    model = FakeChatModel([tuple(reviews)])
    examined = ChatReasoner(model).examine([REQUEST])["one"]
    assert not isinstance(examined, Failure)
    assert examined.reasoning is not None
    assert examined.reasoning.summary == "E"
    assert [finding.evidence for finding in examined.findings] == [("made:0",)]
    assert model.talks[0].schema == review_schema()


@pytest.mark.parametrize("streams", [False, True])
def test_thinking_kept_apart_is_in_the_record_and_never_the_answer(streams: bool) -> None:
    # Its thinking says {"rating": "A"}.
    def answer(prompt: str, seed: int) -> str:
        return json.dumps({"rating": "EFG"[seed % 3], **REVIEW})

    with serve(thinks=["reasoning"], streams=streams, answer=answer) as server:
        model = ServerModel("small", server.url)
        examined = ChatReasoner(model).examine([REQUEST])["one"]
    assert not isinstance(examined, Failure)
    assert examined.judgement.rating == pytest.approx(6)
    assert examined.reasoning is not None
    assert sorted(run.rating for run in examined.reasoning.runs) == [5, 6, 7]
    for run in examined.reasoning.runs:
        assert run.steps[0].startswith("Let me see, ")
        assert run.steps[1] == 'Maybe {"rating": "A"}? No.'
        assert run.tokens == sum(len(step.split()) for step in run.steps)
    assert "of them thinking)" in examined.reasoning.spent
    assert not {kind for kind in examined.reasoning.dropped if "thinking" in kind}


def test_a_server_that_keeps_no_thinking_apart_has_no_runs_in_the_record() -> None:
    examined = ChatReasoner(FakeChatModel([(json.dumps({"rating": "E", **REVIEW}),) * 3])).examine([REQUEST])["one"]
    assert not isinstance(examined, Failure)
    assert examined.reasoning is not None
    assert examined.reasoning.runs == ()


@pytest.mark.parametrize(
    ("text", "rating"),
    [
        ('{"rating": "C", "summary": "A"}', 3.0),
        ("Let me see.\nRating: G", 7.0),
        ("**B**", 2.0),
        ("A good paper.", None),
        ('{"rating": "K"}', None),
        ('<think>Perhaps {"rating": "C"}?</think>{"rating": "F"}', 6.0),
        ('Perhaps {"rating": "C"}?\n</think>\n\nF', 6.0),
        ('<think>Perhaps {"rating": "C"}, or', None),
        ('<think>Perhaps {"rating": "C"}.</think> I cannot say.', None),
        ("", None),
    ],
)
def test_a_rating_is_read_from_json_or_from_a_line_of_its_own(text: str, rating: float | None) -> None:
    assert read_rating(text) == rating
