from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from guide.text.authors import without_authors
from guide.text.blocks import Block
from guide.text.proposal import parse_text, read_proposal
from guide.text.reading import judged_text, judged_title
from tests.offices import opendocument, paragraph, word
from tests.paperset import specimens

ABSTRACT = "We keep a few keys of a long text and forget the others. Each key has a score."
METHOD = "The score of a key is the sum of the attention that it was given."
AUTHORS = (
    "Ada Lindqvist, Bo Tanaka",
    "Ada Lindqvist^1, Bo Tanaka^2 and Chidi Okafor",
    "A. Lindqvist, B. van Tanaka",
    "Ada Lindqvist\nUniversity of Somewhere\nada@some.edu",
    "Authors: Ada Lindqvist (Some University), Bo Tanaka",
    "By: Ada Lindqvist",
    "Affiliation: Some University\nE-mail: {ada, bo}@some.edu",
    "Corresponding author: Ada Lindqvist <ada@some.edu>",
    "Department of Computing, Some University, Northtown",
    "Google DeepMind",
)
THANKS = (
    "## Acknowledgements\n\nWe thank C. Okafor. Grant 12-345.",
    "This work was supported by the Fund for Caches under grant 12-345.",
    "Funding: Fund for Caches, grant 12-345.",
    "We thank Chidi Okafor for his advice.",
    "Supported in part by grant 12-345.",
)


def _markdown(authors: str = "", thanks: str = "") -> str:
    parts = ("# Caches that forget keys", authors, "## Abstract", ABSTRACT, "## Method", METHOD, thanks)
    return "\n\n".join(part for part in parts if part)


@pytest.mark.parametrize("suffix", [".md", ".txt"])
@pytest.mark.parametrize("thanks", THANKS)
@pytest.mark.parametrize("authors", AUTHORS)
def test_names_do_not_move_the_judged_text(authors: str, thanks: str, suffix: str) -> None:
    def text(authors: str = "", thanks: str = "") -> str:
        made = _markdown(authors, thanks)
        return made if suffix == ".md" else made.replace("# ", "").replace("#", "")

    plain, named = (parse_text(one, source="x", suffix=suffix) for one in (text(), text(authors, thanks)))
    assert (named.title, named.modules, named.form) == (plain.title, plain.modules, plain.form)
    assert (judged_title(named), judged_text(named)[0]) == (judged_title(plain), judged_text(plain)[0])
    assert any("left out: " in one and ("author names" in one or "e-mail" in one) for one in named.warnings)


def test_authors_right_below_a_labelled_title_are_left_out() -> None:
    text = f"Title: Caches that forget keys\nAuthors: Ada Lindqvist, Bo Tanaka (Univ)\nAbstract: {ABSTRACT}"
    proposal = parse_text(text, source="x", suffix=".txt")
    assert (proposal.title, proposal.modules) == ("Caches that forget keys", {"abstract": ABSTRACT})


def test_word_opendocument_and_html_leave_names_out_too(tmp_path: Path) -> None:
    (tmp_path / "a.docx").write_bytes(
        word(
            paragraph("Caches that forget keys", "Title"),
            paragraph("Ada Lindqvist, Bo Tanaka"),
            paragraph("Abstract", "Heading1"),
            paragraph(ABSTRACT),
        )
    )
    (tmp_path / "a.odt").write_bytes(
        opendocument(
            "<text:p text:style-name='Title'>Caches that forget keys</text:p><text:p>Ada Lindqvist, Bo Tanaka</text:p>"
            f"<text:h>Abstract</text:h><text:p>{ABSTRACT}</text:p>"
        )
    )
    (tmp_path / "a.html").write_text(
        f"<html><h1>Caches that forget keys</h1><p>Ada Lindqvist, Bo Tanaka</p><h2>Abstract</h2><p>{ABSTRACT}</p>",
        encoding="utf-8",
    )
    for name in ("a.docx", "a.odt", "a.html"):
        proposal = read_proposal(str(tmp_path / name))
        assert (proposal.title, proposal.modules) == ("Caches that forget keys", {"abstract": ABSTRACT}), name


@pytest.mark.parametrize(
    "text",
    ["We compare Google and Bing on ten tasks.", "Keys, Values and Queries matter here.", "By a rule: keep few keys."],
)
def test_sentences_of_the_text_stay(text: str) -> None:
    left_out: Counter[str] = Counter()
    blocks = [Block("A title of it", level=1), Block(text), Block("Method", level=2), Block(METHOD)]
    assert without_authors(blocks, left_out) == blocks
    assert not left_out


def test_every_format_of_the_set_is_read_right(tmp_path: Path) -> None:
    for one in specimens():
        if one.kind == "pdf":
            continue
        file = tmp_path / f"{one.name}.{one.kind}"
        file.write_bytes(one.source)
        proposal = read_proposal(str(file))
        assert proposal.title == one.title, one.name
        assert proposal.modules["abstract"] == one.abstract, one.name
        assert set(proposal.modules) == {"abstract", "contribution", "method", "experiments"}, one.name
        assert "Lindqvist" not in json.dumps(proposal.modules) and "Okafor" not in json.dumps(proposal.modules)
