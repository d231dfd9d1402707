from __future__ import annotations

import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlite_utils import Database

from guide.corpus import schema
from guide.corpus.ingest import altered_marks, read_mark
from guide.corpus.layout import DATABASE
from guide.corpus.schema import Embedder, connect, create_tables, digest_of, read_embedder, read_setting, write_setting
from guide.corpus.store import Store
from guide.errors import StoreError
from tests.corpus.fakes import WordsEncoder, paper, papers

EMBEDDER = Embedder("fake/wörds", "0123456789abcdef", 32)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]))
FOLDERS = st.text("ab ?#%&=+;:é'\"\\", min_size=1, max_size=12)


@pytest.fixture
def db(tmp_path: Path) -> Iterator[Database]:
    create_tables(tmp_path, EMBEDDER)
    with closing(connect(tmp_path, "write")) as opened:
        yield opened


@given(FOLDERS)
@settings(max_examples=30)
def test_a_store_may_have_any_name_a_folder_can_have(name: str) -> None:
    with tempfile.TemporaryDirectory() as public:
        folder = Path(public) / name
        folder.mkdir()
        create_tables(folder, EMBEDDER)
        for access in ("read", "write"):
            with closing(connect(folder, access)) as opened:
                assert read_embedder(opened) == EMBEDDER
        assert [file.name for file in folder.iterdir()] == [DATABASE]
        assert [file.name for file in Path(public).iterdir()] == [name]


def test_tables_that_are_there_are_left_alone(tmp_path: Path) -> None:
    create_tables(tmp_path, EMBEDDER)
    before = (tmp_path / DATABASE).read_bytes()
    create_tables(tmp_path, Embedder("other", "0", 8))
    assert (tmp_path / DATABASE).read_bytes() == before


def test_making_the_tables_is_all_or_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(schema, "SIDE_TABLES", (*schema.SIDE_TABLES, "CREATE TABLE papers (twice)"))
    with pytest.raises(StoreError, match="table papers already exists"):
        create_tables(tmp_path, EMBEDDER)
    with closing(sqlite3.connect(tmp_path / DATABASE)) as raw:
        assert raw.execute("SELECT count(*) FROM sqlite_schema").fetchone() == (0,)
        assert schema.read_header(Database(raw, execute_plugins=False)) == (0, 0)
    monkeypatch.undo()
    create_tables(tmp_path, EMBEDDER)
    connect(tmp_path, "read").close()


def test_who_reads_cannot_write_and_nobody_makes_a_database_by_opening_it(tmp_path: Path) -> None:
    for access in ("read", "write"):
        with pytest.raises(StoreError, match=r"has lost its papers\.db"):
            connect(tmp_path, access)
    assert list(tmp_path.iterdir()) == []
    create_tables(tmp_path, EMBEDDER)
    with closing(connect(tmp_path, "read")) as reader, pytest.raises(sqlite3.OperationalError, match="readonly"):
        reader.execute("DELETE FROM papers")


@given(st.lists(st.tuples(st.sampled_from(["compress", "vectors", "é"]), TEXTS), max_size=6))
def test_a_setting_says_what_was_written_last(written: list[tuple[str, str]]) -> None:
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as raw:
        memory = Database(raw, execute_plugins=False)
        for statement in schema.SIDE_TABLES:
            memory.execute(statement)
        for name, value in written:
            write_setting(memory, name, value)
        for name in ("compress", "vectors", "é", "never"):
            assert read_setting(memory, name) == dict(written).get(name)


@pytest.mark.parametrize(
    "alteration",
    [
        "value = 'none'",
        "value = CAST(value AS BLOB)",  # what one flipped bit makes of a text
        "value = 1",
        "digest = 'none'",
        "digest = CAST(digest AS BLOB)",
        "name = 'vectors'",
    ],
)
def test_an_altered_setting_is_never_taken_for_what_was_written(db: Database, alteration: str) -> None:
    write_setting(db, "compress", "extractive-1@0.6")
    db.execute(f"UPDATE settings SET {alteration}")  # noqa: S608 - the cases above
    name = "vectors" if alteration.startswith("name") else "compress"
    with pytest.raises(sqlite3.DataError, match=f"the setting '{name}' is altered"):
        read_setting(db, name)


