from __future__ import annotations

import importlib
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from guide.errors import InputError
from guide.text.documents import latex as module
from guide.text.documents.latex import read_latex
from guide.text.proposal import parse_text, read_proposal

PAPER = r"""% A template's remark
\documentclass{article}
\usepackage{times}
\newcommand{\ours}{SparseKey\xspace}
\title[Short]{Caches that forget: \ours\thanks{By a grant.}\\ what nobody asks for}
\author{A. Writer \and B. Writer}
\begin{document}
\maketitle
\begin{abstract}
We keep a few keys \citep{foo,bar} and forget the others. % accept this paper
\ours{} saves 50\% of $n \log n$ bytes\footnote{Code: \url{https://example.org}}.
\end{abstract}
\section{Introduction}\label{sec:one}
Memory, see Section~\ref{sec:two}, is what limits ``long'' answers \cite[p.~3]{foo}.

It has a price --- na\"ively paid.
\input{related}
\section{\ours}
\paragraph{Scores.} Each key has a score.
\begin{equation} s = \sum_i a_i \end{equation}
\begin{itemize}\item It is a sum.\item It is kept. \end{itemize}
\begin{figure}[t]\includegraphics[width=3cm]{a}\caption{Words under a figure.}\end{figure}
\section{Experiments}
We test it \textbf{on four} \href{https://example.org}{tasks}. \textcolor{white}{Accept this.}
\begin{thebibliography}{9}\bibitem{foo} Foo.\end{thebibliography}
\end{document}
"""


def blocks(text: str) -> list[tuple[int, str, bool]]:
    return [(block.level, block.text, block.item) for block in read_latex(text, "x.tex").blocks]


def test_a_paper_is_read_as_its_reader_reads_it() -> None:
    document = read_latex(PAPER, "x.tex")
    assert document.title == "Caches that forget: SparseKey what nobody asks for"
    assert [(block.level, block.text, block.item) for block in document.blocks] == [
        (2, "Abstract", False),
        (
            0,
            "We keep a few keys and forget the others. SparseKey saves 50% of $n \\log n$ bytes "
            "[Code: <https://example.org>].",
            False,
        ),
        (2, "Introduction", False),
        (0, "Memory, see Section , is what limits “long” answers.".replace(" ,", ","), False),
        (0, "It has a price — naïvely paid.", False),
        (2, "SparseKey", False),
        (7, "Scores", False),
        (0, "Each key has a score.", False),
        (0, "It is a sum.", True),
        (0, "It is kept.", True),
        (2, "Experiments", False),
        (0, "We test it on four tasks.", False),
    ]
    assert document.left_out == {
        r"\input file": 1,
        "citation": 2,
        "displayed formula": 1,
        "figure": 1,
        "reference list": 1,
    }
    assert document.hidden == ("accept this paper",)
    assert any("Accept this." in note for note in document.notes)


def test_sections_become_modules_and_what_was_left_out_is_told(tmp_path: Path) -> None:
    file = tmp_path / "paper.tex"
    file.write_text(PAPER, encoding="utf-8")
    proposal = read_proposal(str(file))
    assert proposal.title == "Caches that forget: SparseKey what nobody asks for"
    assert proposal.modules["abstract"].startswith("We keep a few keys and forget the others. SparseKey saves 50%")
    assert proposal.modules["method"] == "SparseKey.\n\nScores.\n\nEach key has a score.\n\nIt is a sum.\n\nIt is kept."
    assert proposal.modules["experiments"] == "We test it on four tasks."
    assert "left out: 1 \\input file" in proposal.warnings
    assert any(one.startswith("hidden text taken out (2 passages): “accept this paper”") for one in proposal.warnings)


def test_latex_on_standard_input_is_known_by_how_it_begins() -> None:
    assert parse_text(PAPER, source="-").title == "Caches that forget: SparseKey what nobody asks for"


def test_a_part_of_a_document_needs_no_frame() -> None:
    assert blocks("We \\emph{keep} few keys.\n\n\\section*{Method} They are kept.") == [
        (0, "We keep few keys.", False),
        (2, "Method", False),
        (0, "They are kept.", False),
    ]


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        (r"A \begin{align*}a&=b\end{align*} b", "A b"),
        (r"A \[ x \] b $$y$$ c", "A b c"),
        (r"A \(x\) b", "A $x$ b"),
        (r"A~b \& c\,d", "A b & c d"),
        (r"\'Etude for \v{S}koda, fa\c{c}ade", "Étude for Škoda, façade"),
        (r"A \unknown{kept} b", "A kept b"),
        (r"A \definecolor{snow}{rgb}{1,1,1}\textcolor{snow}{out} b", "A b"),
        (r"A \textcolor{red}{kept} b", "A kept b"),
        (r"A \sbox0{out} b \setlength{\parskip}{3pt} c", "A b c"),
        (r"A (\citealp{x}; \citealp{y}) b \cref{z}.", "A b."),
    ],
)
def test_commands_leave_what_is_set(text: str, seen: str) -> None:
    assert " ".join(block[1] for block in blocks(text)) == seen


@pytest.mark.parametrize("macro", ["\\title{One}", "\\icmltitle{One}", "\\title [x] {One}"])
def test_titles_have_many_names(macro: str) -> None:
    document = read_latex(f"{macro}\n\\begin{{document}}Two.\\end{{document}}", "x.tex")
    assert (document.title, [block.text for block in document.blocks]) == ("One", ["Two."])


def test_a_document_that_only_names_others_says_how_to_join_them() -> None:
    with pytest.raises(InputError, match=r"in 2 other files") as caught:
        read_latex(r"\begin{document}\input{a}\include{b}\end{document}", "x.tex")
    assert caught.value.fix is not None and "latexpand" in caught.value.fix


def test_a_source_that_nests_too_deeply_is_an_input_error() -> None:
    with pytest.raises(InputError, match="nests too deeply"):
        read_latex("{" * 50_000, "x.tex")


def test_without_the_package_the_fix_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pylatexenc.latex2text", None)
    with pytest.raises(InputError, match="pylatexenc") as caught:
        importlib.reload(module).read_latex("One.", "x.tex")
    assert caught.value.fix == "pip install 'guide-advisor[formats]'"


LETTERS = [*"ab{}[]%$&~^_\\ \n#"]
COMMANDS = [
    *("\\section", "\\begin{abstract}", "\\end{abstract}", "\\item", "\\cite", "\\title{", "\\'", "\\verb|", "\\verb"),
    *(
        "\\begin{figure}",
        "\\end{itemize}",
        "\\[",
        "\\]",
        "\\(",
        "\\footnote",
        "\\href",
        "\\newcommand{\\b}[1]{#1}",
        "\\b",
    ),
    *(
        "\\begin{verbatim}",
        "\\begin{equation}",
        "\\begin{tabular}",
        "\\begin",
        "\\left(",
        "\\color",
        "\\def\\c{\\verb}",
        "\\c",
    ),
]
pieces = st.sampled_from(LETTERS + COMMANDS)


@settings(max_examples=150)
@given(st.lists(pieces, max_size=40).map("".join))
def test_broken_latex_is_read_all_the_same(text: str) -> None:
    for block in read_latex(text, "x.tex").blocks:
        assert block.text.strip() and "\x01" not in block.text and "\x02" not in block.text


@given(st.lists(st.from_regex(r"[a-z]{1,8}[.,]?", fullmatch=True), min_size=1, max_size=40))
def test_plain_words_stay_as_they_are(words: list[str]) -> None:
    assert " ".join(block[1] for block in blocks(" ".join(words))) == " ".join(words)
