from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest
import zstandard

from guide.corpus.records import Paper, Skipped
from guide.corpus.sources import Mark
from guide.corpus.sources.files import FORMATS, open_file
from guide.errors import InputError

RECORD = {"id": "a:1", "title": "On bridges", "abstract": "We build bridges of ice.", "year": 2021}
BIB = "@article{key, title={On bridges}, abstract={We build bridges of ice.}, year=2021}"
CSV = "title,abstract,year\nOn bridges,We build bridges of ice.,2021\n"
RIS = "TY  - JOUR\nTI  - On bridges\nAB  - We build bridges of ice.\nPY  - 2021\nER  - \n"
ACL = (
    '<collection id="2021.acl"><volume id="long"><meta><year>2021</year></meta>'
    '<paper id="1"><title>On bridges</title><abstract>We build bridges of ice.</abstract></paper></volume></collection>'
)


def titles(path: Path, file_format: str | None = None) -> list[str]:
    return [one.title for one in open_file(path, file_format).read() if isinstance(one, Paper)]


@pytest.mark.parametrize("compress", ["", ".gz", ".zst"])
@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("p.jsonl", json.dumps(RECORD)),
        ("p.json", json.dumps(RECORD)),
        ("iclr2021.json", json.dumps([RECORD])),
        ("p.bib", BIB),
        ("p.csv", CSV),
        ("p.tsv", CSV.replace(",", "\t")),
        ("p.ris", RIS),
        ("2021.acl.xml", ACL),
    ],
)
def test_the_name_or_the_content_tells_the_format(tmp_path: Path, name: str, text: str, compress: str) -> None:
    raw = text.encode()
    packed = {"": raw, ".gz": gzip.compress(raw), ".zst": zstandard.compress(raw)}[compress]
    file = tmp_path / f"{name}{compress}"
    file.write_bytes(packed)
    assert titles(file) == ["On bridges"]


def test_a_format_can_be_said(tmp_path: Path) -> None:
    file = tmp_path / "papers.txt"
    file.write_text(json.dumps(RECORD))
    with pytest.raises(InputError, match="--format jsonl, papercopilot, acl, bibtex, ris, csv"):
        open_file(file)
    assert titles(file, "jsonl") == ["On bridges"]
    with pytest.raises(InputError, match="no format 'word'"):
        open_file(file, "word")


def test_a_folder_is_read_file_by_file_and_what_is_unknown_is_said(tmp_path: Path) -> None:
    (tmp_path / "b.csv").write_text(CSV)
    (tmp_path / "a.jsonl").write_text(json.dumps({**RECORD, "title": "First"}))
    (tmp_path / "notes.pdf").write_text("x")
    found = list(open_file(tmp_path).read())
    assert [one.title for one in found if isinstance(one, Paper)] == ["First", "On bridges"]
    assert [one.where for one in found if isinstance(one, Skipped)] == [str(tmp_path / "notes.pdf")]
    assert [one for one in found if isinstance(one, Mark)] == [Mark(None)]


def test_a_folder_without_papers_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "notes.pdf").write_text("x")
    with pytest.raises(InputError, match="no file whose name tells its format"):
        list(open_file(tmp_path).read())


def test_a_missing_file_is_an_error_in_one_line(tmp_path: Path) -> None:
    for name in ("none.jsonl", "none.json", "none.bib", "none.csv", "none.ris", "none.xml"):
        with pytest.raises(InputError, match="cannot be read"):
            list(open_file(tmp_path / name).read())


def test_compressed_data_that_break_off_are_an_error(tmp_path: Path) -> None:
    file = tmp_path / "p.csv.gz"
    file.write_bytes(gzip.compress((CSV + "more,of it,2020\n" * 9999).encode())[:-40])
    with pytest.raises(InputError, match="cut off or damaged"):
        list(open_file(file).read())


def test_every_format_has_a_source() -> None:
    for make in FORMATS.values():
        assert make(Path("x")).name
