from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from guide.atomic import replacing
from guide.corpus.compress import load_compressor
from guide.corpus.ingest import read_mark
from guide.corpus.layout import acquire_lock, release_lock
from guide.corpus.lexical import indexed_words
from guide.corpus.schema import connect
from guide.corpus.snapshot import Snapshot
from guide.corpus.sources import Mark
from guide.corpus.store import Store
from guide.corpus.verify import VerifyReport, verify
from guide.errors import StoreError
from tests.corpus.fakes import WordsEncoder, paper, papers


def change(path: Path, *statements: str) -> None:
    """Damage the database past every check of ours."""
    with closing(sqlite3.connect(path / "papers.db", isolation_level=None)) as db:
        for statement in statements:
            db.execute(statement)


def places(report: VerifyReport) -> list[str]:
    return [problem.where for problem in report.problems]


def test_a_sound_store_passes_every_check_and_is_left_as_it_is(
    build: Callable[..., Path], words_encoder: WordsEncoder, contents
) -> None:
    path = build(50)
    before = contents(path)
    report = verify(path, encoder=words_encoder)
    assert report == VerifyReport(True, (), report.checked)
    assert report.checked == (
        "database structure",
        "word index against papers",
        "content hash of every paper",
        "marks of interrupted sources",
        "settings",
        "embedder",
        "vector indexes against papers",
        "the vectors of 8 papers against fresh ones",
        "manifest against database",
        "leftover temporary files",
    )
    assert verify(path, repair=True, encoder=words_encoder).ok
    assert contents(path) == before


def test_without_an_encoder_it_checks_the_rest_and_does_not_claim_more(build: Callable[..., Path]) -> None:
    report = verify(build(5))
    assert report.ok
    assert not any("fresh" in check or check == "embedder" for check in report.checked)


def test_a_word_index_that_lost_a_paper_is_rebuilt(build: Callable[..., Path], words_encoder: WordsEncoder) -> None:
    path = build(30)
    with closing(sqlite3.connect(path / "papers.db", isolation_level=None)) as db:
        words = indexed_words(paper(0).text)
        db.execute("INSERT INTO papers_fts(papers_fts, rowid, text) VALUES ('delete', 1, ?)", [words])
    assert places(verify(path)) == ["papers.db"]
    assert verify(path, repair=True).ok
    assert verify(path).problems == ()
    with Store.open(path) as store:
        assert store.words.search({"q": "diffusion graph part 0"}, 1)["q"][0].row == 1


@pytest.mark.parametrize(
    ("alteration", "named"),
    [
        ("id = 'made:00104'", "made:00104"),  # an id like any other: nothing but the hash tells
        ("id = CAST(id AS BLOB)", "made:00004"),
        ("id = CAST(X'6D6164653AFF' AS TEXT)", "made:\ufffd"),  # no UTF-8
        ("year = 1999", "made:00004"),
        ("year = 'soon'", "made:00004"),
        ("posted = 'soon'", "made:00004"),
        ("venue = 99", "made:00004"),  # a venue that is not there
        ("content_hash = X''", "made:00004"),
        ("content_hash = 'eight by'", "made:00004"),
        ("record = X'28B52FFD'", "made:00004"),
    ],
)
def test_an_altered_paper_is_taken_out_by_repair_and_comes_back_with_its_source(
    build: Callable[..., Path], words_encoder: WordsEncoder, alteration: str, named: str
) -> None:
    path, calm = build(30), build(30, "calm")
    change(path, f"UPDATE papers SET {alteration} WHERE id = 'made:00004'")  # noqa: S608 - the cases above

    def about_papers(report: VerifyReport) -> list[str]:
        return [one.what for one in report.problems if "are not what was added" in one.what and not one.repaired]

    (found,) = about_papers(verify(path, encoder=words_encoder))
    assert named in found
    assert "repair takes them out" in found
    mended = verify(path, repair=True, encoder=words_encoder)
    (told,) = about_papers(mended)
    assert "1 of the papers" in told
    assert named in told
    assert "add their source file again" in told
    assert not mended.ok, "the store has lost a paper, and no later run can say so"
    assert [one.what for one in mended.problems if not one.repaired] == [told]

    assert verify(path, encoder=words_encoder).problems == ()
    with Store.open(path) as store:
        assert sorted(one.id for one in store.export()) == [one.id for one in papers(30) if one.id != "made:00004"]
        assert len(store.vectors) == 29
    with Store.create_or_open(path, words_encoder) as store, Store.open(calm) as undisturbed:
        report = store.add(papers(30))
        assert (report.added, report.updated, report.unchanged) == (1, 0, 29)
        assert sorted(store.export(), key=lambda one: one.id) == list(papers(30))
        assert store.info().content_hash == undisturbed.info().content_hash
    assert verify(path, encoder=words_encoder).problems == ()


