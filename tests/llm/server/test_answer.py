from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from guide.llm.model import Answer, KeptThinking, Sampling
from guide.llm.server.answer import read_answers, read_body, read_context, read_label_scores
from guide.llm.server.retry import NoAnswerError
from guide.llm.server.usage import Told, read_usage

USAGE = {"prompt_tokens": 9, "completion_tokens": 5}


def body(*texts: str | None, finish: str | None = "stop", **more: Any) -> dict[str, Any]:
    choices = [{"index": at, "message": {"content": text}, "finish_reason": finish} for at, text in enumerate(texts)]
    return {"choices": choices, "usage": USAGE, **more}


def listing(**chances: float) -> dict[str, Any]:
    tops = [{"token": token.replace("_", " "), "logprob": math.log(chance)} for token, chance in chances.items()]
    return {"choices": [{"logprobs": {"content": [{"token": "x", "top_logprobs": tops}]}}]}


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff\xfe\x00", b"null", b"[" * 100_000, b"<html>"])
def test_what_is_no_json_object_is_no_answer(content: bytes) -> None:
    with pytest.raises(NoAnswerError, match="JSON") as failed:
        read_body(content)
    assert failed.value.again


@pytest.mark.parametrize(
    ("broken", "reason"),
    [
        ({}, "no choices"),
        ({"choices": None}, "no choices"),
        ({"choices": [None]}, "no choices"),
        ({"choices": [{"finish_reason": "stop"}]}, "no message"),
        (body(None), "no text"),
        (body(3), "no text"),  # type: ignore[arg-type]
        (body("x", finish="abort"), r"broke off \(abort\)"),
        (body("x", finish="Bearer sk-12345678"), "broke off$"),
        (body("x", finish="content_filter"), "withheld"),
        ({"choices": [{"message": {"content": None, "refusal": "no"}, "finish_reason": "stop"}]}, "refused"),
    ],
)
def test_an_answer_out_of_shape_is_named(broken: dict[str, Any], reason: str) -> None:
    with pytest.raises(NoAnswerError, match=reason):
        read_answers(broken, Sampling(), 1)


def test_answers_come_in_the_order_of_their_indexes() -> None:
    told = body("a", "b", "c")
    told["choices"].reverse()
    assert [answer.text for answer in read_answers(told, Sampling(), 3)] == ["a", "b", "c"]


def test_indexes_that_are_no_order_change_none() -> None:
    told = body("a", "b", "c")
    for choice in told["choices"]:
        choice["index"] = 1
    assert [answer.text for answer in read_answers(told, Sampling(), 3)] == ["a", "b", "c"]


def test_more_answers_than_asked_are_left_out() -> None:
    assert [answer.text for answer in read_answers(body("a", "b"), Sampling(), 1)] == ["a"]


def test_one_count_is_shared_by_length() -> None:
    answers = read_answers(body("x" * 30, "", "x" * 10), Sampling(), 3)
    assert [answer.tokens for answer in answers] == [3, 0, 2]


def test_a_stop_text_is_put_back_where_the_server_names_it() -> None:
    told = body("so far")
    told["choices"][0]["stop_reason"] = "\n\n"
    assert read_answers(told, Sampling(stop=("\n\n",)), 1) == (Answer("so far\n\n", 5, "stop"),)
    assert read_answers(body("so far"), Sampling(stop=("\n\n",)), 1) == (Answer("so far", 5, "end"),)


def test_a_limit_that_fell_into_the_thinking_leaves_an_empty_answer() -> None:
    assert read_answers(body(None, finish="length"), Sampling(), 1) == (Answer("", 5, "length"),)


@pytest.mark.parametrize("content", [None, ""])
def test_a_model_that_only_thought_has_an_empty_answer(content: str | None) -> None:
    told = body(content)
    told["choices"][0]["message"]["reasoning"] = "so and so"
    assert read_answers(told, Sampling(), 1) == (Answer("", 5, "end", False, KeptThinking("so and so", 5, True)),)


def test_thinking_that_is_counted_and_not_shown_is_kept_as_a_count() -> None:
    told = body("x", "yy")
    told["usage"] = {**USAGE, "completion_tokens_details": {"reasoning_tokens": 4}}
    first, second = read_answers(told, Sampling(), 2)
    assert first.thinking == second.thinking == KeptThinking("", 2)


def test_no_thinking_is_none() -> None:
    told = body("x")
    told["usage"] = {**USAGE, "completion_tokens_details": {"reasoning_tokens": 0}}
    assert read_answers(told, Sampling(), 1)[0].thinking is None


@pytest.mark.parametrize("token", ["<think>", "<think>\n", "<thinking>", "<think", "\n<reasoning>"])
def test_probabilities_of_the_mark_that_opens_thinking_are_no_scores(token: str) -> None:
    told = listing(A=0.6, B=0.4)
    told["choices"][0]["logprobs"]["content"][0]["token"] = token
    assert read_label_scores(told, ["A", "B"]) is None


def test_half_a_character_does_not_get_through() -> None:
    told = read_body(b'{"choices": [{"message": {"content": "a\\ud800b \\ud83d\\ude00"}, "finish_reason": "stop"}]}')
    assert read_answers(told, Sampling(), 1)[0].text == "a\ufffdb 😀"


@pytest.mark.parametrize(
    ("usage", "told"),
    [
        (None, Told()),
        ({"prompt_tokens": 0, "completion_tokens": 0}, Told()),
        ({"prompt_tokens": 7}, Told(7, None, None)),
        ({"prompt_tokens": 7, "completion_tokens": -1}, Told(7, None, None)),
        ({"prompt_tokens": "7", "completion_tokens": 2}, Told()),
        (
            {"prompt_tokens": 7, "completion_tokens": 2, "prompt_tokens_details": {"cached_tokens": 4}},
            Told(7, 4, 2),
        ),
        ({"prompt_tokens": 7, "completion_tokens": 2, "prompt_cache_hit_tokens": 3}, Told(7, 3, 2)),
        (
            {"prompt_tokens": 7, "completion_tokens": 5, "completion_tokens_details": {"reasoning_tokens": 3}},
            Told(7, None, 5, 3),
        ),
        ({"prompt_tokens": 7, "completion_tokens": 5, "total_tokens": 12, "reasoning_tokens": 3}, Told(7, None, 5, 3)),
        ({"prompt_tokens": 7, "completion_tokens": 2, "total_tokens": 12, "reasoning_tokens": 3}, Told(7, None, 5, 3)),
    ],
)
def test_a_count_that_is_none_is_unknown_and_not_zero(usage: object, told: Told) -> None:
    assert read_usage({"usage": usage}) == told


def test_the_tokens_of_one_label_add_up() -> None:
    scores = read_label_scores(listing(A=0.2, _A=0.3, B=0.1, **{"\u0120B": 0.05}), ["A", "B"])
    assert scores is not None
    assert np.exp(scores) == pytest.approx([0.5, 0.15])


def test_the_floor_is_finite_and_below_all_that_is_listed() -> None:
    scores = read_label_scores(listing(A=0.6, B=0.4), ["A", "B", "C"])
    assert scores is not None
    assert np.isfinite(scores).all()
    assert scores[2] < scores[1] - 10


def test_a_probability_of_zero_stays_finite() -> None:
    told = listing(A=0.6)
    told["choices"][0]["logprobs"]["content"][0]["top_logprobs"].append({"token": "B", "logprob": -math.inf})
    scores = read_label_scores(told, ["A", "B", "C"])
    assert scores is not None
    assert np.isfinite(scores).all()


@pytest.mark.parametrize("logprobs", [None, {}, {"content": None}, {"content": []}, {"content": [{}]}, "none"])
def test_an_answer_without_probabilities_has_no_scores(logprobs: object) -> None:
    assert read_label_scores({"choices": [{"logprobs": logprobs}]}, ["A"]) is None


@pytest.mark.parametrize("logarithm", [None, "x", math.nan, 2.5, True])
def test_numbers_that_are_no_probabilities_are_named(logarithm: object) -> None:
    entry = {"token": "A", "logprob": logarithm}
    with pytest.raises(NoAnswerError, match="probabilities"):
        read_label_scores({"choices": [{"logprobs": {"content": [{"top_logprobs": [entry]}]}}]}, ["A"])


def test_the_context_is_read_from_the_model_asked_for() -> None:
    models = {"data": [None, {"id": "a", "max_model_len": 10}, {"id": "b", "context_length": 20}, {"id": "c"}]}
    assert [read_context(models, name) for name in "abcd"] == [10, 20, None, None]
    assert read_context({"data": None}, "a") is None
