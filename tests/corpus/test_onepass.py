import numpy as np
import pytest

from guide.corpus import onepass
from guide.corpus.chunking import module_vectors
from guide.corpus.onepass import load_onepass
from guide.corpus.records import Paper
from guide.scoring.judging import one_thread
from guide.student.features import cut_windows

_SENTENCES = (
    "We study how sparse attention finds what matters in long inputs.",
    "However, earlier methods need labels that nobody has.",
    "Our approach trains a small gate beside each layer.",
    "Experiments on six corpora show that it costs little and loses nothing.",
)
TEXTS = [" ".join(_SENTENCES[: 1 + number % 4] * (1 + number // 3)) for number in range(9)]


@pytest.fixture(scope="module")
def one():
    with one_thread():
        yield load_onepass()


def test_it_reads_what_minilm_reads_up_to_rounding(one, encoder):
    ours, theirs = one.pool(TEXTS), encoder.pool(TEXTS)
    np.testing.assert_allclose(ours.layers, theirs.layers, atol=1e-6)
    np.testing.assert_array_equal(ours.tokens, theirs.tokens)
    np.testing.assert_array_equal(ours.truncated, theirs.truncated)
    np.testing.assert_allclose(one.encode(TEXTS), encoder.encode(TEXTS), atol=1e-6)


def test_its_module_vectors_are_minilms_up_to_rounding(one, encoder):
    papers = [Paper(str(number), "A title", text, 2020, "") for number, text in enumerate(TEXTS)]
    ours, theirs = module_vectors(one, papers), module_vectors(encoder, papers)
    assert ours.keys() == theirs.keys()
    for kind, (places, vectors) in ours.items():
        np.testing.assert_array_equal(places, theirs[kind][0])
        np.testing.assert_allclose(vectors, theirs[kind][1], atol=1e-6)


def test_a_text_has_the_same_bits_whatever_is_read_beside_it(one):
    together = load_onepass().pool(TEXTS).layers
    backwards = load_onepass().pool(TEXTS[::-1]).layers[::-1]
    alone = np.concatenate([load_onepass().pool([text]).layers for text in TEXTS])
    assert together.tobytes() == backwards.tobytes() == alone.tobytes()


def test_a_window_that_a_student_and_a_search_both_read_is_encoded_once():
    encoder = load_onepass()
    title, text = "A title", TEXTS[3]
    encoder.pool(cut_windows(title, text))
    module_vectors(encoder, [Paper("p", title, text, 2020, "")])
    assert (encoder.encoded, encoder.remembered) == (1, 1)


def test_what_is_remembered_is_bounded_and_what_is_forgotten_is_read_again_the_same(monkeypatch):
    monkeypatch.setattr(onepass, "_KEPT_TOKENS", 100)
    encoder = load_onepass()
    first = encoder.encode(TEXTS)
    assert sum(len(ids) for ids in encoder._kept) <= 100
    assert encoder.encode(TEXTS).tobytes() == first.tobytes()
    assert encoder.encoded > len(set(TEXTS))
