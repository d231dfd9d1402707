from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from guide.corpus.sources.http import Client
from guide.errors import SourceError
from tests.corpus.sources.server import Answer, serve


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
