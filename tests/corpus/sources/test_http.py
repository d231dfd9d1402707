from __future__ import annotations

import socket
import sys
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from guide.corpus.sources.http import Client
from guide.errors import InputError, SourceError
from tests.corpus.sources.server import EVERYTHING, Answer, serve

BODY = "one line of the answer\n" * 20
LOST = {
    "closed without a word": Answer(BODY, missing=EVERYTHING),
    "reset without a word": Answer(BODY, missing=EVERYTHING, lost="reset"),
    "the last byte is missing": Answer(BODY, missing=1),
    "no body after the head": Answer(BODY, missing=len(BODY)),
    "reset in the body": Answer(BODY, missing=100, lost="reset"),
    "cut off in a chunk": Answer(BODY, chunked=True, missing=100),
    "the closing chunk is missing": Answer(BODY, chunked=True, missing=len("0\r\n\r\n")),
}
SILENT = {
    "silent from the start": Answer(BODY, missing=EVERYTHING, lost="silent"),
    "silent in the body": Answer(BODY, missing=100, lost="silent"),
}


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


def test_endless_failure_ends_in_an_error_that_says_how_to_go_on() -> None:
    waits: list[float] = []
    with serve(Answer(status=500)) as served, pytest.raises(SourceError, match="Run the same command again"):
        Client(tries=3, wait=waits.append).get(served.url)
    assert len(served.queries) == 4
    assert len(waits) == 3
    assert served.agents[0].startswith("guide-advisor/")


def test_a_long_retry_after_is_cut_and_said(caplog: pytest.LogCaptureFixture) -> None:
    waits: list[float] = []
    with serve(Answer(status=503, headers={"Retry-After": "9999"}), Answer("ok")) as served:
        assert Client(longest_wait=10, wait=waits.append).get(served.url) == b"ok"
    assert waits == [10]
    assert "waiting only 10 s" in caplog.text


def test_a_retry_after_may_be_a_date() -> None:
    waits: list[float] = []
    later = format_datetime(datetime.now(UTC) + timedelta(seconds=60), usegmt=True)
    with serve(Answer(status=429, headers={"Retry-After": later}), Answer("ok")) as served:
        Client(wait=waits.append).get(served.url)
    assert 50 < waits[0] <= 60


def test_requests_keep_their_distance() -> None:
    waits: list[float] = []
    with serve(Answer("ok")) as served:
        client = Client(interval=3, wait=waits.append, clock=lambda: 100.0)
        client.get(served.url)
        client.get(served.url)
    assert waits == [3]


def test_too_large_an_answer_and_a_refusal_are_errors() -> None:
    with serve(Answer("x" * 11), Answer(status=404)) as served:
        with pytest.raises(SourceError, match="larger than 10 bytes"):
            Client(largest=10).get(served.url)
        with pytest.raises(SourceError, match="404"):
            Client().get(served.url)


def test_a_missing_package_is_named_with_the_extra_that_brings_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "requests", None)
    with pytest.raises(InputError, match=r"requests is missing\. pip install 'guide-advisor\[web\]'"):
        Client().get("http://127.0.0.1:1/")


def test_a_chunked_answer_arrives_whole() -> None:
    with serve(Answer(BODY, chunked=True)) as served:
        assert Client(tries=0).get(served.url) == BODY.encode()


@pytest.mark.parametrize("fault", [*LOST, *SILENT])
def test_a_lost_connection_is_tried_again_like_a_busy_answer(fault: str) -> None:
    waits: list[float] = []
    lost = {**LOST, **SILENT}[fault]
    with serve(lost, lost, Answer(BODY)) as served:
        got = Client(tries=2, wait=waits.append, timeout=(5, 0.2)).get(served.url, {"page": "3"})
    assert got == BODY.encode()
    assert served.queries == [{"page": "3"}] * 3
    assert 1 <= waits[0] <= 2 <= waits[1] <= 4


