from __future__ import annotations

import asyncio
import base64
import logging
import math
import random
import signal
import socket
import threading
import time
from collections import deque
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import numpy as np
import pytest

from guide.errors import InputError, SourceError
from guide.judging import Failure
from guide.llm.model import Answer, ChatModel, Message, Sampling, Talk, describe_spending
from guide.llm.server.model import ServerModel
from guide.llm.server.retry import Patience
from tests.llm.llm_server import FIRST_TOKENS, Fault, LLMServer, answer_to, serve, thinking_about

KEY = "sk-guide-Zk81vQxW27pLm04T"
SCHEMA = {"type": "object", "properties": {"rating": {"type": "integer"}}, "required": ["rating"]}
BUSY = Fault("status", 503)


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GUIDE_API_KEY", KEY)


@pytest.fixture
def server() -> Iterator[LLMServer]:
    with serve() as served:
        yield served


class Naps:
    """Sleeps that take no time, and are remembered."""

    def __init__(self) -> None:
        self.taken: list[float] = []

    async def __call__(self, seconds: float) -> None:
        self.taken.append(seconds)
        await asyncio.sleep(0)


def patience(naps: Naps | None = None, *, deadline: float = 5.0, tries: int = 5) -> Patience:
    return Patience(tries=tries, deadline=deadline, sleep=naps or Naps())


def talk(name: str, *, samples: int = 1, words: str = "", **sampling: int) -> Talk:
    messages = (Message("system", "You judge."), Message("user", f"Judge the idea called {name}. {words}".strip()))
    return Talk(name, messages, Sampling(max_tokens=16, **sampling), samples=samples)


def expected(asked: Talk) -> tuple[str, ...]:
    prompt = asked.messages[-1].content
    return tuple(answer_to(prompt, asked.sampling.seed + number) for number in range(asked.samples))


def texts(end: tuple[Answer, ...] | Failure | None) -> tuple[str, ...]:
    assert isinstance(end, tuple), end
    return tuple(answer.text for answer in end)


def thoughts(end: tuple[Answer, ...] | Failure | None) -> tuple[str | None, ...]:
    assert isinstance(end, tuple), end
    return tuple(answer.thinking and answer.thinking.text for answer in end)


def thought(asked: Talk) -> tuple[str, ...]:
    prompt = asked.messages[-1].content
    return tuple(thinking_about(prompt, asked.sampling.seed + number) for number in range(asked.samples))


def reason(end: object) -> str:
    assert isinstance(end, Failure), end
    return end.reason


def assert_without_key(text: str) -> None:
    pieces = {KEY[at : at + 8] for at in range(len(KEY) - 7)}
    coded = base64.b64encode(f"Bearer {KEY}".encode()).decode()
    pieces |= {coded[at : at + 12] for at in range(12, len(coded) - 15)}
    assert not [piece for piece in pieces if piece in text]


ECHO = Fault(
    "status",
    500,
    headers={"X-Request-Id": "for-{key}", "X-Asked-With": "Bearer {key}"},
    body={"error": {"message": "no luck for Bearer {key}", "code": "{key}"}},
    reason="No luck for {key}",
)
PASSING = (
    Fault("status", 429),
    Fault("status", 429, headers={"Retry-After": "2"}),
    Fault("status", 429, headers={"Retry-After": "Thu, 26 Nov 2026 12:00:00 GMT"}),
    BUSY,
    ECHO,
    Fault("cut"),
    Fault("reset"),
    Fault("malformed"),
    Fault("web page"),
    Fault("empty"),
    Fault("error inside"),
    Fault("aborted"),
)


def faults_for(number: int, draw: random.Random) -> list[Fault]:
    if number % 40 == 7:  # never an answer
        return [draw.choice((BUSY, ECHO, Fault("malformed"), Fault("empty"), Fault("cut"))) for _ in range(5)]
    if number % 40 == 11:
        return [Fault("hang" if number % 80 == 11 else "drip")]
    if number % 40 == 13:
        return [Fault("status", 403, body={"error": {"message": "not for {key}"}})]
    faults = draw.choices(PASSING, k=draw.choice((0, 0, 0, 1, 1, 2)))
    return [*faults, Fault("wrong ids")] if number % 10 == 3 else faults