def test_repair_names_every_paper_it_takes_out(build: Callable[..., Path], words_encoder: WordsEncoder) -> None:
    path = build(30)
    change(path, "UPDATE papers SET year = 1999 WHERE row <= 12")
    assert "(made:00000, made:00001, made:00002, …)" in verify(path).problems[0].what
    what = verify(path, repair=True, encoder=words_encoder).problems[0].what
    assert all(f"made:{number:05d}" in what for number in range(12))
    with Store.open(path) as store:
        assert store.words.search({"q": "diffusion graph part 0"}, 30)["q"], "the other papers' words are there still"
        assert all(hit.row > 12 for hit in store.words.search({"q": "diffusion graph part 0"}, 30)["q"])


def test_a_paper_whose_venue_is_gone_is_refused_not_passed_over(build: Callable[..., Path]) -> None:
    path = build(6)
    change(path, "UPDATE papers SET venue = 99 WHERE id = 'made:00004'")
    with Store.open(path) as store:
        with pytest.raises(StoreError, match="'made:00004' is damaged"):
            list(store.export())
        assert set(store.entries_at(range(1, 7))) == set(range(1, 7))


def test_an_altered_mark_does_not_count_and_is_removed(build: Callable[..., Path], words_encoder: WordsEncoder) -> None:
    path = build(5)
    with Store.create_or_open(path, words_encoder) as store:
        store.add([paper(7), Mark({"page": 7})], source="service")
        assert store.mark("service") == {"page": 7}
    change(path, """UPDATE marks SET state = '{"page":6}'""")
    with Store.open(path) as store:
        assert store.mark("service") is None
    assert "mark of the source 'service' is altered" in verify(path).problems[0].what
    assert verify(path, repair=True).ok
    assert verify(path).problems == ()
    with closing(connect(path, "read")) as db:
        assert read_mark(db, "service") is None


def test_an_altered_setting_is_brought_back(build: Callable[..., Path], words_encoder: WordsEncoder) -> None:
    path = build(0)
    with Store.create_or_open(path, words_encoder) as store:
        store.add(papers(5), compressor=load_compressor("extractive"), layout="flat")
        made_with = store.compression
    change(path, "UPDATE settings SET value = 'extractivd' WHERE name = 'compress'")
    assert any("'compress' is altered" in problem.what for problem in verify(path).problems)
    assert verify(path, repair=True).ok
    with Store.open(path) as store:
        assert store.compression == made_with


def test_a_database_that_cannot_be_mended_is_not_sent_in_a_circle(build: Callable[..., Path]) -> None:
    path = build(60)
    file = path / "papers.db"
    file.write_bytes(file.read_bytes()[:100])
    with pytest.raises(StoreError, match="from a copy, or build a new store"):
        verify(path, repair=True)


def test_missing_and_stale_vectors_are_counted_and_mended(
    build: Callable[..., Path], words_encoder: WordsEncoder
) -> None:
    path = build(30)
    vectors = Snapshot.load(path, 32)
    vectors.kinds["abstract"].remove(np.array([1, 2, 3]))
    vectors.kinds["abstract"].add(np.array([77]), words_encoder.encode(["stale"]))
    vectors.save(path)
    report = verify(path)
    assert report.problems[0].what == "3 papers without vectors, 1 vectors without paper, 0 twice"
    assert not verify(path, repair=True).ok, "without the embedder there is no mending"
    assert verify(path, repair=True, encoder=words_encoder).ok
    assert verify(path, encoder=words_encoder).problems == ()


