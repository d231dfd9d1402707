from __future__ import annotations

import errno
import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlite_utils import Database

from guide.corpus.indexing import PENDING, open_pending
from guide.corpus.layout import VECTORS
from guide.corpus.lexical import Lexicon
from guide.corpus.papers import PaperTable
from guide.corpus.repair import complaints, rebuild_indexes, rebuild_vectors, rebuild_words, word_complaint
from guide.corpus.schema import Embedder, connect, read_embedder, read_setting
from guide.corpus.snapshot import Snapshot
from guide.corpus.store import Store, embedder_of, reindex_store
from guide.corpus.vectors import VectorIndex
from guide.corpus.verify import verify
from guide.errors import InputError, StoreError
from tests.corpus.fakes import WordsEncoder, paper, papers

EXTRA = "INSERT INTO papers_fts(rowid, text) VALUES ({row}, 'zebrafish')"
GRAPH = "INSERT INTO papers_fts({own}rowid, text) VALUES ({delete}{row}, 'graph')"
WORD_FAULTS = {
    "a word of a paper more": (EXTRA.format(row=1),),
    "words of a paper that is gone": (EXTRA.format(row=9_999),),
    "a paper that it has not": ("INSERT INTO papers_fts(papers_fts, rowid, text) VALUES ('delete', 3, 'boosting')",),
    "no paper at all": ("INSERT INTO papers_fts(papers_fts) VALUES ('delete-all')",),
    "a word at other papers, as many, of the same sum": (
        *(GRAPH.format(own="papers_fts, ", delete="'delete', ", row=row) for row in (1, 21)),
        *(GRAPH.format(own="", delete="", row=row) for row in (10, 12)),
    ),
    "pages lost": ("DELETE FROM papers_fts_data WHERE id > 10",),
    "everything lost": ("DELETE FROM papers_fts_data",),
    "its tree leads elsewhere": ("UPDATE papers_fts_idx SET pgno = pgno + 2",),
    "its settings lost": ("DELETE FROM papers_fts_config",),
    "a table of its own lost": ("DROP TABLE papers_fts_data",),
    "the whole index lost": ("DROP TABLE papers_fts",),
}


@contextmanager
def opened(path: Path) -> Iterator[Database]:
    with closing(connect(path, "write")) as db:
        yield db


def finds(db: Database, word: str) -> int:
    words = Lexicon(db)
    try:
        return len(words.search({"q": word}, 100)["q"])
    finally:
        words.close()


def test_a_sound_database_has_nothing_to_complain_of(build: Callable[..., Path]) -> None:
    with opened(build(30)) as db:
        assert complaints(db) == []
        assert word_complaint(db) is None
        assert rebuild_indexes(db)