@given(st.lists(st.sampled_from([*LOST.values(), Answer(status=503)]), max_size=5), st.integers(0, 3))
@settings(max_examples=25)
def test_whatever_fails_in_whatever_order_the_tries_are_counted(failures: list[Answer], tries: int) -> None:
    waits: list[float] = []
    client = Client(tries=tries, wait=waits.append)
    with serve(*failures, Answer(BODY)) as served:
        if len(failures) <= tries:
            assert client.get(served.url) == BODY.encode()
        else:
            with pytest.raises(SourceError) as caught:
                client.get(served.url)
            asked = "1 try" if tries == 0 else f"{tries + 1} tries"
            assert f"no answer after {asked} (" in str(caught.value)
    assert len(served.queries) == min(len(failures), tries) + 1
    assert len(waits) == len(served.queries) - 1


def test_a_body_that_always_breaks_off_is_an_error_with_the_true_number_of_tries() -> None:
    with serve(LOST["the last byte is missing"]) as served, pytest.raises(SourceError) as caught:
        Client(tries=2, wait=lambda _: None).get(served.url)
    assert len(served.queries) == 3
    assert "no answer after 3 tries" in str(caught.value)
    assert "1 more expected" in str(caught.value)
    assert "Run the same command again" in str(caught.value)


def test_where_nobody_listens_the_error_says_so_and_how_often_it_was_tried() -> None:
    with socket.socket() as taken:
        # Bound and not listening: nobody else can take the port meanwhile.
        taken.bind(("127.0.0.1", 0))
        waits: list[float] = []
        with pytest.raises(SourceError, match=r"after 4 tries .*refused") as caught:
            Client(tries=3, wait=waits.append).get(f"http://127.0.0.1:{taken.getsockname()[1]}/")
    assert len(waits) == 3
    assert "Max retries" not in str(caught.value)


def test_a_refusal_after_a_lost_connection_is_not_tried_again() -> None:
    waits: list[float] = []
    with serve(LOST["no body after the head"], Answer(status=403)) as served, pytest.raises(SourceError, match="403"):
        Client(wait=waits.append).get(served.url)
    assert (len(served.queries), len(waits)) == (2, 1)


def test_an_address_that_leads_in_a_circle_is_asked_for_once() -> None:
    waits: list[float] = []
    circle = Answer(status=302, headers={"Location": "/oai"})
    with serve(circle) as served, pytest.raises(SourceError, match=r"no usable answer .*redirects") as caught:
        Client(wait=waits.append).get(served.url)
    assert waits == []
    assert "tries" not in str(caught.value)


def test_the_back_off_doubles_up_to_the_longest_wait_and_keeps_the_distance() -> None:
    waits: list[float] = []
    with serve(Answer(status=502)) as served, pytest.raises(SourceError):
        Client(tries=5, interval=1.5, longest_wait=10, wait=waits.append).get(served.url)
    assert 1.5 <= waits[0] <= 2 <= waits[1] <= 4 <= waits[2] <= 8 <= waits[3] <= waits[4] == 10


@pytest.mark.parametrize("asked", ["soon", "-1", "9" * 5_000, "Mon, 01 Jan 99999 00:00:00 GMT"])
def test_a_retry_after_that_says_nothing_leaves_the_back_off(asked: str) -> None:
    waits: list[float] = []
    with serve(Answer(status=503, headers={"Retry-After": asked}), Answer("ok")) as served:
        assert Client(longest_wait=60, wait=waits.append).get(served.url) == b"ok"
    assert 0 <= waits[0] <= 60


@pytest.mark.parametrize("address", ["no address", "ftp://127.0.0.1/file", "http://"])
def test_what_is_no_address_is_the_users_error_at_once(address: str) -> None:
    waits: list[float] = []
    with pytest.raises(InputError, match="not a usable address"):
        Client(wait=waits.append).get(address)
    assert waits == []
