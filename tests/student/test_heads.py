import numpy as np
import pytest
import scipy.sparse
from sklearn.linear_model import Ridge

from guide.student.heads import DENSE_PENALTY, SPARSE_PENALTY, fit_heads, fit_vocabulary


def _problem(n=300, seed=0):
    random = np.random.default_rng(seed)
    dense = random.normal(size=(n, 8)).astype(np.float32) * 3 + 1
    sparse = scipy.sparse.random(n, 15, density=0.3, format="csr", random_state=seed, dtype=np.float32)
    target = 0.05 * dense[:, 0] + sparse @ np.linspace(-1, 1, 15) + random.normal(size=n) * 0.1
    return dense, sparse, (target - target.mean())[:, None]


def test_a_head_is_the_mean_of_two_ridges():
    dense, sparse, targets = _problem()
    standard = (dense - dense.mean(axis=0)) / (dense.std(axis=0) + 1e-6)
    layers = Ridge(DENSE_PENALTY).fit(standard, targets[:, 0]).predict(standard)
    words = Ridge(SPARSE_PENALTY, solver="sparse_cg", tol=1e-5).fit(sparse, targets[:, 0]).predict(sparse)
    assert fit_heads(dense, sparse, targets).score(dense, sparse)[:, 0] == pytest.approx((layers + words) / 2, abs=1e-4)


def test_rows_without_a_target_are_left_out():
    dense, sparse, targets = _problem()
    known = np.arange(300) < 200
    partly = np.where(known[:, None], targets, np.nan)
    expected = fit_heads(dense[known], sparse[known], targets[known]).score(dense, sparse)
    assert fit_heads(dense, sparse, partly).score(dense, sparse) == pytest.approx(expected, abs=1e-5)


def test_a_weight_of_two_counts_a_row_twice():
    dense, sparse, targets = _problem()
    weights = np.random.default_rng(1).integers(0, 3, size=300)
    rows = np.repeat(np.arange(300), weights)
    expected = fit_heads(dense[rows], sparse[rows], targets[rows]).score(dense, sparse)
    weighted = fit_heads(dense, sparse, targets, weights.astype(float)).score(dense, sparse)
    assert weighted == pytest.approx(expected, abs=1e-3)


def test_a_head_without_targets_is_refused():
    dense, sparse, targets = _problem()
    with pytest.raises(ValueError, match="two known targets"):
        fit_heads(dense, sparse, np.full_like(targets, np.nan))


def test_the_vocabulary_is_sorted_and_leaves_rare_terms_out():
    texts = ["common words here"] * 2500 + ["rare thing"] * 5
    terms, idf = fit_vocabulary(texts)
    assert terms == ("common", "common words", "here", "words", "words here")
    assert idf[0] == pytest.approx(np.log(2506 / 2501) + 1, abs=1e-6)
