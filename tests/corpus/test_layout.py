from __future__ import annotations

import errno
import os
import signal
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guide.atomic import TEMPORARY, replacing
from guide.corpus.layout import (
    DATABASE,
    LOCK,
    MANIFEST,
    VECTORS,
    acquire_lock,
    check_free,
    check_present,
    leftovers,
    release_lock,
    translating,
    verify_command,
)
from guide.corpus.store import Store
from guide.errors import InputError, StoreError
from tests.corpus.fakes import WordsEncoder

ROOT = Path(__file__).parents[2]
OWN = (LOCK, f"{DATABASE}-wal", f"{DATABASE}-shm", f"{DATABASE}-journal", f"{TEMPORARY}0123")
NAMES = st.text("abcdeé -_", min_size=1, max_size=8).map(lambda name: f"x{name}")

HOLDER = """
import subprocess, sys
from pathlib import Path
from guide.corpus.layout import acquire_lock
acquire_lock(Path(sys.argv[1]))
child = subprocess.Popen(["sleep", "60"], close_fds=False)
print(child.pid, flush=True)
child.wait()
"""


@given(st.sets(st.sampled_from(OWN)), st.sets(NAMES, max_size=4))
def test_a_folder_is_free_unless_it_holds_what_is_no_stores(own: set[str], foreign: set[str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        for name in own | foreign:
            (Path(folder) / name).touch()
        if not foreign:
            check_free(Path(folder))
            return
        with pytest.raises(StoreError) as caught:
            check_free(Path(folder))
        assert f"holds other files ({min(foreign)})" in caught.value.what
        (Path(folder) / DATABASE).touch()
        check_free(Path(folder))  # what stands beside a store is not asked about


def test_somebody_elses_folder_of_vectors_is_refused_and_left_as_it_is(
    tmp_path: Path, contents, words_encoder: WordsEncoder
) -> None:
    (tmp_path / VECTORS).mkdir()
    for name in ("mine.faiss", "icons.new"):
        (tmp_path / VECTORS / name).write_text("theirs")
    before = contents(tmp_path)
    with pytest.raises(StoreError, match=r"is no store and holds other files \(vectors\)"):
        Store.create_or_open(tmp_path, words_encoder)
    assert contents(tmp_path) == before


@pytest.mark.parametrize("name", [DATABASE, MANIFEST])
def test_one_of_its_two_files_makes_a_folder_a_store(tmp_path: Path, name: str) -> None:
    with pytest.raises(StoreError, match=rf"{tmp_path}: the folder is no literature store.*--store {tmp_path}"):
        check_present(tmp_path)
    (tmp_path / name).touch()
    check_present(tmp_path)


def test_only_a_writers_temporary_files_are_leftovers(tmp_path: Path, build: Callable[..., Path]) -> None:
    path = build(5)
    assert leftovers(path) == []
    (path / "notes.new").touch()  # not in the folder of the vectors
    (path / VECTORS / "method.new").touch()
    left = [replacing(path / MANIFEST), replacing(path / VECTORS / "index.json")]
    files = [one.__enter__() for one in left]
    assert leftovers(path) == sorted([*files, path / VECTORS / "method.new"])
    for one in left:
        one.__exit__(None, None, None)
    assert leftovers(path) == [path / VECTORS / "method.new"]


def test_the_lock_is_held_once_and_free_again_after_its_release(tmp_path: Path) -> None:
    held = acquire_lock(tmp_path)
    with pytest.raises(StoreError, match="another program is writing to the store"):
        acquire_lock(tmp_path)
    release_lock(held)
    release_lock(acquire_lock(tmp_path))
    assert (tmp_path / LOCK).exists()


def test_the_lock_of_a_killed_program_is_free_though_its_child_lives(tmp_path: Path) -> None:
    program = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(tmp_path)],
        stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert program.stdout is not None
    child = int(program.stdout.readline())
    try:
        with pytest.raises(StoreError, match="another program"):
            acquire_lock(tmp_path)
        program.kill()
        program.wait()
        os.kill(child, 0)
        release_lock(acquire_lock(tmp_path))
    finally:
        os.kill(child, signal.SIGKILL)
        program.stdout.close()


def test_where_there_can_be_no_lock_the_place_is_named(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=rf"{tmp_path / 'gone' / LOCK}: .*No such file"):
        acquire_lock(tmp_path / "gone")


def test_a_full_database_is_called_a_full_disk(tmp_path: Path) -> None:
    with (
        closing(sqlite3.connect(tmp_path / DATABASE)) as db,
        pytest.raises(StoreError, match="the disk is full") as got,
    ):
        db.execute("PRAGMA max_page_count = 2")
        with translating(tmp_path):
            db.execute("CREATE TABLE big AS SELECT randomblob(100000)")
    assert "it goes on where it stopped" in str(got.value)


@pytest.mark.parametrize(
    ("content", "statement", "said"),
    [
        (b"no database " * 100, "SELECT * FROM sqlite_schema", "is damaged (file is not a database)"),
        (b"", "SELECT * FROM papers", "cannot be used (no such table: papers)"),
    ],
)
def test_what_sqlite_finds_is_told_with_the_command_that_mends(
    tmp_path: Path, content: bytes, statement: str, said: str
) -> None:
    (tmp_path / DATABASE).write_bytes(content)
    with closing(sqlite3.connect(tmp_path / DATABASE)) as db, pytest.raises(StoreError) as got, translating(tmp_path):
        db.execute(statement)
    assert got.value.what == f"the database {said}"
    assert got.value.fix == verify_command(tmp_path) == f"Run: guide corpus verify --store {tmp_path} --repair."


@pytest.mark.parametrize("number", sorted({errno.EACCES, errno.EIO, errno.ENOENT, errno.EROFS, errno.ENOSPC}))
def test_what_the_disk_says_is_told_with_the_file_it_is_about(tmp_path: Path, number: int) -> None:
    for file in (None, str(tmp_path / "file")):
        with pytest.raises(StoreError) as caught, translating(tmp_path):
            raise OSError(number, os.strerror(number), file)
        if number == errno.ENOSPC:
            assert (caught.value.what, caught.value.where) == ("the disk is full", str(tmp_path))
        else:
            assert os.strerror(number) in caught.value.what
            assert caught.value.where == (file or str(tmp_path))


@pytest.mark.parametrize("error", [ValueError("theirs"), InputError("theirs"), KeyboardInterrupt()])
def test_what_is_none_of_its_business_passes_unchanged(tmp_path: Path, error: BaseException) -> None:
    with pytest.raises(type(error)) as caught, translating(tmp_path):
        raise error
    assert caught.value is error
