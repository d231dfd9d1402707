from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from guide.corpus.jsonl import Skipped
from guide.errors import InputError, SourceError
from guide.eval.decisions import Decision, DecisionSet
from guide.eval.venue import read_venue_decisions
from tests.corpus.sources.openreview_server import Note, OpenReviewServer, refusal, serving

VENUE = "TEST.cc/2024/Conference"
OLD = "TEST.cc/2021/Conference"


def stamp(month: int, year: int = 2024) -> int:
    return int(datetime(year, month, 15, tzinfo=UTC).timestamp() * 1000)


def wrap(content: Note) -> Note:
    return {key: {"value": value} for key, value in content.items()}


def submission(key: str, **content: Any) -> Note:
    told = {"title": f"Title of {key}", "abstract": f"Abstract of {key}, as it is now.", **content}
    made = {"cdate": stamp(1), "tcdate": stamp(1), "pdate": stamp(6)}
    return {"id": key, "forum": key, "invitations": [f"{VENUE}/-/Submission"], "content": wrap(told), **made}


def answer(to: str, name: str, month: int, **content: Any) -> Note:
    invitations = [f"{VENUE}/Submission1/-/{name}"]
    return {
        **{"id": f"{to}-{name}-{month}", "forum": to, "replyto": to, "invitations": invitations},
        **{"content": wrap(content), "tcdate": stamp(month)},
    }


def edit(month: int, abstract: str) -> Note:
    return {"id": f"e{month}", "tcdate": stamp(month), "note": {"content": {"abstract": {"value": abstract}}}}


@pytest.fixture
def server() -> Iterator[OpenReviewServer]:
    state = OpenReviewServer()
    state.groups[2][VENUE] = {"id": VENUE, "domain": VENUE, "content": wrap({"submission_name": "Submission"})}
    state.groups[1][OLD] = {"id": OLD}
    state.notes[2] = [
        submission("a", primary_area="generative  models"),
        answer("a", "Decision", 5, decision="Accept (poster)"),
        answer("a", "Official_Review", 3, rating="6: fine"),
        answer("a", "Official_Review", 4, rating=8),
        submission("b", primary_area="theory"),
        answer("b", "Decision", 5, decision="Reject"),
        submission("c", venueid=f"{VENUE}/Withdrawn_Submission"),
        submission("d", venueid=f"{VENUE}/Desk_Rejected_Submission"),
        submission("e"),
        submission("f", title=""),
        submission("g"),
        answer("g", "Decision", 5, decision="Perhaps"),
    ]
    state.edits = {
        "a": [edit(1, "At first."), edit(4, "Before the decision."), edit(6, "Camera-ready.")],
        "b": [edit(6, "Only after it.")],
        "c": [edit(2, "Before it was withdrawn."), edit(6, "Later.")],
    }
    with serving(state) as running:
        yield running


Read = Callable[..., DecisionSet]


@pytest.fixture
def read(server: OpenReviewServer) -> Read:
    def run(venue: str = VENUE, **settings: Any) -> DecisionSet:
        named = {"url": server.urls[2], "url_v1": server.urls[1], "sleep": lambda seconds: None, **settings}
        return read_venue_decisions(venue, **named)

    return run


def edits_asked(server: OpenReviewServer) -> list[str]:
    return [asked["note.id"] for _, _, path, asked in server.asked if path == "/notes/edits"]


def test_a_submission_comes_with_its_decision_ratings_area_and_earlier_abstract(read: Read) -> None:
    found = read()
    assert found.records[0] == Decision(
        id="or:a",
        title="Title of a",
        abstract="Abstract of a, as it is now.",
        accepted=True,
        ratings=(6.0, 8.0),
        year=2024,
        where="https://openreview.net/forum?id=a",
        area="generative models",
        predecision="Before the decision.",
    )


def test_withdrawn_counts_as_not_accepted_and_its_text_is_that_before_the_venues_first_decision(read: Read) -> None:
    records = {record.id: record for record in read().records}
    assert [(name, record.accepted) for name, record in records.items()] == [
        ("or:a", True),
        ("or:b", False),
        ("or:c", False),
    ]
    assert records["or:b"].predecision is None
    assert records["or:c"].predecision == "Before it was withdrawn."


def test_what_cannot_be_replayed_is_left_out_and_counted(read: Read) -> None:
    assert read().dropped == {
        "desk rejected": 1,
        "no decision is public": 1,
        "title is empty": 1,
        "the decision 'Perhaps' is neither accept nor reject": 1,
    }


def test_a_text_that_comes_twice_is_left_out_once(server: OpenReviewServer, read: Read) -> None:
    server.notes[2] += [
        submission("z", title="Title of A", abstract="Abstract of a, as it is now."),
        answer("z", "Decision", 5, decision="Reject"),
    ]
    assert Skipped("https://openreview.net/forum?id=z", "another record has the same text") in read().skipped


