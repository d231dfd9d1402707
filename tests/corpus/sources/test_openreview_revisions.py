from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guide.corpus.sources.openreview_revisions import abstract_before
from guide.corpus.sources.openreview_service import Clients
from guide.errors import SourceError
from tests.corpus.sources.openreview_server import Note, OpenReviewServer, refusal, reply, serving


@pytest.fixture(scope="module")
def server() -> Iterator[OpenReviewServer]:
    with serving(OpenReviewServer()) as running:
        yield running


@pytest.fixture(scope="module")
def clients(server: OpenReviewServer) -> Iterator[Clients]:
    made = Clients(server.urls[2], server.urls[1], lambda seconds: None)
    yield made
    made.close()


def edit(date: int | None, /, **content: Any) -> Note:
    return {"id": f"e{date}", "tcdate": date, "note": {"id": "n", "content": content}}


def test_the_last_abstract_before_the_moment_is_taken(server: OpenReviewServer, clients: Clients) -> None:
    server.edits = {
        "n": [
            edit(30, abstract={"value": "After."}),
            edit(10, abstract={"value": " First. "}),
            edit(20, abstract={"value": "Second."}),
            edit(25, title={"value": "Only a title"}),
        ]
    }
    assert abstract_before(clients, 2, "n", 30) == "Second."
    assert abstract_before(clients, 2, "n", 20) == "First."
    assert abstract_before(clients, 2, "n", 31) == "After."
    assert abstract_before(clients, 2, "n", 10) is None
    assert abstract_before(clients, 2, "other", 10) is None


def test_of_api_1_the_versions_of_the_original_note_count_too(server: OpenReviewServer, clients: Clients) -> None:
    server.references = {
        "n": [
            {"id": "a", "tcdate": 10, "content": {"abstract": "First."}, "original": "o"},
            {"id": "b", "tcdate": 20, "content": {"authors": ["Anonymous"]}},
            {"id": "c", "tcdate": 40, "content": {"abstract": "After."}},
        ]
    }
    assert abstract_before(clients, 1, "n", 30) == "First."


@pytest.mark.parametrize(
    "odd",
    [
        edit(None, abstract={"value": "No date."}),
        edit(5, abstract={"value": {"delete": True}}),
        edit(5, abstract={"value": "  "}),
        edit(5, abstract="as in API 1") | {"ddate": 6},
        {"id": "e", "tcdate": 5},
        {"id": "e", "tcdate": 5, "note": {"id": "n"}},
    ],
)
def test_an_edit_that_says_no_abstract_is_passed_over(server: OpenReviewServer, clients: Clients, odd: Note) -> None:
    server.edits = {"n": [odd, edit(3, abstract={"value": "Told."})]}
    assert abstract_before(clients, 2, "n", 9) == "Told."


@pytest.mark.parametrize("status", [401, 403, 404])
def test_versions_that_are_not_public_are_none(server: OpenReviewServer, clients: Clients, status: int) -> None:
    server.faults["/notes/edits"] = [refusal(status, "ForbiddenError", "not for you")]
    assert abstract_before(clients, 2, "n", 9) is None


def test_another_refusal_and_a_broken_answer_are_errors(server: OpenReviewServer, clients: Clients) -> None:
    server.faults["/notes/edits"] = [refusal(400, "ValidationError", "not so")]
    with pytest.raises(SourceError, match="not so"):
        abstract_before(clients, 2, "n", 9)
    server.faults["/notes/edits"] = [reply({"something": "else"})]
    with pytest.raises(SourceError, match="not its protocol"):
        abstract_before(clients, 2, "n", 9)


@given(
    st.lists(st.tuples(st.integers(0, 50), st.text(min_size=1).map(str.strip).filter(bool)), max_size=8),
    st.integers(0, 50),
)
def test_no_later_version_is_ever_taken(
    server: OpenReviewServer, clients: Clients, versions: list[tuple[int, str]], moment: int
) -> None:
    server.edits = {"n": [edit(date, abstract={"value": text}) for date, text in versions]}
    found = abstract_before(clients, 2, "n", moment)
    before = [date for date, _ in versions if date < moment]
    assert (found is not None) == bool(before)
    if before:
        assert found in [text for date, text in versions if date == max(before)]
