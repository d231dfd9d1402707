from __future__ import annotations

import errno
import os
import resource
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from guide.corpus import snapshot
from guide.corpus.layout import VECTORS, leftovers
from guide.corpus.modules import KINDS
from guide.corpus.snapshot import INDEX, Snapshot, unnamed
from guide.corpus.vectors import FLAT, VectorIndex
from guide.errors import StoreError

DIMENSION = 16
COMPRESSED = "PCAR8,IVF4,RaBitQ4"
ROWS = st.frozensets(st.integers(1, 2**40), max_size=20)


def make(rows: list[int], layout: str = FLAT) -> Snapshot:
    """A snapshot with these rows under every kind, each with a vector that only it has; the layout is the method's."""
    vectors = np.stack([np.random.default_rng(row).normal(size=DIMENSION) for row in rows]).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    made = Snapshot.create(DIMENSION)
    if layout != FLAT:
        made.kinds["method"] = VectorIndex.train(vectors, layout)
    for index in made.kinds.values():
        index.add(np.array(rows), vectors)
    made.trained_on = rows[0]
    return made


def nearest(found: Snapshot) -> list[tuple[int, float]]:
    query = np.eye(1, DIMENSION, dtype=np.float32)
    return [(hit.row, hit.cosine) for kind in KINDS for hit in found.kinds[kind].search(query, 5)[0]]


@contextmanager
def without_rights() -> Iterator[None]:
    """Be "nobody" for a while: to the superuser no folder is read-only."""
    if os.geteuid():
        yield
        return
    os.seteuid(65_534)
    try:
        yield
    finally:
        os.seteuid(0)


@given(st.tuples(*[ROWS] * len(KINDS)), st.integers(0, 9), st.booleans())
@settings(max_examples=30)
def test_what_is_saved_is_loaded_kind_by_kind(held: tuple[frozenset[int], ...], trained_on: int, mapped: bool) -> None:
    made = Snapshot.create(DIMENSION)
    for kind, rows in zip(KINDS, held, strict=True):
        made.kinds[kind].add(np.array(sorted(rows)), np.eye(len(rows), DIMENSION, dtype=np.float32))
    made.trained_on = trained_on
    with tempfile.TemporaryDirectory() as folder:
        made.save(Path(folder))
        found = Snapshot.load(Path(folder), DIMENSION, mapped=mapped)
        assert [found.kinds[kind].rows.tolist() for kind in KINDS] == [sorted(rows) for rows in held]
        assert (len(found), found.trained_on, found.layout) == (len(held[0]), trained_on, FLAT)
        assert unnamed(Path(folder)) == []


def test_saving_again_replaces_the_files_and_keeps_those_that_are_the_same(tmp_path: Path) -> None:
    made = make([1, 2, 3])
    made.save(tmp_path)
    before = {file.name for file in (tmp_path / VECTORS).iterdir()}
    made.save(tmp_path)
    assert {file.name for file in (tmp_path / VECTORS).iterdir()} == before
    made.kinds["method"].remove(np.array([2]))
    made.save(tmp_path)
    after = {file.name for file in (tmp_path / VECTORS).iterdir()}
    assert len(after) == len(before) == len(KINDS) + 1
    assert {name.partition("-")[0] for name in after - before} == {"method"}


@pytest.mark.parametrize("failing", [*KINDS, INDEX])
def test_a_save_that_finds_the_disk_full_half_way_leaves_the_old_snapshot(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failing: str
) -> None:
    make([1, 2, 3]).save(tmp_path)
    write, write_text = VectorIndex.write, snapshot.write_text
    wanted = make([4, 5])

    def half(self: VectorIndex, path: Path) -> None:
        write(self, path)
        if self is wanted.kinds.get(failing):
            os.truncate(path, path.stat().st_size // 2)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def no_text(path: Path, text: str) -> None:
        if failing == INDEX:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        write_text(path, text)

    monkeypatch.setattr(VectorIndex, "write", half)
    monkeypatch.setattr(snapshot, "write_text", no_text)
    with pytest.raises(StoreError, match="the disk is full"):
        wanted.save(tmp_path)
    monkeypatch.undo()
    assert nearest(Snapshot.load(tmp_path, DIMENSION)) == nearest(make([1, 2, 3]))
    assert leftovers(tmp_path) == []
    written = [*KINDS, INDEX].index(failing)
    assert len(unnamed(tmp_path)) == written, "what was whole by then waits to be cleared away"
    wanted.save(tmp_path)
    assert Snapshot.load(tmp_path, DIMENSION).rows.tolist() == [4, 5]
    assert unnamed(tmp_path) == []


def test_an_index_that_faiss_itself_cannot_write_leaves_the_old_snapshot(tmp_path: Path) -> None:
    make([1, 2, 3]).save(tmp_path)
    large = make(list(range(10, 1_500)))
    kept = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, kept[1]))
    try:
        with pytest.raises(StoreError, match="File too large"):
            large.save(tmp_path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, kept)
    assert Snapshot.load(tmp_path, DIMENSION).rows.tolist() == [1, 2, 3]
    assert leftovers(tmp_path) == []