def test_a_rating_off_the_scale_leaves_the_record_out(server: OpenReviewServer, read: Read) -> None:
    server.notes[2].append(answer("b", "Official_Review", 3, rating=55))
    server.notes[2] += [submission("h"), answer("h", "Decision", 5, decision="Reject")]
    assert read().dropped["ratings are not numbers from 0 to 10"] == 1


def test_a_venue_of_api_1_is_read_with_its_references(server: OpenReviewServer, read: Read) -> None:
    for key, said in (("x", "Accept (Oral)"), ("y", "Invite to Workshop Track")):
        server.notes[1] += [
            {
                **{"id": key, "forum": key, "invitation": f"{OLD}/-/Blind_Submission", "tcdate": stamp(1, 2021)},
                "content": {"title": f"Title of {key}", "abstract": f"Abstract of {key}."},
            },
            {
                **{"id": f"d{key}", "forum": key, "replyto": key, "invitation": f"{OLD}/Paper1/-/Decision"},
                **{"tcdate": stamp(5, 2021), "content": {"decision": said}},
            },
        ]
    server.references["x"] = [
        {"id": "r1", "tcdate": stamp(4, 2021), "content": {"abstract": "Before."}, "original": "o"},
        {"id": "r2", "tcdate": stamp(6, 2021), "content": {"abstract": "After."}},
    ]
    records = read(OLD).records
    assert [(one.id, one.accepted, one.predecision, one.year) for one in records] == [
        ("or:x", True, "Before.", 2021),
        ("or:y", False, None, 2021),
    ]


def test_without_revisions_nothing_more_is_asked(server: OpenReviewServer, read: Read) -> None:
    assert {one.predecision for one in read(revisions=False).records} == {None}
    assert edits_asked(server) == []


def test_a_limit_asks_for_no_more_revisions_than_records(server: OpenReviewServer, read: Read) -> None:
    assert [one.id for one in read(limit=2).records] == ["or:a", "or:b"]
    assert edits_asked(server) == ["a", "b"]


def test_a_run_that_was_broken_off_asks_only_for_what_is_missing(
    server: OpenReviewServer, read: Read, tmp_path: Path
) -> None:
    cache = tmp_path / "revisions.jsonl"
    whole = read()
    server.edits["b"] = [edit(2, "First of b.")]
    server.asked.clear()
    server.faults["/notes/edits"] = []
    good = server.answer

    def failing(version: int, method: str, path: str, asked: dict[str, str], token: str | None) -> Any:
        if path == "/notes/edits" and asked["note.id"] == "c":
            return refusal(500, "Error", "down")
        return good(version, method, path, asked, token)

    server.answer = failing  # type: ignore[method-assign]
    with pytest.raises(SourceError, match="down"):
        read(cache=cache)
    assert len(cache.read_text(encoding="utf-8").splitlines()) == 2
    server.answer = good  # type: ignore[method-assign]
    server.asked.clear()
    with cache.open("a", encoding="utf-8") as file:
        file.write('{"note": "c", "bef')  # as a kill leaves it
    found = read(cache=cache)
    assert edits_asked(server) == ["c"]
    assert [one.predecision for one in found.records] == [
        "Before the decision.",
        "First of b.",
        "Before it was withdrawn.",
    ]
    assert [one.abstract for one in found.records] == [one.abstract for one in whole.records]
    server.asked.clear()
    assert read(cache=cache) == found
    assert edits_asked(server) == []
    rows = [line for line in cache.read_text(encoding="utf-8").splitlines() if line.endswith("}")]
    assert {json.loads(row)["note"] for row in rows} == {"a", "b", "c"}


def test_a_cache_that_cannot_be_written_is_said(read: Read, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be written"):
        read(cache=tmp_path / "none" / "cache.jsonl")


def test_a_venue_without_public_decisions_says_to_log_in(server: OpenReviewServer, read: Read) -> None:
    server.notes[2] = [submission("a"), submission("b")]
    with pytest.raises(InputError, match="none of 2 records can be used; the first: no decision is public") as caught:
        read()
    assert caught.value.fix is not None and "OPENREVIEW_USERNAME" in caught.value.fix


def test_an_unknown_venue_is_an_input_error(read: Read) -> None:
    with pytest.raises(InputError, match="has no venue"):
        read("NOBODY.cc/2024/Conference")


def test_a_venue_is_replayed_from_the_command_line_with_its_earlier_texts(
    cli: Callable[..., Any], server: OpenReviewServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("GUIDE_DATA", raising=False)
    server.edits["b"].insert(0, edit(1, "Only before it."))
    words = ["replay", "openreview", VENUE, "--text", "all", "--url", server.urls[2], "--url-v1", server.urls[1]]
    done = cli(*words, "--cache", tmp_path, "--resamples", "100", "--json")
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    assert (found["name"], found["n"]) == (VENUE, 3)
    assert {system["text"] for system in found["systems"]} == {"stripped", "pre-decision", "raw"}
    assert list((tmp_path / "openreview").glob("*.jsonl"))
