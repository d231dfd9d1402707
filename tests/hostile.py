"""Files made to harm a reader, and a child process that reads a folder of them within limits.

python -m tests.hostile FOLDER prints one JSON line a file: its name, what became of it, in how many seconds.
"""

from __future__ import annotations

import json
import os
import random
import sys
import time
from collections.abc import Callable
from pathlib import Path

MEMORY = 1_000_000_000
SECRET = "SECRETOUTSIDE"  # noqa: S105 - in a file beside the folder; no reading may hold it


def make_files(folder: Path, count: int, seed: int = 0) -> dict[str, str]:
    """Write so many files and folders; return the kind of each by name. The secret lies beside the folder."""
    (folder.parent / "outside.tex").write_text(SECRET, encoding="utf-8")
    kinds = list(_MAKERS)
    made: dict[str, str] = {}
    for at in range(count):
        kind = kinds[at % len(kinds)]
        name = _MAKERS[kind](folder, f"{at:04d}", random.Random(seed + at))
        made[name] = kind
    return made


def _put(folder: Path, name: str, data: bytes | str) -> str:
    (folder / name).write_bytes(data.encode("utf-8", "surrogatepass") if isinstance(data, str) else data)
    return name


def _spoilt(data: bytes, dice: random.Random) -> bytes:
    spoilt = bytearray(data)
    for _ in range(dice.choice([1, 2, 4, 12])):
        at = dice.randrange(len(spoilt))
        move = dice.randrange(4)
        if move == 0:
            spoilt[at] = dice.randrange(256)
        elif move == 1:
            del spoilt[at : at + dice.randint(1, 200)]
        elif move == 2:
            spoilt[at:at] = spoilt[max(0, at - 50) : at] * dice.randint(1, 20)
        else:
            spoilt[at : at + 8] = str(dice.choice([-1, 0, 2**31, 2**63, 99999999])).encode()
        if not spoilt:
            return b"%PDF-1.4"
    return bytes(spoilt)


def _pdf(folder: Path, name: str, dice: random.Random) -> str:
    from tests.pdfs import paper

    return _put(folder, f"{name}.pdf", _spoilt(paper("Caches that forget"), dice))


def _pdf_tokens(folder: Path, name: str, dice: random.Random) -> str:
    objects = [
        "<</Type/Catalog/Pages 2 0 R>>",
        f"<</Type/Pages/Kids[{' '.join(['3 0 R'] * dice.choice([1, 3, 500]))} 2 0 R]/Count {dice.choice([1, -1, 10**9])}>>",  # noqa: E501
        f"<</Type/Page/Parent 2 0 R/MediaBox[0 0 {dice.choice([612, 10**9, -5, 0])} 792]/Contents 4 0 R/Resources<<>>>>",  # noqa: E501
        "<</Length 99>>stream\n" + "q " * dice.choice([1, 50_000]) + "BT (x) Tj ET\nendstream",
    ]
    body = "".join(f"{at} 0 obj{one}endobj\n" for at, one in enumerate(objects, 1))
    return _put(folder, f"{name}.pdf", f"%PDF-1.7\n{body}trailer<</Root 1 0 R>>")


def _word(folder: Path, name: str, dice: random.Random) -> str:
    from tests.offices import paragraph, word

    return _put(folder, f"{name}.docx", _spoilt(word(paragraph("A line of words.")), dice))


def _word_xml(folder: Path, name: str, dice: random.Random) -> str:
    from tests.offices import archive

    depth = dice.choice([10, 1_000, 300_000])
    part = dice.choice(
        [
            "<!DOCTYPE a [<!ENTITY a 'aaaaaaaaaa'><!ENTITY b '&a;&a;&a;&a;'>]><a>&b;</a>",
            f"<!DOCTYPE a [<!ENTITY x SYSTEM 'file://{folder.parent}/outside.tex'>]><a>&x;</a>",
            "<a>" * depth + "</a>" * depth,
            "<w:document xmlns:w='http://schemas.openxmlformats.org/wordprocessingml/2006/main'><w:body>"
            + "<w:p><w:r><w:t>x</w:t></w:r></w:p>" * dice.choice([1, 100_000])
            + "</w:body></w:document>",
        ]
    )
    return _put(folder, f"{name}.docx", archive({"word/document.xml": part}))


def _bomb(folder: Path, name: str, dice: random.Random) -> str:
    from tests.offices import archive

    part = dice.choice(["word/document.xml", "content.xml", "mimetype"])
    parts: dict[str, str | bytes] = {part: b"\0" * dice.choice([10**6, 3 * 10**7, 10**8])}
    return _put(folder, f"{name}.{dice.choice(['docx', 'odt'])}", archive(parts))


def _latex(folder: Path, name: str, dice: random.Random) -> str:
    inside = dice.choice(
        [
            r"\input{/etc/passwd}",
            r"\input{../outside}",
            r"\input{../../outside.tex}\include{..//outside}",
            r"\input|cat ../outside.tex",
            r"\import{../}{outside}",
            rf"\subfile{{{name}}}\input{{{name}.tex}}",
            r"\def\a{\a\a}\a",
            r"\newcommand{\b}{\b\b\b}\b",
            "{" * 100_000,
            r"\begin{itemize}\item " * 20_000,
            "$" * 100_001,
            "\\verb|" * 5_000,
            r"\if" * 10_000,
        ]
    )
    return _put(
        folder, f"{name}.tex", f"\\documentclass{{article}}\\begin{{document}}Words here. {inside}\\end{{document}}"
    )


