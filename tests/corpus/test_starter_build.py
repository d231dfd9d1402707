from __future__ import annotations

import json
import subprocess
from dataclasses import asdict
from pathlib import Path

import pytest

from guide.corpus.retrieve import search
from guide.corpus.starter import papers_path, starter_path
from guide.corpus.starter.build import build
from guide.corpus.store import Store
from guide.corpus.verify import verify
from guide.errors import InputError
from tests.corpus.fakes import WordsEncoder, paper, papers


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "papers.jsonl"
    path.write_text("".join(json.dumps(asdict(one)) + "\n" for one in papers(300)))
    return path


def test_two_builds_are_the_same_to_the_byte(
    tmp_path: Path, source: Path, words_encoder: WordsEncoder, contents
) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    build(first, words_encoder, papers=source)
    build(second, WordsEncoder(), papers=source)
    assert contents(first) == contents(second)
    build(second, words_encoder, papers=source)
    assert contents(first) == contents(second)


def test_the_order_of_the_lines_moves_nothing_but_the_journal(
    tmp_path: Path, source: Path, words_encoder: WordsEncoder, contents
) -> None:
    build(tmp_path / "first", words_encoder, papers=source)
    source.write_text("".join(reversed(source.read_text().splitlines(keepends=True))))
    build(tmp_path / "second", words_encoder, papers=source)
    first, second = contents(tmp_path / "first"), contents(tmp_path / "second")
    assert {name for name in first if first[name] != second[name]} <= {"papers.db"}
    assert {name for name in first if name.endswith(".faiss")} == {name for name in second if name.endswith(".faiss")}


def test_the_built_store_is_three_files_sound_and_searchable(
    tmp_path: Path, source: Path, words_encoder: WordsEncoder, contents
) -> None:
    report = build(tmp_path / "store", words_encoder, papers=source)
    assert (report.added, report.skipped) == (300, ())
    kinds = ("abstract", "contribution", "method", "experiments")
    names = {name.partition("-")[0] for name in contents(tmp_path / "store")}
    assert names == {"papers.db", "manifest.json", "vectors/index.json", *(f"vectors/{kind}" for kind in kinds)}
    assert sum(map(len, contents(tmp_path / "store").values())) < 1_000_000
    assert sorted(path.name for path in tmp_path.iterdir()) == ["papers.jsonl", "store"]
    with Store.open(tmp_path / "store") as store:
        assert search(store, words_encoder, paper(5).text).hits[0].paper == paper(5)
    assert verify(tmp_path / "store", encoder=words_encoder).problems == ()


def test_a_bad_or_repeated_record_stops_the_build(tmp_path: Path, source: Path, words_encoder: WordsEncoder) -> None:
    good = source.read_text()
    source.write_text(good + '{"id": "x"}\n')
    with pytest.raises(InputError, match=r"papers.jsonl:301: "):
        build(tmp_path / "store", words_encoder, papers=source)
    source.write_text(good + good.splitlines(keepends=True)[0])
    with pytest.raises(InputError, match="'made:00000' is there twice"):
        build(tmp_path / "store", words_encoder, papers=source)
    assert not (tmp_path / "store").exists()


def test_the_shipped_store_is_small_complete_and_what_its_papers_say() -> None:
    if not starter_path().exists():
        pytest.skip("the starter store has not been built: python -m guide.corpus.starter.build")
    files = [file for file in starter_path().rglob("*") if file.is_file()]
    kinds = {"abstract", "contribution", "method", "experiments"}
    names = {file.name.partition("-")[0] for file in files}
    assert names - {".lock"} == {"papers.db", "manifest.json", "index.json", *kinds}
    assert sum(file.stat().st_size for file in files) < 2_000_000
    listed = {json.loads(line)["id"] for line in papers_path().read_text(encoding="utf-8").splitlines() if line}
    with Store.open(starter_path()) as store:
        assert set(store.papers(listed)) == listed
        assert store.count == len(listed) >= 200
        assert store.info().vectors == store.count


def test_no_lock_of_the_shipped_store_is_tracked() -> None:
    listing = subprocess.run(
        ["git", "ls-files", str(starter_path().resolve())],
        cwd=starter_path().parent.resolve(), capture_output=True, text=True, check=False,
    )  # fmt: skip
    if listing.returncode:
        pytest.skip("not a git checkout")
    assert ".lock" not in listing.stdout
