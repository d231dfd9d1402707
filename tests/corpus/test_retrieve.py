from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from guide.corpus.fusion import RANK_CONSTANT, normalised_title
from guide.corpus.modules import split_modules
from guide.corpus.retrieve import Retrieval, retrieve, retrieve_like, search
from guide.corpus.store import Store
from guide.errors import InputError, StoreError
from tests.corpus.fakes import WordsEncoder, paper, papers

ENCODER = WordsEncoder()


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    path = tmp_path_factory.mktemp("retrieve")
    with Store.create_or_open(path, ENCODER) as writer:
        writer.add(papers(300))
    with Store.open(path) as reader:
        yield reader


def ids(found: Retrieval) -> list[str]:
    return [hit.paper.id for hit in found.hits]


def test_the_paper_itself_is_its_own_nearest(store: Store) -> None:
    found = search(store, ENCODER, paper(42).text, k=5)
    first = found.hits[0]
    assert first.paper == paper(42)
    assert (first.module, first.words_rank, first.vectors_rank) == ("abstract", 1, 1)
    assert first.similarity == pytest.approx(1.0, abs=1e-3)
    assert first.similarity <= 1.0
    assert first.score == pytest.approx(2 / (RANK_CONSTANT + 1))
    assert (found.dropped_self, found.dropped_after_cutoff, found.cutoff) == ((), 0, None)
    assert len(found.hits) == 5


def test_similarity_is_the_cosine_whichever_ranking_found_the_paper(store: Store) -> None:
    query = "graph pruning part 17"
    for hit in search(store, ENCODER, query, k=60).hits:
        exact = float(ENCODER.encode([query])[0] @ ENCODER.encode([hit.paper.text])[0])
        assert hit.similarity == pytest.approx(exact, abs=2e-3)
        assert hit.words_rank is not None or hit.vectors_rank is not None


def test_scores_are_reciprocal_ranks_and_order_the_hits(store: Store) -> None:
    hits = search(store, ENCODER, "speech diffusion with fewer labels", k=40).hits
    for hit in hits:
        ranks = [rank for rank in (hit.words_rank, hit.vectors_rank) if rank is not None]
        assert hit.score == pytest.approx(sum(1 / (60 + rank) for rank in ranks))
    assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)


def test_leaving_itself_out_still_gives_as_many(store: Store) -> None:
    for query in (paper(42), paper(42, title=paper(42).title.upper() + "!")):
        found = retrieve_like(store, ENCODER, query, k=5)
        assert "made:00042" in found.dropped_self
        assert "made:00042" not in ids(found)
        assert len(found.hits) == 5


def test_near_duplicates_are_dropped_from_the_stated_cosine_on(store: Store) -> None:
    query = {"abstract": paper(7).text}
    loose = retrieve(store, ENCODER, query, near_duplicate=0.0, k=8)
    assert loose.hits == () or all(hit.similarity < 0.0 for hit in loose.hits)
    exact = retrieve(store, ENCODER, query, near_duplicate=0.95)
    assert exact.dropped_self
    assert all(hit.similarity < 0.95 for hit in exact.hits)
    kept = retrieve(store, ENCODER, query, near_duplicate=None)
    assert kept.dropped_self == ()
    assert ids(kept)[0] == "made:00007"


def test_the_same_title_is_the_same_paper_however_it_is_written(store: Store) -> None:
    title = paper(9).title
    found = retrieve(
        store,
        ENCODER,
        {"idea": f"{title} with robots"},
        title=title.swapcase().replace(",", " -"),
        near_duplicate=None,
    )
    assert found.dropped_self == ("made:00009",)


def test_several_modules_give_one_place_a_paper_and_name_the_nearest(store: Store) -> None:
    queries = {"problem": paper(3).text, "abstract": paper(64).text, "experiments": "  "}
    found = retrieve(store, ENCODER, queries, k=12, near_duplicate=None)
    assert len(set(ids(found))) == 12
    by_id = {hit.paper.id: hit for hit in found.hits}
    assert by_id["made:00003"].module == "problem"
    assert by_id["made:00064"].module == "abstract"
    assert {hit.module for hit in found.hits} <= {"problem", "abstract"}


def test_a_module_is_held_against_modules_of_its_kind(tmp_path: Path) -> None:
    far = "Bridges matter to rivers. We propose a crossing of ice. Our method freezes water in layers."
    near = "Bridges matter to rivers. We propose a crossing of ice. Our method hammers copper plates."
    with Store.create_or_open(tmp_path, ENCODER) as store:
        store.add([paper(1, title="One", abstract=far), paper(2, title="Two", abstract=near)])
        kinds = {module.kind for module in split_modules(paper(2, abstract=near))}
        assert "method" in kinds
        first = retrieve(store, ENCODER, {"method": "Our method hammers copper plates."}, near_duplicate=None).hits[0]
        assert (first.paper.title, first.module) == ("Two", "method")
        assert first.similarity == pytest.approx(1.0, abs=1e-3)


def test_versions_of_one_paper_take_one_place(tmp_path: Path) -> None:
    with Store.create_or_open(tmp_path, ENCODER) as store:
        preprint = paper(1, id="arxiv:1", title="Bridges of Ice")
        store.add([preprint, paper(1, id="acl:1", title="Bridges of ice."), *papers(5, 10)])
        found = search(store, ENCODER, "bridges of ice", k=6)
        assert len(found.hits) == 6
        assert {found.hits[0].paper.id, *found.hits[0].also} == {"arxiv:1", "acl:1"}
        assert all(not hit.also for hit in found.hits[1:])


