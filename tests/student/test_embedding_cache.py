import numpy as np
import pytest

from guide.student.embedding_cache import CachedEncoder

TEXTS = ["Sparse attention.", "Zebrafish in motion.", "Sparse attention."]


class _Counting:
    """The real encoder, counting what it is asked."""

    def __init__(self, encoder):
        self._encoder = encoder
        self.sha256 = encoder.sha256
        self.precision = encoder.precision
        self.asked = []

    def pool(self, texts, *, progress=False):
        self.asked.extend(texts)
        return self._encoder.pool(texts, progress=progress)


def test_a_second_run_computes_nothing_and_gives_the_same(encoder, tmp_path):
    counting = _Counting(encoder)
    first = CachedEncoder(counting, tmp_path).pool(TEXTS)
    computed = len(counting.asked)
    second = CachedEncoder(counting, tmp_path).pool(TEXTS)
    assert len(counting.asked) == computed
    assert np.array_equal(first.layers, second.layers)
    assert second.layers == pytest.approx(encoder.pool(TEXTS).layers, abs=1e-5)
    assert second.tokens.tolist() == encoder.pool(TEXTS).tokens.tolist()


def test_only_new_texts_are_computed(encoder, tmp_path):
    counting = _Counting(encoder)
    CachedEncoder(counting, tmp_path).pool(TEXTS)
    counting.asked.clear()
    CachedEncoder(counting, tmp_path).pool([*TEXTS, "Something new."])
    assert counting.asked == ["Something new."]


def test_another_number_format_is_kept_apart(encoder, tmp_path):
    counting = _Counting(encoder)
    CachedEncoder(counting, tmp_path).pool(TEXTS)
    counting.precision = "bfloat16"
    counting.asked.clear()
    CachedEncoder(counting, tmp_path).pool(TEXTS)
    assert counting.asked
