"""Earlier versions of an OpenReview submission: what its abstract said before a moment.

API 2 keeps every edit of a note, with only what it changed; API 1 keeps whole references to it. Of either a reader is
shown what is public, or what a login may see.
"""

from __future__ import annotations

from typing import Any

from guide.corpus.sources.openreview_notes import unwrap
from guide.corpus.sources.openreview_service import Clients, RefusedError

__all__ = ["abstract_before"]


def abstract_before(clients: Clients, version: int, note: str, moment: float) -> str | None:
    """The last abstract that a note was given before a moment; None where no such version is shown.

    Args:
        clients: to ask.
        version: of the API that has the note.
        note: its id.
        moment: milliseconds since 1970.

    Raises:
        SourceError: OpenReview does not answer after all tries, or answers with something else.
    """
    try:
        if version == 2:
            versions = [
                (_date(edit), edit.note.content if edit.note else None)
                for edit in clients.ask(2, "get_note_edits", note_id=note, sort="tcdate:asc")
                if not edit.ddate
            ]
        else:
            # The blind submission that readers see is made of another note: `original` asks for that one's, too.
            versions = [
                (_date(one), one.content)
                for one in clients.ask(1, "get_references", referent=note, original=True)
                if not one.ddate
            ]
    except RefusedError as refused:
        # Whose versions are not public is only known by asking.
        if refused.status in (401, 403, 404):
            return None
        raise
    dated = [(date, text) for date, content in versions if (text := _abstract(content)) and _before(date, moment)]
    return max(dated, key=lambda version: version[0])[1] if dated else None


def _abstract(content: object) -> str:
    text = unwrap(content).get("abstract")
    return text.strip() if isinstance(text, str) else ""


def _date(version: Any) -> Any:
    """When the service was given a version; `cdate` is what its author says."""
    return version.cdate if version.tcdate is None else version.tcdate


def _before(date: Any, moment: float) -> bool:
    return isinstance(date, int | float) and date < moment
