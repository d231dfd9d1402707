from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from guide.corpus.store import Store
from guide.corpus.vectors import Neighbour, VectorIndex, embed_missing
from guide.errors import StoreError
from tests.corpus.fakes import WordsEncoder, papers


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
def test_a_saved_index_answers_as_before(tmp_path: Path, mapped: bool) -> None:
    vectors = unit(50)
    index = index_of(vectors)
    path = tmp_path / "vectors" / "abstract.faiss"
    path.parent.mkdir()
    index.save(path)
    again = VectorIndex.load(path, 16, mapped=mapped)
    assert again.search(vectors[:5], 7) == index.search(vectors[:5], 7)
    assert np.array_equal(again.rows, index.rows)
    assert np.allclose(again.vectors([9])[9], vectors[8], atol=1e-3)
    assert [file.name for file in path.parent.iterdir()] == ["abstract.faiss"]


def test_faiss_itself_reads_the_file(tmp_path: Path) -> None:
    import faiss

    path = tmp_path / "vectors" / "abstract.faiss"
    path.parent.mkdir()
    index_of(unit(5)).save(path)
    assert faiss.read_index(str(path)).ntotal == 5


def test_another_dimension_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "vectors" / "abstract.faiss"
    path.parent.mkdir()
    index_of(unit(5)).save(path)
    with pytest.raises(StoreError, match="16 dimensions, the store's embedder 8"):
        VectorIndex.load(path, 8)


def test_only_what_lacks_a_vector_is_embedded_and_stale_ones_go(tmp_path: Path) -> None:
    encoder = WordsEncoder()
    with Store.create_or_open(tmp_path, encoder) as store:
        store.add(papers(20))
        path = tmp_path / "vectors" / "abstract.faiss"
        encoder.texts_read = 0
        store.index.remove(np.array([4, 5]))
        store.index.add(np.array([900]), unit(1, 32))
        assert embed_missing(store.index, path, store._db, encoder) == 2
        assert encoder.texts_read == 2
        assert sorted(store.index.rows.tolist()) == list(range(1, 21))
        assert sorted(VectorIndex.load(path, 32).rows.tolist()) == list(range(1, 21))


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
