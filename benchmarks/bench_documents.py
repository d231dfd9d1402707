"""How well documents are read: titles, abstracts and sections right of the set in tests/paperset.py, one JSON line.

python benchmarks/bench_documents.py [--pdf-folder DIR] [--reader guide|rustypaper]

PDF files are set from their LaTeX by pdflatex; without it they are left out, and the line says how many.
"""

from __future__ import annotations

import argparse
import difflib
import json
import re
import shutil
import statistics
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).parent.parent))

from guide.errors import GuideError
from tests.paperset import Specimen, specimens

_SAME = 0.95  # share of an abstract's words that must be there, and nothing more


class Read(NamedTuple):
    """What a reader made of a file; all empty where it refused, and what it said then."""

    title: str
    abstract: str
    sections: tuple[str, ...]
    warned: bool


def main() -> None:
    """Read the set and print the score."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--pdf-folder", type=Path, help="keep the PDF files here, and use those that are there")
    parser.add_argument("--reader", choices=("guide", "rustypaper"), default="guide")
    parser.add_argument("--show", action="store_true", help="print what was read wrong")
    chosen = parser.parse_args()
    with TemporaryDirectory() as scratch:
        folder = chosen.pdf_folder or Path(scratch)
        folder.mkdir(parents=True, exist_ok=True)
        print(json.dumps(_score(folder, chosen.reader, show=chosen.show)))


def _score(folder: Path, reader: str, *, show: bool) -> dict[str, object]:
    right: dict[str, Counter[str]] = {}
    seconds: list[float] = []
    silent = missing = 0
    for one in specimens():
        if reader == "rustypaper" and one.kind != "pdf":
            continue
        file = _file(one, folder)
        if file is None:
            missing += 1
            continue
        start = time.perf_counter()
        found = _by_guide(file) if reader == "guide" else _by_rustypaper(file)
        seconds.append(time.perf_counter() - start)
        marks = _marks(one, found)
        count = right.setdefault(one.kind, Counter())
        count["documents"] += 1
        count.update(name for name, good in marks.items() if good)
        if not all(marks.values()):
            silent += not found.warned
            if show:
                print(one.name, marks, repr(found.title), repr(found.abstract[:120]), found.sections, file=sys.stderr)
    total = sum(right.values(), Counter())
    return {
        "reader": reader,
        **total,
        "silently_wrong": silent,
        "not_set": missing,
        "median_s": round(statistics.median(seconds), 3),
        "max_s": round(max(seconds), 3),
        "by_kind": right,
    }


def _file(one: Specimen, folder: Path) -> Path | None:
    if one.kind != "pdf":
        file = folder / f"{one.name}.{one.kind}"
        file.write_bytes(one.source)
        return file
    file = folder / f"{one.name}.pdf"
    if file.is_file():
        return file
    if shutil.which("pdflatex") is None:
        return None
    (folder / f"{one.name}.tex").write_bytes(one.source)
    command = ["pdflatex", "-interaction=batchmode", "-no-shell-escape", f"{one.name}.tex"]
    for _ in range(2):
        subprocess.run(command, cwd=folder, capture_output=True, timeout=120, check=False)
    return file if file.is_file() else None


def _by_guide(file: Path) -> Read:
    from guide.text.proposal import read_proposal

    try:
        proposal = read_proposal(str(file))
    except GuideError:
        return Read("", "", (), True)
    warned = any("could not be told" in one or "no title" in one or "not taken" in one for one in proposal.warnings)
    return Read(proposal.title, proposal.modules.get("abstract", ""), tuple(proposal.modules), warned)


def _by_rustypaper(file: Path) -> Read:
    from rustypaper import convert_json

    markdown, document, *_ = convert_json(str(file))
    said = json.loads(document)
    heading = re.match(r"\s*# (.+)", markdown)
    title = said.get("title") or (heading[1] if heading else "")
    abstract = re.search(r"abstract[\s*#.:\u2014-]*(.*?)(?=\n#)", markdown, re.DOTALL | re.IGNORECASE)
    sections = tuple(section["title"] or "" for section in said["sections"])
    return Read(title, " ".join(abstract[1].split()) if abstract else "", sections, False)


def _marks(one: Specimen, found: Read) -> dict[str, bool]:
    same = difflib.SequenceMatcher(None, one.abstract.split(), found.abstract.split(), autojunk=False).ratio()
    text = [_bare(name) for name in found.sections]
    # guide sorts sections into modules: each kind that the headings name must have text.
    wanted = {"abstract", "contribution", "method", "experiments"}
    sections = wanted <= set(text) or all(any(_bare(name) in heading for heading in text) for name in one.sections)
    return {"title": _bare(found.title) == _bare(one.title), "abstract": same >= _SAME, "sections": sections}


def _bare(text: str) -> str:
    return re.sub(r"[\W_]+", "", text).casefold()


if __name__ == "__main__":
    main()
