"""Sixty documents made for measuring how well formats are read: sources, and what is in them."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass

from tests.offices import opendocument, paragraph, word

NAMES = ("Ada Lindqvist", "Bo Tanaka", "Chidi Okafor", "Dana Whitmore", "Eyal Brandt", "Fen Zhao")
PLACES = ("University of Somewhere", "Institute for Caches, Northtown", "Somelab Inc.")
TITLES = (
    ("Caches That Forget What Nobody Asks For", "Caches That Forget What Nobody Asks For"),
    ("$K^3$: Reducing the Cost of Long Answers by Thrift", "K3: Reducing the Cost of Long Answers by Thrift"),
    (r"\textsc{KeyMix}: Data Recipes for Small Retrievers", "KeyMix: Data Recipes for Small Retrievers"),
    (
        "On the Unreasonable Thrift of Keys: a Study of Memory, Attention and What Is Lost When a Model Forgets",
        "On the Unreasonable Thrift of Keys: a Study of Memory, Attention and What Is Lost When a Model Forgets",
    ),
)
SECTIONS = ("Introduction", "Related Work", "Method", "Experiments", "Conclusion")
_SUBJECTS = ("the model", "a small cache", "each key", "our schedule", "the encoder", "a long prompt", "every layer")
_VERBS = ("keeps", "forgets", "compares", "reads", "measures", "shifts", "repeats", "scores")
_OBJECTS = (
    "few of its values",
    "the oldest entries",
    "what was asked",
    "two kinds of noise",
    "its own errors",
    "the rest",
)
_ENDS = (
    "in most layers",
    "at a low cost",
    "without more training",
    "on four tasks",
    "when memory is short",
    "by a rule",
)


@dataclass(frozen=True, slots=True)
class Specimen:
    """One document of the set.

    Attributes:
        name: of its file, without an ending.
        kind: "pdf" (LaTeX to be set), or the ending of the file.
        source: its bytes; for "pdf" LaTeX.
        title, abstract: expected.
        sections: expected headings, in order.
    """

    name: str
    kind: str
    source: bytes
    title: str
    abstract: str
    sections: tuple[str, ...]


def specimens() -> Iterator[Specimen]:
    """The sixty, the same at every call."""
    for at, (template, setting) in enumerate(TEMPLATES.items()):
        for variant in range(3):
            dice = random.Random(100 * at + variant)
            latex, title = TITLES[(at + variant) % len(TITLES)]
            abstract = _prose(dice, 9)
            source = setting(dice, latex, abstract)
            yield Specimen(f"{template}-{variant}", "pdf", source.encode(), title, abstract, SECTIONS)
    for at, (kind, setting) in enumerate(PLAIN.items()):
        for variant in range(4):
            dice = random.Random(9_000 + 10 * at + variant)
            title = TITLES[(at + variant) % len(TITLES)][1]
            abstract = _prose(dice, 8)
            made = setting(dice, title, abstract)
            source = made if isinstance(made, bytes) else made.encode()
            yield Specimen(f"{kind}-{variant}", kind.partition("-")[0], source, title, abstract, SECTIONS)


def _sentence(dice: random.Random) -> str:
    words = f"{dice.choice(_SUBJECTS)} {dice.choice(_VERBS)} {dice.choice(_OBJECTS)} {dice.choice(_ENDS)}"
    return words[0].upper() + words[1:] + "."


def _prose(dice: random.Random, sentences: int) -> str:
    return " ".join(_sentence(dice) for _ in range(sentences))


def _body(dice: random.Random, command: str = "section") -> str:
    return (
        "\n".join(
            f"\\{command}{{{name}}}\n{_prose(dice, 30)}\n\n{_prose(dice, 25)} $x_i = \\alpha^2$.\n" for name in SECTIONS
        )
        + "\\begin{thebibliography}{9}\\bibitem{a} A. Person. A paper. 2020.\\end{thebibliography}"
    )


def _article(options: str, preamble: str = "", above: str = "") -> object:
    def setting(dice: random.Random, title: str, abstract: str) -> str:
        return (
            f"\\documentclass{options}\n{preamble}\\title{{{title}}}\n\\author{{{NAMES[0]}\\\\{PLACES[0]} \\and {NAMES[1]}\\\\"  # noqa: E501
            f"{PLACES[1]}}}\n\\begin{{document}}\\maketitle\n{above}\\begin{{abstract}}\n{abstract}\n\\end{{abstract}}\n"
            f"{_body(dice)}\\end{{document}}\n"
        )

    return setting


def _ieee(dice: random.Random, title: str, abstract: str) -> str:
    authors = f"\\IEEEauthorblockN{{{NAMES[2]}}}\\IEEEauthorblockA{{{PLACES[0]}\\\\ok@some.edu}}"
    return (
        f"\\documentclass[conference]{{IEEEtran}}\n\\title{{{title}}}\\author{{{authors}}}\n\\begin{{document}}\\maketitle\n"
        f"\\begin{{abstract}}{abstract}\\end{{abstract}}\n{_body(dice)}\\end{{document}}\n"
    )


def _llncs(dice: random.Random, title: str, abstract: str) -> str:
    return (
        f"\\documentclass{{llncs}}\n\\title{{{title}}}\\author{{{NAMES[3]} \\and {NAMES[4]}}}\\institute{{{PLACES[1]}}}\n"  # noqa: E501
        f"\\begin{{document}}\\maketitle\\begin{{abstract}}{abstract}\\end{{abstract}}\n{_body(dice)}\\end{{document}}\n"
    )


def _conference(columns: int, abstract_head: str) -> object:
    """Styles of machine learning's conferences, whose own files are not free to pass on."""

    def setting(dice: random.Random, title: str, abstract: str) -> str:
        top = (
            f"{{\\centering\\rule{{\\textwidth}}{{2pt}}\\par{{\\LARGE\\bfseries {title}\\par}}\\rule{{\\textwidth}}{{1pt}}"  # noqa: E501
            f"\\par\\bigskip {NAMES[0]}\\quad {NAMES[5]}\\par {PLACES[2]}\\par a@some.org\\par\\bigskip}}"
        )
        head = f"\\begin{{center}}{abstract_head}\\end{{center}}\\begin{{quote}}{abstract}\\end{{quote}}\n"
        begin = f"\\twocolumn[{top}]" if columns == 2 else top
        return (
            "\\documentclass[10pt]{article}\\usepackage{times}\\usepackage[margin=1in]{geometry}\n\\begin{document}\n"
            f"{begin}\n{head}{_body(dice)}\\end{{document}}\n"
        )

    return setting


