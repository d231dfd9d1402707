from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guide.corpus.records import Paper, PeerReview, Skipped
from guide.corpus.sources import Mark
from guide.corpus.sources import openreview as module
from guide.corpus.sources import openreview_notes as notes
from guide.corpus.sources import openreview_service as service
from guide.corpus.sources.openreview import OpenReview
from guide.errors import InputError, SourceError
from tests.corpus.sources.openreview_server import Note, OpenReviewServer, refusal, reply, serving

VENUE = "TEST.cc/2024/Conference"
OLD = "TEST.cc/2021/Conference"


def stamp(year: int, month: int, day: int = 15) -> int:
    return int(datetime(year, month, day, tzinfo=UTC).timestamp() * 1000)


def wrap(content: Note) -> Note:
    return {key: {"value": value} for key, value in content.items()}


def new_note(key: str, venue: str = VENUE, /, **fields: Any) -> Note:
    """A submission in API 2; `fields` go into its content."""
    content = {"title": f"Title of {key}", "abstract": f"Abstract of {key}.", "keywords": ["trees", "leaves"], **fields}
    return {
        **{
            "id": key,
            "forum": key,
            "invitations": [f"{venue}/-/Submission", f"{venue}/-/Edit"],
            "content": wrap(content),
        },
        **{"cdate": stamp(2023, 9), "tcdate": stamp(2023, 9), "odate": stamp(2023, 10), "pdate": stamp(2024, 1)},
    }


def new_reply(to: str, name: str, key: str, minute: int = 0, /, **content: Any) -> Note:
    invitations = [f"{VENUE}/Submission1/-/{name}", f"{VENUE}/-/Edit"]
    return {
        **{"id": key, "forum": to, "replyto": to, "invitations": invitations, "content": wrap(content)},
        "tcdate": stamp(2023, 11) + minute,
    }


def old_note(key: str, name: str = "Blind_Submission", venue: str = OLD, /, **fields: Any) -> Note:
    """A submission in API 1."""
    content = {"title": f"Title of {key}", "abstract": f"Abstract of {key}.", "keywords": ["trees"], **fields}
    dates = {"cdate": stamp(2020, 9), "tcdate": stamp(2020, 10), "pdate": stamp(2021, 1)}
    return {"id": key, "forum": key, "invitation": f"{venue}/-/{name}", "content": content, **dates}


def old_reply(to: str, invitation: str, key: str, minute: int = 0, /, **content: Any) -> Note:
    made = {"tcdate": stamp(2020, 11) + minute}
    return {"id": key, "forum": to, "replyto": to, "invitation": invitation, "content": content, **made}


@pytest.fixture
def server() -> Iterator[OpenReviewServer]:
    settings = {"submission_name": "Submission", "review_name": "Official_Review", "subtitle": "TEST 2024"}
    state = OpenReviewServer()
    state.groups[2][VENUE] = {"id": VENUE, "domain": VENUE, "content": wrap(settings)}
    state.groups[2][OLD] = {"id": OLD}
    state.groups[1][OLD] = {"id": OLD}
    with serving(state) as running:
        yield running


class Waits(list[float]):
    """The waits asked for, none of them waited."""

    def __call__(self, seconds: float) -> None:
        self.append(seconds)


@pytest.fixture
def waits() -> Waits:
    return Waits()


@pytest.fixture
def source(server: OpenReviewServer, waits: Waits) -> Any:
    def make(venue: str = VENUE, **settings: Any) -> OpenReview:
        return OpenReview(venue, server.urls[2], server.urls[1], sleep=waits, **settings)

    return make


def papers(delivered: list[Any]) -> list[Paper]:
    return [one for one in delivered if isinstance(one, Paper)]


def skipped(delivered: list[Any]) -> list[tuple[str, str]]:
    return [(one.where, one.reason) for one in delivered if isinstance(one, Skipped)]


def only(delivered: list[Any]) -> Paper:
    assert not skipped(delivered)
    (paper,) = papers(delivered)
    return paper


