from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from guide.corpus import schema
from guide.corpus.migrate import migrate
from guide.corpus.retrieve import search
from guide.corpus.store import Store
from guide.corpus.verify import verify
from guide.errors import StoreError
from tests.corpus.fakes import WordsEncoder, paper, papers

FORMAT_1 = """
CREATE TABLE papers (
    row INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, title TEXT NOT NULL, abstract TEXT NOT NULL,
    year INTEGER NOT NULL, venue TEXT NOT NULL, posted TEXT, url TEXT, keywords TEXT NOT NULL, decision TEXT,
    ratings TEXT NOT NULL, content_hash TEXT NOT NULL
);
CREATE TABLE embedder (id TEXT NOT NULL, sha256 TEXT NOT NULL, dimension INTEGER NOT NULL);
CREATE TABLE journal (
    run INTEGER PRIMARY KEY AUTOINCREMENT, at TEXT NOT NULL, source TEXT, sha256 TEXT, added INTEGER NOT NULL,
    updated INTEGER NOT NULL, unchanged INTEGER NOT NULL, duplicates INTEGER NOT NULL, skipped INTEGER NOT NULL,
    finished INTEGER NOT NULL
);
CREATE VIRTUAL TABLE papers_fts USING fts5(
    title, abstract, content='papers', content_rowid='row', tokenize='porter unicode61 remove_diacritics 2'
);
CREATE VIRTUAL TABLE papers_vocabulary USING fts5vocab('papers_fts', 'row');
CREATE TRIGGER papers_inserted AFTER INSERT ON papers BEGIN
    INSERT INTO papers_fts(rowid, title, abstract) VALUES (new.row, new.title, new.abstract);
END;
CREATE TRIGGER papers_deleted AFTER DELETE ON papers BEGIN
    INSERT INTO papers_fts(papers_fts, rowid, title, abstract) VALUES ('delete', old.row, old.title, old.abstract);
END;
PRAGMA application_id = 0x47554944;
PRAGMA user_version = 1;
"""
PAPERS = [*papers(30), paper(40, decision="Reject", ratings=(3.0, 5.5), posted=None, url=None)]


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """A store of format 1, as the guide of then would have written it."""
    path = tmp_path / "old"
    (path / "vectors").mkdir(parents=True)
    (path / "vectors" / "abstract.faiss").write_bytes(b"vectors of then")
    (path / "manifest.json").write_text(json.dumps({"format_version": 1, "papers": len(PAPERS)}))
    with closing(sqlite3.connect(path / "papers.db")) as db:
        db.executescript(FORMAT_1)
        db.execute("INSERT INTO embedder VALUES ('fake/old', 'x', 8)")
        db.execute("INSERT INTO journal VALUES (1, '2024-01-01T00:00:00Z', 'a.jsonl', 'y', 31, 0, 0, 0, 0, 1)")
        for one in PAPERS:
            fields = [
                one.id, one.title, one.abstract, one.year, one.venue, one.posted, one.url,
                json.dumps(one.keywords), one.decision, json.dumps(one.ratings), one.content_hash,
            ]  # fmt: skip
            marks = ",".join("?" * len(fields))
            db.execute(f"INSERT INTO papers VALUES (NULL,{marks})", fields)  # noqa: S608 - marks only
        db.execute("DELETE FROM papers WHERE id = 'made:00007'")
        db.commit()
    return path


def test_an_old_store_is_refused_with_the_command_that_migrates_it(old: Path, words_encoder: WordsEncoder) -> None:
    for attempt in (lambda: Store.open(old), lambda: Store.create_or_open(old, words_encoder)):
        with pytest.raises(StoreError, match=rf"format 1, .*format 2.*guide corpus migrate --store {old}"):
            attempt()


def test_a_migrated_store_has_the_same_papers_and_a_sound_rest(old: Path, words_encoder: WordsEncoder) -> None:
    assert migrate(old, words_encoder) == 1
    left = [one for one in PAPERS if one.id != "made:00007"]
    with Store.open(old) as store:
        assert list(store.export()) == left
        info = store.info()
        assert (info.format_version, info.papers, info.vectors) == (2, 30, 30)
        assert search(store, words_encoder, left[5].text, k=1).hits[0].paper == left[5]
        assert store._db.execute("SELECT source, added FROM journal").fetchall() == [("a.jsonl", 31)]
    assert verify(old, encoder=words_encoder).problems == ()
    with Store.create_or_open(old, words_encoder) as store:
        report = store.add(PAPERS)
        assert (report.added, report.updated, report.unchanged) == (1, 0, 30)
    assert sorted(file.name.partition("-")[0] for file in (old / "vectors").iterdir()) == [
        "abstract", "contribution", "experiments", "index.json", "method",
    ]  # fmt: skip


def test_a_store_that_is_up_to_date_is_left_alone(old: Path, words_encoder: WordsEncoder, contents) -> None:
    migrate(old, words_encoder)
    before = contents(old)
    assert migrate(old, words_encoder) == schema.FORMAT_VERSION
    assert contents(old) == before


def test_killed_before_it_has_embedded_it_goes_on(old: Path, words_encoder: WordsEncoder) -> None:
    class Dying(WordsEncoder):
        def encode_spans(self, texts, spans, *, progress=False):
            raise RuntimeError("killed")

    with pytest.raises(RuntimeError, match="killed"):
        migrate(old, Dying())
    migrate(old, words_encoder)
    assert verify(old, repair=True, encoder=words_encoder).ok
    with Store.open(old) as store:
        assert (store.count, len(store.vectors)) == (30, 30)


def test_a_damaged_row_leaves_the_store_as_it_was(old: Path, words_encoder: WordsEncoder) -> None:
    with closing(sqlite3.connect(old / "papers.db")) as db:
        db.execute("UPDATE papers SET keywords = '[' WHERE row = 3")
        db.commit()
    before = (old / "papers.db").read_bytes()
    with pytest.raises(StoreError, match="row 3 is not readable"):
        migrate(old, words_encoder)
    assert (old / "papers.db").read_bytes() == before