def test_a_folder_that_may_not_be_written_keeps_its_snapshot_and_says_so() -> None:
    # Pytest's own folders are closed to other users.
    with tempfile.TemporaryDirectory() as public:
        Path(public).chmod(0o755)
        folder = Path(public) / "store"
        folder.mkdir()
        make([1, 2, 3]).save(folder)
        (folder / VECTORS).chmod(0o555)
        with without_rights(), pytest.raises(StoreError, match=rf"{folder}.*Permission denied"):
            make([4]).save(folder)
        assert Snapshot.load(folder, DIMENSION).rows.tolist() == [1, 2, 3]
        (folder / VECTORS).chmod(0o755)


@pytest.mark.parametrize(("layout", "mapped"), [(FLAT, False), (FLAT, True), (COMPRESSED, True)])
def test_a_reader_goes_on_with_its_snapshot_while_a_new_one_is_saved(tmp_path: Path, layout: str, mapped: bool) -> None:
    old = make(list(range(1, 400)), layout)
    old.save(tmp_path)
    reader = Snapshot.load(tmp_path, DIMENSION, mapped=mapped)
    files = set((tmp_path / VECTORS).glob("*.faiss"))
    make(list(range(500, 900)), layout).save(tmp_path)
    assert not any(file.exists() for file in files)
    assert nearest(reader) == nearest(old)
    assert reader.rows.tolist() == list(range(1, 400))
    assert Snapshot.load(tmp_path, DIMENSION, mapped=mapped).rows.tolist() == list(range(500, 900))


def test_beside_a_writer_a_reader_has_one_snapshot_or_the_next_never_parts_of_both(tmp_path: Path) -> None:
    make([1]).save(tmp_path)
    over = threading.Event()

    def save_often() -> None:
        number = 1
        while not over.is_set():
            number += 1
            make([number, number + 1]).save(tmp_path)

    writer = threading.Thread(target=save_often)
    writer.start()
    try:
        seen: list[int] = []
        while len(set(seen)) < 10:
            found = Snapshot.load(tmp_path, DIMENSION, mapped=bool(len(seen) % 2))
            assert {found.kinds[kind].rows[0] for kind in KINDS} == {found.trained_on}
            seen.append(found.trained_on)
    finally:
        over.set()
        writer.join()
    assert seen == sorted(seen)


@pytest.mark.parametrize("moment", ["before it is opened", "after its checksum"])
@pytest.mark.parametrize("mapped", [False, True], ids=["read", "mapped"])
def test_a_snapshot_replaced_after_its_names_were_read_gives_the_new_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moment: str, mapped: bool
) -> None:
    make([1, 2]).save(tmp_path)
    newer = [make([3, 4])]
    read_entries, read = snapshot._read_entries, VectorIndex.read

    def replaced() -> None:
        if newer:
            newer.pop().save(tmp_path)

    def read_then_replaced(folder: Path) -> dict[str, object]:
        entries = read_entries(folder)
        replaced()
        return entries

    def replaced_then_read(path: Path, *rest: object, **named: object) -> VectorIndex:
        replaced()
        return read(path, *rest, **named)  # type: ignore[arg-type]

    if moment == "before it is opened":
        monkeypatch.setattr(snapshot, "_read_entries", read_then_replaced)
    else:
        monkeypatch.setattr(VectorIndex, "read", replaced_then_read)
    assert Snapshot.load(tmp_path, DIMENSION, mapped=mapped).rows.tolist() == [3, 4]
    assert newer == []


def test_a_file_that_stays_away_is_named_with_the_command_that_mends(tmp_path: Path) -> None:
    make([1]).save(tmp_path)
    (gone,) = (tmp_path / VECTORS).glob("method-*")
    gone.unlink()
    with pytest.raises(StoreError, match=rf"{gone}: the vector index is missing.*verify --store {tmp_path} --repair"):
        Snapshot.load(tmp_path, DIMENSION)


def test_what_stands_in_the_place_of_an_index_is_named(tmp_path: Path) -> None:
    make([1]).save(tmp_path)
    (index,) = (tmp_path / VECTORS).glob("method-*")
    index.unlink()
    index.mkdir()
    with pytest.raises(StoreError, match=rf"{index}: .*cannot be read \(Is a directory\)"):
        Snapshot.load(tmp_path, DIMENSION)


def test_a_list_nested_beyond_reading_is_damaged(tmp_path: Path) -> None:
    make([1]).save(tmp_path)
    # Somewhere below the interpreter's bound it can still be read and no more be written.
    for depth in (100_000, *range(700, 1_000)):
        text = f'{{"sha256": "0", "kinds": {"[" * depth}{"]" * depth}}}'
        (tmp_path / VECTORS / INDEX).write_text(text)
        with pytest.raises(StoreError, match="the list of vector indexes is damaged"):
            Snapshot.load(tmp_path, DIMENSION)