def test_a_submission_of_api_2_becomes_a_paper_with_its_decision_ratings_and_reviews(
    server: OpenReviewServer, source: Any
) -> None:
    server.notes[2] = [
        new_note("aB1", venueid=VENUE, venue="TEST 2024 poster"),
        new_reply("aB1", "Decision", "d", decision="Accept (poster)"),
        new_reply(
            *("aB1", "Official_Review", "r2", 2),
            **{"rating": "8: accept, good paper", "confidence": "4: confident", "summary": "It plants trees."},
            **{"soundness": "3 good", "presentation": "2 fair", "contribution": "4 excellent"},
            **{"strengths": "Tall.", "weaknesses": "Slow."},
        ),
        new_reply("aB1", "Official_Review", "r1", 1, rating=3, confidence=5, strengths_and_weaknesses="Both at once."),
        new_reply("aB1", "Official_Comment", "c", 0, comment="Thanks.", rating="10"),
    ]
    paper = only(list(source().read()))
    assert paper == Paper(
        id="or:aB1",
        title="Title of aB1",
        abstract="Abstract of aB1.",
        year=2024,
        venue="TEST",
        posted="2023-10",
        url="https://openreview.net/forum?id=aB1",
        keywords=("trees", "leaves"),
        decision="Accept (poster)",
        ratings=(3.0, 8.0),
        reviews=(
            PeerReview(3.0, 5.0, summary="Both at once."),
            PeerReview(8.0, 4.0, 3.0, 2.0, 4.0, "It plants trees.", "Tall.", "Slow."),
        ),
    )


def test_a_submission_of_api_1_becomes_a_paper_with_its_decision_ratings_and_reviews(
    server: OpenReviewServer, source: Any
) -> None:
    server.notes[1] = [
        old_note("x", keywords="trees; leaves,roots"),
        old_reply("x", f"{OLD}/Paper1/-/Decision", "d", decision="Accept (Oral)", title="Final Decision"),
        old_reply(
            "x", f"{OLD}/Paper1/-/Official_Review", "b", 2, rating="6: Weak accept", review="Fine.", confidence=2
        ),
        old_reply("x", f"{OLD}/Paper1/-/Official_Review", "a", 1, recommendation=10, summary_of_the_paper="Trees."),
    ]
    paper = only(list(source(OLD).read()))
    assert (paper.id, paper.year, paper.venue, paper.posted) == ("or:x", 2021, "TEST", "2020-09")
    assert (paper.decision, paper.ratings) == ("Accept (Oral)", (10.0, 6.0))
    assert paper.keywords == ("trees", "leaves", "roots")
    assert paper.reviews == (PeerReview(10.0, summary="Trees."), PeerReview(6.0, 2.0, summary="Fine."))
    assert {path for version, _, path, _ in server.asked if version == 2} == {"/groups"}


@pytest.mark.parametrize(
    ("venue", "submissions", "invitation", "content", "decision"),
    [
        ("TEST.cc/2017/conference", "submission", "{}/-/paper7/acceptance", {"decision": "Reject"}, "Reject"),
        ("TEST.cc/2018/Conference", "Submission", "{}/-/Acceptance_Decision", {"decision": "Accept (Poster)"}, None),
        ("TEST.cc/2019/Conference", "Blind_Submission", "{}/-/Paper7/Meta_Review", {"recommendation": "Reject"}, None),
        ("TEST.cc/2020/Conference", "Blind_Submission", "{}/Paper7/-/Decision", {"decision": "Reject"}, None),
    ],
)
def test_old_venues_keep_the_decision_in_other_places(
    server: OpenReviewServer, source: Any, venue: str, submissions: str, invitation: str, content: Note, decision: str
) -> None:
    server.groups[1][venue] = {"id": venue}
    review = f"{venue}/-/paper7/official/review"
    server.notes[1] = [
        old_note("x", submissions, venue),
        old_reply("x", invitation.format(venue), "d", **content),
        old_reply("x", review, "r", rating="7: Good paper, accept"),
        old_reply("x", review.replace("official", "public"), "p", rating="1: by a passer-by"),
    ]
    paper = only(list(source(venue).read()))
    assert paper.decision == (decision or next(iter(content.values())))
    assert paper.ratings == (7.0,)


