from __future__ import annotations

import errno
from pathlib import Path

import numpy as np
import pytest

from guide.corpus import indexing, snapshot, vectors
from guide.corpus.chunking import module_vectors
from guide.corpus.modules import KINDS, label_sentences, split_modules
from guide.corpus.records import Section
from guide.corpus.retrieve import search
from guide.corpus.store import Store, reindex_store
from guide.corpus.verify import verify
from guide.errors import InputError, StoreError
from tests.corpus.fakes import WordsEncoder, paper, papers

TEXT = (
    "Bridges matter to rivers. We propose a crossing of ice. Our method freezes water. Experiments show that it holds."
)


def test_a_module_is_the_mean_of_its_sentences() -> None:
    encoder = WordsEncoder()
    one = paper(1, abstract=TEXT)
    found = module_vectors(encoder, [one])
    assert np.allclose(found["abstract"][1][0], encoder.encode([one.text])[0])
    for kind in KINDS[1:]:
        parts = [TEXT[s.start : s.end] for s in label_sentences(TEXT) if s.role == kind]
        due = np.sum([encoder._sum(part) for part in parts], axis=0)
        places, values = found[kind]
        assert places.tolist() == [0]
        assert np.allclose(values[0], due / np.linalg.norm(due), atol=1e-6)


def test_a_paper_has_vectors_for_the_modules_it_has() -> None:
    bare, full = paper(1, abstract="Bridges matter to rivers."), paper(2, abstract=TEXT)
    found = module_vectors(WordsEncoder(), [bare, full])
    for kind, (places, values) in found.items():
        has = [place for place, one in enumerate((bare, full)) if kind in {m.kind for m in split_modules(one)}]
        assert places.tolist() == has
        assert np.allclose(np.linalg.norm(values, axis=1), 1.0)
    assert found["method"][0].tolist() == [1]


def test_the_sections_of_a_full_text_are_its_modules() -> None:
    encoder = WordsEncoder()
    full = paper(1, abstract="Bridges matter to rivers.", sections=(Section("Method", "We freeze water in layers."),))
    places, values = module_vectors(encoder, [full])["method"]
    due = encoder._sum("We freeze water in layers.")
    assert places.tolist() == [0]
    assert np.allclose(values[0], due / np.linalg.norm(due), atol=1e-6)


def test_a_store_that_grows_large_is_compressed_and_goes_on(
    tmp_path: Path, words_encoder: WordsEncoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vectors, "FLAT_UP_TO", 500)
    with Store.create_or_open(tmp_path, words_encoder) as store:
        store.add(papers(400))
        assert store.vectors.layout == "flat"
        store.add(papers(900))
        assert store.vectors.layout.startswith("PCAR")
        assert store.vectors.trained_on == 900
        store.add([*papers(1_000), paper(3, title="Zebrafish larvae swim", abstract="Under the microscope they do.")])
        info = store.info()
        assert (info.papers, info.vectors, info.trained_on) == (1_000, 1_000, 900)
        store.add([paper(5, title="Tortoise shells", abstract="They are hard. We weigh them.")])
        assert len(store.vectors) == 1_000
    with Store.open(tmp_path) as store:
        found = search(store, words_encoder, "tortoise shells", k=3)
        assert "made:00005" in {hit.paper.id for hit in found.hits if hit.words_rank == 1}
    assert verify(tmp_path, encoder=words_encoder).problems == ()


def test_a_layout_can_be_fixed_and_changed_while_nothing_is_lost(tmp_path: Path, words_encoder: WordsEncoder) -> None:
    with Store.create_or_open(tmp_path, words_encoder) as store:
        store.add(papers(700), layout="flat")
        store.add(papers(700), layout="PCAR16,IVF4,RaBitQ4")
        assert store.info().layout == "PCAR16,IVF4,RaBitQ4"
        with pytest.raises(InputError, match="guide corpus reindex"):
            store.add(papers(700), layout="flat")
        assert store.add(papers(710)).embedded == 10, "the layout that was refused is forgotten"
    info = reindex_store(tmp_path, words_encoder, layout="flat")
    assert (info.layout, info.vectors, info.trained_on) == ("flat", 710, 0)
    assert verify(tmp_path, encoder=words_encoder).problems == ()


def test_a_run_that_dies_while_embedding_goes_on_from_the_last_block(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Dying(WordsEncoder):
        def encode_spans(self, texts, spans, *, progress=False):
            if self.texts_read >= 200:
                raise RuntimeError("killed")
            return super().encode_spans(texts, spans)

    monkeypatch.setattr(indexing, "_PAPERS_AT_ONCE", 100)
    with Store.create_or_open(tmp_path, Dying()) as store, pytest.raises(RuntimeError, match="killed"):
        store.add(papers(450))
    assert any("interrupted ingest" in problem.what for problem in verify(tmp_path).problems)
    encoder = WordsEncoder()
    with Store.create_or_open(tmp_path, encoder) as store:
        report = store.add(papers(450))
    assert (report.embedded, encoder.texts_read) == (250, 250)
    assert not (tmp_path / "vectors" / indexing.PENDING).exists()
    assert verify(tmp_path, encoder=encoder).problems == ()


def test_vectors_that_could_not_be_saved_are_saved_by_the_next_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with Store.create_or_open(tmp_path, WordsEncoder()) as store:
        store.add(papers(10))
        with monkeypatch.context() as full, pytest.raises(StoreError, match="full"):
            full.setattr(snapshot, "write_text", refuse)
            store.add(papers(20))
        store.add(papers(20))
    with Store.open(tmp_path) as reader:
        assert len(reader.vectors) == reader.count == 20
