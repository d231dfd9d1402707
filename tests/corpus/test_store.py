from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

import pytest

from guide.corpus.layout import acquire_lock, release_lock
from guide.corpus.records import Paper, Skipped
from guide.corpus.store import Store
from guide.errors import StoreError
from tests.corpus.fakes import WordsEncoder, paper, papers

ROOT = Path(__file__).parents[2]


def journal(path: Path) -> list[sqlite3.Row]:
    with sqlite3.connect(path / "papers.db") as db:
        db.row_factory = sqlite3.Row
        rows = db.execute("SELECT * FROM journal").fetchall()
    db.close()
    return rows


def test_papers_come_back_as_they_went_in(tmp_path: Path, words_encoder: WordsEncoder) -> None:
    full = paper(1, decision="Accept (oral)", ratings=(6.0, 8.0), title="Schrödinger's “models”")
    bare = Paper("b", "Bare", "Nothing else is known.", 2001, "")
    with Store.create_or_open(tmp_path / "new" / "store", words_encoder) as store:
        report = store.add([full, bare])
        assert store.papers(["b", "absent", full.id, "b"]) == {"b": bare, full.id: full}
    assert (report.added, report.embedded, report.skipped) == (2, 2, ())
    with Store.open(tmp_path / "new" / "store") as store:
        assert list(store.papers([full.id, "b"])) == [full.id, "b"]
        assert store.count == 2


def test_every_record_is_counted_once(tmp_path: Path, words_encoder: WordsEncoder) -> None:
    bad = Skipped("file:7", "the line is not JSON")
    with Store.create_or_open(tmp_path, words_encoder) as store:
        store.add(papers(10))
        report = store.add(
            [*papers(8), paper(0), paper(8, title="Renamed"), bad, paper(11), paper(11), paper(11, year=1999)]
        )
        assert (report.added, report.updated, report.unchanged, report.duplicates) == (1, 1, 8, 2)
        assert [one.where for one in report.skipped] == ["file:7", "paper 'made:00011'"]
        assert store.papers(["made:00008"])["made:00008"].title == "Renamed"
        assert store.count == 11
        assert report.embedded == 2


def test_a_second_build_changes_no_byte(build: Callable[..., Path], contents, words_encoder: WordsEncoder) -> None:
    path = build(1_200)
    before = contents(path)
    with Store.create_or_open(path, words_encoder) as store:
        report = store.add(papers(1_200))
    assert (report.added, report.updated, report.embedded, report.unchanged) == (0, 0, 0, 1_200)
    assert contents(path) == before


def test_an_input_that_contradicts_itself_settles_after_one_run(
    tmp_path: Path, contents, words_encoder: WordsEncoder
) -> None:
    contradiction = [paper(1), paper(2), paper(1, title="Other")]
    with Store.create_or_open(tmp_path, words_encoder) as store:
        store.add(contradiction)
    before = contents(tmp_path)
    with Store.create_or_open(tmp_path, words_encoder) as store:
        store.add(contradiction)
    assert contents(tmp_path) == before


def test_the_content_hash_depends_on_the_papers_alone(tmp_path: Path, words_encoder: WordsEncoder) -> None:
    with Store.create_or_open(tmp_path / "a", words_encoder) as store:
        store.add(papers(30))
        first = store.info().content_hash
    with Store.create_or_open(tmp_path / "b", words_encoder) as store:
        store.add([paper(3, title="To be replaced")])
        for start in (20, 0, 10):
            store.add(reversed(list(papers(10, start))))
        assert store.info().content_hash == first
        store.add([paper(3, url=None)])
        assert store.info().content_hash != first


def test_an_updated_paper_is_found_by_its_new_words_only(tmp_path: Path, words_encoder: WordsEncoder) -> None:
    with Store.create_or_open(tmp_path, words_encoder) as store:
        store.add([*papers(5), paper(9, title="Zebrafish larvae")])
        store.add([paper(9, title="Tortoise shells")])
        assert store.words.search({"old": "zebrafish"}, 5)["old"] == []
        assert len(store.words.search({"new": "tortoise"}, 5)["new"]) == 1
        assert len(store.vectors) == 6


def test_what_cannot_be_stored_is_skipped_even_if_made_in_code(tmp_path: Path, words_encoder: WordsEncoder) -> None:
    with Store.create_or_open(tmp_path, words_encoder) as store:
        report = store.add([paper(1, abstract="half \ud800"), paper(2, year=3), paper(3)])
        assert [one.reason for one in report.skipped] == [
            "abstract holds half of a surrogate pair",
            "year is outside 1900-2100",
        ]
        assert store.count == 1


