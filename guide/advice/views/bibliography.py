"""The closest work as BibTeX and as RIS, to be pasted into a reference manager.

The store holds no authors, so neither has any: the entries say where a paper is found, and a reference manager that
knows the address fills in the rest.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator

from guide.review import CitedPaper, Evidence

_LATEX = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "&": r"\&",
    "%": r"\%",
    "$": r"\$",
    "#": r"\#",
    "_": r"\_",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
}
_UNNAMED = frozenset({"a", "an", "the", "on", "in", "of", "for", "to", "is", "are", "and", "with", "towards", "toward"})
_NO_VENUE = frozenset({"", "arxiv", "preprint"})


def to_bibtex(evidence: Iterable[Evidence]) -> str:
    """The papers as BibTeX entries, in their order; an empty text for none.

    Characters that LaTeX reads as commands are escaped; a key is the first telling word of the
    title and the year, made unique by a letter.
    """
    return "\n".join(_entry(key, item.paper) for key, item in _keyed(evidence))


def to_ris(evidence: Iterable[Evidence]) -> str:
    """The papers as RIS records, in their order; an empty text for none."""
    return "\n".join(_record(key, item.paper) for key, item in _keyed(evidence))


def _entry(key: str, paper: CitedPaper) -> str:
    preprint = paper.venue.casefold() in _NO_VENUE
    # The inner braces keep a style from lowering the capitals of a name.
    fields = {
        "title": f"{{{_escape(paper.title)}}}",
        "note" if preprint else "booktitle": _escape(paper.venue or "Preprint"),
        "year": str(paper.year),
        "url": _address(paper.url),
    }
    lines = [f"  {name} = {{{value}}}," for name, value in fields.items() if value]
    return "\n".join([f"@{'misc' if preprint else 'inproceedings'}{{{key},", *lines, "}"]) + "\n"


def _record(key: str, paper: CitedPaper) -> str:
    preprint = paper.venue.casefold() in _NO_VENUE
    # A conference's name is T2 in the records of every manager that was looked at.
    fields = [
        ("TY", "UNPB" if preprint else "CPAPER"),
        ("ID", key),
        ("TI", _line(paper.title)),
        ("T2", "" if preprint else _line(paper.venue)),
        ("PY", str(paper.year)),
        ("UR", _line(paper.url or "")),
    ]
    return "".join(f"{tag}  - {value}\n" for tag, value in fields if value) + "ER  - \n"


def _keyed(evidence: Iterable[Evidence]) -> Iterator[tuple[str, Evidence]]:
    taken: set[str] = set()
    for item in evidence:
        stem = f"{_first_word(item.paper.title)}{item.paper.year}"
        key, number = stem, 1
        while key in taken:
            number += 1
            key = f"{stem}-{number}"
        taken.add(key)
        yield key, item


def _first_word(title: str) -> str:
    """The first telling word in plain ASCII letters; 'paper' where there is none."""
    plain = unicodedata.normalize("NFKD", title).encode("ascii", "ignore").decode("ascii").casefold()
    words = re.findall(r"[a-z]+", plain)
    return next((word for word in words if word not in _UNNAMED), words[0] if words else "paper")


def _escape(text: str) -> str:
    return "".join(_LATEX.get(character, character) for character in _line(text))


def _address(url: str | None) -> str:
    """An address with what would end the field percent-encoded."""
    return re.sub(r'[{}\\"\s]', lambda match: f"%{ord(match[0]):02X}", url or "")


def _line(text: str) -> str:
    """The text on one line, without control characters."""
    return " ".join("".join(" " if unicodedata.category(one) == "Cc" else one for one in text).split())