@pytest.mark.parametrize(
    ("venue_id", "label", "replies", "decision"),
    [
        ("", "TEST 2024 oral", [], "Accept (oral)"),
        ("", "TEST 2024", [], "Accept"),
        ("/Rejected_Submission", "Submitted to TEST 2024", [], "Reject"),
        ("/Rejected_Submission", "Submitted to TEST 2024", [("Decision", "Reject, sadly")], "Reject, sadly"),
        ("/Withdrawn_Submission", "TEST 2024 Conference Withdrawn Submission", [("Decision", "Reject")], "Withdrawn"),
        ("/Desk_Rejected_Submission", "TEST 2024 Conference Desk Rejected Submission", [], "Desk Rejected"),
        ("/Submission", "TEST 2024 Conference Submission", [], None),
        ("/Submission", "Submitted to TEST 2024", [("Meta_Review", "Accept")], "Accept"),
        ("/Submission", "Submitted to TEST 2024", [("Meta_Review", "unsure")], None),
        ("", "TEST 2024 Submitted", [], None),
        ("", "TEST 2024 poster", [("Decision", "Reject"), ("Decision", "Accept (poster)")], "Accept (poster)"),
        ("", "TEST 2024 poster", [("Decision", "Accept: poster"), ("Meta_Review", "Reject")], "Accept: poster"),
    ],
)
def test_the_decision_is_the_venues_own_as_far_as_it_is_public(
    server: OpenReviewServer, source: Any, venue_id: str, label: str, replies: list[tuple[str, str]], decision: str
) -> None:
    server.notes[2] = [new_note("a", venueid=f"{VENUE}{venue_id}", venue=label)] + [
        new_reply("a", name, f"z{9 - minute}", minute, recommendation=text)
        for minute, (name, text) in enumerate(replies)
    ]
    assert only(list(source().read())).decision == decision


def test_withdrawn_and_desk_rejected_submissions_of_api_1_are_fetched_from_where_they_were_moved(
    server: OpenReviewServer, source: Any
) -> None:
    server.notes[1] = [
        old_note("b", "Withdrawn_Submission"),
        old_note("c"),
        old_note("a", "Desk_Rejected_Submission"),
    ]
    found = {paper.id: paper.decision for paper in papers(list(source(OLD).read()))}
    assert found == {"or:c": None, "or:b": "Withdrawn", "or:a": "Desk Rejected"}


def test_an_invitation_that_the_venue_never_had_is_no_error(server: OpenReviewServer, source: Any) -> None:
    server.notes[1] = [old_note("c", "Submission")]
    server.faults["/notes"] = [refusal(404, "NotFoundError", "The Invitation was not found")]
    assert only(list(source(OLD).read())).id == "or:c"


def test_the_names_that_a_venue_gives_its_parts_are_used(server: OpenReviewServer, source: Any) -> None:
    server.groups[2][VENUE]["content"] = wrap(
        {
            **{"submission_id": f"{VENUE}/-/Essay", "review_name": "Opinion", "review_rating": "Stars"},
            **{"decision_name": "Verdict", "decision_field_name": "word", "review_confidence": "sureness"},
        }
    )
    note = new_note("a")
    note["invitations"] = [f"{VENUE}/-/Essay"]
    opinion = {"Stars": "4 stars", "rating": 9, "sureness": 1}
    server.notes[2] = [note, new_reply("a", "Opinion", "r", **opinion), new_reply("a", "Verdict", "v", word="In")]
    paper = only(list(source().read()))
    assert (paper.decision, paper.ratings, paper.reviews[0].confidence) == ("In", (4.0,), 1.0)


def test_reviews_are_left_out_on_request_and_ratings_stay(server: OpenReviewServer, source: Any) -> None:
    server.notes[2] = [new_note("a"), new_reply("a", "Official_Review", "r", rating=5, summary="Trees.")]
    paper = only(list(source(with_reviews=False).read()))
    assert (paper.ratings, paper.reviews) == ((5.0,), ())
    assert source(with_reviews=False).name != source().name


def test_a_review_that_says_nothing_is_none(server: OpenReviewServer, source: Any) -> None:
    server.notes[2] = [new_note("a"), new_reply("a", "Official_Review", "r", rating="N/A", summary="  ")]
    assert only(list(source().read())).reviews == ()