def _project(folder: Path, name: str, dice: random.Random) -> str:
    home = folder / name
    home.mkdir()
    (home / "main.tex").write_text(
        "\\documentclass{article}\\begin{document}Words.\\input{a}\\input{link}\\input{pipe}\\input{deep/link}\\end{document}",
        encoding="utf-8",
    )
    (home / "a.tex").write_text("\\input{b}" * dice.choice([1, 50]), encoding="utf-8")
    (home / "b.tex").write_text("\\input{a}\\input{main}\\input{b}" + "x" * dice.choice([1, 100_000]), encoding="utf-8")
    (home / "link.tex").symlink_to(folder.parent / "outside.tex")
    (home / "deep").symlink_to(folder.parent)
    os.mkfifo(home / "pipe.tex")
    return name


def _special(folder: Path, name: str, dice: random.Random) -> str:
    what = dice.randrange(4)
    if what == 0:
        os.mkfifo(folder / f"{name}.md")
    elif what == 1:
        (folder / f"{name}.md").symlink_to("/dev/zero")
    elif what == 2:
        (folder / f"{name}.md").symlink_to(f"{name}.md")
    else:
        (folder / f"{name}.md").mkdir()
    return f"{name}.md"


def _named(folder: Path, name: str, dice: random.Random) -> str:
    odd = dice.choice(["\n", "\x1b[31m", "\u202e", "-", " ", "\udcff", "'", "$(id)", "\x07"])
    return _put(
        folder,
        f"{name}{odd}.{dice.choice(['md', 'pdf', 'json', 'tex'])}",
        b"\xff\xfe\x00" + bytes(dice.randrange(256) for _ in range(50)),
    )


def _text(folder: Path, name: str, dice: random.Random) -> str:
    piece = dice.choice(
        [
            "<" * 1_000,
            "[" * 500,
            "*" * 700,
            "`" * 300,
            "> " * 300,
            "<!--",
            "<think>",
            "\x1b]0;x",
            "\x1b[31m",
            "a" * 90_000,
            "| a " * 200,
            "&lt;" * 100,
            "\u202e",
            "\U000e0041" * 20,
            "\ud800",
            "- " * 200,
            "{{{",
            "$$",
            "Authors: A, B\n",
            "A. B, " * 80,
        ]
    )
    repeat = dice.choice([1, 30, 1_000, 20_000])
    text = ("# Title of it\n\n" + piece * repeat)[: dice.choice([50_000, 400_000, 2_100_000])]
    return _put(folder, f"{name}.{dice.choice(['md', 'txt', 'html'])}", text)


def _bytes(folder: Path, name: str, dice: random.Random) -> str:
    data = bytes(dice.randrange(256) for _ in range(dice.randint(0, 2_000)))
    mark = dice.choice(
        [b"", b"\xff\xfe", b"\xfe\xff", b"\xff\xfe\0\0", b"PK\x03\x04", b"%PDF-1.4\n", b"\0", b"{\\rtf", b"\x1f\x8b"]
    )
    return _put(folder, f"{name}{dice.choice(['.md', '', '.json', '.pdf', '.docx', '.ipynb', '.tex'])}", mark + data)


def _json(folder: Path, name: str, dice: random.Random) -> str:
    text = dice.choice(
        [
            "[" * 200_000,
            '{"a":' * 100_000,
            '{"title":{"value":{"value":' + '"x"' + "}}}",
            '{"title": "\\ud800", "abstract": "\\u0000\\u001b[31m' + "x" * 1_000 + '"}',
            '{"title": ' + "9" * 10_000 + "}",
            '[{"content": {"title": {"value": "A b"}, "abstract": {"value": 3}}}]',
            '{"cells": [{"cell_type": "markdown", "source": 5}], "nbformat": {}}',
            '{"cells": [[[]], 3, {"cell_type": "heading", "level": -9, "source": ["# A b"]}]}',
            '{"notes": [{"content": {"title": "A b", "abstract": "C d."}}, 4]}',
            '{"worksheets": {"cells": 1}}',
        ]
    )
    return _put(folder, f"{name}.{dice.choice(['json', 'ipynb', 'txt'])}", text)


def _html(folder: Path, name: str, dice: random.Random) -> str:
    piece = dice.choice(
        ["<div>", "<p><b>", "<table><tr>", "<svg>", "<h1>", "</p>", "<!--", "<a href='", "&#x110000;", "<script>"]
    )
    return _put(
        folder,
        f"{name}.html",
        "<!doctype html><h1>A page of it</h1>" + piece * dice.choice([3, 5_000, 100_000]) + "Words.",
    )


_MAKERS: dict[str, Callable[[Path, str, random.Random], str]] = {
    "spoilt PDF": _pdf,
    "PDF of odd objects": _pdf_tokens,
    "spoilt Word file": _word,
    "Word file of odd XML": _word_xml,
    "zip bomb": _bomb,
    "LaTeX": _latex,
    "LaTeX project": _project,
    "pipe, device, loop or folder": _special,
    "odd name": _named,
    "text": _text,
    "bytes": _bytes,
    "JSON": _json,
    "HTML": _html,
}


def main(folder: Path) -> None:
    """Read each file of a folder, and print what became of it."""
    import resource

    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    from guide.errors import InputError
    from guide.text.proposal import read_proposal

    for name in sorted(path.name for path in folder.iterdir()):
        start = time.monotonic()
        try:
            said, outcome = read_proposal(str(folder / name)).model_dump_json(), "read"
        except InputError as error:
            said, outcome = str(error), "refused"
        record = {"name": name, "outcome": outcome, "said": said[:200_000], "seconds": time.monotonic() - start}
        print(json.dumps(record), flush=True)  # noqa: T201


if __name__ == "__main__":
    main(Path(sys.argv[1]))
