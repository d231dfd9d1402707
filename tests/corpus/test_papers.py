from __future__ import annotations

from pathlib import Path

import pytest

from guide.corpus import papers as module
from guide.corpus.compress import load_compressor
from guide.corpus.store import Store
from guide.corpus.verify import verify
from guide.errors import InputError
from tests.corpus.fakes import WordsEncoder, paper, papers


def packed_with(store: Store) -> set[int]:
    return {number for (number,) in store._db.execute("SELECT DISTINCT dictionary FROM papers")}


def test_dictionaries_are_trained_as_the_store_grows_and_change_nothing_else(
    tmp_path: Path, words_encoder: WordsEncoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "TRAINED_AT", (700, 1_500))
    monkeypatch.setattr(module, "SAMPLE", 600)
    with Store.create_or_open(tmp_path, words_encoder) as store:
        store.add(papers(600))
        assert packed_with(store) == {0}
        store.add(papers(900))
        assert packed_with(store) == {1}
        store.add(papers(1_600))
        assert packed_with(store) == {2}
        assert list(store.export()) == list(papers(1_600))
        size = sum(length for (length,) in store._db.execute("SELECT length(record) FROM papers"))
        hashed = store.info().content_hash
    monkeypatch.setattr(module, "TRAINED_AT", (10**9,))
    with Store.create_or_open(tmp_path / "plain", words_encoder) as plain:
        plain.add(papers(1_600))
        assert plain.info().content_hash == hashed
        assert size < 0.6 * sum(length for (length,) in plain._db.execute("SELECT length(record) FROM papers"))
    assert verify(tmp_path, encoder=words_encoder).problems == ()


def test_entries_tell_what_a_row_can_be_chosen_by(tmp_path: Path, words_encoder: WordsEncoder) -> None:
    with Store.create_or_open(tmp_path, words_encoder) as store:
        store.add([paper(1), paper(2, posted=None, venue="")])
        first, second = (store.entries_at([1, 2, 3])[row] for row in (1, 2))
        assert (first.id, first.year, first.venue, first.posted) == ("made:00001", 2013, "NeurIPS", "2013-02")
        assert (second.venue, second.posted) == ("", None)
        assert set(store.entries_at([1, 2, 3])) == {1, 2}


def test_more_rows_than_sqlite_takes_at_once_are_read(tmp_path: Path, words_encoder: WordsEncoder) -> None:
    with Store.create_or_open(tmp_path, words_encoder) as store:
        store.add(papers(1_234))
        assert len(store.records_at(range(1, 1_235))) == 1_234
        assert len(store.papers(f"made:{number:05d}" for number in range(1_234))) == 1_234


def test_a_store_keeps_to_the_compression_it_was_made_with(tmp_path: Path, words_encoder: WordsEncoder) -> None:
    long = "We build a bridge. It is made of ice. Rivers are wide in winter. It holds 12 tons. We like it a lot."
    with Store.create_or_open(tmp_path, words_encoder) as store:
        first = store.add([paper(1, abstract=long)], compressor=load_compressor("extractive"))
        assert first.compression is not None
        assert first.compression.tokens_after < first.compression.tokens_before
        assert "12 tons" in store.records_at([1])[1].compressed["abstract"]
        assert store.papers(["made:00001"])["made:00001"].abstract == long
        again = store.add([paper(2, abstract=long)])
        assert again.compression is not None
        assert store.records_at([2])[2].compressed == store.records_at([1])[1].compressed
        for other in (load_compressor("none"), load_compressor("extractive", rate=0.3)):
            with pytest.raises(InputError, match="are compressed by extractive"):
                store.add([paper(3)], compressor=other)
