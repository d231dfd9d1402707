from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guide.corpus.lexical import MAX_TERMS
from guide.corpus.store import Store
from tests.corpus.fakes import WordsEncoder, paper, papers


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    path = tmp_path_factory.mktemp("lexical")
    special = [
        paper(500, title="Schrödinger bridges", abstract="Optimal transports between networks."),
        paper(501, title="C++ and GPT-4", abstract="We compare programs; 90% of them run. NEAR miss."),
        paper(502, title="注意力机制", abstract="一种 新 的 模型"),
    ]
    with Store.create_or_open(path, WordsEncoder()) as writer:
        writer.add([*papers(200), *special])
    with Store.open(path) as reader:
        yield reader


def ids(store: Store, query: str, limit: int = 5) -> list[str]:
    rows = [hit.row for hit in store.words.search(query, limit)]
    found = store.papers_at(rows)
    return [found[row].id for row in rows]


@given(query=st.text() | st.text(alphabet="\"'*()^:-+~{}[]\\ \0\n\tNEARORANDab", max_size=60))
def test_no_text_can_raise(store: Store, query: str) -> None:
    for hit in store.words.search(query, 3):
        assert hit.row > 0
    assert all(count >= 0 for count in store.words.document_frequency(query.split()).values())


@pytest.mark.parametrize(
    "query",
    [
        '"',
        '""',
        "NEAR(a b)",
        "title:graph",
        "graph*",
        "graph AND",
        "-graph",
        "^graph",
        "\0",
        "\ud800",
        "",
        " ",
        "🙂",
        "(",
        "a" * 10**6,
    ],
)
def test_the_query_language_of_fts5_is_never_spoken(store: Store, query: str) -> None:
    store.words.search(query, 3)


def test_endings_accents_and_case_do_not_matter(store: Store) -> None:
    assert ids(store, "SCHRODINGER")[0] == "made:00500"
    assert ids(store, "bridge transport network")[0] == "made:00500"
    assert ids(store, "模型") == ["made:00502"]


def test_the_rarer_word_decides(store: Store) -> None:
    assert ids(store, "graph problems part 117")[0] == "made:00117"


def test_scores_fall(store: Store) -> None:
    scores = [hit.bm25 for hit in store.words.search("graph diffusion part 30", 20)]
    assert len(scores) == 20
    assert scores == sorted(scores, reverse=True)


def test_unknown_words_find_nothing(store: Store) -> None:
    assert store.words.search("xylophone quux", 5) == []


def test_document_frequency_counts_papers_not_occurrences(store: Store) -> None:
    found = store.document_frequency(["graphs", "Graph", "schrödinger", "optimal transport", "zebra", "--", "of"])
    assert found["graphs"] == found["Graph"] == 20
    assert found["schrödinger"] == 1
    assert found["optimal transport"] == 1
    assert found["zebra"] == found["--"] == 0


def test_words_of_most_papers_are_left_out_unless_there_are_no_others(store: Store) -> None:
    assert store.words.choose_terms("we study the graph problems with tasks") == ("graph",)
    assert store.words.search("we study", 5)


def test_a_repeated_word_weighs_more_and_is_asked_for_once(store: Store) -> None:
    terms = store.words.choose_terms("vision vision visions speech")
    assert terms == ("vision", "speech")


def test_a_long_query_is_cut_to_its_telling_words_and_stays_fast(store: Store) -> None:
    text = " ".join(f"{one.title} {one.abstract}" for one in papers(200)) * 20
    begun = time.perf_counter()
    terms = store.words.choose_terms(text)
    store.words.search(text, 10)
    assert len(terms) == MAX_TERMS
    assert time.perf_counter() - begun < 2.0


def test_an_empty_store_has_no_words(tmp_path_factory: pytest.TempPathFactory) -> None:
    with Store.create_or_open(tmp_path_factory.mktemp("empty"), WordsEncoder()) as empty:
        assert empty.words.search("graph", 5) == []
        assert empty.document_frequency(["graph"]) == {"graph": 0}
        empty.add(papers(1))
        assert empty.document_frequency(["graph"]) == {"graph": 1}
