from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from guide.corpus.pending import Block, PendingVectors


def log(path: Path, key: str = "model") -> PendingVectors:
    return PendingVectors(path, key, kinds=2, dimension=4)


def append(pending: PendingVectors, first: int, papers: int = 3) -> None:
    rows = np.arange(first, first + papers)
    every = np.arange(papers)
    values = np.repeat(rows[:, np.newaxis], 4, axis=1).astype(np.float32)
    # The second kind is missing from the first paper.
    pending.append(rows, {0: (every, values), 1: (every[1:], -values[1:])})


def test_blocks_come_back_in_order_by_kind(tmp_path: Path) -> None:
    append(log(tmp_path / "log"), 1)
    append(log(tmp_path / "log"), 10)
    blocks = list(log(tmp_path / "log").blocks())
    assert [block.rows.tolist() for block in blocks] == [[1, 2, 3], [10, 11, 12]]
    rows, vectors = blocks[1].of_kind(0)
    assert (rows.tolist(), vectors[:, 0].tolist()) == ([10, 11, 12], [10.0, 11.0, 12.0])
    rows, vectors = blocks[1].of_kind(1)
    assert (rows.tolist(), vectors[:, 3].tolist()) == ([11, 12], [-11.0, -12.0])
    assert log(tmp_path / "log").rows.tolist() == [1, 2, 3, 10, 11, 12]


def test_a_block_that_was_cut_off_does_not_count_and_is_written_over(tmp_path: Path) -> None:
    path = tmp_path / "log"
    append(log(path), 1)
    whole = path.read_bytes()
    append(log(path), 10)
    both = path.read_bytes()
    for length in range(len(whole), len(both)):
        path.write_bytes(both[:length])
        assert log(path).rows.tolist() == [1, 2, 3]
    path.write_bytes(both[:-5])
    append(log(path), 20)
    assert log(path).rows.tolist() == [1, 2, 3, 20, 21, 22]


@given(at=st.integers(0, 400), bit=st.integers(0, 7))
def test_no_flipped_bit_gives_another_vector(tmp_path_factory: pytest.TempPathFactory, at: int, bit: int) -> None:
    path = tmp_path_factory.mktemp("log") / "log"
    append(log(path), 1)
    append(log(path), 10)
    sound = list(log(path).blocks())
    data = bytearray(path.read_bytes())
    data[at % len(data)] ^= 1 << bit
    path.write_bytes(data)
    found = list(log(path).blocks())
    assert len(found) < len(sound)
    for one, true in zip(found, sound, strict=False):
        assert same(one, true)


def same(one: Block, other: Block) -> bool:
    parts = ((one.rows, other.rows), (one.has, other.has), (one.vectors, other.vectors))
    return all(np.array_equal(a, b) for a, b in parts)


def test_a_log_of_another_model_is_not_used(tmp_path: Path) -> None:
    append(log(tmp_path / "log"), 1)
    assert log(tmp_path / "log", "other").rows.tolist() == []
    append(log(tmp_path / "log", "other"), 5)
    assert log(tmp_path / "log", "other").rows.tolist() == [5, 6, 7]
    assert log(tmp_path / "log").rows.tolist() == []


def test_a_log_that_is_not_there_is_empty(tmp_path: Path) -> None:
    assert list(log(tmp_path / "log").blocks()) == []
    log(tmp_path / "log").discard()


def test_after_it_is_discarded_a_log_begins_anew(tmp_path: Path) -> None:
    pending = log(tmp_path / "log")
    append(pending, 1)
    pending.discard()
    append(pending, 5)
    assert log(tmp_path / "log").rows.tolist() == [5, 6, 7]