def test_the_order_of_the_replies_on_the_wire_does_not_change_a_paper(server: OpenReviewServer, source: Any) -> None:
    replies = [new_reply("a", "Official_Review", f"r{9 - n}", n, rating=n) for n in range(4)]
    server.notes[2] = [new_note("a"), *replies]
    first = only(list(source().read()))
    server.notes[2].reverse()
    assert only(list(source().read())) == first
    assert first.ratings == (0.0, 1.0, 2.0, 3.0)


@pytest.mark.parametrize(
    ("dates", "posted"),
    [
        ({"odate": stamp(2024, 3)}, "2024-03"),
        ({"odate": None}, "2023-09"),
        ({"odate": None, "cdate": None, "tcdate": None}, "2024-01"),
        ({"odate": None, "cdate": "soon", "tcdate": True, "pdate": None}, None),
        ({"odate": 10**14 - 1, "cdate": 1}, "5138-11"),
        ({"odate": -(10**14) * 9}, None),
        ({"odate": int(datetime(2023, 10, 31, 23, 59, tzinfo=UTC).timestamp() * 1000)}, "2023-10"),
    ],
)
def test_posted_is_the_month_it_went_public(
    server: OpenReviewServer, source: Any, dates: Note, posted: str | None
) -> None:
    server.notes[2] = [new_note("a") | dates]
    assert only(list(source().read())).posted == posted


def test_the_month_is_that_of_utc_wherever_the_program_runs(
    server: OpenReviewServer, source: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    last_hour = datetime(2023, 10, 31, 23, tzinfo=UTC).timestamp() * 1000
    server.notes[2] = [new_note("a") | {"odate": last_hour}]
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "EAST-14")
        time.tzset()
        posted = only(list(source().read())).posted
    time.tzset()
    assert posted == "2023-10"


@pytest.mark.parametrize(
    ("venue", "short", "year"),
    [
        ("ICLR.cc/2017/conference", "ICLR", 2017),
        ("ICLR.cc/2024/Workshop/Plants_and_Trees", "ICLR 2024 Workshop Plants and Trees", 2024),
        ("robots.org/CoRL/2023/Conference", "CoRL", 2023),
        ("TMLR", "TMLR", 2023),
    ],
)
def test_venue_and_year_are_read_from_the_id(
    server: OpenReviewServer, source: Any, venue: str, short: str, year: int
) -> None:
    server.groups[2][venue] = {"id": venue, "domain": venue, "content": {}}
    server.notes[2] = [new_note("a", venue)]
    paper = only(list(source(venue).read()))
    assert (paper.venue, paper.year) == (short, year)


@pytest.mark.parametrize("version", [1, 2])
def test_each_page_ends_in_a_mark_and_the_last_one_is_none(server: OpenReviewServer, source: Any, version: int) -> None:
    venue, make = (OLD, old_note) if version == 1 else (VENUE, new_note)
    server.notes[version] = [make(key) for key in "gdbfaec"]
    delivered = list(source(venue, page_size=3).read())
    kinds = "".join(one.id[-1] if isinstance(one, Paper) else "|" for one in delivered)
    assert kinds == "abc|def|g||"
    assert delivered[-1] == Mark(None)
    assert all(int(asked["limit"]) == 3 for asked in server.pages(version))


@pytest.mark.parametrize("version", [1, 2])
def test_a_mark_resumes_with_exactly_the_remaining_papers(server: OpenReviewServer, source: Any, version: int) -> None:
    venue, make = (OLD, old_note) if version == 1 else (VENUE, new_note)
    server.notes[version] = [make(key) for key in "gdbfaec"]
    if version == 1:
        server.notes[1] += [old_note(key, "Withdrawn_Submission") for key in "zyxw"]
    whole = list(source(venue, page_size=2).read())
    marks = [at for at, one in enumerate(whole) if isinstance(one, Mark) and one.state is not None]
    assert len(marks) == (6 if version == 1 else 4)
    for at in marks:
        assert list(source(venue, page_size=2).read(whole[at].state)) == whole[at + 1 :]


