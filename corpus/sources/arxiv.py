"""arXiv, harvested by OAI-PMH 2.0 in arXiv's own record format."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from guide.corpus.records import Paper, Skipped, storable
from guide.corpus.sources import Mark
from guide.corpus.sources.http import GO_ON, Client
from guide.errors import InputError, SourceError

__all__ = ["Arxiv"]

OAI = "{http://www.openarchives.org/OAI/2.0/}"
ARXIV = "{http://arxiv.org/OAI/arXiv/}"
ENDPOINT = "https://oaipmh.arxiv.org/oai"
# The archives that are groups of their own; all others stand in the group physics.
GROUPS = frozenset({"cs", "econ", "eess", "math", "q-bio", "q-fin", "stat"})
CATEGORY = re.compile(r"[a-z]+(-[a-z]+)?(\.[A-Za-z-]+)?")
_log = logging.getLogger(__name__)


@dataclass(slots=True)
class Arxiv:
    """The papers of one category ("cs.LG") or archive ("cs").

    Attributes:
        category: as arXiv spells it.
        start: first day on which a record was last changed (not posted: OAI-PMH knows only the change), or None.
        until: last such day, or None.
        url: the OAI-PMH endpoint.
        client: what fetches; arXiv asks for three seconds between requests.
        total: records that the service announced for the whole list, None before the first page or where unknown.
    """

    category: str
    start: date | None = None
    until: date | None = None
    url: str = ENDPOINT
    client: Client = field(default_factory=lambda: Client(interval=3.0))
    total: int | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        if not CATEGORY.fullmatch(self.category):
            raise InputError(f"{self.category!r} is no arXiv category", fix="Write one like cs.LG or cs.")
        if self.start and self.until and self.start > self.until:
            raise InputError("the first day is after the last")

    @property
    def name(self) -> str:
        """Names the endpoint, category and days."""
        return f"arxiv {self.url} {self.category} {self.start or ''}..{self.until or ''}"

    @property
    def oai_set(self) -> str:
        """The category in the set spelling of arXiv's OAI-PMH: cs.LG is cs:cs:LG."""
        archive, _, subject = self.category.partition(".")
        if archive in GROUPS:
            return f"{archive}:{archive}:{subject}" if subject else archive
        return f"physics:{archive}:{subject}" if subject else f"physics:{archive}"

    def read(self, state: Mapping[str, Any] | None = None) -> Iterator[Paper | Skipped | Mark]:
        """Deliver the papers, with a mark after each page.

        Raises:
            InputError: the service knows no such set or date.
            SourceError: as `Client.get`, or the answer is not OAI-PMH.
        """
        token = _token(state)
        restarted = False
        while True:
            page = self._page(token)
            error = page.find(f"{OAI}error")
            code = "" if error is None else error.get("code", "")
            if code == "badResumptionToken" and token and not restarted:
                # The list has no promised order, so only a start from the mark's first day loses nothing.
                _log.warning(
                    "arXiv no longer knows the place to go on from; starting over at %s", self.start or "the start"
                )
                token, restarted = None, True
                continue
            if code == "noRecordsMatch":
                _log.warning("arXiv has no records for %s in these days", self.category)
                yield Mark(None)
                return
            if error is not None:
                said = f"arXiv says {code}: {error.text or ''}"
                raise InputError(said, where=self.url) if code == "badArgument" else SourceError(said, where=self.url)
            records = page.find(f"{OAI}ListRecords")
            if records is None:
                raise SourceError("the answer is not a list of OAI-PMH records", where=self.url)
            for number, record in enumerate(records.findall(f"{OAI}record"), 1):
                yield self._paper(record, f"{self.url} {token or 'first page'}, record {number}")
            following = records.find(f"{OAI}resumptionToken")
            seen = token
            token = None
            if following is not None:
                size = following.get("completeListSize", "")
                self.total = int(size) if size.isdecimal() else self.total
                token = (following.text or "").strip() or None
            if token is not None and token == seen:
                raise SourceError("the service gave the same page token twice", where=self.url)
            if token is None:
                yield Mark(None)
                return
            yield Mark({"token": token, "start": _day(self.start), "until": _day(self.until)})

    def _page(self, token: str | None) -> Any:
        try:
            from defusedxml.common import DefusedXmlException
            from defusedxml.ElementTree import ParseError, fromstring
        except ImportError as error:
            raise InputError("the package defusedxml is missing", fix="pip install 'guide-advisor[web]'") from error
        query = {"verb": "ListRecords"}
        if token:
            query["resumptionToken"] = token
        else:
            query |= {"metadataPrefix": "arXiv", "set": self.oai_set}
            query |= {"from": self.start.isoformat()} if self.start else {}
            query |= {"until": self.until.isoformat()} if self.until else {}
        for last in (False, True):
            try:
                return fromstring(self.client.get(self.url, query))
            except DefusedXmlException as error:
                raise SourceError("the answer's XML defines entities, which is refused", where=self.url) from error
            except (ParseError, LookupError, ValueError) as error:  # the last two: an unknown encoding
                if last:
                    raise SourceError(f"the answer's XML is broken ({error})", where=self.url, fix=GO_ON) from error
        raise AssertionError

    def _paper(self, record: Any, place: str) -> Paper | Skipped:
        head = record.find(f"{OAI}header")
        name = "" if head is None else (head.findtext(f"{OAI}identifier") or "").strip().removeprefix("oai:arXiv.org:")
        where = f"arxiv:{name}" if name else place
        if head is not None and head.get("status") == "deleted":
            return Skipped(where, "deleted by arXiv")
        body = record.find(f"{OAI}metadata/{ARXIV}arXiv")
        if body is None:
            return Skipped(where, "has no metadata in arXiv's format")
        texts = {
            key: _line(body.findtext(f"{ARXIV}{key}")) for key in ("id", "created", "title", "categories", "abstract")
        }
        if not any(one == self.category or one.startswith(f"{self.category}.") for one in texts["categories"].split()):
            return Skipped(where, f"is not in {self.category}")
        try:
            if not texts["id"]:
                raise ValueError("id is missing")
            created = date.fromisoformat(texts["created"])
            paper = Paper(
                id=f"arxiv:{texts['id']}",
                title=texts["title"],
                abstract=texts["abstract"],
                year=created.year,
                venue="arXiv",
                posted=f"{created:%Y-%m}",
                url=f"https://arxiv.org/abs/{texts['id']}",
            )
            return storable(paper)
        except ValueError as error:
            return Skipped(where, str(error))


def _token(state: Mapping[str, Any] | None) -> str | None:
    token = state.get("token") if state else None
    return token if isinstance(token, str) and token else None


def _line(text: str | None) -> str:
    return " ".join((text or "").split())


def _day(day: date | None) -> str | None:
    return day.isoformat() if day else None
