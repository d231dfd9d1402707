from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guide.corpus import lexical
from guide.corpus.lexical import MAX_TERMS, WordHit, indexed_words
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


def words(store: Store, text: str) -> tuple[str, ...]:
    return tuple(term.word for term in store.words.choose_terms(text))


def ask(store: Store, query: str, limit: int) -> list[WordHit]:
    return store.words.search({"query": query}, limit)["query"]


def ids(store: Store, query: str, limit: int = 5) -> list[str]:
    rows = [hit.row for hit in ask(store, query, limit)]
    found = store.records_at(rows)
    return [found[row].paper.id for row in rows]


@given(query=st.text() | st.text(alphabet="\"'*()^:-+~{}[]\\ \0\n\tNEARORANDab", max_size=60))
def test_no_text_can_raise(store: Store, query: str) -> None:
    for hit in ask(store, query, 3):
        assert hit.row > 0


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
    ask(store, query, 3)


def test_endings_accents_and_case_do_not_matter(store: Store) -> None:
    assert ids(store, "SCHRODINGER")[0] == "made:00500"
    assert ids(store, "bridge transport network")[0] == "made:00500"
    assert ids(store, "模型") == ["made:00502"]


def test_the_rarer_word_decides(store: Store) -> None:
    assert ids(store, "graph problems part 117")[0] == "made:00117"


def test_scores_fall(store: Store) -> None:
    scores = [hit.score for hit in ask(store, "graph diffusion part 30", 20)]
    assert len(scores) == 20
    assert scores == sorted(scores, reverse=True)


def test_unknown_words_find_nothing(store: Store) -> None:
    assert ask(store, "xylophone quux", 5) == []


def test_a_term_says_in_how_many_papers_it_stands(store: Store) -> None:
    (term,) = store.words.choose_terms("graphs")
    assert (term.word, term.stem, term.papers) == ("graphs", "graph", 20)


def test_the_score_is_the_sum_of_the_weights_of_the_words_a_paper_has(store: Store) -> None:
    terms = store.words.choose_terms("graph diffusion speech")
    best = ask(store, "graph diffusion speech", 1)[0]
    text = store.records_at([best.row])[best.row].paper.text.casefold()
    assert best.score == pytest.approx(sum(term.weight for term in terms if term.word in text))


def test_function_words_are_not_indexed(store: Store) -> None:
    assert indexed_words("We study the graphs of a Kingdom") == "study graphs Kingdom"
    assert ask(store, "the of and with", 5) == []


def test_the_rarest_words_are_read_first_and_no_more_than_so_many(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lexical, "MAX_POSTINGS", 30)
    store.words.forget()
    found = store.words.search({"one": "schrödinger graph", "two": "vision speech robot"}, 50)
    store.words.forget()
    assert len(found["one"]) + len(found["two"]) <= 30 + 1
    assert {hit.row for hit in found["one"]} & {hit.row for hit in ask(store, "schrödinger", 1)}


def test_words_of_most_papers_are_left_out_unless_there_are_no_others(store: Store) -> None:
    assert words(store, "we study the graph problems with tasks") == ("graph",)
    assert ask(store, "we study", 5)


def test_a_repeated_word_weighs_more_and_is_asked_for_once(store: Store) -> None:
    assert words(store, "vision vision visions speech") == ("vision", "speech")


def test_a_long_query_is_cut_to_its_telling_words_and_stays_fast(store: Store) -> None:
    text = " ".join(f"{one.title} {one.abstract}" for one in papers(200)) * 20
    begun = time.perf_counter()
    terms = store.words.choose_terms(text)
    ask(store, text, 10)
    assert len(terms) == MAX_TERMS
    assert time.perf_counter() - begun < 2.0


def test_an_empty_store_has_no_words(tmp_path_factory: pytest.TempPathFactory) -> None:
    with Store.create_or_open(tmp_path_factory.mktemp("empty"), WordsEncoder()) as empty:
        assert ask(empty, "graph", 5) == []
        empty.add(papers(1))
        assert len(ask(empty, "graph", 5)) == 1
