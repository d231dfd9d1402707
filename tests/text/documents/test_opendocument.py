from __future__ import annotations

from pathlib import Path

from guide.text.documents.opendocument import read_opendocument
from guide.text.proposal import read_proposal
from tests.offices import opendocument


def test_an_opendocument_text_has_title_sections_and_lists(tmp_path: Path) -> None:
    file = tmp_path / "idea.odt"
    file.write_bytes(
        opendocument(
            "<text:p text:style-name='Title'>Caches that<text:s/>forget</text:p>"
            "<text:p text:style-name='Author'>Ada Writer</text:p>"
            "<text:h text:outline-level='1'>Abstract</text:h><text:p>We <text:span>keep</text:span> few keys.</text:p>"
            "<text:h text:outline-level='1'>Method</text:h>"
            "<text:list><text:list-item><text:p>Scores.</text:p></text:list-item></text:list>"
        )
    )
    proposal = read_proposal(str(file))
    assert proposal.title == "Caches that forget"
    assert proposal.modules == {"abstract": "We keep few keys.", "method": "Scores."}


def test_recorded_deletions_and_notes_are_not_read() -> None:
    body = (
        "<text:tracked-changes><text:p>gone</text:p></text:tracked-changes>"
        "<text:p>Kept<text:note><text:p>small print</text:p></text:note> text.</text:p>"
    )
    document = read_opendocument(opendocument(body), "x.odt")
    assert [block.text for block in document.blocks] == ["Kept text."]
    assert document.left_out == {"block of recorded changes": 1, "footnote": 1}


def test_white_and_undisplayed_text_is_hidden() -> None:
    styles = (
        "<style:style style:name='T1'><style:text-properties fo:color='#ffffff'/></style:style>"
        "<style:style style:name='T2'><style:text-properties text:display='none'/></style:style>"
    )
    body = "<text:p>Seen <text:span text:style-name='T1'>one</text:span><text:span text:style-name='T2'>two</text:span></text:p>"  # noqa: E501
    document = read_opendocument(opendocument(body, styles), "x.odt")
    assert (document.blocks[0].text, document.hidden) == ("Seen", ("one", "two"))
