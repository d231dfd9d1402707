"""What an OpenReview note says of a paper: its fields, decision, ratings and reviews.

A note means the same in API 1 and API 2 once API 2's {"value": ...} wrappings are taken off; only the names differ,
from venue to venue and from year to year.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from guide.corpus.records import Paper, PeerReview, Skipped, parse_paper, storable

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


@dataclass(frozen=True, slots=True)
class Venue:
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
        """The year in the id, if there is one."""
        return next((int(part) for part in self.id.split("/") if re.fullmatch(r"(19|20)\d\d", part)), None)

    @property
    def short_name(self) -> str:
        """As in "ICLR" for the conference and "ICLR 2024 Workshop X" for what stands beside it."""
        parts = self.id.split("/")
        at = parts.index(str(self.year)) if self.year else len(parts)
        host = re.sub(r"\.[a-z]+$", "", parts[max(at - 1, 0)])
        rest = " ".join(parts[at + 1 :]).replace("_", " ")
        return host if rest.lower() in ("", "conference") else f"{host} {self.year} {rest}"


def read_note(note: dict[str, Any], venue: Venue, with_reviews: bool) -> Iterator[Paper | Skipped]:
    """Make a note a paper; a review that cannot be kept is left out and said."""
    content = unwrap(note.get("content"))
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
    usable = [{**one, "content": unwrap(one.get("content"))} for one in replies if isinstance(one, dict)]
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


def _decision(note: dict[str, Any], content: dict[str, Any], replies: list[dict[str, Any]], venue: Venue) -> str | None:
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


def decided_at(note: dict[str, Any], venue: Venue) -> float | None:
    """When the note's decision was put down, milliseconds since 1970; None where no reply decides.

    A venue without decision notes decides in its meta-reviews.
    """
    replies = _replies(note)
    for names, wanted in ((venue.decisions, ""), (("meta_review",), "accept|reject|invite")):
        dates = [
            _number(one.get("tcdate")) or _number(one.get("cdate"))
            for one in replies
            if _is(one, names)
            for text in _texts(one["content"], venue.decision)
            if re.match(wanted, text, re.IGNORECASE)
        ]
        if known := [date for date in dates if date is not None]:
            return known[-1]
    return None


def _review(content: dict[str, Any], venue: Venue) -> PeerReview:
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


def unwrap(content: object) -> dict[str, Any]:
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
