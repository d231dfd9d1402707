"""What a store survives: being killed, a full disk, damaged and missing files."""

from __future__ import annotations

import errno
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from guide.atomic import TEMPORARY
from guide.corpus.retrieve import search
from guide.corpus.snapshot import Snapshot
from guide.corpus.store import Store
from guide.corpus.verify import verify
from guide.errors import StoreError
from tests.corpus.fakes import WordsEncoder, paper, papers

ROOT = Path(__file__).parents[2]
PAPERS = 4_000

INGEST = """
import sys, time
from pathlib import Path
from guide.corpus.store import Store
from tests.corpus.fakes import WordsEncoder, paper, papers

import guide.corpus.indexing as indexing
indexing._PAPERS_AT_ONCE = 100

class SlowEncoder(WordsEncoder):
    def encode_spans(self, texts, spans, *, progress=False):
        time.sleep(0.02)
        return super().encode_spans(texts, spans)

with Store.create_or_open(Path(sys.argv[1]), SlowEncoder()) as store:
    print("open", flush=True)
    store.add(papers(int(sys.argv[2])))
"""


def start(path: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", INGEST, str(path), str(PAPERS)],
        cwd=ROOT, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip


def test_killed_at_any_moment_it_loses_nothing_committed_and_ends_the_same(
    tmp_path: Path, words_encoder: WordsEncoder
) -> None:
    with Store.create_or_open(tmp_path / "calm", words_encoder) as store:
        store.add(papers(PAPERS))
        calm = store.info()
    path = tmp_path / "killed"
    papers_seen, kills = 0, 0
    # The first delay is short enough for the database's phase, the later ones reach the embedding.
    for delay in (0.0, 0.03, 0.1, 0.2, 0.3, 0.4, 0.15, 0.6):
        program = start(path)
        assert program.stdout is not None
        program.stdout.readline()
        time.sleep(delay)
        program.send_signal(signal.SIGKILL)
        kills += program.wait() == -signal.SIGKILL
        program.stdout.close()
        with Store.open(path) as store:
            assert store.count >= papers_seen, "a committed paper is gone"
            papers_seen = store.count
            assert len(store.vectors) <= papers_seen
        report = verify(path, encoder=words_encoder)
        assert {problem.where for problem in report.problems} <= {
            "manifest.json",
            "vectors/index.json",
            "vectors/pending.log",
            *(str(file.relative_to(path)) for file in (path / "vectors").glob("*.faiss")),
            *(str(file.relative_to(path)) for file in path.rglob(f"{TEMPORARY}*")),
        }
    assert kills >= 3, "the runs ended before they were killed"
    with Store.create_or_open(path, words_encoder) as store:
        store.add(papers(PAPERS))
        resumed = store.info()
    assert (resumed.content_hash, resumed.vectors) == (calm.content_hash, calm.vectors)
    assert verify(path, encoder=words_encoder).problems == ()
    calm_vectors = Snapshot.load(tmp_path / "calm", words_encoder.dimension)
    vectors = Snapshot.load(path, words_encoder.dimension)
    for kind, index in vectors.kinds.items():
        assert np.array_equal(index.rows, calm_vectors.kinds[kind].rows)
        for row, vector in index.vectors(index.rows[::97].tolist()).items():
            assert np.array_equal(vector, calm_vectors.kinds[kind].vectors([row])[row])


def test_killed_while_it_is_made_a_store_is_made_again(tmp_path: Path, words_encoder: WordsEncoder) -> None:
    for cut in ("manifest.json", "vectors/index.json"):
        path = tmp_path / cut.replace("/", "-")
        Store.create_or_open(path, words_encoder).close()
        # Files are made in the order database, index, manifest.
        (path / "manifest.json").unlink()
        (path / cut).unlink(missing_ok=True)
        with Store.create_or_open(path, WordsEncoder("other/model")) as store:
            assert store.add(papers(3)).added == 3


def test_an_encoder_that_fails_leaves_the_papers_and_a_way_on(tmp_path: Path, words_encoder: WordsEncoder) -> None:
    class Failing(WordsEncoder):
        def encode_spans(self, texts, spans, *, progress=False):
            raise RuntimeError("out of memory")

    with (
        Store.create_or_open(tmp_path, Failing()) as store,
        pytest.raises(RuntimeError, match="out of memory"),
    ):
        store.add(papers(5))
    with Store.open(tmp_path) as store:
        found = search(store, words_encoder, "graph pruning")
        assert (store.count, found.hits, found.without_vector) == (5, (), 5)
    assert not verify(tmp_path).ok
    with Store.create_or_open(tmp_path, words_encoder) as store:
        report = store.add(papers(5))
    assert (report.unchanged, report.embedded) == (5, 5)
    assert verify(tmp_path, encoder=words_encoder).problems == ()


def test_a_paper_updated_just_before_a_crash_does_not_keep_its_old_vector(
    tmp_path: Path, words_encoder: WordsEncoder
) -> None:
    class Failing(WordsEncoder):
        def encode_spans(self, texts, spans, *, progress=False):
            raise RuntimeError("killed")

    changed = paper(2, title="Zebrafish", abstract="Larvae under the microscope.")
    with Store.create_or_open(tmp_path, words_encoder) as store:
        store.add(papers(3))
    # The newest row: a database that used its number again would take the old vector for the new paper's.
    with Store.create_or_open(tmp_path, Failing()) as store, pytest.raises(RuntimeError, match="killed"):
        store.add([changed])
    with Store.create_or_open(tmp_path, words_encoder) as store:
        assert store.add([changed]).embedded == 1
        assert len(store.vectors) == 3
        assert search(store, words_encoder, changed.text).hits[0].similarity > 0.99
    assert verify(tmp_path, encoder=words_encoder).problems == ()


def test_a_full_disk_is_named_and_costs_no_paper(
    build: Callable[..., Path], words_encoder: WordsEncoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = build(10)

    def full(self: Path, target: Path) -> Path:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with (
        Store.create_or_open(path, words_encoder) as store,
        pytest.raises(StoreError, match=r"the disk is full.*goes on"),
    ):
        store.add(papers(20))
    monkeypatch.undo()
    assert not list(path.rglob(f"{TEMPORARY}*"))
    with Store.create_or_open(path, words_encoder) as store:
        # What was embedded before the disk was full is in the log.
        store.add(papers(20))
        assert len(store.vectors) == 20
    assert verify(path, encoder=words_encoder).problems == ()


FAULTS: dict[str, Callable[[bytes], bytes | None]] = {
    "missing": lambda data: None,
    "empty": lambda data: b"",
    "cut in half": lambda data: data[: len(data) // 2],
    "last byte gone": lambda data: data[:-1],
    "a byte flipped": lambda data: (
        data[: len(data) // 3] + bytes([data[len(data) // 3] ^ 8]) + data[len(data) // 3 + 1 :]
    ),
    "overwritten": lambda data: b"\x07garbage" * 40,
}


@pytest.mark.parametrize("kind", ["index", "abstract", "method"])
@pytest.mark.parametrize("fault", FAULTS)
def test_a_damaged_index_is_an_error_that_repair_mends(
    build: Callable[..., Path], words_encoder: WordsEncoder, fault: str, kind: str
) -> None:
    path = build(60)
    file = path / "vectors" / "index.json" if kind == "index" else next((path / "vectors").glob(f"{kind}-*.faiss"))
    sound = file.read_bytes()
    broken = FAULTS[fault](sound)
    assert broken != sound
    if (fault, kind) == ("last byte gone", "index"):
        pytest.skip("the newline at the end of a JSON file says nothing")
    if broken is None:
        file.unlink()
    else:
        file.write_bytes(broken)
    for attempt in (lambda: Store.open(path), lambda: Store.create_or_open(path, words_encoder)):
        with pytest.raises(StoreError, match=rf"vector index.*(missing|damaged).*verify --store {path} --repair"):
            attempt()
    assert not verify(path, encoder=words_encoder).ok
    assert verify(path, repair=True, encoder=words_encoder).ok
    with Store.open(path) as store:
        assert len(store.vectors) == 60
    assert verify(path, encoder=words_encoder).problems == ()


@pytest.mark.parametrize("fault", FAULTS)
def test_a_damaged_manifest_is_an_error_or_found_and_mended(
    build: Callable[..., Path], words_encoder: WordsEncoder, fault: str
) -> None:
    path = build(60)
    file = path / "manifest.json"
    sound = file.read_bytes()
    broken = FAULTS[fault](sound)
    if broken is None:
        file.unlink()
    else:
        file.write_bytes(broken)
    if fault not in ("a byte flipped", "last byte gone"):
        with pytest.raises(StoreError, match=rf"manifest.*verify --store {path} --repair"):
            Store.open(path)
    if fault != "last byte gone":  # the newline
        assert not verify(path, encoder=words_encoder).ok
        assert verify(path, repair=True).ok
        assert file.read_bytes() == sound
    assert verify(path).problems == ()


def test_a_manifest_that_is_json_but_no_manifest_is_an_error(build: Callable[..., Path]) -> None:
    path = build(3)
    for text in ("[]", "{}", '{"format_version": 2, "surprise": 2}', "[" * 100_000):
        (path / "manifest.json").write_text(text)
        with pytest.raises(StoreError, match="the manifest"):
            Store.open(path)


def test_a_lost_database_is_never_replaced_by_an_empty_one(
    build: Callable[..., Path], words_encoder: WordsEncoder
) -> None:
    path = build(3)
    (path / "papers.db").unlink()
    for attempt in (
        lambda: Store.open(path),
        lambda: Store.create_or_open(path, words_encoder),
        lambda: verify(path),
    ):
        with pytest.raises(StoreError, match=r"lost its papers.db.*copy"):
            attempt()


@pytest.mark.parametrize("fault", ["empty", "cut in half", "overwritten"])
def test_a_damaged_database_is_an_error_or_found(
    build: Callable[..., Path], words_encoder: WordsEncoder, fault: str
) -> None:
    path = build(400)
    file = path / "papers.db"
    file.write_bytes(FAULTS[fault](file.read_bytes()) or b"")
    try:
        report = verify(path, encoder=words_encoder)
    except StoreError as error:
        assert "database" in str(error)
    else:
        assert not report.ok
    with pytest.raises(StoreError), Store.open(path) as store:
        store.papers(one.id for one in papers(400))
        store.info()


def test_a_flipped_byte_anywhere_in_the_papers_is_found(
    build: Callable[..., Path], words_encoder: WordsEncoder
) -> None:
    path = build(300)
    file = path / "papers.db"
    sound = file.read_bytes()
    found = 0
    # Bytes of a record, wherever SQLite put it.
    with closing(sqlite3.connect(file)) as db:
        records = [record for (record,) in db.execute("SELECT record FROM papers WHERE row % 60 = 1")]
    for record in records:
        at = sound.index(record) + len(record) // 2
        for flip in (0x01, 0x80):
            file.write_bytes(sound[:at] + bytes([sound[at] ^ flip]) + sound[at + 1 :])
            report = verify(path)
            assert not report.ok
            assert any("not what was added" in problem.what for problem in report.problems)
        found += 1
    assert found
    # The last flip is still there: repair takes the papers out and says so, and the source brings them back.
    assert not verify(path, repair=True, encoder=words_encoder).ok
    assert verify(path).ok
    with Store.create_or_open(path, words_encoder) as store:
        assert store.add(papers(300)).added == 1
    assert verify(path, encoder=words_encoder).problems == ()


def test_no_flipped_byte_of_the_index_passes_for_sound(build: Callable[..., Path]) -> None:
    path = build(5)
    for file in (path / "vectors").iterdir():
        sound = file.read_bytes()
        for at in range(0, len(sound), 7):
            file.write_bytes(sound[:at] + bytes([sound[at] ^ 0x10]) + sound[at + 1 :])
            with pytest.raises(StoreError, match=r"damaged|missing"):
                Snapshot.load(path, 32)
        file.write_bytes(sound)
    assert len(Snapshot.load(path, 32)) == 5
