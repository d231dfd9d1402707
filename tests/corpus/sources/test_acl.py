from __future__ import annotations

from pathlib import Path
from xml.sax.saxutils import escape

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guide.corpus.records import Paper, Skipped
from guide.corpus.sources import Mark
from guide.corpus.sources.acl import AclAnthology
from guide.errors import InputError


def collection(identifier: str, papers: str, volume: str = "long", meta: str = "<year>2023</year>") -> str:
    head = f'<?xml version="1.0"?><collection id="{identifier}"><volume id="{volume}"><meta>{meta}</meta>'
    return f"{head}{papers}</volume></collection>"


def paper(number: int = 1, title: str = "On bridges", abstract: str = "We build them.") -> str:
    return f'<paper id="{number}"><title>{title}</title><abstract>{abstract}</abstract></paper>'


def read(tmp_path: Path, text: str) -> list[Paper | Skipped | Mark]:
    file = tmp_path / "c.xml"
    file.write_text(text)
    return list(AclAnthology(file).read())


def test_a_paper_is_read_with_its_markup_taken_off(tmp_path: Path) -> None:
    marked = paper(title="On <fixed-case>B</fixed-case>ridges of <i>ice</i>")
    meta = "<booktitle>Proceedings</booktitle><month>July 3-5</month><year>2023</year>"
    found, mark = read(tmp_path, collection("2023.acl", marked, meta=meta))
    assert isinstance(found, Paper)
    assert (found.title, found.abstract, found.year) == ("On Bridges of ice", "We build them.", 2023)
    assert (found.id, found.url) == ("acl:2023.acl-long.1", "https://aclanthology.org/2023.acl-long.1/")
    assert (found.venue, found.posted) == ("ACL", "2023-07")
    assert mark == Mark(None)


@pytest.mark.parametrize(
    ("name", "volume", "number", "identifier", "venue"),
    [
        ("P17", "1", 1, "P17-1001", "ACL"),
        ("D19", "1", 12, "D19-1012", "EMNLP"),
        ("D19", "50", 3, "D19-5003", "EMNLP"),
        ("W18", "5", 7, "W18-0507", "Workshop"),
        ("2022.findings", "emnlp", 4, "2022.findings-emnlp.4", "Findings"),
        ("2022.naacl", "main", 4, "2022.naacl-main.4", "NAACL"),
    ],
)
def test_ids_and_venues_are_the_anthologys(
    tmp_path: Path, name: str, volume: str, number: int, identifier: str, venue: str
) -> None:
    found = read(tmp_path, collection(name, paper(number), volume, meta=""))[0]
    assert isinstance(found, Paper)
    assert (found.id, found.venue) == (f"acl:{identifier}", venue)


def test_a_paper_without_an_abstract_is_skipped_and_the_rest_goes_on(tmp_path: Path) -> None:
    bare = '<paper id="1"><title>Bare</title></paper>'
    found = read(tmp_path, collection("2023.acl", bare + paper(2)))
    assert isinstance(found[0], Skipped)
    assert "record 1 (2023.acl-long.1)" in found[0].where
    assert "abstract is missing" in found[0].reason or "abstract is empty" in found[0].reason
    assert isinstance(found[1], Paper)


def test_front_matter_is_no_paper(tmp_path: Path) -> None:
    front = "<frontmatter><title>Proceedings</title></frontmatter>"
    assert len(read(tmp_path, collection("2023.acl", front + paper()))) == 2


def test_xml_that_breaks_off_gives_what_came_before_and_says_where(tmp_path: Path) -> None:
    whole = collection("2023.acl", paper(1) + "\n" + paper(2))
    found = read(tmp_path, whole[: whole.index('<paper id="2">') + 20])
    assert isinstance(found[0], Paper)
    assert isinstance(found[1], Skipped)
    assert "breaks off" in found[1].reason
    assert found[1].where.endswith("c.xml:2")


def test_entities_are_refused(tmp_path: Path) -> None:
    bomb = '<!DOCTYPE c [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]>' + collection("2023.acl", paper(title="&b;"))[21:]
    with pytest.raises(InputError, match="defines entities"):
        read(tmp_path, bomb)


@pytest.mark.parametrize("text", ["<html><body/></html>", "<collection></collection>"])
def test_other_xml_is_an_error(tmp_path: Path, text: str) -> None:
    with pytest.raises(InputError, match="no collection of the ACL Anthology"):
        read(tmp_path, text)


texts = st.text(st.characters(exclude_categories=("Cs", "Cc", "Cn")), max_size=40)


@given(st.lists(st.tuples(texts, texts), max_size=6))
def test_every_paper_is_delivered_or_counted(
    tmp_path_factory: pytest.TempPathFactory, pairs: list[tuple[str, str]]
) -> None:
    papers = "".join(paper(n, escape(title), escape(abstract)) for n, (title, abstract) in enumerate(pairs, 1))
    found = read(tmp_path_factory.mktemp("acl"), collection("2023.acl", papers))
    delivered = [one for one in found if isinstance(one, Paper)]
    assert len(delivered) + sum(isinstance(one, Skipped) for one in found) == len(pairs)
    due = [" ".join(title.split()) for title, abstract in pairs if title.strip() and abstract.strip()]
    assert [one.title for one in delivered] == due
