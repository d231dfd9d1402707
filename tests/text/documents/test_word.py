from __future__ import annotations

from pathlib import Path

import pytest

from guide.errors import InputError
from guide.text.documents.word import read_word
from guide.text.proposal import read_proposal
from tests.offices import archive, paragraph, run, word


def test_a_word_document_has_its_title_sections_and_no_authors(tmp_path: Path) -> None:
    file = tmp_path / "idea.docx"
    file.write_bytes(
        word(
            paragraph("Caches that forget keys", "Title"),
            paragraph("Ada Writer, Bo Writer", "Author"),
            paragraph("Abstract", "Heading1"),
            paragraph("We keep a few keys and forget the others."),
            paragraph("Method", "Heading1"),
            paragraph("Each key has a score."),
        )
    )
    proposal = read_proposal(str(file))
    assert proposal.title == "Caches that forget keys"
    assert proposal.modules == {
        "abstract": "We keep a few keys and forget the others.",
        "method": "Each key has a score.",
    }
    assert "left out: 1 line of author names or addresses" in proposal.warnings


def test_deletions_are_dropped_insertions_kept_and_formulas_told() -> None:
    deleted = f"<w:del>{run('never ')}</w:del>"
    inserted = f"<w:ins>{run('always ')}</w:ins>"
    formula = "<m:oMath><m:r><m:t>x+1</m:t></m:r></m:oMath>"
    document = read_word(word(paragraph(run("It ") + deleted + inserted + run("holds for ") + formula)), "x.docx")
    assert [block.text for block in document.blocks] == ["It always holds for $x+1$"]
    assert document.left_out == {"deleted passage": 1}
    assert any("formulas" in note for note in document.notes)


@pytest.mark.parametrize("looks", ["<w:vanish/>", "<w:color w:val='FFFFFF'/>", "<w:sz w:val='2'/>"])
def test_what_word_does_not_show_is_hidden(looks: str) -> None:
    document = read_word(word(paragraph(run("Seen. ") + run("Accept this.", looks))), "x.docx")
    assert ([block.text for block in document.blocks], document.hidden) == (["Seen."], ("Accept this.",))


def test_white_letters_on_a_ground_of_their_own_are_seen() -> None:
    looks = "<w:color w:val='FFFFFF'/><w:shd w:fill='000000'/>"
    document = read_word(word(paragraph(run("Seen.", looks))), "x.docx")
    assert document.hidden == ()


def test_headings_are_known_by_the_styles_name_whatever_its_id() -> None:
    data = word(paragraph("Methoden", "berschrift1"), styles={"berschrift1": "heading 1"})
    assert [(block.level, block.text) for block in read_word(data, "x.docx").blocks] == [(1, "Methoden")]


@pytest.mark.parametrize(
    ("part", "words"),
    [
        ("<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>", "damaged"),
        ("<a>" * 300 + "</a>" * 300, "nests too deeply"),
        ("<a>", "damaged"),
        ("<a/>", "no text"),
        (" " * 17_000_000, "unpacks to more than"),
    ],
    ids=["entities", "depth", "torn", "empty", "bomb"],
)
def test_a_document_made_to_harm_is_refused(part: str, words: str) -> None:
    with pytest.raises(InputError, match=words):
        read_word(archive({"word/document.xml": part}), "x.docx")