def test_info_is_json_and_agrees_with_the_papers(build: Callable[..., Path]) -> None:
    path = build(40)
    with Store.open(path) as store:
        info = store.info()
    assert json.loads(json.dumps(asdict(info))) == asdict(info)
    assert (info.papers, info.vectors, info.dimension, info.format_version) == (40, 40, 32, 2)
    assert info.cutoff == max(one.posted or "" for one in papers(40))
    assert sum(info.by_year.values()) == sum(info.by_venue.values()) == 40
    assert list(info.by_year) == sorted(info.by_year)
    assert info.sizes == {name: (path / name).stat().st_size for name in info.sizes}
    kinds = ("abstract", "contribution", "experiments", "method")
    files = {name.partition("-")[0] for name in info.sizes}
    assert files == {"papers.db", "manifest.json", "vectors/index.json", *(f"vectors/{kind}" for kind in kinds)}
    assert set(info.vectors_by_kind) == set(kinds)
    assert (info.layout, info.trained_on, info.compression) == ("flat", 0, "none")


def test_the_journal_says_what_came_from_where(tmp_path: Path, words_encoder: WordsEncoder) -> None:
    source = tmp_path / "some.jsonl"
    source.write_text("anything")
    at = datetime(2024, 5, 6, 7, 8, 9, tzinfo=UTC)
    with Store.create_or_open(tmp_path / "s", words_encoder) as store:
        store.add([*papers(600), Skipped("a:1", "why")], source=source, at=at)
        store.add(papers(600), source=source)
        store.add(papers(601))
    first, second = journal(tmp_path / "s")
    assert dict(first) == {
        "run": 1, "at": "2024-05-06T07:08:09Z", "source": "some.jsonl",
        "sha256": "ee0874170b7f6f32b8c2ac9573c428d35b575270a66b757c2c0185d2bd09718d",
        "added": 600, "updated": 0, "unchanged": 0, "duplicates": 0, "skipped": 1, "finished": 1,
    }  # fmt: skip
    assert (second["source"], second["added"], second["unchanged"], second["finished"]) == (None, 1, 600, 1)


def test_the_journal_takes_its_time_from_a_reproducible_build(
    tmp_path: Path, words_encoder: WordsEncoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "86400")
    with Store.create_or_open(tmp_path, words_encoder) as store:
        store.add(papers(1))
    assert journal(tmp_path)[0]["at"] == "1970-01-02T00:00:00Z"


def test_a_second_writer_is_told_at_once_while_readers_go_on(
    build: Callable[..., Path], words_encoder: WordsEncoder
) -> None:
    path = build(10)
    with Store.open(path) as reader, Store.create_or_open(path, words_encoder) as writer:
        with pytest.raises(StoreError, match="another program is writing"):
            Store.create_or_open(path, words_encoder)
        writer.add(papers(700))
        assert reader.count == 700
        with Store.open(path) as late:
            assert len(late.vectors) == 700
        # The reader's own index is the one it opened; newer papers are left out, which is no error.
        assert len(reader.vectors) == 10
    with Store.create_or_open(path, words_encoder) as store:
        assert store.add(papers(700)).unchanged == 700


def test_the_lock_is_free_after_an_error(build: Callable[..., Path], words_encoder: WordsEncoder) -> None:
    path = build(3)
    with pytest.raises(StoreError, match="embeds with other/model"):
        Store.create_or_open(path, WordsEncoder("other/model"))
    release_lock(acquire_lock(path))


def test_another_embedder_is_refused_by_name_with_the_cure(build: Callable[..., Path]) -> None:
    path = build(3)
    other = WordsEncoder("other/model")
    message = rf"come from fake/words \(.*embeds with other/model \(.*verify --store {path} --repair"
    with pytest.raises(StoreError, match=message):
        Store.create_or_open(path, other)
    with Store.open(path) as store, pytest.raises(StoreError, match=message):
        store.check_encoder(other)


def test_a_reader_cannot_write(build: Callable[..., Path]) -> None:
    with Store.open(build(3)) as store, pytest.raises(StoreError, match="opened for reading"):
        store.add(papers(1))


