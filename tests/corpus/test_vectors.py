from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from guide.corpus.vectors import FLAT, Neighbour, VectorIndex, choose_layout
from guide.errors import InputError, StoreError


def unit(count: int, dimension: int = 16, seed: int = 0) -> np.ndarray:
    vectors = np.random.default_rng(seed).standard_normal((count, dimension)).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def index_of(vectors: np.ndarray, first_row: int = 1) -> VectorIndex:
    index = VectorIndex.create(vectors.shape[1])
    index.add(np.arange(first_row, first_row + len(vectors)), vectors)
    return index


def test_search_agrees_with_exact_cosines() -> None:
    vectors, queries = unit(300), unit(5, seed=1)
    cosines = queries @ vectors.T
    for query, found in enumerate(index_of(vectors, 100).search(queries, 10)):
        exact = np.argsort(-cosines[query])[:10] + 100
        assert {one.row for one in found} == set(exact.tolist())
        for one in found:
            assert one.cosine == pytest.approx(float(cosines[query, one.row - 100]), abs=1e-3)
        assert [one.cosine for one in found] == sorted((one.cosine for one in found), reverse=True)


def test_asking_for_more_than_there_is_gives_what_there_is() -> None:
    assert len(index_of(unit(3)).search(unit(1), 50)[0]) == 3
    assert VectorIndex.create(16).search(unit(2), 5) == [[], []]


def test_a_removed_row_is_not_found_again() -> None:
    vectors = unit(10)
    index = index_of(vectors)
    index.remove(np.array([3, 99]))
    assert index.rows.tolist() == [1, 2, 4, 5, 6, 7, 8, 9, 10]
    assert 3 not in {one.row for one in index.search(vectors[2:3], 10)[0]}
    assert set(index.vectors([2, 3, 4])) == {2, 4}


@pytest.mark.parametrize("mapped", [False, True])
@pytest.mark.parametrize("layout", [FLAT, "PCAR8,IVF4,RaBitQ4"])
def test_a_written_index_answers_as_before(tmp_path: Path, mapped: bool, layout: str) -> None:
    vectors = unit(600)
    index = VectorIndex.create(16) if layout == FLAT else VectorIndex.train(vectors, layout)
    index.add(np.arange(1, 601), vectors)
    path = tmp_path / "abstract.faiss"
    index.write(path)
    again = VectorIndex.read(path, 16, layout, mapped=mapped)
    assert again.search(vectors[:5], 7) == index.search(vectors[:5], 7)
    assert again.cosines(vectors[:2], [4, 9, 9999]) == index.cosines(vectors[:2], [4, 9, 9999])
    assert np.array_equal(again.rows, index.rows)
    with pytest.raises(StoreError, match="16 dimensions, the store's embedder 8"):
        VectorIndex.read(path, 8, layout)


def test_cosines_of_given_rows_are_exact_in_a_flat_index() -> None:
    vectors, queries = unit(50), unit(2, seed=1)
    found = index_of(vectors).cosines(queries, [7, 3, 50, 51])
    for query, cosines in zip(queries, found, strict=True):
        assert set(cosines) == {3, 7, 50}
        for row, cosine in cosines.items():
            assert cosine == pytest.approx(float(query @ vectors[row - 1]), abs=1e-3)
    assert index_of(vectors).cosines(queries, []) == [{}, {}]


def test_a_compressed_index_finds_nearly_the_same_and_can_be_changed() -> None:
    rng = np.random.default_rng(3)
    # Vectors that have something to compress: scattered round a few centres, along falling components.
    vectors = rng.standard_normal((1, 64)) + rng.standard_normal((3_000, 64)) * np.arange(1, 65) ** -0.7
    vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    index = VectorIndex.train(vectors, "PCAR56,IVF8,RaBitQ4")
    index.add(np.arange(3_000), vectors)
    exact = np.argsort(-(vectors[:50] @ vectors.T), axis=1)[:, :10]
    found = index.search(vectors[:50], 10)
    shared = [len({one.row for one in near} & set(true.tolist())) for near, true in zip(found, exact, strict=True)]
    assert np.mean(shared) > 8.5
    for near, query in zip(found, vectors, strict=False):
        for one in near[:3]:
            assert one.cosine == pytest.approx(float(query @ vectors[one.row]), abs=0.05)
    index.remove(np.array([0, 5]))
    assert len(index) == 2_998
    assert 0 not in {one.row for one in index.search(vectors[:1], 10)[0]}
    index.add(np.array([5_000]), vectors[:1])
    assert index.search(vectors[:1], 1)[0][0].row == 5_000
    assert index.rows.tolist() == [*range(1, 5), *range(6, 3_000), 5_000]


def test_training_on_the_same_vectors_gives_the_same_index(tmp_path: Path) -> None:
    for name in ("a", "b"):
        index = VectorIndex.train(unit(600), "PCAR8,IVF4,RaBitQ4")
        index.add(np.arange(600), unit(600))
        index.write(tmp_path / name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


@pytest.mark.parametrize("layout", ["no such thing", "Flat", "PCAR8,IVF999,RaBitQ4"])
def test_a_layout_that_cannot_be_made_is_the_users_error(layout: str) -> None:
    with pytest.raises(InputError, match=r"cannot be kept as.*--vectors auto"):
        VectorIndex.train(unit(100), layout)


def test_the_layout_follows_the_number_of_vectors() -> None:
    assert choose_layout(20_000, 384, "abstract") == FLAT
    assert choose_layout(220_000, 384, "abstract") == "PCAR336,IVF2048,RaBitQ4"
    assert choose_layout(220_000, 384, "method") == "PCAR240,IVF1024,RaBitQ4"
    assert choose_layout(1_000_000, 384, "abstract") == "PCAR336,IVF4096,RaBitQ4"


@given(
    steps=st.lists(st.tuples(st.sampled_from(["add", "remove"]), st.integers(1, 8)), max_size=12),
    query=st.integers(0, 7),
)
def test_any_sequence_of_changes_keeps_each_row_with_its_own_vector(steps: list[tuple[str, int]], query: int) -> None:
    vectors = unit(9, 8)
    index, held = VectorIndex.create(8), set()
    for step, row in steps:
        if step == "add" and row not in held:
            index.add(np.array([row]), vectors[row : row + 1])
            held.add(row)
        elif step == "remove":
            index.remove(np.array([row]))
            held.discard(row)
    assert set(index.rows.tolist()) == held
    found = index.search(vectors[query : query + 1], 9)[0]
    assert {one.row for one in found} == held
    for one in found:
        assert isinstance(one, Neighbour)
        assert one.cosine == pytest.approx(float(vectors[query] @ vectors[one.row]), abs=2e-3)
