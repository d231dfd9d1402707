"""The ACL Anthology's XML: one file a collection, volumes in it, papers in those."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from guide.corpus.records import Paper, Skipped, parse_paper
from guide.corpus.sources import Mark
from guide.corpus.sources.references import month_of
from guide.corpus.sources.text import open_bytes
from guide.errors import InputError

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

__all__ = ["AclAnthology"]

# The first letter of a collection of before 2020, P17, tells the venue.
_LETTERS = {
    "A": "ANLP", "C": "COLING", "D": "EMNLP", "E": "EACL", "H": "HLT", "I": "IJCNLP", "J": "CL", "K": "CoNLL",
    "L": "LREC", "M": "MUC", "N": "NAACL", "O": "ROCLING", "P": "ACL", "Q": "TACL", "R": "RANLP", "S": "SemEval",
    "T": "TINLAP", "U": "ALTA", "W": "Workshop", "X": "TIPSTER", "Y": "PACLIC",
}  # fmt: skip
# Names of newer collections, 2023.findings, that are not merely written in capitals.
_SPELLED = {"findings": "Findings", "conll": "CoNLL", "semeval": "SemEval", "starsem": "*SEM"}
_OLD = re.compile(r"([A-Z])(\d\d)")
_NEW = re.compile(r"(\d{4})\.(.+)")


@dataclass(slots=True)
class AclAnthology:
    """The papers of one file of the Anthology's XML.

    Attributes:
        path: the file, plain, .gz or .zst.
    """

    path: Path

    @property
    def name(self) -> str:
        """Names the format and the file."""
        return f"acl {self.path}"

    def read(self, state: Mapping[str, Any] | None = None) -> Iterator[Paper | Skipped | Mark]:
        """Deliver the papers in the file's order and one mark at the end; any state starts from the beginning.

        Where the XML breaks off, what came before is delivered and a `Skipped` says where.

        Raises:
            InputError: the file cannot be read, is no collection, defines entities, or defusedxml is not installed.
        """
        try:
            from defusedxml.common import DefusedXmlException
            from defusedxml.ElementTree import ParseError, iterparse
        except ModuleNotFoundError as error:
            fix = "pip install 'guide-advisor[formats]'"
            raise InputError("XML is read through defusedxml, which is not installed", fix=fix) from error
        collection, volume, meta = "", "", _Meta()
        papers = 0
        with open_bytes(self.path) as file:
            try:
                for event, element in iterparse(file, events=("start", "end")):
                    if event == "start":
                        if not collection:
                            collection = _collection(element, self.path)
                        elif element.tag == "volume":
                            volume, meta = element.get("id", ""), _Meta()
                    elif element.tag == "meta":
                        meta = _Meta(_line(element.find("year")), _line(element.find("month")))
                    elif element.tag == "paper":
                        papers += 1
                        yield _paper(element, collection, volume, meta, f"{self.path}:record {papers}")
                        element.clear()
            except ParseError as error:
                yield Skipped(
                    f"{self.path}:{error.position[0]}", f"the XML breaks off here ({error}); the rest is not read"
                )
            except DefusedXmlException as error:
                what = "the XML defines entities, which a paper list has no need of"
                raise InputError(what, where=self.path, fix="Fetch the file from the Anthology itself.") from error
        if not collection:
            raise InputError("is empty", where=self.path, fix="Name an XML file of the ACL Anthology.")
        yield Mark(None)


@dataclass(frozen=True, slots=True)
class _Meta:
    """When a volume appeared, in its own words."""

    year: str = ""
    month: str = ""


def _collection(element: Element, path: Path) -> str:
    if element.tag != "collection" or not element.get("id"):
        what = f"is XML, but no collection of the ACL Anthology (it begins with <{element.tag}>)"
        raise InputError(what, where=path, fix="Name an XML file of the Anthology, such as 2023.acl.xml.")
    return element.get("id", "")


def _paper(element: Element, collection: str, volume: str, meta: _Meta, where: str) -> Paper | Skipped:
    number = element.get("id", "")
    identifier = _identify(collection, volume, number)
    year = meta.year or _year(collection)
    try:
        if not year.isdecimal():
            raise ValueError("year is missing")
        return parse_paper(
            {
                "id": f"acl:{identifier}",
                "title": _line(element.find("title")),
                "abstract": _line(element.find("abstract")),
                "year": int(year),
                "venue": _venue(collection, volume),
                "posted": month_of(meta.month, int(year)),
                "url": f"https://aclanthology.org/{identifier}/",
            }
        )
    except ValueError as error:
        return Skipped(f"{where} ({identifier})", str(error))


def _identify(collection: str, volume: str, number: str) -> str:
    """The Anthology's id: P17-1001 for paper 1 of volume 1 of P17, 2023.acl-long.1 since 2020."""
    if not _OLD.fullmatch(collection):
        return f"{collection}-{volume}.{number}"
    # Workshops have two digits for the volume and two for the paper, others one and three.
    wide = collection[0] == "W" or (collection in {"C69", "D19"} and int(volume or 0) >= 5)
    return f"{collection}-{volume:0>2}{number:0>2}" if wide else f"{collection}-{volume}{number:0>3}"


def _venue(collection: str, volume: str) -> str:
    if old := _OLD.fullmatch(collection):
        return _LETTERS.get(old[1], collection)
    if new := _NEW.fullmatch(collection):
        return _SPELLED.get(new[2], new[2].upper())
    return collection


def _year(collection: str) -> str:
    if new := _NEW.fullmatch(collection):
        return new[1]
    if old := _OLD.fullmatch(collection):
        # The Anthology begins in 1965.
        return f"{'19' if int(old[2]) >= 65 else '20'}{old[2]}"
    return ""


def _line(element: Element | None) -> str:
    """An element's text without its markup, on one line."""
    return "" if element is None else " ".join("".join(element.itertext()).split())