def _working_paper(dice: random.Random, title: str, abstract: str) -> str:
    return (
        "\\documentclass[12pt]{article}\\usepackage{fancyhdr}\\pagestyle{fancy}\\lhead{Working paper 12}\n\\begin{document}\n"  # noqa: E501
        f"\\begin{{titlepage}}\\centering{{\\Large {title}\\par}}\\vspace{{2cm}}{NAMES[0]}\\footnote{{{PLACES[0]}.}}\\par March 2020"  # noqa: E501
        f"\\vfill\\textbf{{Abstract}}\\par\\begin{{quote}}{abstract}\\end{{quote}}\\end{{titlepage}}\n{_body(dice)}\\end{{document}}\n"
    )


def _elsevier(dice: random.Random, title: str, abstract: str) -> str:
    return (
        "\\documentclass[preprint]{elsarticle}\n\\begin{document}\n"
        f"\\begin{{frontmatter}}\\title{{{title}}}\\author{{{NAMES[1]}}}\\address{{{PLACES[0]}}}\n"
        f"\\begin{{abstract}}{abstract}\\end{{abstract}}\\end{{frontmatter}}\n{_body(dice)}\\end{{document}}\n"
    )


TEMPLATES = {
    "plain": _article("{article}"),
    "two-column": _article("[twocolumn]{article}"),
    "times": _article("[11pt]{article}", "\\usepackage{times}\n"),
    "numbered-lines": _article("{article}", "\\usepackage{lineno}\\linenumbers\n"),
    "ieee": _ieee,
    "lncs": _llncs,
    "one-column-conference": _conference(1, "\\large\\bfseries\\textsc{Abstract}"),
    "two-column-conference": _conference(2, "\\large\\bfseries Abstract"),
    "working-paper": _working_paper,
    "elsevier": _elsevier,
    "ams": _article("{amsart}"),
    "memoir": _article("[article]{memoir}"),
}


def _parts(dice: random.Random) -> list[tuple[str, str]]:
    return [(name, _prose(dice, 8)) for name in SECTIONS]


def _markdown(dice: random.Random, title: str, abstract: str) -> str:
    rest = "\n\n".join(f"## {name}\n\n{text}" for name, text in _parts(dice))
    return f"# {title}\n\n{NAMES[0]}, {NAMES[1]}\n\n{PLACES[0]}\n\n## Abstract\n\n{abstract}\n\n{rest}\n"


def _text(dice: random.Random, title: str, abstract: str) -> str:
    rest = "\n\n".join(f"{at}. {name}\n\n{text}" for at, (name, text) in enumerate(_parts(dice), 1))
    return f"Title: {title}\nAuthors: {NAMES[2]}, {NAMES[3]} (Univ)\n\nAbstract\n{abstract}\n\n{rest}\n"


def _html(dice: random.Random, title: str, abstract: str) -> str:
    rest = "".join(f"<h2>{name}</h2><p>{text}</p>" for name, text in _parts(dice))
    return (
        f"<!DOCTYPE html><html><head><title>A site</title></head><body><nav>Home</nav><h1>{title}</h1>"
        f"<p class='authors'>{NAMES[4]}</p><h2>Abstract</h2><p>{abstract}</p>{rest}</body></html>"
    )


def _notebook(dice: random.Random, title: str, abstract: str) -> str:
    cells = [
        {"cell_type": "markdown", "source": _markdown(dice, title, abstract)},
        {"cell_type": "code", "source": "x = 1"},
    ]
    return json.dumps({"cells": cells, "nbformat": 4})


def _word(dice: random.Random, title: str, abstract: str) -> bytes:
    rest = [one for name, text in _parts(dice) for one in (paragraph(name, "Heading1"), paragraph(text))]
    top = (paragraph(title, "Title"), paragraph(", ".join(NAMES[:3])), paragraph(PLACES[0]))
    return word(*top, paragraph("Abstract", "Heading1"), paragraph(abstract), *rest)


def _odt(dice: random.Random, title: str, abstract: str) -> bytes:
    rest = "".join(
        f"<text:h text:outline-level='1'>{name}</text:h><text:p>{text}</text:p>" for name, text in _parts(dice)
    )
    return opendocument(
        f"<text:p text:style-name='Title'>{title}</text:p><text:p>{NAMES[3]} and {NAMES[4]}</text:p>"
        f"<text:h text:outline-level='1'>Abstract</text:h><text:p>{abstract}</text:p>{rest}"
    )


PLAIN = {"md": _markdown, "txt": _text, "html": _html, "ipynb": _notebook, "docx": _word, "odt": _odt}
