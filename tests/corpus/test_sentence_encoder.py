from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest

from guide.corpus.sentence_encoder import SentenceEncoder
from guide.errors import InputError, ModelError

_WORDS = ("we", "study", "graphs", "with", "a", "new", "kernel", "and", "it", "is", "fast", ".")
_WINDOW = 12  # tokens, with [CLS] and [SEP]

pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A BERT of two small random layers that knows a dozen words."""
    return _build(tmp_path_factory.mktemp("models") / "tiny", "mean")


def _build(folder: Path, pooling: str) -> Path:
    pytest.importorskip("sentence_transformers", reason="sentence-transformers is not installed")
    pytest.importorskip("sentence_transformers", reason="torch is not installed: make test-all brings it")
    import torch
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Pooling, Transformer
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
    from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

    special = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
    known = {word: number for number, word in enumerate((*special, *_WORDS))}
    tokenizer = Tokenizer(models.WordPiece(known, unk_token=special[1]))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    names = dict(zip(("pad_token", "unk_token", "cls_token", "sep_token", "mask_token"), special, strict=True))
    plain = folder.with_name(folder.name + "-bert")
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, model_max_length=_WINDOW, **names).save_pretrained(plain)
    torch.manual_seed(7)
    config = BertConfig(vocab_size=len(known), hidden_size=16, num_hidden_layers=2, num_attention_heads=2,
                        intermediate_size=32, max_position_embeddings=_WINDOW, initializer_range=0.5)  # fmt: skip
    BertModel(config).save_pretrained(plain)
    body = Transformer(str(plain), max_seq_length=_WINDOW)
    SentenceTransformer(modules=[body, Pooling(16, pooling)], device="cpu").save(str(folder))
    return folder


def test_a_folder_gives_unit_vectors_and_says_what_it_is(folder: Path) -> None:
    encoder = SentenceEncoder(str(folder))
    assert (encoder.id, encoder.dimension) == ("tiny", 16)
    vectors = encoder.encode(["we study graphs", "it is fast"])
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)
    np.testing.assert_allclose(vectors[1], encoder.encode(["it is fast"])[0], atol=1e-6)
    assert encoder.encode([]).shape == (0, 16)


def test_the_hash_follows_the_files_and_not_the_folder(folder: Path, tmp_path: Path) -> None:
    copied = tmp_path / "elsewhere"
    shutil.copytree(folder, copied)
    (copied / "README.md").write_text("Another word on the model.")
    whole = SentenceEncoder(str(folder)).sha256
    assert SentenceEncoder(str(copied)).sha256 == whole
    settings = json.loads((copied / "config.json").read_text())
    (copied / "config.json").write_text(json.dumps(settings | {"layer_norm_eps": 1e-3}))
    assert SentenceEncoder(str(copied)).sha256 != whole


def test_span_sums_are_of_the_tokens_in_their_place(folder: Path) -> None:
    encoder = SentenceEncoder(str(folder))
    text = "we study graphs. it is fast."
    found = encoder.encode_spans([text, "a new kernel"], [[(0, 16), (17, 28)], []])
    assert found.tokens.tolist() == [4, 4]
    assert found.starts.tolist() == [0, 2, 2]
    assert found.truncated == 0
    hidden = encoder._model.encode(text, output_value="token_embeddings").numpy()
    np.testing.assert_allclose(found.sums, [hidden[1:5].sum(0), hidden[5:9].sum(0)], atol=1e-5)
    np.testing.assert_allclose(found.whole[0], encoder.encode([text])[0], atol=1e-6)


def test_a_long_text_is_read_in_windows_cut_between_spans(folder: Path) -> None:
    encoder = SentenceEncoder(str(folder))
    parts = ["we study graphs with a kernel.", "it is new and it is fast.", "we study it."]
    text, spans = _join(parts)
    found = encoder.encode_spans([text], [spans])
    assert found.tokens.tolist() == [7, 8, 4]
    assert found.truncated == 0
    # The second span starts the second window, where it stands before what follows.
    hidden = encoder._model.encode("it is new and it is fast. we study", output_value="token_embeddings").numpy()
    np.testing.assert_allclose(found.sums[1], hidden[1:9].sum(0), atol=1e-5)


def _join(parts: list[str]) -> tuple[str, list[tuple[int, int]]]:
    ends = np.cumsum([len(part) + 1 for part in parts]).tolist()
    return " ".join(parts), [(end - len(part) - 1, end - 1) for part, end in zip(parts, ends, strict=True)]


def test_a_span_longer_than_a_window_is_summed_over_several(folder: Path) -> None:
    encoder = SentenceEncoder(str(folder))
    text = "we study graphs " * 8
    found = encoder.encode_spans([text], [[(0, len(text))]])
    assert (found.tokens.tolist(), found.truncated) == ([24], 0)


def test_what_lies_past_the_last_window_is_counted(folder: Path) -> None:
    text = "fast " * 700
    found = SentenceEncoder(str(folder)).encode_spans([text], [[(0, len(text))]])
    assert (found.tokens.tolist(), found.truncated) == ([640], 60)


def test_a_model_that_does_not_average_reads_each_span_by_itself(tmp_path: Path) -> None:
    encoder = SentenceEncoder(str(_build(tmp_path / "first-token", "cls")))
    text = "we study graphs. it is fast."
    found = encoder.encode_spans([text], [[(0, 16), (17, 28)]])
    alone = encoder.encode([text[:16], text[17:]])
    np.testing.assert_allclose(found.sums, alone * 4, atol=1e-5)
    assert found.tokens.tolist() == [4, 4]


def test_texts_without_their_spans_are_refused(folder: Path) -> None:
    with pytest.raises(InputError, match="2 texts but 1"):
        SentenceEncoder(str(folder)).encode_spans(["we", "it"], [[]])


@pytest.mark.parametrize("name", ["./no/such/folder", "nowhere", "nobody/no-such-model"])
def test_a_model_that_is_nowhere_is_one_line(name: str) -> None:
    pytest.importorskip("sentence_transformers", reason="sentence-transformers is not installed")
    with pytest.raises(ModelError, match="no such folder") as caught:
        SentenceEncoder(name)
    assert "\n" not in str(caught.value)


def test_a_broken_model_is_one_line(folder: Path, tmp_path: Path) -> None:
    copied = tmp_path / "broken"
    shutil.copytree(folder, copied)
    next(copied.rglob("model.safetensors")).write_bytes(b"no weights")
    with pytest.raises(ModelError, match="cannot be loaded"):
        SentenceEncoder(str(copied))


def test_an_unknown_precision_is_refused(folder: Path) -> None:
    with pytest.raises(InputError, match="no precision called 'int3'"):
        SentenceEncoder(str(folder), precision="int3")


def test_a_missing_package_is_named_with_its_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sentence_transformers", None)
    with pytest.raises(InputError, match=r"guide-advisor\[encoders\]"):
        SentenceEncoder("anything")