def test_a_note_that_comes_or_goes_between_two_runs_costs_no_other(server: OpenReviewServer, source: Any) -> None:
    server.notes[2] = [new_note(key) for key in "bcdef"]
    first = [one for one, _ in zip(source(page_size=2).read(), range(3), strict=False)]
    server.notes[2] = [new_note(key) for key in "acdefg"]  # "b" is gone, "a" and "g" have come
    rest = papers(list(source(page_size=2).read(first[-1].state)))
    assert [paper.id for paper in rest] == ["or:d", "or:e", "or:f", "or:g"]


def test_a_mark_of_another_invitation_starts_over(server: OpenReviewServer, source: Any) -> None:
    server.notes[2] = [new_note("a")]
    assert papers(list(source().read({"invitation": f"{OLD}/-/Blind_Submission", "after": "zz"})))


def test_only_one_page_is_asked_for_before_its_papers_are_taken(server: OpenReviewServer, source: Any) -> None:
    server.notes[2] = [new_note(key) for key in "abcdef"]
    reading = source(page_size=2).read()
    next(reading)
    assert len(server.pages(2)) == 1
    reading.close()


def test_the_connections_are_closed_after_a_reading_that_is_broken_off(
    server: OpenReviewServer, source: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from requests import Session

    closed = []
    close = Session.close

    def recorded(self: Session) -> None:
        closed.append(self)
        close(self)

    monkeypatch.setattr(Session, "close", recorded)
    server.notes[2] = [new_note("a")]
    reading = source().read()
    next(reading)
    assert not closed
    reading.close()
    assert len(closed) == 2


def test_a_request_that_is_refused_for_itself_is_not_asked_again(
    server: OpenReviewServer, source: Any, waits: Waits
) -> None:
    server.faults["/notes"] = [refusal(400, "Error", "limit must be a number.")]
    with pytest.raises(SourceError, match=r"refuses \(400\): limit must be a number\.$"):
        list(source().read())
    assert waits == []


def test_a_server_that_does_not_page_is_an_error_and_no_endless_run(server: OpenReviewServer, source: Any) -> None:
    page = reply({"notes": [new_note("a")], "count": 1})
    server.faults["/notes"] = [page, page, page]
    with pytest.raises(SourceError, match="cannot go on after the note 'a'"):
        list(source().read())


MALFORMED = [
    ({"content": None}, "title is missing"),
    ({"content": wrap({"title": " ", "abstract": "x"})}, "title is empty"),
    ({"content": wrap({"title": "x"})}, "abstract is missing"),
    ({"content": wrap({"title": "x", "abstract": ["y"]})}, "abstract is not a text"),
    ({"content": wrap({"title": "x", "abstract": "half \ud800"})}, "abstract holds half of a surrogate pair"),
    ({"content": wrap({"title": "x", "abstract": "y" * 100_001})}, "abstract is longer than 100,000 characters"),
    ({"content": {"title": 3, "abstract": {}}}, "title is not a text"),
]
NOT_IDS: list[object] = [None, "", 7, ["a"]]


def test_malformed_notes_are_skipped_and_said_and_stop_nothing(server: OpenReviewServer, source: Any) -> None:
    server.notes[2] = [new_note(f"m{at}") | note for at, (note, _) in enumerate(MALFORMED)]
    server.notes[2] += [new_note("a"), new_note("z")]
    delivered = list(source(page_size=2).read())
    assert skipped(delivered) == [(f"openreview:m{at}", reason) for at, (_, reason) in enumerate(MALFORMED)]
    assert [paper.id for paper in papers(delivered)] == ["or:a", "or:z"]


@pytest.mark.parametrize("forum", NOT_IDS)
def test_a_note_without_an_id_is_skipped(forum: object) -> None:
    note = new_note("a") | {"id": forum, "forum": None}
    (left_out,) = notes.read_note(note, notes.Venue(VENUE, 2, ()), with_reviews=True)
    assert isinstance(left_out, Skipped)
    assert left_out.reason == "id is missing"


@pytest.mark.parametrize(
    "details",
    [None, 3, {"directReplies": None}, {"directReplies": [None, 7, {"content": 5}, {"id": "r", "content": {}}]}],
)
def test_malformed_replies_leave_the_paper(server: OpenReviewServer, source: Any, details: object) -> None:
    server.notes[2] = [new_note("a") | {"details": details}]
    paper = only(list(source().read()))
    assert (paper.ratings, paper.reviews, paper.decision) == ((), (), None)


def test_a_review_that_cannot_be_stored_is_skipped_alone(server: OpenReviewServer, source: Any) -> None:
    server.notes[2] = [
        new_note("a"),
        new_reply("a", "Official_Review", "r1", 1, rating=4, weaknesses="a NUL \0"),
        new_reply("a", "Official_Review", "r2", 2, rating=5, weaknesses="none"),
    ]
    delivered = list(source().read())
    assert skipped(delivered) == [("openreview:a, one review", "weaknesses holds a NUL character")]
    (paper,) = papers(delivered)
    assert (paper.ratings, paper.reviews) == ((4.0, 5.0), (PeerReview(5.0, weaknesses="none"),))


def test_a_limit_on_the_rate_is_waited_for_as_long_as_the_server_asks(
    server: OpenReviewServer, source: Any, waits: Waits, capsys: pytest.CaptureFixture[str]
) -> None:
    server.notes[2] = [new_note(key) for key in "abc"]
    server.faults["/notes"] = [refusal(429, "RateLimitError", "Too many requests", Retry_After="37")]
    assert len(papers(list(source().read()))) == 3
    assert waits == [37.0]
    out, told = capsys.readouterr()
    assert "Too many requests; trying again in 37 s" in told
    assert not out


def test_a_limit_that_ends_at_a_named_moment_is_waited_for(server: OpenReviewServer, source: Any, waits: Waits) -> None:
    server.notes[2] = [new_note("a")]
    reset = (datetime.now(UTC) + timedelta(minutes=20)).isoformat().replace("+00:00", "Z")
    server.faults["/notes"] = [refusal(429, "RateLimitError", "Too many requests", {"resetTime": reset})]
    assert only(list(source().read()))
    assert waits == [pytest.approx(1200, abs=60)]


@pytest.mark.parametrize("asked", ["soon", "-5", "Wed, 21 Oct 2015 07:28:00 GMT"])
def test_a_retry_after_that_says_nothing_falls_back_on_our_own_wait(
    server: OpenReviewServer, source: Any, waits: Waits, asked: str
) -> None:
    server.notes[2] = [new_note("a")]
    details = {"resetTime": 3}
    server.faults["/notes"] = [refusal(503, "Error", "down", details, Retry_After=asked), refusal(429, "Error", "busy")]
    assert only(list(source().read()))
    assert waits == [1.0, 2.0]


def test_faults_of_the_server_and_broken_answers_are_tried_again(
    server: OpenReviewServer, source: Any, waits: Waits
) -> None:
    server.notes[2] = [new_note("a")]
    server.faults["/groups"] = [(502, {"Content-Type": "application/json"}, b"<html>bad gateway</html>")]
    server.faults["/notes"] = [refusal(500, "Error", "oops"), None, (504, {}, b"")]
    assert only(list(source().read()))
    assert waits == [1.0, 1.0, 2.0, 4.0]


def test_an_error_that_stays_ends_after_eight_tries_and_the_last_mark_resumes(
    server: OpenReviewServer, source: Any, waits: Waits
) -> None:
    server.notes[2] = [new_note(key) for key in "abcde"]
    reading = source(page_size=2).read()
    delivered = [next(reading) for _ in range(3)]
    server.faults["/notes"] = [refusal(500, "Error", "oops")] * 8
    with pytest.raises(SourceError) as caught:
        list(reading)
    assert waits == [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0]
    assert caught.value.what == "OpenReview answers 500, oops, 8 times"
    assert caught.value.where is not None
    assert caught.value.where.startswith(f"{server.urls[2]}/notes?invitation=")
    assert "same command again" in str(caught.value)
    assert "\n" not in str(caught.value)
    rest = papers(list(source(page_size=2).read(delivered[-1].state)))
    assert [paper.id for paper in rest] == ["or:c", "or:d", "or:e"]


def test_a_wait_of_hours_is_left_to_the_user(server: OpenReviewServer, source: Any, waits: Waits) -> None:
    server.faults["/notes"] = [refusal(429, "RateLimitError", "Too many requests", Retry_After="7200")]
    with pytest.raises(SourceError, match=r"429, Too many requests, asking to wait 120 minutes.* same command again"):
        list(source().read())
    assert waits == []


def test_a_server_that_is_not_there_is_a_source_error(waits: Waits) -> None:
    closed = "http://127.0.0.1:9"
    with pytest.raises(SourceError, match=r"does not answer \(ConnectionError\), 8 times"):
        list(OpenReview(VENUE, closed, closed, sleep=waits).read())
    assert len(waits) == 7


def test_every_request_has_a_time_limit(server: OpenReviewServer, source: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from requests.adapters import HTTPAdapter

    server.notes[2] = [new_note("a")]
    limits = []
    send = HTTPAdapter.send

    def recorded(self: HTTPAdapter, request: Any, *arguments: Any, **named: Any) -> Any:
        limits.append(named["timeout"])
        return send(self, request, *arguments, **named)

    monkeypatch.setattr(HTTPAdapter, "send", recorded)
    list(source().read())
    assert set(limits) == {service.TIMEOUT}


@pytest.mark.parametrize("body", [b"<html>maintenance</html>", b'{"notes": 3}', b"[]", b'{"notes": ["x"]}', b"{}"])
def test_an_answer_that_is_not_the_protocol_is_a_source_error(
    server: OpenReviewServer, source: Any, body: bytes
) -> None:
    server.faults["/notes"] = [(200, {"Content-Type": "application/json"}, body)]
    with pytest.raises(SourceError, match=r"/notes: OpenReview answers with something that is not its protocol"):
        list(source().read())


def test_a_guest_who_is_refused_is_told_to_log_in(server: OpenReviewServer, source: Any, waits: Waits) -> None:
    server.challenge = True
    with pytest.raises(SourceError, match=r"refuses \(403\): Challenge verification.*OPENREVIEW_USERNAME"):
        list(source().read())
    assert waits == []


def test_an_unknown_venue_is_an_input_error(source: Any) -> None:
    with pytest.raises(InputError, match=r"has no venue 'NOSUCH.cc/2024'") as caught:
        list(source("NOSUCH.cc/2024").read())
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("venue", [VENUE, OLD])
def test_a_venue_that_shows_nothing_is_an_input_error_and_no_empty_success(source: Any, venue: str) -> None:
    with pytest.raises(InputError, match=f"shows no submissions of {venue}"):
        list(source(venue).read())


def test_a_resumed_run_with_nothing_left_is_a_success(server: OpenReviewServer, source: Any) -> None:
    server.notes[2] = [new_note("a")]
    assert list(source().read({"invitation": f"{VENUE}/-/Submission", "after": "a"})) == [Mark(None)]


def test_a_venue_must_be_named() -> None:
    with pytest.raises(InputError, match="the venue is empty"):
        OpenReview(" / ")


@pytest.mark.parametrize("version", [1, 2])
def test_a_login_from_the_environment_is_shown_more(
    server: OpenReviewServer, source: Any, monkeypatch: pytest.MonkeyPatch, version: int, waits: Waits
) -> None:
    venue, make = (OLD, old_note) if version == 1 else (VENUE, new_note)
    server.notes[version] = [make("a"), make("b")]
    server.members = {"reader@example.org": "open sesame"}
    server.members_only = {"b"}
    assert len(papers(list(source(venue).read()))) == 1
    assert ("POST", "/login") not in [(method, path) for _, method, path, _ in server.asked]
    monkeypatch.setenv("OPENREVIEW_USERNAME", "reader@example.org")
    monkeypatch.setenv("OPENREVIEW_PASSWORD", "open sesame")
    server.faults["/login"] = [refusal(429, "RateLimitError", "Too many requests", Retry_After="5")]
    server.challenge = True
    assert len(papers(list(source(venue).read()))) == 2
    assert waits == [5.0]
    logins = [asked for _, method, path, asked in server.asked if (method, path) == ("POST", "/login")]
    assert [asked["expiresIn"] for asked in logins] == [86_400, 86_400]  # the one that was held off, and its repeat


def test_a_refused_login_is_an_input_error_that_keeps_the_password(
    server: OpenReviewServer, source: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENREVIEW_USERNAME", "reader@example.org")
    monkeypatch.setenv("OPENREVIEW_PASSWORD", "close sesame")
    with pytest.raises(InputError, match=r"/login: OpenReview refuses the login: Invalid username or") as caught:
        list(source().read())
    assert "sesame" not in str(caught.value)
    assert "unset both" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["OPENREVIEW_USERNAME", "OPENREVIEW_PASSWORD"])
def test_half_a_login_is_an_input_error(source: Any, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, "x")
    with pytest.raises(InputError, match=f"{name} is set alone"):
        list(source().read())


def test_a_second_factor_that_nobody_can_type_is_an_input_error(
    server: OpenReviewServer, source: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENREVIEW_USERNAME", "reader@example.org")
    monkeypatch.setenv("OPENREVIEW_PASSWORD", "open sesame")
    pending = {"mfaPending": True, "mfaPendingToken": "t", "mfaMethods": ["totp"], "preferredMethod": "totp"}
    server.faults["/login"] = [reply(pending)]
    with pytest.raises(InputError, match=r"MFA verification required.*totp"):
        list(source().read())


@pytest.mark.parametrize("body", [b"<html>hello</html>", b"{}", b"[]"])
def test_a_login_that_is_answered_with_something_else_is_a_source_error(
    server: OpenReviewServer, source: Any, monkeypatch: pytest.MonkeyPatch, body: bytes
) -> None:
    monkeypatch.setenv("OPENREVIEW_USERNAME", "reader@example.org")
    monkeypatch.setenv("OPENREVIEW_PASSWORD", "open sesame")
    server.faults["/login"] = [(200, {"Content-Type": "application/json"}, body)]
    with pytest.raises(SourceError, match="answers a login with something else"):
        list(source().read())


def test_without_the_package_the_fix_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "openreview", None)
    with pytest.raises(InputError, match=r"pip install 'guide-advisor\[web\]'"):
        OpenReview(VENUE)


def test_the_name_tells_apart_what_is_delivered() -> None:
    sources = [
        OpenReview(venue, url, None, with_reviews)
        for venue, url, with_reviews in product((VENUE, OLD), (None, "http://127.0.0.1:9"), (True, False))
    ]
    assert len({one.name for one in sources}) == 8
    assert OpenReview(f"{VENUE}/").name == OpenReview(VENUE, module.URL).name == f"openreview {VENUE}"


@given(st.floats(-99, 99).map(lambda number: round(number, 1)), st.sampled_from(["", " good", ": weak accept", "/10"]))
def test_the_leading_number_of_a_score_is_found(number: float, words: str) -> None:
    assert notes._number(f" {number}{words}") == number
    assert notes._number(f"{int(number)}{words}") == int(number)
    assert notes._number(number) == number


@given(st.one_of(st.none(), st.booleans(), st.text(), st.integers(), st.floats(), st.lists(st.integers())))
def test_no_score_breaks_the_parser(value: object) -> None:
    number = notes._number(value)
    assert number is None or abs(number) < 1e15


FIELDS = (
    *("id", "forum", "content", "details", "directReplies", "invitation", "invitations", "odate", "cdate", "tcdate"),
    *("title", "abstract", "keywords", "venueid", "venue", "value", "rating", "summary", "decision"),
)


@given(
    st.recursive(
        st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5)),
        lambda one: st.lists(one, max_size=3) | st.dictionaries(st.sampled_from(FIELDS), one, max_size=6),
        max_leaves=20,
    ).filter(lambda note: isinstance(note, dict))
)
def test_no_note_breaks_the_reading(note: Note) -> None:
    """Whatever the server sends: each note gives one paper, or one skip with its reason."""
    delivered = list(notes.read_note(note, notes.Venue(VENUE, 2, ()), with_reviews=True))
    assert len(papers(delivered)) == 1 or len(delivered) == 1
    assert all(where.startswith("openreview:") for where, _ in skipped(delivered))
