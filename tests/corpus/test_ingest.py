from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from guide.corpus.records import Paper
from guide.corpus.sources import Mark
from guide.corpus.store import Store
from guide.errors import SourceError
from tests.corpus.fakes import WordsEncoder, paper, papers


def pages(start: int, fails_at: int | None = None) -> Iterator[Paper | Mark]:
    """A service with three pages of ten papers."""
    for page in range(start, 3):
        if page == fails_at:
            raise SourceError("does not answer")
        yield from papers(10, start=10 * page)
        yield Mark({"page": page + 1})
    yield Mark(None)


def test_an_interrupted_source_goes_on_from_its_last_mark(tmp_path: Path, words_encoder: WordsEncoder) -> None:
    with Store.create_or_open(tmp_path, words_encoder) as store:
        assert store.mark("service") is None
        with pytest.raises(SourceError):
            store.add(pages(0, fails_at=2), source="service")
    with Store.create_or_open(tmp_path, words_encoder) as store:
        assert store.count == 20
        state: dict[str, Any] | None = store.mark("service")
        assert state == {"page": 2}
        assert store.mark("other") is None
        report = store.add(pages(state["page"]), source="service")
        assert (report.added, store.count) == (10, 30)
        assert store.mark("service") is None
        assert len(store.vectors) == 30


def test_a_mark_is_committed_with_the_papers_before_it(tmp_path: Path, words_encoder: WordsEncoder) -> None:
    def broken() -> Iterator[Paper | Mark]:
        yield from papers(5)
        yield Mark({"page": 1})
        yield from papers(5, start=5)
        raise KeyboardInterrupt

    with Store.create_or_open(tmp_path, words_encoder) as store, pytest.raises(KeyboardInterrupt):
        store.add(broken(), source="service")
    with Store.open(tmp_path) as store:
        assert (store.count, store.mark("service")) == (5, {"page": 1})


def test_the_marks_of_a_file_are_passed_over(tmp_path: Path, words_encoder: WordsEncoder) -> None:
    with Store.create_or_open(tmp_path, words_encoder) as store:
        store.add([paper(1), Mark({"line": 1})], source=tmp_path / "papers.jsonl")
        assert store.mark(str(tmp_path / "papers.jsonl")) is None


def test_a_mark_moves_on_where_nothing_is_new(tmp_path: Path, words_encoder: WordsEncoder) -> None:
    with Store.create_or_open(tmp_path, words_encoder) as store:
        store.add(papers(10))
        report = store.add([*papers(10), Mark({"page": 1})], source="service")
        assert (report.added, report.unchanged) == (0, 10)
        assert store.mark("service") == {"page": 1}