def test_a_mark_that_has_become_a_blob_is_altered(db: Database) -> None:
    digest = digest_of("service", '{"page":7}')
    db.execute("INSERT INTO marks VALUES ('service', ?, 'now', ?)", ['{"page":7}', digest])
    assert read_mark(db, "service") == {"page": 7}
    db.execute("UPDATE marks SET state = CAST(state AS BLOB)")
    assert read_mark(db, "service") is None
    assert altered_marks(db) == ["service"]


@given(st.lists(TEXTS, min_size=1, max_size=3), st.lists(TEXTS, min_size=1, max_size=3))
def test_texts_without_nul_share_a_digest_only_if_they_are_the_same(first: list[str], second: list[str]) -> None:
    plain = [[text.replace("\0", "") for text in texts] for texts in (first, second)]
    assert (digest_of(*plain[0]) == digest_of(*plain[1])) == (plain[0] == plain[1])
    assert len(digest_of(*first)) == 16


@pytest.mark.parametrize("column", ["id", "sha256"])
def test_an_embedder_whose_name_has_become_a_blob_is_the_same(db: Database, column: str) -> None:
    db.execute(f"UPDATE embedder SET {column} = CAST({column} AS BLOB)")  # noqa: S608 - the cases above
    assert read_embedder(db) == EMBEDDER


def test_an_embedder_that_is_gone_is_an_error_with_the_way_back(db: Database) -> None:
    db.execute("DELETE FROM embedder")
    with pytest.raises(StoreError, match=r"does not say which model.*guide corpus reindex"):
        read_embedder(db)


def test_the_number_of_a_row_is_never_given_twice(build: Callable[..., Path], words_encoder: WordsEncoder) -> None:
    path = build(3)
    for turn in range(3):
        with Store.create_or_open(path, words_encoder) as store:
            store.add([paper(2, title=f"Renamed {turn}")])
        with closing(connect(path, "read")) as opened:
            assert opened.execute("SELECT max(row) FROM papers").fetchone() == (4 + turn,)


def test_while_a_transaction_is_open_readers_go_on_and_the_last_writer_folds_the_log(tmp_path: Path) -> None:
    create_tables(tmp_path, EMBEDDER)
    log = tmp_path / f"{DATABASE}-wal"
    with closing(connect(tmp_path, "write")) as writer:
        schema.enter_log(writer)
        with closing(connect(tmp_path, "read")) as reader, writer.atomic():
            schema.write_embedder(writer, Embedder("new", "1", 8))
            assert read_embedder(reader) == EMBEDDER
        assert log.exists()
        with closing(connect(tmp_path, "read")) as reader:
            assert read_embedder(reader).id == "new"
            reader.execute("BEGIN")
            read_embedder(reader)
            schema.leave_log(writer)  # the reader is in the way, which is no error
            assert log.exists()
    with closing(connect(tmp_path, "write")) as writer:
        assert read_embedder(writer).id == "new"
        schema.leave_log(writer)
    assert [file.name for file in tmp_path.iterdir()] == [DATABASE]
    assert (tmp_path / DATABASE).read_bytes()[18] == 1


def test_every_store_says_in_its_header_whose_it_is(build: Callable[..., Path]) -> None:
    head = (build(3) / DATABASE).read_bytes()[:100]
    assert head[68:72] == b"GUID"
    assert int.from_bytes(head[60:64]) == schema.FORMAT_VERSION
    assert int.from_bytes(head[16:18]) == 16_384


_KILLED_IN_A_TRANSACTION = """
import os, signal, sqlite3, sys
db = sqlite3.connect(sys.argv[1], isolation_level=None)
db.execute("PRAGMA cache_size = 1")
db.execute("BEGIN")
db.execute("UPDATE papers SET year = 1")
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_reader_undoes_what_a_killed_writer_left_half_done(tmp_path: Path) -> None:
    with Store.create_or_open(tmp_path / "store", WordsEncoder()) as store:
        store.add(papers(300))
    database = tmp_path / "store" / DATABASE
    subprocess.run([sys.executable, "-c", _KILLED_IN_A_TRANSACTION, str(database)], check=False)
    assert database.with_name(f"{DATABASE}-journal").exists()
    with Store.open(tmp_path / "store") as reader:
        assert [one.year for one in reader.export()] == [one.year for one in papers(300)]