@pytest.mark.parametrize("fault", WORD_FAULTS)
def test_whatever_is_wrong_with_the_word_index_it_is_seen_and_rebuilt(build: Callable[..., Path], fault: str) -> None:
    path = build(30)
    with opened(path) as db:
        due = finds(db, "pruning")
    with closing(sqlite3.connect(path / "papers.db", isolation_level=None)) as raw:
        for statement in WORD_FAULTS[fault]:
            raw.execute(statement)
    with opened(path) as db:
        assert word_complaint(db)
        rebuild_words(db)
        assert word_complaint(db) is None
        assert finds(db, "pruning") == due > 0
        assert finds(db, "zebrafish") == 0
    assert verify(path).ok
    with Store.create_or_open(path, WordsEncoder()) as store:
        store.add([paper(77, title="Zebrafish larvae")])
        assert len(store.words.search({"q": "zebrafish"}, 9)["q"]) == 1


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The bytes of a sound database."""
    path = tmp_path_factory.mktemp("image") / "store"
    with Store.create_or_open(path, WordsEncoder()) as store:
        store.add(papers(30))
    return (path / "papers.db").read_bytes()


@given(st.data())
@settings(max_examples=60)
def test_whatever_byte_of_the_word_index_is_flipped_rebuilding_mends_it(image: bytes, data: st.DataObject) -> None:
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as raw:
        raw.deserialize(image)
        blocks = raw.execute("SELECT id, block FROM papers_fts_data").fetchall()
        row, block = data.draw(st.sampled_from(blocks))
        at, flip = data.draw(st.integers(0, len(block) - 1)), data.draw(st.integers(1, 255))
        damaged = block[:at] + bytes([block[at] ^ flip]) + block[at + 1 :]
        raw.execute("UPDATE papers_fts_data SET block = ? WHERE id = ?", [damaged, row])
        # FTS5 keeps what it has read of an index; another connection has not read it.
        raw, changed = sqlite3.connect(":memory:", isolation_level=None), raw.serialize()
        with closing(raw):
            raw.deserialize(changed)
            db = Database(raw, execute_plugins=False)
            word_complaint(db)
            rebuild_words(db)
            assert word_complaint(db) is None
            assert complaints(db) == []


def test_a_word_that_a_search_no_longer_reaches_is_missed(tmp_path: Path, words_encoder: WordsEncoder) -> None:
    letters = "abcdefghijklmnopqrstuvwxyz"
    many = [
        paper(n, abstract=" ".join(f"q{letters[n % 26]}{letters[n // 26]}{one}" for one in letters)) for n in range(130)
    ]
    with Store.create_or_open(tmp_path, words_encoder) as store:
        store.add(many)
    with opened(tmp_path) as db:
        (pages,) = db.execute("SELECT count(*) FROM papers_fts_idx").fetchone()
        assert pages > 2, "a tree of one page leads nowhere wrong"
        db.execute(
            "UPDATE papers_fts_idx SET term = CAST('0z' AS BLOB) WHERE pgno = (SELECT max(pgno) FROM papers_fts_idx)"
        )
    with opened(tmp_path) as db:
        last = f"q{letters[25]}{letters[3]}z"
        assert finds(db, last) == 0
        assert "a search does not find the word" in (word_complaint(db) or "")
        rebuild_words(db)
        assert word_complaint(db) is None
        assert finds(db, last) == 1


@pytest.mark.parametrize("table", [True, False], ids=["a table's first page", "the list of free pages"])
def test_what_no_rebuilding_mends_is_not_said_to_be_mended(build: Callable[..., Path], table: bool) -> None:
    path = build(60)
    with opened(path) as db:
        size = db.execute("PRAGMA page_size").fetchone()[0]
        page = db.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'papers'").fetchone()[0]
    # Bytes 36 to 39 of the header count the free pages.
    at, damage = ((page - 1) * size, b"\x07" * size) if table else (36, b"\0\0\0\x07")
    with (path / "papers.db").open("r+b") as file:
        file.seek(at)
        file.write(damage)
    with opened(path) as db:
        assert complaints(db)
        assert not rebuild_indexes(db)


@pytest.mark.parametrize("other", [WordsEncoder("other/model"), WordsEncoder("other/model", 48)])
def test_new_vectors_come_with_the_name_of_their_embedder(build: Callable[..., Path], other: WordsEncoder) -> None:
    path = build(20)
    with opened(path) as db:
        rebuilt = rebuild_vectors(path, db, other, layout="flat")
        assert read_embedder(db) == embedder_of(other)
        assert read_setting(db, "vectors") == "flat"
    found = Snapshot.load(path, other.dimension)
    assert found.rows.tolist() == rebuilt.rows.tolist() == list(range(1, 21))
    query = other.encode([paper(4).text])
    assert found.kinds["abstract"].search(query, 1)[0][0].row == 5


def test_the_log_of_the_old_embedder_does_not_outlive_it(build: Callable[..., Path]) -> None:
    path = build(2)
    with opened(path) as db:
        open_pending(path, db).append(np.array([2]), {0: (np.array([0]), np.eye(1, 32, dtype=np.float32))})
        rebuild_vectors(path, db, WordsEncoder())
    assert not (path / VECTORS / PENDING).exists()
    assert verify(path, encoder=WordsEncoder()).problems == ()


def test_a_rebuild_that_cannot_write_leaves_vectors_and_embedder(
    build: Callable[..., Path], words_encoder: WordsEncoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = build(20)

    def full(self: VectorIndex, target: Path) -> None:
        target.write_bytes(b"half")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(VectorIndex, "write", full)
    with opened(path) as db, pytest.raises(StoreError, match="the disk is full"):
        rebuild_vectors(path, db, WordsEncoder("other/model", 48))
    monkeypatch.undo()
    assert verify(path, encoder=words_encoder).problems == ()


def test_killed_while_it_embeds_anew_it_goes_on_with_the_new_embedder(build: Callable[..., Path]) -> None:
    class Dying(WordsEncoder):
        def encode_spans(self, texts, spans, *, progress=False):
            raise RuntimeError("killed")

    path = build(20)
    with pytest.raises(RuntimeError, match="killed"):
        reindex_store(path, Dying("other/model", 48), layout="IVF2,RaBitQ4")
    with Store.create_or_open(path, WordsEncoder("other/model", 48)) as store:
        assert (len(store.vectors), store.count) == (0, 20)
        assert store.add([]).embedded == 20
        assert store.info().layout == "IVF2,RaBitQ4"


def test_a_layout_that_is_refused_does_not_come_back(build: Callable[..., Path], words_encoder: WordsEncoder) -> None:
    path = build(20)
    with pytest.raises(InputError, match="cannot be kept as 'Nonsense'"):
        reindex_store(path, words_encoder, layout="Nonsense")
    with Store.create_or_open(path, words_encoder) as store:
        assert store.add(papers(21)).added == 1
        assert (len(store.vectors), store.info().layout) == (21, "flat")
    assert verify(path, encoder=words_encoder).problems == ()


def test_a_setting_that_is_altered_is_no_hindrance_to_a_layout_that_is_named(
    build: Callable[..., Path], words_encoder: WordsEncoder
) -> None:
    path = build(20)
    reindex_store(path, words_encoder, layout="flat")
    with opened(path) as db:
        db.execute("UPDATE settings SET value = 'flau' WHERE name = 'vectors'")
    assert reindex_store(path, words_encoder, layout="IVF2,RaBitQ4").layout == "IVF2,RaBitQ4"
    assert verify(path, encoder=words_encoder).problems == ()


def test_a_store_that_lost_its_embedders_name_gets_it_back_with_new_vectors(
    build: Callable[..., Path], words_encoder: WordsEncoder
) -> None:
    path = build(20)
    with opened(path) as db:
        db.execute("DELETE FROM embedder")
    for attempt in (lambda: Store.open(path), lambda: verify(path, repair=True, encoder=words_encoder)):
        with pytest.raises(StoreError, match=r"does not say which model.*guide corpus reindex"):
            attempt()
    assert reindex_store(path, words_encoder).vectors == 20
    with opened(path) as db:
        assert read_embedder(db) == Embedder(words_encoder.id, words_encoder.sha256, 32)
        assert len(PaperTable(db)) == 20
    assert verify(path, encoder=words_encoder).problems == ()
