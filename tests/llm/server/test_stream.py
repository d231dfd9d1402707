from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guide.llm.model import Answer, KeptThinking, Sampling
from guide.llm.server.answer import read_answers, read_body
from guide.llm.server.retry import NoAnswerError
from guide.llm.server.stream import is_stream
from tests.llm.llm_server import as_events


def whole(*texts: str, thinking: str = "", finish: str = "stop", **more: Any) -> dict[str, Any]:
    choices = [
        {"index": at, "message": {"role": "assistant", "content": text}, "finish_reason": finish}
        for at, text in enumerate(texts)
    ]
    for choice in choices if thinking else []:
        choice["message"]["reasoning_content"] = thinking
    return {"id": "x", "model": "m", "choices": choices, **more}


USAGE = {"prompt_tokens": 9, "completion_tokens": 6, "completion_tokens_details": {"reasoning_tokens": 4}}


def test_a_stream_reads_as_the_answer_that_it_adds_up_to() -> None:
    told = whole("the answer", thinking="so, so", usage=USAGE)
    assert read_answers(read_body(as_events(told)), Sampling(), 1) == (
        Answer("the answer", 6, "end", False, KeptThinking("so, so", 4)),
    )


@given(
    texts=st.lists(st.text(min_size=1), min_size=1, max_size=3),
    thinking=st.text(),
    size=st.integers(1, 9),
)
def test_any_texts_survive_being_cut_into_chunks(texts: list[str], thinking: str, size: int) -> None:
    told = whole(*texts, thinking=thinking, usage=USAGE)
    streamed = read_body(as_events(told, size))
    assert read_answers(streamed, Sampling(), 3) == read_answers(read_body(json.dumps(told).encode()), Sampling(), 3)


def test_chunks_of_several_choices_in_turn_are_kept_apart() -> None:
    parts = [(0, "a"), (1, "x"), (0, "b"), (1, "y")]
    lines = [{"choices": [{"index": at, "delta": {"content": text}}]} for at, text in parts]
    ends = [{"choices": [{"index": at, "delta": {}, "finish_reason": "stop"}]} for at in (0, 1)]
    content = "".join(f"data:{json.dumps(line)}\r\n\r\n" for line in [*lines, *ends]).encode()
    assert [answer.text for answer in read_answers(read_body(content), Sampling(), 2)] == ["ab", "xy"]


def test_two_choices_under_one_index_are_not_read_as_one() -> None:
    told = whole("the first", "the second")
    told["choices"][1]["index"] = 0
    with pytest.raises(NoAnswerError, match="after its end"):
        read_body(as_events(told))


@pytest.mark.parametrize("share", [0.2, 0.5, 0.9])
def test_a_stream_without_its_end_is_no_answer(share: float) -> None:
    content = as_events(whole("a text of some length, in many chunks"))
    with pytest.raises(NoAnswerError, match=r"broke off|not JSON") as failed:
        read_body(content[: int(share * len(content))])
    assert failed.value.again


def test_an_error_in_the_middle_of_a_stream_is_named() -> None:
    content = (
        b'data: {"choices": [{"index": 0, "delta": {"content": "a"}}]}\n\ndata: {"error": {"message": "full"}}\n\n'
    )
    with pytest.raises(NoAnswerError, match="tells of an error"):
        read_answers(read_body(content), Sampling(), 1)


def test_a_chunk_that_is_no_object_is_named() -> None:
    with pytest.raises(NoAnswerError, match="no JSON object"):
        read_body(b"data: [1]\n\n")


def test_json_is_no_stream() -> None:
    assert not is_stream(b' {"data": 1}')
    assert is_stream(b": wait\n\ndata: {}\n\n")
