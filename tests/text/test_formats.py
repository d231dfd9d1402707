"""One test for each everyday file that was once read wrong or refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from guide.errors import InputError
from guide.text.guards import LONGEST_ABSTRACT
from guide.text.proposal import parse_text, read_proposal
from guide.text.tally import tally


def _read(folder: Path, name: str, text: str) -> object:
    (folder / name).write_text(text, encoding="utf-8")
    return read_proposal(str(folder / name))


@pytest.mark.parametrize(
    ("link", "words"),
    [
        ("https://arxiv.org/abs/2401.12345v2", "the arXiv paper 2401.12345v2"),
        ("arXiv:2401.12345", "the arXiv paper 2401.12345"),
        ("2401.12345", "the arXiv paper 2401.12345"),
        ("https://openreview.net/forum?id=abc_DEF-1", "the page abc_DEF-1 of OpenReview"),
        ("https://example.org/paper", "this is an address"),
    ],
)
def test_a_link_is_named_and_how_to_go_on_is_said(link: str, words: str) -> None:
    with pytest.raises(InputError, match=words) as caught:
        read_proposal(link)
    assert caught.value.fix is not None and "ownload" in caught.value.fix


def test_a_notebook_is_its_markdown_cells(tmp_path: Path) -> None:
    cells = [
        {"cell_type": "markdown", "source": ["# Caches that forget\n", "\n", "We keep few keys."]},
        {"cell_type": "code", "source": "import numpy"},
    ]
    proposal = _read(tmp_path, "idea.ipynb", json.dumps({"cells": cells, "nbformat": 4}))
    assert (proposal.title, proposal.modules) == ("Caches that forget", {"abstract": "We keep few keys."})
    assert "left out: 1 code cell" in proposal.warnings


def test_a_notebook_of_code_alone_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no Markdown cells"):
        _read(tmp_path, "idea.ipynb", '{"cells": [{"cell_type": "code", "source": "x"}]}')


def test_html_has_its_title_and_sections_and_no_menu(tmp_path: Path) -> None:
    text = (
        "<html><nav>Home</nav><h1>Caches that forget</h1><h2>Abstract</h2><p>We keep.</p><h2>Method</h2><p>A score.</p>"
    )
    proposal = _read(tmp_path, "idea.html", text)
    assert proposal.title == "Caches that forget"
    assert proposal.modules == {"abstract": "We keep.", "method": "A score."}
    assert "left out: 1 menu" in proposal.warnings


@pytest.mark.parametrize("wrap", ["flat", "content", "list", "answer"])
def test_a_note_of_openreview_is_read_however_it_is_wrapped(tmp_path: Path, wrap: str) -> None:
    flat = {"title": {"value": "Caches that forget"}, "abstract": {"value": "We keep few keys."}}
    note = {"id": "x", "content": flat}
    value = {"flat": flat, "content": note, "list": [note], "answer": {"notes": [note], "count": 1}}[wrap]
    proposal = _read(tmp_path, "note.json", json.dumps(value))
    assert (proposal.title, proposal.modules) == ("Caches that forget", {"abstract": "We keep few keys."})


def test_of_several_notes_the_command_for_many_is_named() -> None:
    notes = [{"content": {"title": {"value": "A b"}, "abstract": {"value": "C"}}}] * 2
    with pytest.raises(InputError, match="a list of 2 notes") as caught:
        parse_text(json.dumps(notes), source="x.json", suffix=".json")
    assert "guide score" in str(caught.value)


def test_the_whole_of_an_escape_sequence_goes() -> None:
    proposal = parse_text("# \x1b[31mRED\x1b[0m\x1b]0;pwned\x07 caches\n\nWords.", source="x", suffix=".md")
    assert proposal.title == "RED caches"
    assert "escape sequences of terminals taken out (3)" in proposal.warnings


def test_a_kind_of_warning_comes_once_with_a_sum() -> None:
    warnings = ["control characters taken out (1)", "no title", "control characters taken out (2)"]
    assert tally(warnings) == ["control characters taken out (3)", "no title"]
    hidden = ["hidden text taken out (1 passage): “a”", "hidden text taken out (2 passages): “b”; “c”"]
    assert tally(hidden) == ["hidden text taken out (3 passages): “a”; “b”; “c”"]


def test_an_abstract_too_long_to_be_one_is_said_to_be_a_failed_split() -> None:
    long = "We show that it works in all cases. " * (LONGEST_ABSTRACT // 30)
    proposal = parse_text(f"# Caches that forget\n\n{long}", source="x", form="paper")
    assert any("could not be told from the rest" in one for one in proposal.warnings)
    idea = parse_text(f"# Caches that forget\n\n{long}", source="x", form="idea")
    assert not any("could not be told" in one for one in idea.warnings)


def test_a_text_of_characters_that_are_no_letters_is_refused() -> None:
    with pytest.raises(InputError, match="no letters"):
        parse_text("\x01\x02\ue000 a " * 200, source="x")


def test_a_pipe_is_refused_before_it_is_opened(tmp_path: Path) -> None:
    import os

    os.mkfifo(tmp_path / "pipe.md")
    with pytest.raises(InputError, match="no regular file"):
        read_proposal(str(tmp_path / "pipe.md"))
