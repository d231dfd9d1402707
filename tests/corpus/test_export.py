from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from guide.corpus.export import export_papers
from guide.corpus.records import PeerReview, Section, read_records
from guide.corpus.store import Store
from guide.errors import InputError
from tests.corpus.fakes import WordsEncoder, paper, papers

FULL = paper(
    50, decision="Reject", ratings=(3.0, 5.5), sections=(Section("Method", "We do."),),
    reviews=(PeerReview(rating=3.0, strengths="Clear."),),
)  # fmt: skip


@pytest.mark.parametrize("suffix", ["", ".gz", ".zst"])
def test_an_export_added_to_an_empty_store_gives_the_same_content(
    tmp_path: Path, words_encoder: WordsEncoder, suffix: str
) -> None:
    file = tmp_path / f"papers.jsonl{suffix}"
    with Store.create_or_open(tmp_path / "a", words_encoder) as store:
        store.add([*papers(30), FULL])
        assert export_papers(store, file) == 31
        due = store.info().content_hash
    with Store.create_or_open(tmp_path / "b", words_encoder) as store:
        assert store.add(read_records(file)).skipped == ()
        assert store.info().content_hash == due
        assert store.papers([FULL.id])[FULL.id] == FULL


def test_the_same_store_gives_the_same_bytes(tmp_path: Path, build: Callable[..., Path]) -> None:
    with Store.open(build(20)) as store:
        for name in ("a.gz", "b.gz"):
            export_papers(store, tmp_path / name)
    assert (tmp_path / "a.gz").read_bytes() == (tmp_path / "b.gz").read_bytes()


def test_a_file_that_cannot_be_written_is_the_users_error(tmp_path: Path, build: Callable[..., Path]) -> None:
    with Store.open(build(3)) as store, pytest.raises(InputError, match="cannot be written"):
        export_papers(store, tmp_path / "absent" / "papers.jsonl")