@pytest.mark.parametrize(
    "kind",
    [{}, {"thinks": ["reasoning_content"]}, {"thinks": ["reasoning"], "streams": True}],
    ids=lambda kind: str(kind),
)
def test_500_talks_through_a_server_with_every_fault_all_end_under_their_own_ids(
    kind: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    with serve(**kind) as server:
        assert_500_talks_end(server, caplog)


def assert_500_talks_end(server: LLMServer, caplog: pytest.LogCaptureFixture) -> None:
    draw = random.Random(20)
    asked = [talk(f"talk-{number:03}", samples=1 + number % 2, seed=number) for number in range(500)]
    server.faults_of = {each.messages[-1].content: deque(faults_for(number, draw)) for number, each in enumerate(asked)}
    model = ServerModel("small", server.url, concurrency=6, patience=patience(deadline=1.0))

    with caplog.at_level(logging.DEBUG):
        ends = model.talk(asked)

    assert list(ends) == [each.id for each in asked]
    for number, each in enumerate(asked):
        if number % 40 == 7:
            assert reason(ends[each.id]).startswith("no answer after 5 tries (")
        elif number % 40 == 13:
            assert reason(ends[each.id]) == "the server answered with status 403: not for [key]"
        else:
            assert texts(ends[each.id]) == expected(each)
            assert thoughts(ends[each.id]) == (thought(each) if server.thinks else (None,) * each.samples)
    assert not any(server.faults_of.values())  # every fault was met
    assert server.peak <= 6
    assert model.spent.requests == len(server.requests)
    assert model.spent.failed == sum(isinstance(end, Failure) for end in ends.values()) == 26
    assert model.spent.retries == model.spent.requests - len(asked)
    assert model.spent.drawn.total is None  # of what was cut off nobody knows how much was drawn
    assert model.usage.drawn_tokens > 0
    told = [f"{record.getMessage()} {record.exc_text} {vars(record)}" for record in caplog.records]
    assert {record.name.split(".")[0] for record in caplog.records} >= {"guide", "openai", "httpx2", "httpcore2"}
    assert any("No luck for [key]" in line for line in told)
    assert_without_key("\n".join([*told, caplog.text, repr(ends), repr(model), repr(vars(model))]))


def test_there_are_never_more_requests_at_a_time_than_allowed() -> None:
    with serve(slow=0.02) as server:
        ServerModel("small", server.url, concurrency=4).talk([talk(str(number)) for number in range(40)])
        assert server.peak == 4


def test_samples_asked_one_by_one_share_the_limit() -> None:
    with serve(slow=0.01, ignores=["n"]) as server:
        asked = [talk(str(number), samples=5) for number in range(6)]
        ends = ServerModel("small", server.url, concurrency=3).talk(asked)
        assert server.peak == 3
        assert [texts(ends[each.id]) for each in asked] == [expected(each) for each in asked]


@pytest.mark.parametrize("how", ["ignores", "refuses"])
def test_a_server_that_gives_one_choice_is_asked_again_for_each_sample_and_that_is_remembered(how: str) -> None:
    with serve(**{how: ["n"]}) as server:
        model = ServerModel("small", server.url, concurrency=1)
        first, second = talk("first", samples=3, seed=5), talk("second", samples=3)
        ends = model.talk([first, second])
        assert texts(ends["first"]) == expected(first)
        assert texts(ends["second"]) == expected(second)
        assert sum("n" in request for request in server.requests) == 1


def test_a_server_that_gives_several_choices_is_asked_once(server: LLMServer) -> None:
    asked = talk("several", samples=4)
    assert texts(ServerModel("small", server.url).talk([asked])["several"]) == expected(asked)
    assert [request["n"] for request in server.requests] == [4]


def test_a_wait_that_the_server_asks_for_in_seconds_is_kept(server: LLMServer) -> None:
    server.faults.append(Fault("status", 429, headers={"Retry-After": "7"}))
    naps = Naps()
    asked = talk("patient")
    assert texts(ServerModel("small", server.url, patience=patience(naps)).talk([asked])["patient"]) == expected(asked)
    assert len(naps.taken) == 1
    assert 7 <= naps.taken[0] <= 7.7


def test_a_wait_until_a_date_goes_by_the_clock_of_the_server(server: LLMServer) -> None:
    theirs = datetime(2031, 5, 6, 7, 8, 9, tzinfo=UTC)
    dates = {
        "Date": format_datetime(theirs, usegmt=True),
        "Retry-After": format_datetime(theirs + timedelta(seconds=20), usegmt=True),
    }
    server.faults.append(Fault("status", 503, headers=dates))
    naps = Naps()
    ServerModel("small", server.url, patience=patience(naps)).talk([talk("patient")])
    assert len(naps.taken) == 1
    assert 20 <= naps.taken[0] <= 22


def test_no_wait_is_longer_than_the_longest_whatever_the_server_asks(server: LLMServer) -> None:
    server.faults.extend([Fault("status", 429, headers={"Retry-After": "86400"})] * 4)
    naps = Naps()
    ServerModel("small", server.url, patience=patience(naps)).talk([talk("patient")])
    assert naps.taken == [60.0] * 4


def test_without_a_word_from_the_server_the_waits_double(server: LLMServer) -> None:
    server.faults.extend([Fault("status", 429), BUSY, Fault("reset"), Fault("malformed")])
    naps = Naps()
    ServerModel("small", server.url, patience=patience(naps)).talk([talk("patient")])
    assert [1 <= nap / 2**number < 2 for number, nap in enumerate(naps.taken)] == [True] * 4


@pytest.mark.parametrize("kind", ["hang", "drip"])
def test_an_answer_that_never_ends_is_given_up_at_the_deadline(server: LLMServer, kind: str) -> None:
    server.faults.append(Fault(kind))  # type: ignore[arg-type]
    model = ServerModel("small", server.url, patience=patience(deadline=0.3, tries=1))
    began = time.monotonic()
    assert reason(model.talk([talk("late")])["late"]) == "the server did not answer in time"
    assert 0.25 < time.monotonic() - began < 2.5
    assert model.spent.drawn.total is None


def test_a_dead_server_is_not_asked_for_every_talk() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound and not listening: nobody else answers there
        model = ServerModel("small", f"http://127.0.0.1:{taken.getsockname()[1]}/v1", patience=patience())
        ends = model.talk([talk(str(number)) for number in range(200)])
    assert len(ends) == model.spent.failed == 200
    assert {reason(end) for end in ends.values()} >= {
        "no answer after 5 tries (no connection to the server)",
        "not sent after other requests failed: no connection to the server",
    }
    assert model.spent.requests <= 2 * 8 * 5
    assert model.spent.drawn.total == 0  # nothing was sent, so nothing is unknown


def test_a_key_that_is_turned_away_is_not_tried_for_every_talk_nor_shown(server: LLMServer) -> None:
    said = {"error": {"message": "Incorrect API key provided: {key}", "code": "invalid_api_key"}}
    server.faults.extend([Fault("status", 401, body=said)] * 50)
    ends = ServerModel("small", server.url, concurrency=2, patience=patience()).talk([talk(str(i)) for i in range(50)])
    assert len(server.requests) <= 2
    assert reason(ends["0"]) == "the server answered with status 401: Incorrect API key provided: [key]"
    assert reason(ends["49"]) == "not sent after other requests failed: the server answered with status 401"
    assert_without_key(repr(ends))


def test_a_spent_quota_is_not_retried(server: LLMServer) -> None:
    server.faults.append(Fault("status", 429, body={"error": {"message": "pay first", "code": "insufficient_quota"}}))
    ends = ServerModel("small", server.url, patience=patience()).talk([talk("poor")])
    assert reason(ends["poor"]) == "the server answered with status 429: pay first"
    assert len(server.requests) == 1


def test_a_schema_is_sent_where_the_server_takes_it(server: LLMServer) -> None:
    asked = Talk("formed", (Message("user", "Rate it."),), schema=SCHEMA)
    ServerModel("small", server.url).talk([asked])
    assert server.requests[0]["response_format"]["type"] == "json_schema"
    assert server.requests[0]["response_format"]["json_schema"]["schema"] == SCHEMA


def test_a_server_that_refuses_schemas_is_asked_without_from_then_on() -> None:
    with serve(refuses=["response_format"]) as server:
        model = ServerModel("small", server.url, concurrency=1)
        asked = [Talk(str(number), (Message("user", f"Rate {number}."),), schema=SCHEMA) for number in range(5)]
        ends = model.talk(asked)
        assert [texts(ends[each.id]) for each in asked] == [expected(each) for each in asked]
        assert ["response_format" in request for request in server.requests] == [True] + [False] * 5


def test_a_server_that_refuses_schemas_and_choices_is_asked_without_both() -> None:
    with serve(refuses=["response_format", "n"]) as server:
        asked = Talk("plain", (Message("user", "Rate it."),), samples=2, schema=SCHEMA)
        assert texts(ServerModel("small", server.url).talk([asked])["plain"]) == expected(asked)


def test_a_refusal_of_the_prompt_costs_the_server_none_of_its_abilities(server: LLMServer) -> None:
    model = ServerModel("small", server.url, concurrency=1)
    asked = [Talk(str(number), (Message("user", f"Rate {number}."),), samples=2, schema=SCHEMA) for number in range(3)]
    too_long = Fault("status", 400, body={"error": {"message": "the prompt is too long"}})
    server.faults.extend([None, too_long])
    ends = model.talk(asked)
    assert reason(ends["1"]) == "the server answered with status 400: the prompt is too long"
    assert len(server.requests) == 3
    assert "response_format" in server.requests[2]
    assert texts(ends["2"]) == expected(asked[2])


def test_the_newer_name_of_the_limit_is_used_once_the_server_asks_for_it(server: LLMServer) -> None:
    said = "Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead."
    server.faults.append(Fault("status", 400, body={"error": {"message": said, "param": "max_tokens"}}))
    asked = [talk("first"), talk("second")]
    ends = ServerModel("small", server.url, concurrency=1).talk(asked)
    assert [texts(ends[each.id]) for each in asked] == [expected(each) for each in asked]
    assert ["max_tokens" in request for request in server.requests] == [True, False, False]
    assert server.requests[2]["max_completion_tokens"] == 16


def test_a_failure_does_not_repeat_the_prompt(server: LLMServer) -> None:
    idea = "a battery that charges itself from moonlight"
    said = {"error": {"message": f"cannot take 'Judge the idea called x. {idea}' today"}}
    server.faults.append(Fault("status", 400, body=said))
    ends = ServerModel("small", server.url).talk([talk("x", words=idea)])
    assert reason(ends["x"]) == "the server answered with status 400: cannot take '[prompt]' today"


def test_a_prompt_that_is_no_unicode_fails_alone(server: LLMServer) -> None:
    broken = Talk("broken", (Message("user", "half a sign \ud800"),))
    whole = talk("whole")
    ends = ServerModel("small", server.url).talk([broken, whole])
    assert reason(ends["broken"]) == "the prompt is not valid Unicode"
    assert texts(ends["whole"]) == expected(whole)


def test_an_answer_that_quotes_the_key_loses_it(server: LLMServer) -> None:
    choice = {"index": 0, "message": {"role": "assistant", "content": "Your key is {key}."}, "finish_reason": "stop"}
    server.faults.append(Fault("status", 200, body={"choices": [choice]}))
    assert texts(ServerModel("small", server.url).talk([talk("curious")])["curious"]) == ("Your key is [key].",)


def test_a_cap_on_tokens_ends_the_talks_that_could_go_past_it(server: LLMServer) -> None:
    asked = [talk(f"talk-{number:02}") for number in range(40)]
    model = ServerModel("small", server.url, concurrency=4, max_tokens_total=200)
    ends = model.talk(asked)
    capped = [each.id for each in asked if isinstance(ends[each.id], Failure)]
    spent = model.usage.prompt_tokens + model.usage.drawn_tokens
    assert 0 < len(capped) == model.spent.capped == model.spent.failed < 40
    assert len(server.requests) == 40 - len(capped)
    assert 200 - 2 * 30 < spent <= 200  # what one talk may take was left over, and not more
    assert "200" in reason(ends[capped[0]])
    assert isinstance(model.talk([talk("later")])["later"], Failure)  # the cap is over the whole run
    assert len(server.requests) == 40 - len(capped)


def test_answers_that_tell_no_tokens_count_in_full_towards_the_cap() -> None:
    with serve(counts_tokens=False) as server:
        model = ServerModel("small", server.url, max_tokens_total=100)
        ends = model.talk([talk(str(number)) for number in range(20)])
        # (10 + 24 characters) / 4 are 9 tokens, and 16 may be drawn
        assert sum(isinstance(end, tuple) for end in ends.values()) == len(server.requests) == 4


def test_tokens_that_the_server_does_not_tell_are_unknown_and_so_is_the_cost() -> None:
    with serve(counts_tokens=False) as server:
        model = ServerModel("small", server.url, price_in=1.0, price_out=2.0)
        ends = model.talk([talk("untold")])
        assert model.spent.prompt.total is None
        assert model.spent.drawn.total is None
        assert model.spent.cost is None
        assert model.spent.calls == model.usage.calls == 1
        assert ends["untold"][0].tokens == 5  # type: ignore[index] # 18 characters / 4


def test_a_cost_needs_prices(server: LLMServer) -> None:
    free, priced = ServerModel("small", server.url), ServerModel("small", server.url, price_in=1e6, price_out=2e6)
    free.talk([talk("x")])
    priced.talk([talk("x")])
    assert free.spent.cost is None
    assert priced.spent.cost == 7 * 1 + 2 * 2  # words of both messages, words of the answer
    assert (priced.usage.prompt_tokens, priced.usage.drawn_tokens) == (7, 2)


def test_a_dry_run_sends_nothing(server: LLMServer) -> None:
    model = ServerModel("small", server.url, price_in=1e6, price_out=1e6)
    asked = [Talk("a", (Message("user", "x" * 41),), Sampling(max_tokens=100), samples=3), talk("b")]
    estimate = model.estimate(asked)
    assert (estimate.calls, estimate.prompt_tokens, estimate.drawn_tokens) == (4, 3 * 11 + 9, 316)
    assert estimate.cost == 33 + 9 + 316
    assert ServerModel("small", server.url).estimate(asked).cost is None
    assert server.requests == []
    model.talk([talk("c", samples=2)])
    assert model.estimate(asked).calls == 2  # by now it is known to give all samples at once


def test_labels_are_scored_by_the_likeliest_first_tokens(server: LLMServer) -> None:
    model = ServerModel("small", server.url)
    scores = model.score_label_talks({"idea": [Message("user", "Rate it.")]}, ["7", "6", "8", "9"])["idea"]
    assert isinstance(scores, np.ndarray)
    # " 7" and "7" are one label; "9" is not listed: no likelier than "\n", the least likely of those that are
    assert np.exp(scores) == pytest.approx([0.5, 0.07, 0.2, 0.03])
    asked = server.requests[0]
    assert (asked["logprobs"], asked["top_logprobs"], asked["max_tokens"]) == (True, 20, 1)


def test_a_label_that_is_not_listed_gets_no_more_than_the_mass_left_over(
    server: LLMServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(FIRST_TOKENS, "\n", 0.07)
    scores = ServerModel("small", server.url).score_label_talks({"idea": [Message("user", "Rate it.")]}, ["9"])["idea"]
    assert isinstance(scores, np.ndarray)
    assert math.exp(scores[0]) == pytest.approx(1 - sum(FIRST_TOKENS.values()))


def test_a_server_that_lists_five_tokens_is_asked_for_five() -> None:
    with serve(most_logprobs=5) as server:
        model = ServerModel("small", server.url, concurrency=1)
        ideas = {str(number): [Message("user", f"Rate {number}.")] for number in range(3)}
        scores = model.score_label_talks(ideas, ["7", "9"])
        assert all(np.exp(scores[name]) == pytest.approx([0.5, 0.07]) for name in ideas)  # type: ignore[arg-type]
        assert [request["top_logprobs"] for request in server.requests] == [20, 5, 5, 5]


@pytest.mark.parametrize(("how", "asked"), [("refuses", 3), ("ignores", 3)])
def test_a_server_without_probabilities_gives_none_and_is_soon_asked_no_more(how: str, asked: int) -> None:
    with serve(**{how: ["logprobs"]}) as server:
        model = ServerModel("small", server.url, concurrency=1)
        ideas = {str(number): [Message("user", f"Rate {number}.")] for number in range(9)}
        assert model.score_label_talks(ideas, ["7"]) == dict.fromkeys(ideas)
        assert len(server.requests) == asked


def test_a_prompt_refused_for_scoring_is_a_failure_and_no_lack_of_probabilities(server: LLMServer) -> None:
    server.faults.extend([Fault("status", 400, body={"error": {"message": "too long"}})] * 3)
    model = ServerModel("small", server.url, concurrency=1)
    ends = model.score_label_talks({"long": [Message("user", "x")], "short": [Message("user", "y")]}, ["7"])
    assert reason(ends["long"]) == "the server answered with status 400: too long"
    assert isinstance(ends["short"], np.ndarray)


def test_ctrl_c_ends_a_batch_at_once_and_leaves_no_threads(server: LLMServer, request: pytest.FixtureRequest) -> None:
    def ours() -> set[threading.Thread]:
        return {thread for thread in threading.enumerate() if "process_request_thread" not in thread.name}

    # As in a fresh process: packages that other tests load (Ray) take the signal for themselves.
    of_others = signal.signal(signal.SIGINT, signal.default_int_handler)
    request.addfinalizer(lambda: signal.signal(signal.SIGINT, of_others))
    server.faults.extend([Fault("hang")] * 8)
    model = ServerModel("small", server.url, patience=Patience(deadline=30.0))
    before = ours()

    def interrupt() -> None:
        late = time.monotonic() + 10
        while len(server.requests) < 8 and time.monotonic() < late:
            time.sleep(0.01)
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)

    thread = threading.Thread(target=interrupt)
    thread.start()
    began = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        model.talk([talk(str(number)) for number in range(100)])
    thread.join()
    assert time.monotonic() - began < 5
    assert ours() == before
    assert len(server.requests) == 8
    again = talk("again")
    assert texts(model.talk([again])["again"]) == expected(again)


def test_the_key_is_sent_and_guides_own_goes_before_openais(server: LLMServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-another-1234567890")
    ServerModel("small", server.url).talk([talk("x")])
    monkeypatch.delenv("GUIDE_API_KEY")
    ServerModel("small", server.url).talk([talk("x")])
    assert server.authorizations == [f"Bearer {KEY}", "Bearer sk-another-1234567890"]


def test_a_local_server_is_asked_without_a_key(server: LLMServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GUIDE_API_KEY")
    asked = talk("x")
    assert texts(ServerModel("small", server.url).talk([asked])["x"]) == expected(asked)
    assert server.authorizations == [None]


def test_a_local_server_is_not_asked_through_a_proxy(server: LLMServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    asked = talk("x")
    assert texts(ServerModel("small", server.url).talk([asked])["x"]) == expected(asked)


@pytest.mark.parametrize(
    "address",
    [
        "localhost:8000/v1",
        "ftp://localhost/v1",
        "",
        f"http://user:{KEY}@localhost/v1",
        f"http://localhost/v1?key={KEY}",
    ],
)
def test_an_address_that_is_none_or_holds_a_key_is_refused_without_showing_it(address: str) -> None:
    with pytest.raises(InputError) as refused:
        ServerModel("small", address)
    assert_without_key(str(refused.value))


def test_prompts_do_not_follow_a_redirection(server: LLMServer) -> None:
    with serve() as elsewhere:
        server.faults.append(Fault("status", 307, headers={"Location": f"{elsewhere.url}/chat/completions"}))
        ends = ServerModel("small", server.url, patience=patience()).talk([talk("x")])
        assert reason(ends["x"]).startswith("the server answered with status 307")
        assert elsewhere.requests == []


def test_a_fault_of_the_program_costs_one_talk_and_not_the_batch(server: LLMServer) -> None:
    odd = Talk("odd", (Message("user", "Rate it."),), schema={"type": object})  # type: ignore[dict-item]
    even = talk("even")
    ends = ServerModel("small", server.url).talk([odd, even])
    assert reason(ends["odd"]) == "an unexpected TypeError"
    assert texts(ends["even"]) == expected(even)


def test_the_context_is_the_servers_unless_it_is_given(server: LLMServer) -> None:
    assert ServerModel("small", server.url).context == 4096
    assert ServerModel("small", server.url, context=100).context == 100
    with pytest.raises(SourceError, match="does not tell how many tokens"):
        _ = ServerModel("another", server.url).context


def test_talks_with_one_id_and_talks_without_samples_are_refused(server: LLMServer) -> None:
    model = ServerModel("small", server.url)
    with pytest.raises(InputError, match="two talks have one id"):
        model.talk([talk("x"), talk("x")])
    with pytest.raises(InputError, match="no sample"):
        model.talk([talk("x", samples=0)])
    assert model.talk([]) == {}
    assert server.requests == []


def test_a_running_event_loop_is_named_as_the_problem(server: LLMServer) -> None:
    async def inside() -> None:
        ServerModel("small", server.url).talk([talk("x")])

    with pytest.raises(InputError, match="event loop"):
        asyncio.run(inside())


def test_a_server_model_is_a_chat_model(server: LLMServer) -> None:
    model: ChatModel = ServerModel("small", server.url)
    assert model.id == "small"
    assert model.sha256 == ServerModel("small", server.url + "/").sha256
    assert model.sha256 != ServerModel("large", server.url).sha256


@pytest.mark.parametrize("streams", [False, True])
@pytest.mark.parametrize("field", ["reasoning_content", "reasoning"])
def test_thinking_kept_apart_comes_with_the_answer_and_is_counted(field: str, streams: bool) -> None:
    with serve(thinks=[field], streams=streams) as server:
        model = ServerModel("small", server.url)
        asked = talk("deep", samples=2)
        ends = model.talk([asked])["deep"]
        assert texts(ends) == expected(asked)
        assert thoughts(ends) == thought(asked)
        told = sum(len(text.split()) for text in thought(asked))
        assert sum(answer.thinking.tokens for answer in ends) == model.usage.thinking_tokens == told
        assert not any(answer.estimated or answer.thinking.estimated for answer in ends)
        assert model.usage.drawn_tokens == told + sum(len(text.split()) for text in expected(asked))
        assert f"{model.usage.drawn_tokens} drawn ({told} of them thinking), cost" in describe_spending(model)


def test_thinking_that_is_in_both_fields_is_read_once() -> None:
    with serve(thinks=["reasoning", "reasoning_content"]) as server:
        asked = talk("twice")
        assert thoughts(ServerModel("small", server.url).talk([asked])["twice"]) == thought(asked)


def test_thinking_that_the_server_does_not_count_is_a_share_by_length_and_called_estimated() -> None:
    with serve(thinks=["reasoning"], counts_thinking=False) as server:
        model = ServerModel("small", server.url)
        asked = talk("deep")
        (answer,) = model.talk([asked])["deep"]
        assert answer.thinking.estimated
        assert not answer.estimated
        share = len(answer.thinking.text) / len(answer.thinking.text + answer.text)
        assert answer.thinking.tokens == round(share * answer.tokens) == model.usage.estimated_thinking_tokens
        assert f"(about {answer.thinking.tokens} of them thinking), estimated" in describe_spending(model)


def test_probabilities_of_a_first_token_of_thinking_are_no_scores() -> None:
    with serve(thinks=["reasoning"]) as server:
        model = ServerModel("small", server.url, concurrency=1)
        asked = {str(number): (Message("user", f"Rate {number}."),) for number in range(6)}
        assert model.score_label_talks(asked, ["7", "8"]) == dict.fromkeys(asked)
        assert len(server.requests) == 3  # then it is known


def test_what_a_server_does_not_count_is_called_estimated_where_it_is_printed() -> None:
    with serve(counts_tokens=False, thinks=["reasoning"]) as server:
        model = ServerModel("small", server.url)
        asked = talk("uncounted", samples=2)
        ends = model.talk([asked])["uncounted"]
        assert all(answer.estimated and answer.thinking.estimated for answer in ends)
        drawn = sum(math.ceil(len(text) / 4) for text in (*expected(asked), *thought(asked)))
        read = math.ceil(sum(len(message.content) for message in asked.messages) / 4)
        assert (model.usage.prompt_tokens, model.usage.drawn_tokens) == (0, 0)
        line = describe_spending(model)
        assert line.startswith(f"1 calls, about {read} tokens read, about {drawn} drawn (about ")
        assert line.endswith(" of them thinking), estimated, cost unknown")


def test_what_a_server_counts_is_not_called_estimated(server: LLMServer) -> None:
    model = ServerModel("small", server.url)
    (answer,) = model.talk([talk("counted")])["counted"]
    assert not answer.estimated
    assert describe_spending(model) == "1 calls, 7 tokens read, 2 drawn, cost unknown"


def test_answers_lost_on_the_way_are_told_beside_the_tokens(server: LLMServer) -> None:
    server.faults.append(Fault("cut"))
    model = ServerModel("small", server.url, patience=patience())
    model.talk([talk("unlucky")])
    assert "2 drawn, without those of 1 lost answers, cost unknown" in describe_spending(model)


def test_thinking_that_quotes_the_key_loses_it(server: LLMServer) -> None:
    message = {"role": "assistant", "content": "No.", "reasoning": "They gave me {key}."}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    server.faults.append(Fault("status", 200, body={"choices": [choice]}))
    assert thoughts(ServerModel("small", server.url).talk([talk("curious")])["curious"]) == ("They gave me [key].",)
