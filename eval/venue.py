"""The decisions of a venue on OpenReview, with each abstract as it stood before the decision."""

from __future__ import annotations

import json
import re
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from guide.corpus.jsonl import Skipped, read_jsonl
from guide.corpus.records import Paper
from guide.corpus.sources import Mark
from guide.corpus.sources.openreview_notes import Venue, decided_at, read_note, unwrap
from guide.errors import InputError
from guide.eval.decisions import Decision, DecisionSet, select_decisions

if TYPE_CHECKING:
    from guide.corpus.sources.openreview_service import Clients

_AREAS = ("primary_area", "area", "subject_area", "primary_subject_area", "track")
_ACCEPTED = re.compile(r"\W*(?:conditional(?:ly)?\s+)?accept", re.IGNORECASE)
# An invitation to a workshop is no acceptance at the conference.
_NOT_ACCEPTED = re.compile(r"\W*(?:reject|withdrawn|invite|not\s+accept|decline)", re.IGNORECASE)
_RATINGS = (0.0, 10.0)


@dataclass(frozen=True, slots=True)
class _Decided:
    """A submission, and from when on its text may know the decision."""

    note: str
    decision: Decision
    at: float | None


def read_venue_decisions(
    venue: str,
    *,
    url: str | None = None,
    url_v1: str | None = None,
    revisions: bool = True,
    cache: Path | None = None,
    limit: int | None = None,
    sleep: Callable[[float], None] = time.sleep,
) -> DecisionSet:
    """Read what was decided on a venue's submissions, in the order of their ids.

    Withdrawn counts as not accepted. Left out, with the reason: desk rejects, which nobody reviewed; submissions
    without a public decision; and what `read_decisions` leaves out. A submission's abstract before the decision is the
    last one given before its decision note; where it has no such note, as withdrawn ones have none, before the first
    one of the venue.

    Args:
        venue: id of its group, as in "ICLR.cc/2025/Conference".
        url: API 2; None for OpenReview's own.
        url_v1: API 1; None for OpenReview's own.
        revisions: ask for earlier versions of the abstracts: one request a submission.
        cache: JSON lines file that keeps them, made if it is missing: a run that was broken off, or another replay of
            the venue, asks only for what is not in it.
        limit: stop after this many usable records.
        sleep: waits so many seconds between two tries.

    Raises:
        InputError: OpenReview does not know the venue, shows no decisions of it or all alike; openreview-py is not
            installed; or the cache cannot be read or written.
        SourceError: OpenReview does not answer, or refuses.
    """
    from guide.corpus.sources.openreview import URL, URL_V1, find_venue
    from guide.corpus.sources.openreview_service import LOGIN, Clients

    clients = Clients((url or URL).rstrip("/"), (url_v1 or URL_V1).rstrip("/"), sleep)
    try:
        found = find_venue(clients, venue.strip().strip("/"))
        decided: dict[str, _Decided] = {}
        chosen = select_decisions(
            _told(_decided(clients, found), decided),
            where=venue,
            fix=f"Choose a venue whose decisions are public. {LOGIN}",
            limit=limit,
        )
        if not revisions:
            return chosen
        before = _revisions(clients, found, [decided[one.id] for one in chosen.records], cache)
        records = tuple(replace(one, predecision=before.get(one.id)) for one in chosen.records)
        return DecisionSet(records, chosen.skipped)
    finally:
        clients.close()


def _decided(clients: Clients, venue: Venue) -> Iterator[_Decided | Skipped]:
    from tqdm import tqdm

    from guide.corpus.sources.openreview import venue_notes

    notes = venue_notes(clients, venue, {})
    for note in tqdm(notes, desc="decisions", unit="note", delay=2, disable=None, file=sys.stderr):
        if isinstance(note, Mark):
            continue
        for one in read_note(note, venue, with_reviews=False):
            if isinstance(one, Skipped):
                yield one
                continue
            try:
                decision = _decision(one, note)
            except ValueError as error:
                yield Skipped(f"openreview:{note.get('forum') or note.get('id')}", str(error))
            else:
                yield _Decided(str(note.get("id")), decision, decided_at(note, venue))


