"""Papers from OpenReview: a venue's submissions with their decisions, ratings and reviews, as far as they are public.

OpenReview speaks two protocols: API 2 (2023 and later, with some earlier venues) and API 1. Both hand out notes; what a
note means is read here in one way, after API 2's {"value": ...} wrappings are taken off. `openreview-py` asks; what its
own retrying leaves open (logins, broken bodies, no time limit, notices on standard output) is replaced by `_adapter`.
"""

from __future__ import annotations

import os
import re
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from tqdm import tqdm

from guide.corpus.records import Paper, PeerReview, Skipped, parse_paper, storable
from guide.corpus.sources import Mark
from guide.errors import InputError, SourceError

if TYPE_CHECKING:
    from requests import PreparedRequest, Response
    from requests.adapters import HTTPAdapter

__all__ = ["OpenReview"]

URL, URL_V1 = "https://api2.openreview.net", "https://api.openreview.net"
PAGE = 250  # notes a request; with their replies a note weighs some 50 KB, and a request counts against the rate limit
LOGIN_SECONDS = (
    24 * 3600
)  # what a login lasts, against the hour of the library's default: a rate limit may cost an hour
TRIES = 8
TIMEOUT = 90.0  # seconds without a byte
LONGEST_BACKOFF, LONGEST_WAIT = 120.0, 3_900.0  # seconds: of ours, and of theirs (their rate limits last an hour)
AGAIN = "Run the same command again: it goes on after the last page that was stored."
MEND = "Mend OPENREVIEW_USERNAME and OPENREVIEW_PASSWORD, or unset both to read as a guest."
LOGIN = "Where a guest is refused, log in: set OPENREVIEW_USERNAME and OPENREVIEW_PASSWORD."

# What the library runs into where an answer is no JSON, or JSON of another shape.
NOT_THE_PROTOCOL = (ValueError, LookupError, TypeError, AttributeError)

RATING = ("rating", "recommendation", "overall_recommendation", "overall_assessment", "overall_rating", "overall_score")
CONFIDENCE = ("confidence", "reviewer_confidence")
# A text that mixes strengths with weaknesses goes to the summary: it is neither.
SUMMARY = (
    *("summary", "summary_of_the_paper", "paper_summary", "summary_of_contributions", "summary_and_contributions"),
    *("review", "main_review", "strengths_and_weaknesses", "strength_and_weaknesses", "summary_of_the_review"),
)
STRENGTHS = ("strengths", "summary_of_strengths")
WEAKNESSES = ("weaknesses", "summary_of_weaknesses")
REVIEWS = ("official_review", "review")
DECISIONS = ("decision", "acceptance_decision", "acceptance")


