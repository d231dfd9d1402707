"""Papers from OpenReview: a venue's submissions with their decisions, ratings and reviews, as far as they are public.

OpenReview speaks two protocols: API 2 (2023 and later, with some earlier venues) and API 1. Both hand out notes, page
by page; `openreview_service` asks for them and `openreview_notes` reads them.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from guide.corpus.records import Paper, Skipped
from guide.corpus.sources import Mark
from guide.corpus.sources.openreview_notes import CONFIDENCE, DECISIONS, RATING, REVIEWS, Venue, read_note, unwrap
from guide.corpus.sources.openreview_service import LOGIN, Clients, RefusedError, import_openreview
from guide.errors import InputError, SourceError

__all__ = ["URL", "URL_V1", "OpenReview", "find_venue", "venue_notes"]

URL, URL_V1 = "https://api2.openreview.net", "https://api.openreview.net"
PAGE = 250  # notes a request; with their replies a note weighs some 50 KB, and a request counts against the rate limit


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
        import_openreview()

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
        clients = Clients(self._url, self._url_v1, self._sleep)
        try:
            venue = find_venue(clients, self.venue)
            seen = bool(state)
            for note in venue_notes(clients, venue, state or {}, self._page_size):
                if not isinstance(note, Mark):
                    seen = True
                    yield from read_note(note, venue, self._with_reviews)
                elif note.state is None and not seen:
                    raise InputError(f"OpenReview shows no submissions of {self.venue}", fix=f"Check the id. {LOGIN}")
                else:
                    yield note
        finally:
            clients.close()


def find_venue(clients: Clients, venue: str) -> Venue:
    """Ask for the venue's group: one of API 2 belongs to a domain.

    Raises:
        InputError: neither API knows the venue.
        SourceError: OpenReview does not answer, or refuses.
    """
    group = None
    try:
        group = clients.ask(2, "get_group", id=venue)
    except RefusedError as refused:
        if refused.status != 404:
            raise
        try:
            clients.ask(1, "get_group", id=venue)
        except RefusedError as again:
            if again.status != 404:
                raise
            fix = "The id stands in the address of the venue's page, as in ICLR.cc/2024/Conference."
            raise InputError(f"OpenReview has no venue {venue!r}", fix=fix) from again
    if group is None or not group.domain:
        usual = [f"{venue}/-/{name}" for name in ("Blind_Submission", "Submission", "submission")]
        shown = (one for one in usual if _page(clients, 1, one, limit=1))
        beside = (f"{venue}/-/Withdrawn_Submission", f"{venue}/-/Desk_Rejected_Submission")
        return Venue(venue, 1, (next(shown, usual[0]), *beside))
    says = {key: text for key, text in unwrap(group.content).items() if isinstance(text, str) and text}

    def own(key: str, usual: tuple[str, ...]) -> tuple[str, ...]:
        return (says[key], *usual) if key in says else usual

    return Venue(
        venue,
        2,
        (says.get("submission_id") or f"{venue}/-/{says.get('submission_name', 'Submission')}",),
        reviews=own("review_name", REVIEWS),
        decisions=own("decision_name", DECISIONS),
        decision=own("decision_field_name", ("decision", "recommendation")),
        rating=own("review_rating", RATING),
        confidence=own("review_confidence", CONFIDENCE),
    )


def venue_notes(
    clients: Clients, venue: Venue, state: Mapping[str, Any], size: int = PAGE
) -> Iterator[dict[str, Any] | Mark]:
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


def _page(clients: Clients, version: int, invitation: str, **request: Any) -> list[dict[str, Any]]:
    """Ask for a page of notes; an invitation that a venue never had has none."""
    try:
        return [vars(note) for note in clients.ask(version, "get_notes", invitation=invitation, sort="id", **request)]
    except RefusedError as refused:
        if refused.status == 404:
            return []
        raise
