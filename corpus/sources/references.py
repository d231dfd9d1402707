"""What a reference says about which paper it is, and when it appeared: the same in BibTeX, RIS and tables."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

__all__ = ["check_letters", "identify", "keywords_of", "month_of", "year_of"]

ARXIV_ID = r"(\d{4}\.\d{4,5}|[a-z-]+(?:\.[a-z-]{2,})?/\d{7})(?!\d)"
ARXIV = re.compile(rf"(?:arxiv\.org/(?:abs|pdf|html)/|\barxiv\s*:\s*|10\.48550/arxiv\.){ARXIV_ID}", re.IGNORECASE)
BARE_ARXIV = re.compile(rf"{ARXIV_ID}(?:v\d+)?(?:\s*\[.*\])?", re.IGNORECASE)
DOI = re.compile(r"10\.\d{4,9}/[^\s{}\"<>]+")
MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
MONTH_NAME = re.compile(rf"(?<![a-z])({'|'.join(MONTHS)})")
DAY = re.compile(r"([0-9]{4})(?:[-/]([0-9]{1,2})?(?:[-/].*)?)?", re.DOTALL)
YEAR = re.compile(r"(?<![0-9])(?:19|20)[0-9]{2}(?![0-9])")


def identify(fields: Iterable[str], *, eprint: str = "", doi: str = "") -> str | None:
    """Say which paper is meant: "arxiv:ID" without a version, else "doi:NAME" in small letters, else None.

    Args:
        fields: texts that may hold an arXiv address, DOI or "arXiv:ID", such as the URL and the journal.
        eprint: what the reference calls its number on arXiv.
        doi: the DOI, with or without a resolver's address before it.
    """
    bare = BARE_ARXIV.fullmatch(eprint.strip())
    found = bare or next((one for text in (eprint, doi, *fields) if (one := ARXIV.search(text))), None)
    if found:
        # Old numbers are known without the subject class: math.GT/0309136 is math/0309136.
        archive, slash, number = found[1].lower().rpartition("/")
        return f"arxiv:{archive.partition('.')[0]}{slash}{number}"
    named = DOI.search(doi)
    return f"doi:{named[0].rstrip('.,;').lower()}" if named else None


def year_of(text: str) -> int | None:
    """Read the year at the start of "2020", "2020-05-01", "2020/05//"; None where there is no text.

    Raises:
        ValueError: the text is no year.
    """
    if not text.strip():
        return None
    found = DAY.fullmatch(text.strip())
    if found is None:
        raise ValueError(f"{text.strip()[:40]!r} is not a year")
    return int(found[1])


def month_of(text: str, year: int | None) -> str | None:
    """Write "YYYY-MM" of "jul", "July", "7", "2020-07-01", "2020/07//" or "1 July 2020"; None where no month is named.

    Args:
        text: what stands for the month or the day.
        year: the year where the text names none.
    """
    said = text.strip().lower()
    number = 0
    if said.isascii() and said.isdigit() and len(said) <= 2:
        number = int(said)
    elif (day := DAY.fullmatch(said)) and day[2]:
        number = int(day[2])
    elif named := MONTH_NAME.search(said):
        number = MONTHS.index(named[1]) + 1
    own = YEAR.search(said)
    year = int(own[0]) if own else year
    return f"{year:04d}-{number:02d}" if year is not None and 1 <= number <= 12 else None


def keywords_of(text: str) -> list[str]:
    """Part keywords at semicolons, or at commas where there is no semicolon."""
    return [" ".join(one.split()) for one in text.split(";" if ";" in text else ",") if one.strip()]


def check_letters(fields: Mapping[str, str]) -> None:
    """Refuse bytes that were no UTF-8 and came through as halves of surrogate pairs. Raises ValueError."""
    for name, value in fields.items():
        if any("\ud800" <= sign <= "\udfff" for sign in value):
            raise ValueError(f"{name} is not UTF-8")