class OpenReview:
    """The submissions of one venue, accepted or not, in the order of their ids.

    A withdrawn or desk-rejected submission is delivered with "Withdrawn" or "Desk Rejected" as its decision. A login
    (OPENREVIEW_USERNAME, OPENREVIEW_PASSWORD) may be shown more than a guest is.

    Args:
        venue: id of the venue's group, as in "ICLR.cc/2024/Conference".
        url: API 2; None for OpenReview's own.
        url_v1: API 1; None for OpenReview's own.
        with_reviews: take the reviews too; ratings are taken either way.
        page_size: notes a request, at most 1,000.
        sleep: waits so many seconds between two tries.

    Raises:
        InputError: the venue is empty, or openreview-py is not installed.
    """

    def __init__(
        self,
        venue: str,
        url: str | None = None,
        url_v1: str | None = None,
        with_reviews: bool = True,
        *,
        page_size: int = PAGE,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.venue = venue.strip().strip("/")
        if not self.venue:
            raise InputError("the venue is empty", fix="Name its group, as in ICLR.cc/2024/Conference.")
        self._url, self._url_v1 = (url or URL).rstrip("/"), (url_v1 or URL_V1).rstrip("/")
        self._with_reviews = with_reviews
        self._page_size = page_size
        self._sleep = sleep
        _import_openreview()

    @property
    def name(self) -> str:
        """The venue, and what differs from the defaults."""
        servers = "" if (self._url, self._url_v1) == (URL, URL_V1) else f" at {self._url} and {self._url_v1}"
        return f"openreview {self.venue}{'' if self._with_reviews else ' without reviews'}{servers}"

    def read(self, state: Mapping[str, Any] | None = None) -> Iterator[Paper | Skipped | Mark]:
        """Deliver the papers, with a mark after each page.

        Raises:
            InputError: OpenReview does not know the venue, shows nothing of it, or refuses the login.
            SourceError: it does not answer after 8 tries, asks to wait for more than 65 minutes, refuses, or answers
                with something else than notes.
        """
        clients = _Clients(self._url, self._url_v1, self._sleep)
        try:
            venue = _find(clients, self.venue)
            seen = bool(state)
            for note in _notes(clients, venue, state or {}, self._page_size):
                if not isinstance(note, Mark):
                    seen = True
                    yield from _papers(note, venue, self._with_reviews)
                elif note.state is None and not seen:
                    raise InputError(f"OpenReview shows no submissions of {self.venue}", fix=f"Check the id. {LOGIN}")
                else:
                    yield note
        finally:
            clients.close()


@dataclass(frozen=True, slots=True)
class _Venue:
    """What the group of a venue says on its notes: its own names before the usual ones."""

    id: str
    version: int
    invitations: tuple[str, ...]
    reviews: tuple[str, ...] = REVIEWS
    decisions: tuple[str, ...] = DECISIONS
    decision: tuple[str, ...] = ("decision", "recommendation")
    rating: tuple[str, ...] = RATING
    confidence: tuple[str, ...] = CONFIDENCE

    @property
    def year(self) -> int | None:
        return next((int(part) for part in self.id.split("/") if re.fullmatch(r"(19|20)\d\d", part)), None)

    @property
    def short_name(self) -> str:
        """As in "ICLR" for the conference and "ICLR 2024 Workshop X" for what stands beside it."""
        parts = self.id.split("/")
        at = parts.index(str(self.year)) if self.year else len(parts)
        host = re.sub(r"\.[a-z]+$", "", parts[max(at - 1, 0)])
        rest = " ".join(parts[at + 1 :]).replace("_", " ")
        return host if rest.lower() in ("", "conference") else f"{host} {self.year} {rest}"


class _RefusedError(SourceError):
    """An answer that says no; another try would say it again."""

    def __init__(self, status: int, reason: str, where: str) -> None:
        self.status = status
        self.reason = reason
        fix = f"{LOGIN} {AGAIN}" if status in (401, 403) else None
        super().__init__(f"OpenReview refuses ({status}): {reason.rstrip('.')}", where=where, fix=fix)


class _Clients:
    """The library's clients, logged in once: its own API 1 login goes to a fixed address that cannot be chosen."""

    def __init__(self, url: str, url_v1: str, sleep: Callable[[float], None]) -> None:
        library = _import_openreview()
        adapter = _adapter(sleep)
        given = [name for name in ("OPENREVIEW_USERNAME", "OPENREVIEW_PASSWORD") if os.environ.get(name)]
        if len(given) == 1:
            raise InputError(f"{given[0]} is set alone", fix="Set the user name and the password, or neither.")

        class New(library.api.OpenReviewClient):  # type: ignore[misc, name-defined, unused-ignore] # has no types
            def login_user(self, *arguments: Any, **named: Any) -> Any:
                _mount(self.session, adapter)  # the constructor logs in before anything else can be mounted
                return super().login_user(*arguments, **named)

        class Old(library.Client):  # type: ignore[misc, name-defined, unused-ignore]
            def login_user(self, *_: Any, **__: Any) -> None:
                self.headers["Authorization"] = new.headers["Authorization"]

        try:
            new = New(baseurl=url, tokenExpiresIn=LOGIN_SECONDS)
            self._clients: dict[int, Any] = {2: new, 1: Old(baseurl=url_v1)}
        except _RefusedError as refused:
            raise InputError(
                f"OpenReview refuses the login: {refused.reason.rstrip('.')}", where=refused.where, fix=MEND
            ) from refused
        except library.OpenReviewException as error:  # a second factor that nobody can type, a server of the other API
            said = error.args[0]
            raise InputError(str(said["message"] if isinstance(said, dict) else said).rstrip("."), fix=MEND) from error
        except NOT_THE_PROTOCOL as error:
            raise SourceError("OpenReview answers a login with something else", where=f"{url}/login") from error
        for client in self._clients.values():
            _mount(client.session, adapter)

    def ask(self, version: int, what: str, **request: Any) -> Any:
        """Call a method of the client of API `version`. Raises SourceError."""
        client = self._clients[version]
        try:
            return getattr(client, what)(**request)
        except NOT_THE_PROTOCOL as error:
            place = f"{client.baseurl}/{what.removeprefix('get_')}"
            raise SourceError("OpenReview answers with something that is not its protocol", where=place) from error

    def close(self) -> None:
        for client in self._clients.values():
            client.session.close()


def _import_openreview() -> Any:
    try:
        import openreview  # type: ignore[import-untyped, unused-ignore]
        import openreview.api  # type: ignore[import-untyped, unused-ignore]
    except ModuleNotFoundError as error:
        raise InputError(
            f"OpenReview is read through the package openreview-py, and {error.name} is not installed",
            fix="pip install 'guide-advisor[web]'",
        ) from error
    return openreview


def _find(clients: _Clients, venue: str) -> _Venue:
    """Ask for the venue's group: one of API 2 belongs to a domain."""
    group = None
    try:
        group = clients.ask(2, "get_group", id=venue)
    except _RefusedError as refused:
        if refused.status != 404:
            raise
        try:
            clients.ask(1, "get_group", id=venue)
        except _RefusedError as again:
            if again.status != 404:
                raise
            fix = "The id stands in the address of the venue's page, as in ICLR.cc/2024/Conference."
            raise InputError(f"OpenReview has no venue {venue!r}", fix=fix) from again
    if group is None or not group.domain:
        usual = [f"{venue}/-/{name}" for name in ("Blind_Submission", "Submission", "submission")]
        shown = (one for one in usual if _page(clients, 1, one, limit=1))
        beside = (f"{venue}/-/Withdrawn_Submission", f"{venue}/-/Desk_Rejected_Submission")
        return _Venue(venue, 1, (next(shown, usual[0]), *beside))
    says = {key: text for key, text in _content(group.content).items() if isinstance(text, str) and text}

    def own(key: str, usual: tuple[str, ...]) -> tuple[str, ...]:
        return (says[key], *usual) if key in says else usual

    return _Venue(
        venue,
        2,
        (says.get("submission_id") or f"{venue}/-/{says.get('submission_name', 'Submission')}",),
        reviews=own("review_name", REVIEWS),
        decisions=own("decision_name", DECISIONS),
        decision=own("decision_field_name", ("decision", "recommendation")),
        rating=own("review_rating", RATING),
        confidence=own("review_confidence", CONFIDENCE),
    )


def _notes(clients: _Clients, venue: _Venue, state: Mapping[str, Any], size: int) -> Iterator[Any]:
    """Yield the notes of all invitations as dicts, a mark after each page, and Mark(None).

    A page is asked for by the last id before it, as the library's own `get_all_notes` does, so that a note which comes
    or goes meanwhile shifts no other. A mark of an invitation that is not asked any more starts over.
    """
    at = venue.invitations.index(state["invitation"]) if state.get("invitation") in venue.invitations else 0
    after = state.get("after") if state.get("invitation") in venue.invitations else None
    for invitation in venue.invitations[at:]:
        while page := _page(clients, venue.version, invitation, limit=size, after=after, details="directReplies"):
            yield from page
            last = page[-1].get("id")
            if not isinstance(last, str) or last == after:
                raise SourceError(f"OpenReview cannot go on after the note {last!r}", where=invitation)
            after = last
            yield Mark({"invitation": invitation, "after": after})
        after = None
    yield Mark(None)


def _page(clients: _Clients, version: int, invitation: str, **request: Any) -> list[dict[str, Any]]:
    """Ask for a page of notes; an invitation that a venue never had has none."""
    try:
        return [vars(note) for note in clients.ask(version, "get_notes", invitation=invitation, sort="id", **request)]
    except _RefusedError as refused:
        if refused.status == 404:
            return []
        raise


def _papers(note: dict[str, Any], venue: _Venue, with_reviews: bool) -> Iterator[Paper | Skipped]:
    """Make a note a paper; a review that cannot be kept is left out and said."""
    content = _content(note.get("content"))
    forum = note.get("forum") or note.get("id")
    where = f"openreview:{forum}"
    posted = _month(note)
    replies = _replies(note)
    reviews = [_review(reply["content"], venue) for reply in replies if _is(reply, venue.reviews)]
    keywords = content.get("keywords")
    try:
        paper = parse_paper(
            {
                "id": f"or:{forum}" if forum and isinstance(forum, str) else None,
                "title": content.get("title"),
                "abstract": content.get("abstract"),
                "year": venue.year or (int(posted[:4]) if posted else None),
                "venue": venue.short_name,
                "posted": posted,
                "url": f"https://openreview.net/forum?id={forum}",
                "keywords": re.split("[,;]", keywords) if isinstance(keywords, str) else keywords,
                "decision": _decision(note, content, replies, venue),
                "ratings": [review.rating for review in reviews if review.rating is not None],
            }
        )
    except ValueError as error:
        yield Skipped(where, str(error))
        return
    kept: list[PeerReview] = []
    for review in reviews if with_reviews else ():
        try:
            kept.extend(storable(replace(paper, reviews=(review,))).reviews)
        except ValueError as error:
            yield Skipped(f"{where}, one review", str(error))
    yield replace(paper, reviews=tuple(review for review in kept if review != PeerReview()))


def _replies(note: dict[str, Any]) -> list[dict[str, Any]]:
    """The replies, unwrapped and oldest first: the server promises no order, and a paper must not change by it."""
    details = note.get("details")
    found = details.get("directReplies") if isinstance(details, dict) else None
    replies = found if isinstance(found, list) else []
    usable = [{**one, "content": _content(one.get("content"))} for one in replies if isinstance(one, dict)]
    return sorted(usable, key=lambda one: (_number(one.get("tcdate")) or 0.0, str(one.get("id"))))


def _paths(note: dict[str, Any]) -> list[list[str]]:
    """The invitations a note or reply was made on, one in API 1, several in API 2: lower case, cut at each slash."""
    several = note.get("invitations")
    paths = [note.get("invitation"), *(several if isinstance(several, list) else ())]
    return [path.lower().split("/") for path in paths if isinstance(path, str)]


def _is(reply: dict[str, Any], names: tuple[str, ...]) -> bool:
    """Whether an invitation ends in a name: ".../-/Official_Review", ".../-/paper1/official/review"."""
    endings = {name.lower() for name in names}
    return any(path[-1] in endings and "public" not in path for path in _paths(reply))


def _decision(
    note: dict[str, Any], content: dict[str, Any], replies: list[dict[str, Any]], venue: _Venue
) -> str | None:
    """The venue's words: of the last decision note, else made of the venue id, else of a meta-review that decides."""
    venue_id, label = (str(content.get(key) or "") for key in ("venueid", "venue"))
    places = [venue_id.lower().rpartition("/")[2]] if venue_id else [path[-1] for path in _paths(note)]
    for start, decision in (("desk_rejected_", "Desk Rejected"), ("withdrawn_", "Withdrawn")):
        if any(place.startswith(start) for place in places):
            return decision
    if said := [
        text for one in replies if _is(one, venue.decisions) for text in _texts(one["content"], venue.decision)
    ]:
        return said[-1]
    if any(place.startswith("rejected_") for place in places):
        return "Reject"
    if venue_id == venue.id and "submitted" not in label.lower():
        kind = label.rpartition(str(venue.year))[2].strip() if venue.year else ""
        return f"Accept ({kind})" if kind else "Accept"
    said = [text for one in replies if _is(one, ("meta_review",)) for text in _texts(one["content"], venue.decision)]
    return next((text for text in reversed(said) if re.match("accept|reject|invite", text, re.IGNORECASE)), None)


def _review(content: dict[str, Any], venue: _Venue) -> PeerReview:
    def score(*fields: str) -> float | None:
        return next((number for field in fields if (number := _number(content.get(field))) is not None), None)

    return PeerReview(
        rating=score(*venue.rating),
        confidence=score(*venue.confidence),
        soundness=score("soundness"),
        presentation=score("presentation"),
        contribution=score("contribution"),
        summary="\n\n".join(_texts(content, SUMMARY)),
        strengths="\n\n".join(_texts(content, STRENGTHS)),
        weaknesses="\n\n".join(_texts(content, WEAKNESSES)),
    )


def _texts(content: dict[str, Any], fields: tuple[str, ...]) -> Iterator[str]:
    for field in fields:
        value = content.get(field)
        if isinstance(value, str) and value.strip():
            yield value.strip()


def _content(content: object) -> dict[str, Any]:
    """Take API 2's wrappings off, {"title": {"value": "..."}}; API 1 has none."""
    if not isinstance(content, dict):
        return {}
    return {key: value.get("value") if isinstance(value, dict) else value for key, value in content.items()}


def _number(value: object) -> float | None:
    """A score as it is written: 6, "6", "6: Weak accept", "3 good", "-1"; None where no number leads."""
    if isinstance(value, str):
        found = re.match(r"\s*(-?[0-9]{1,9}(?:\.[0-9]+)?)(?![0-9])", value)
        return float(found[1]) if found else None
    if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e15:
        return float(value)
    return None


def _month(note: dict[str, Any]) -> str | None:
    """Month (UTC) the note went public: its odate, else the earliest of the dates it has.

    A note that was shown long after it was made, and says no odate, is dated too early by that.
    """
    known = [day for name in ("pdate", "cdate", "tcdate") if (day := _number(note.get(name))) is not None]
    day = _number(note.get("odate"))
    milliseconds = day if day is not None else min(known, default=None)
    try:
        return None if milliseconds is None else f"{datetime.fromtimestamp(milliseconds / 1000, UTC):%Y-%m}"
    except (OverflowError, ValueError, OSError):
        return None


def _mount(session: Any, adapter: HTTPAdapter) -> None:
    for scheme in ("https://", "http://"):
        session.mount(scheme, adapter)


def _adapter(sleep: Callable[[float], None]) -> HTTPAdapter:
    """Build what sends the requests: with a time limit, tried again on 429, 5xx and broken connections or bodies."""
    import requests
    from requests.adapters import HTTPAdapter

    class Adapter(HTTPAdapter):
        def send(self, request: PreparedRequest, *arguments: Any, **named: Any) -> Response:
            where = str(request.url)
            named["timeout"] = TIMEOUT
            for tries in range(1, TRIES + 1):
                pause = min(2.0 ** (tries - 1), LONGEST_BACKOFF)
                try:
                    response = super().send(request, *arguments, **named)
                    _ = response.content  # read here, where a body that breaks off is tried again
                except requests.RequestException as error:
                    failure = f"OpenReview does not answer ({type(error).__name__})"
                else:
                    if response.status_code < 400:
                        return response
                    said = _error(response)
                    reason = str(said.get("message") or said.get("name") or response.reason)
                    if response.status_code != 429 and response.status_code < 500:
                        raise _RefusedError(response.status_code, reason, where)
                    failure = f"OpenReview answers {response.status_code}, {reason}"
                    pause = max(pause, _asked_wait(response.headers.get("Retry-After"), said))
                if pause > LONGEST_WAIT:
                    break
                if tries < TRIES:
                    if pause >= 10:
                        tqdm.write(f"{failure}; trying again in {pause:.0f} s", file=sys.stderr)
                    sleep(pause)
            told = f"asking to wait {pause / 60:.0f} minutes" if pause > LONGEST_WAIT else f"{tries} times"
            raise SourceError(f"{failure}, {told}", where=where, fix=AGAIN)

    return Adapter()


def _error(response: Response) -> dict[str, Any]:
    try:
        said = response.json()
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {}


def _asked_wait(header: str | None, said: dict[str, Any]) -> float:
    """Seconds the server asks to wait, by Retry-After or by the resetTime in the error's details; else 0."""
    from urllib3.exceptions import InvalidHeader
    from urllib3.util import Retry

    waits = [0.0]
    with suppress(InvalidHeader):
        waits.append(Retry().parse_retry_after(header or "0"))
    with suppress(LookupError, TypeError, ValueError):
        waits.append((datetime.fromisoformat(said["details"]["resetTime"]) - datetime.now(UTC)).total_seconds())
    return max(waits)
