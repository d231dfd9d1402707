"""Addresses where a file was expected: an arXiv paper or a page of OpenReview, named, with what to do offline."""

from __future__ import annotations

import re

from guide.errors import InputError

_ARXIV = re.compile(
    r"(?:https?:/{1,2}(?:www\.|export\.)?arxiv\.org/(?:abs|pdf|html)/|arxiv:\s?)?"
    r"(?P<id>\d{4}\.\d{4,5}|[a-z-]{2,12}(?:\.[A-Z]{2})?/\d{7})(?P<version>v\d{1,2})?(?:\.pdf)?/?",
    re.IGNORECASE,
)
_OPENREVIEW = re.compile(
    r"https?:/{1,2}(?:api2?\.)?openreview\.net/\w{1,20}\?(?:[^#\s]{0,200}&)?id=(?P<id>[\w-]{1,40})[^\s]*"
)
_ADDRESS = re.compile(r"(?:https?|ftp)://?\S+", re.IGNORECASE)


def refuse_link(source: str) -> None:
    """Say by name what a link is that was passed for a file.

    Raises:
        InputError: it is an arXiv paper, a page of OpenReview, or another address.
    """
    arxiv = _ARXIV.fullmatch(source)
    if arxiv:
        name = arxiv["id"] + (arxiv["version"] or "")
        version = f"its version {arxiv['version'][1:]}" if arxiv["version"] else "its latest version"
        raise InputError(
            f"this is the arXiv paper {name}, and guide reads it only from a file: it goes to no network",
            where=source,
            fix=f"Download {version}, https://arxiv.org/pdf/{name}, and pass that file.",
        )
    page = _OPENREVIEW.fullmatch(source)
    if page:
        raise InputError(
            f"this is the page {page['id']} of OpenReview, and guide reads it only from a file: it goes to no network",
            where=source,
            fix=f"Download https://openreview.net/pdf?id={page['id']} and pass that file.",
        )
    if _ADDRESS.fullmatch(source):
        raise InputError("this is an address, not a file", where=source, fix="Download it and pass the file.")