def test_other_venues_are_left_out_and_counted(store: Store) -> None:
    assert {hit.paper.venue for hit in search(store, ENCODER, paper(11).text, k=60).hits} == {"ICLR", "NeurIPS", "ACL"}
    found = search(store, ENCODER, paper(11).text, k=60, venues=["iclr", "ACL"])
    assert {hit.paper.venue for hit in found.hits} == {"ICLR", "ACL"}
    assert len(found.hits) == 60
    assert found.dropped_other_venue > 0
    assert search(store, ENCODER, "graph", venues=["Nowhere"]).hits == ()


def test_the_cutoff_drops_later_papers_and_still_fills_the_list(store: Store) -> None:
    found = search(store, ENCODER, paper(11).text, k=10, cutoff="2013-06")
    assert len(found.hits) == 10
    assert all((hit.paper.posted or "") <= "2013-06" for hit in found.hits)
    assert found.dropped_after_cutoff > 0
    assert found.cutoff == "2013-06"


def test_a_paper_of_the_cutoffs_own_month_stays(store: Store) -> None:
    month = paper(11).posted
    assert ids(search(store, ENCODER, paper(11).text, k=1, cutoff=month)) == ["made:00011"]


def test_a_cutoff_before_everything_leaves_nothing_and_counts_all(store: Store) -> None:
    found = search(store, ENCODER, "graph", k=3, cutoff="1999-01")
    assert (found.hits, found.dropped_after_cutoff) == ((), 300)


def test_without_a_month_the_year_is_compared(tmp_path: Path) -> None:
    with Store.create_or_open(tmp_path, ENCODER) as store:
        store.add(paper(year - 2000, year=year, posted=None) for year in (2019, 2020, 2021))
        found = search(store, ENCODER, "problems", cutoff="2020-02")
        assert sorted(hit.paper.year for hit in found.hits) == [2019, 2020]
        assert found.dropped_after_cutoff == 1


@pytest.mark.parametrize("cutoff", ["2020", "2020-00", "2020-13", "20-01", "2020-01-05", "", "2020-01\n", "٢٠٢٠-01"])
def test_a_malformed_cutoff_is_the_users_error(store: Store, cutoff: str) -> None:
    with pytest.raises(InputError, match=r"is not a month.*YYYY-MM"):
        search(store, ENCODER, "graph", cutoff=cutoff)


def test_vectors_at_hand_are_not_computed_again(store: Store) -> None:
    encoder = WordsEncoder()
    queries = {"problem": paper(3).text, "method": paper(64).text}
    vectors = dict(zip(queries, encoder.encode(list(queries.values())), strict=True))
    fresh = retrieve(store, encoder, queries)
    encoder.texts_read = 0
    assert retrieve(store, encoder, queries, vectors=vectors) == fresh
    assert retrieve(store, None, queries, vectors=vectors) == fresh
    assert encoder.texts_read == 0
    retrieve(store, encoder, queries, vectors={"method": vectors["method"]})
    assert encoder.texts_read == 1
    assert search(store, None, queries["method"], vector=vectors["method"]).hits


def test_a_query_that_cannot_be_asked_is_the_users_error(store: Store) -> None:
    with pytest.raises(InputError, match="the query is empty"):
        search(store, ENCODER, " \n")
    with pytest.raises(InputError, match="at least one"):
        search(store, ENCODER, "graph", k=0)
    with pytest.raises(InputError, match="no vector and no encoder"):
        search(store, None, "graph")
    with pytest.raises(InputError, match="has shape"):
        search(store, None, "graph", vector=np.zeros(3, dtype=np.float32))


def test_another_embedder_is_refused_before_anything_is_compared(store: Store) -> None:
    with pytest.raises(StoreError, match="embeds with other/model"):
        search(store, WordsEncoder("other/model"), "graph")


def test_an_empty_store_says_that_it_considered_nothing(tmp_path: Path) -> None:
    Store.create_or_open(tmp_path, ENCODER).close()
    with Store.open(tmp_path) as store:
        assert search(store, ENCODER, "graph", cutoff="2020-01") == Retrieval((), (), 0, 0, "2020-01")


def test_more_than_the_store_has_gives_all_it_has(build: Callable[..., Path]) -> None:
    with Store.open(build(5)) as store:
        assert len(search(store, ENCODER, "graph", k=1_000).hits) == 5


def test_titles_are_the_same_but_for_case_accents_and_marks() -> None:
    assert normalised_title("Schrödinger's  Bridge: A Study") == normalised_title("SCHRODINGERS bridge — a study.")
    assert normalised_title("Graph nets") != normalised_title("Graph net")
    assert normalised_title("!?") == ""


@given(query=st.text(min_size=1).filter(str.strip), k=st.integers(1, 20))
def test_any_text_gets_an_answer(store: Store, query: str, k: int) -> None:
    found = search(store, ENCODER, query, k=k)
    assert len(found.hits) == k
    assert len(set(ids(found))) == k


def test_what_cannot_be_asked_for_is_refused_for_a_whole_paper_too(store: Store) -> None:
    for options, complaint in (({"cutoff": "lately"}, "is not a month"), ({"k": 0}, "asked for 0 papers")):
        with pytest.raises(InputError, match=complaint):
            retrieve_like(store, ENCODER, paper(1), **options)  # type: ignore[arg-type]