def test_a_store_at_rest_has_no_side_files(build: Callable[..., Path], words_encoder: WordsEncoder) -> None:
    path = build(3)
    with Store.create_or_open(path, words_encoder) as store:
        store.add(papers(600))
        with Store.open(path) as reader:
            assert reader.count == 600
    # Byte 18 of an SQLite file: 1 for a rollback journal, 2 for a log, which needs a writable folder.
    assert (path / "papers.db").read_bytes()[18] == 1
    names = {file.name.partition("-")[0] for file in path.rglob("*") if file.is_file()}
    kinds = ("abstract", "contribution", "method", "experiments")
    assert names == {"papers.db", "manifest.json", "index.json", *kinds, ".lock"}


READ_ONLY = """
import os, sys
import faiss, fcntl, numpy, tqdm
from guide.corpus.retrieve import search
from guide.corpus.store import Store
from guide.corpus.verify import verify
from guide.errors import StoreError
from pathlib import Path
from tests.corpus.fakes import WordsEncoder, papers
path, encoder = Path(sys.argv[1]), WordsEncoder()
if os.geteuid() == 0:
    # To the superuser no folder is read-only. All is imported: others may not see the interpreter's files.
    os.setuid(65534)
with Store.open(path) as store:
    print(store.count, len(search(store, encoder, "graph pruning").hits), verify(path, encoder=encoder).ok)
try:
    Store.create_or_open(path, encoder)
except StoreError as error:
    print(error)
"""


@pytest.mark.parametrize("log", [False, True], ids=["at rest", "copied while it was written"])
def test_a_read_only_folder_can_be_searched_and_says_so_when_written(
    tmp_path: Path, build: Callable[..., Path], log: bool
) -> None:
    # Pytest's own folders are closed to other users.
    with tempfile.TemporaryDirectory() as public:
        Path(public).chmod(0o755)
        path = Path(public) / "store"
        shutil.copytree(build(20), path)
        if log:
            with sqlite3.connect(path / "papers.db") as db:
                db.execute("PRAGMA journal_mode = WAL")
            db.close()
        (path / ".lock").unlink()
        for folder in (path / "vectors", path):
            folder.chmod(0o555)
        result = subprocess.run(
            [sys.executable, "-c", READ_ONLY, str(path)],
            cwd=ROOT, capture_output=True, text=True, check=False,
            env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"},
        )  # fmt: skip
        path.chmod(0o755)
        (path / "vectors").chmod(0o755)
    assert result.returncode == 0, result.stderr
    first, second = result.stdout.splitlines()
    assert first == "20 10 True"
    assert "Permission denied" in second


def test_what_is_no_store_is_named_with_the_command_that_builds_one(
    tmp_path: Path, words_encoder: WordsEncoder
) -> None:
    with pytest.raises(StoreError, match=r"there is no store.*guide corpus add FILE --store"):
        Store.open(tmp_path / "absent")
    with pytest.raises(StoreError, match="is no literature store"):
        Store.open(tmp_path)
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match="a store is a folder"):
        Store.open(tmp_path / "file")
    with pytest.raises(StoreError, match=r"holds other files \(file\)"):
        Store.create_or_open(tmp_path, words_encoder)
    assert [file.name for file in tmp_path.iterdir()] == ["file"]


def test_another_programs_database_is_left_alone(tmp_path: Path, words_encoder: WordsEncoder) -> None:
    with sqlite3.connect(tmp_path / "papers.db") as db:
        db.execute("CREATE TABLE theirs (a)")
    db.close()
    before = (tmp_path / "papers.db").read_bytes()
    with pytest.raises(StoreError, match="not the database of a literature store"):
        Store.create_or_open(tmp_path, words_encoder)
    assert (tmp_path / "papers.db").read_bytes() == before


@pytest.mark.parametrize("place", ["database", "manifest"])
def test_a_newer_format_asks_for_a_newer_guide(
    build: Callable[..., Path], words_encoder: WordsEncoder, place: str
) -> None:
    path = build(3)
    if place == "database":
        with sqlite3.connect(path / "papers.db") as db:
            db.execute("PRAGMA user_version = 3")
        db.close()
    else:
        manifest = json.loads((path / "manifest.json").read_text())
        (path / "manifest.json").write_text(json.dumps({**manifest, "format_version": 3, "novelty": 1}))
    for attempt in (lambda: Store.open(path), lambda: Store.create_or_open(path, words_encoder)):
        with pytest.raises(StoreError, match=r"format 3.*pip install --upgrade"):
            attempt()