def _told(delivered: Iterator[_Decided | Skipped], decided: dict[str, _Decided]) -> Iterator[Decision | Skipped]:
    """Pass the decisions on, and keep what is known of each beside in `decided`, by id."""
    for one in delivered:
        if isinstance(one, Skipped):
            yield one
        else:
            decided.setdefault(one.decision.id, one)
            yield one.decision


def _decision(paper: Paper, note: Mapping[str, Any]) -> Decision:
    """Make a decision of a paper. Raises ValueError where it cannot be replayed."""
    if paper.decision is None:
        raise ValueError("no decision is public")
    if paper.decision.lower().startswith("desk reject"):
        raise ValueError("desk rejected")
    accepted = _ACCEPTED.match(paper.decision) is not None
    if not accepted and _NOT_ACCEPTED.match(paper.decision) is None:
        raise ValueError(f"the decision {paper.decision[:40]!r} is neither accept nor reject")
    low, high = _RATINGS
    if not all(low <= rating <= high for rating in paper.ratings):
        raise ValueError("ratings are not numbers from 0 to 10")
    content = unwrap(note.get("content"))
    areas = (content.get(name) for name in _AREAS)
    return Decision(
        id=paper.id,
        title=paper.title,
        abstract=paper.abstract,
        accepted=accepted,
        ratings=paper.ratings,
        year=paper.year,
        where=paper.url or paper.id,
        area=next((" ".join(area.split()) for area in areas if isinstance(area, str) and area.strip()), ""),
    )


def _revisions(clients: Clients, venue: Venue, decided: list[_Decided], cache: Path | None) -> dict[str, str]:
    """The abstracts before the decision, by the submission's id; where none is shown there is no entry."""
    from tqdm import tqdm

    from guide.corpus.sources.openreview_revisions import abstract_before

    first = min((one.at for one in decided if one.at is not None), default=None)
    known = _cached(cache)
    found: dict[str, str] = {}
    with _appending(cache) as kept:
        for one in tqdm(decided, desc="revisions", unit="note", delay=2, disable=None, file=sys.stderr):
            moment = one.at if one.at is not None else first
            if moment is None:
                continue
            key = (one.note, moment)
            if key not in known:
                known[key] = abstract_before(clients, venue.version, one.note, moment)
                # That nothing is shown may be otherwise after a login.
                if kept is not None and known[key] is not None:
                    row = {"note": one.note, "before": moment, "abstract": known[key]}
                    kept.write((json.dumps(row) + "\n").encode())
                    kept.flush()
            abstract = known[key]
            if abstract is not None:
                found[one.decision.id] = abstract
    return found


def _cached(cache: Path | None) -> dict[tuple[str, float], str | None]:
    """What a cache holds; a line that a kill cut short is asked for again."""
    known: dict[tuple[str, float], str | None] = {}
    if cache is None or not cache.exists():
        return known
    for line in read_jsonl(cache):
        if isinstance(line, Skipped):
            continue
        note, before, abstract = (line[1].get(name) for name in ("note", "before", "abstract"))
        if isinstance(note, str) and isinstance(before, int | float) and isinstance(abstract, str):
            known[note, float(before)] = abstract
    return known


def _appending(cache: Path | None) -> AbstractContextManager[IO[bytes] | None]:
    if cache is None:
        return nullcontext()
    try:
        file = cache.open("ab+")
    except OSError as error:
        raise InputError(f"cannot be written ({error.strerror})", where=cache, fix="Name another cache.") from error
    if file.tell():
        file.seek(-1, 2)
        if file.read(1) != b"\n":
            file.write(b"\n")
    return file
