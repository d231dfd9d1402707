from __future__ import annotations

from pathlib import Path

import pytest

from guide.errors import InputError
from guide.text.documents import latex_project as module
from guide.text.documents.latex_project import find_main, read_project
from guide.text.proposal import read_proposal

MAIN = (
    "\\documentclass{article}\n\\title{Caches that forget}\\author{Ada Writer}\n"
    "\\begin{document}\\maketitle\\begin{abstract}We keep few keys.\\end{abstract}\n%s\n\\end{document}"
)


def write(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    return folder


def test_a_project_is_read_whole_and_says_which_files(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "main.tex": MAIN % "\\input{parts/method}\\include{parts/tests}% \\input{secret}\n\\subfile{parts/sub}",
            "parts/method.tex": "\\section{Method}Each key has a score.",
            "parts/tests.tex": "\\section{Experiments}We test it.",
            "parts/sub.tex": "\\documentclass[../main]{subfiles}\\begin{document}It works.\\end{document}",
            "secret.tex": "A commented file.",
        },
    )
    for source in (tmp_path, tmp_path / "main.tex"):
        proposal = read_proposal(str(source))
        assert proposal.title == "Caches that forget"
        assert (
            proposal.modules
            == {
                "abstract": "We keep few keys.",
                "method": "Each key has a score.",
                "experiments": "We test it. It works.",
            }
            or proposal.modules["experiments"] == "We test it.\n\nIt works."
        )
        assert any("parts/method.tex, parts/tests.tex, parts/sub.tex" in one for one in proposal.warnings)


def test_the_main_file_may_have_no_class_and_parts_that_stand_alone_come_last(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "a_part.tex": "\\documentclass{subfiles}\\begin{document}" + "x" * 500 + "\\end{document}",
            "zeta.tex": "\\input{preamble}\\begin{document}Words.\\end{document}",
            "preamble.tex": "\\documentclass{article}",
        },
    )
    assert find_main(tmp_path).name == "zeta.tex"


@pytest.mark.parametrize("name", ["/etc/passwd", "../outside", "a/../../outside", "~/outside", "link", "|ls", "C:/x"])
def test_nothing_outside_the_folder_is_opened(tmp_path: Path, name: str) -> None:
    write(tmp_path, {"outside.tex": "SECRET", "project/main.tex": MAIN % f"\\input{{{name}}}\\input {name}\n"})
    (tmp_path / "project" / "link.tex").symlink_to(tmp_path / "outside.tex")
    project = read_project(tmp_path / "project" / "main.tex")
    assert "SECRET" not in project.text and "root:" not in project.text
    assert project.read == [] and any("outside" in reason for reason in project.refused.values())


def test_import_does_not_lead_out_by_its_folder(tmp_path: Path) -> None:
    write(tmp_path, {"outside.tex": "SECRET", "project/main.tex": MAIN % "\\import{../}{outside}"})
    assert "SECRET" not in read_project(tmp_path / "project" / "main.tex").text


def test_a_file_that_holds_itself_is_put_in_once(tmp_path: Path) -> None:
    write(tmp_path, {"main.tex": MAIN % "\\input{a}", "a.tex": "Once. \\input{b}", "b.tex": "\\input{a}\\input{main}"})
    project = read_project(tmp_path / "main.tex")
    assert project.text.count("Once.") == 1
    assert set(project.refused.values()) == {"it holds itself"}


def test_depth_and_number_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(
        tmp_path, {"main.tex": MAIN % "\\input{f0}"} | {f"f{at}.tex": f"\\input{{f{at + 1}}}" * 2 for at in range(15)}
    )
    monkeypatch.setattr(module, "MAX_FILES", 20)
    project = read_project(tmp_path / "main.tex")
    assert len(project.read) <= 20
    assert any("deep" in reason for reason in project.refused.values())


def test_a_folder_without_a_document_says_so(tmp_path: Path) -> None:
    write(tmp_path, {"a.tex": "% \\begin{document}\nWords."})
    with pytest.raises(InputError, match="begins a document"):
        find_main(tmp_path)


def test_latin_1_is_read(tmp_path: Path) -> None:
    (tmp_path / "main.tex").write_bytes((MAIN % "Gr\xf6\xdfe.").encode("latin-1"))
    assert "Gr\xf6\xdfe." in read_project(tmp_path / "main.tex").text