def test_a_row_that_is_there_twice_is_found(build: Callable[..., Path], words_encoder: WordsEncoder) -> None:
    path = build(5)
    vectors = Snapshot.load(path, 32)
    vectors.kinds["abstract"].add(np.array([2]), words_encoder.encode(["twice"]))
    vectors.save(path)
    assert "1 twice" in verify(path).problems[0].what
    assert verify(path, repair=True, encoder=words_encoder).ok
    assert verify(path, encoder=words_encoder).problems == ()


def test_vectors_of_other_texts_are_found_by_embedding_a_few_again(
    build: Callable[..., Path], words_encoder: WordsEncoder
) -> None:
    path = build(30)
    shuffled = Snapshot.load(path, 32)
    shuffled.kinds["abstract"].remove(np.arange(1, 31))
    others = words_encoder.encode([one.text for one in papers(30, start=100)])
    shuffled.kinds["abstract"].add(np.arange(1, 31), others)
    shuffled.save(path)
    assert verify(path).ok, "only the encoder can tell"
    (problem,) = verify(path, encoder=words_encoder).problems
    assert "has cosine" in problem.what
    assert verify(path, repair=True, encoder=words_encoder).ok
    assert verify(path, encoder=words_encoder).problems == ()


@pytest.mark.parametrize("dimension", [32, 48])
def test_repair_with_another_embedder_embeds_everything_anew(build: Callable[..., Path], dimension: int) -> None:
    path, other = build(30), WordsEncoder("other/model", dimension)
    (problem,) = verify(path, encoder=other).problems
    assert "fake/words" in problem.what
    assert "other/model" in problem.what
    assert verify(path, repair=True, encoder=other).ok
    assert verify(path, encoder=other).problems == ()
    with Store.create_or_open(path, other) as store:
        assert store.info().embedder_id == "other/model"
        assert store.info().vectors == 30
        assert store.add(papers(30)).embedded == 0


def test_an_edited_manifest_is_found_field_by_field(build: Callable[..., Path]) -> None:
    path = build(5)
    manifest = json.loads((path / "manifest.json").read_text())
    for field, value in {
        "papers": 6,
        "cutoff": "2030-01",
        "content_hash": "0" * 64,
        "embedder_id": "x",
    }.items():
        (path / "manifest.json").write_text(json.dumps({**manifest, field: value}))
        (problem,) = verify(path).problems
        assert field in problem.what
    assert verify(path, repair=True).ok
    assert json.loads((path / "manifest.json").read_text()) == manifest


def test_leftover_files_are_found_and_removed(build: Callable[..., Path], words_encoder: WordsEncoder) -> None:
    path = build(5)
    # Entered and never left, as by a kill.
    killed = [replacing(path / "manifest.json"), replacing(path / "vectors" / "index.json")]
    left = [writing.__enter__() for writing in killed]
    assert places(verify(path)) == [str(file.relative_to(path)) for file in left]
    assert verify(path, repair=True).ok
    assert not any(file.exists() for file in left)


def test_a_broken_index_inside_the_database_is_rebuilt(build: Callable[..., Path]) -> None:
    path = build(5)
    # An id that the table has and its index has not: what SQLite calls a missing row.
    with closing(sqlite3.connect(path / "papers.db")) as db:
        page = db.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'sqlite_autoindex_papers_1'").fetchone()[0]
        size = db.execute("PRAGMA page_size").fetchone()[0]
    file = path / "papers.db"
    data = bytearray(file.read_bytes())
    at = data.index(b"made:00003", (page - 1) * size, page * size)
    data[at : at + 10] = b"made:00009"
    file.write_bytes(data)
    assert "SQLite finds it damaged" in verify(path).problems[0].what
    assert verify(path, repair=True).ok
    assert verify(path).problems == ()


def test_it_does_not_read_beside_a_writer(build: Callable[..., Path]) -> None:
    path = build(5)
    lock = acquire_lock(path)
    with pytest.raises(StoreError, match="another program is writing"):
        verify(path)
    release_lock(lock)
    assert verify(path).ok


def test_what_is_no_store_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="there is no store"):
        verify(tmp_path / "absent")
    with pytest.raises(StoreError, match="no literature store"):
        verify(tmp_path)
