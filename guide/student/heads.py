"""Linear heads: the mean of a ridge on averaged encoder layers and a ridge on TF-IDF terms.

Fitted apart and averaged, the two do about as well as one ridge over both, better in two of three years
(docs/student.md).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy.sparse
from numpy.typing import NDArray

DENSE_PENALTY = 10_000.0
SPARSE_PENALTY = 10.0
MIN_DOCUMENTS = 20  # a term must stand in this many training texts


@dataclass(frozen=True, slots=True)
class Heads:
    """h linear heads on raw features: score = dense . x + sparse . t + bias.

    Attributes:
        dense: (h, D).
        sparse: (h, V).
        bias: (h,).
    """

    dense: NDArray[np.float32]
    sparse: NDArray[np.float32]
    bias: NDArray[np.float32]

    def score(self, dense: NDArray[np.float32], sparse: scipy.sparse.csr_matrix) -> NDArray[np.float64]:
        """Scores (n, h)."""
        return np.asarray(dense @ self.dense.T + sparse @ self.sparse.T + self.bias, dtype=np.float64)


def fit_vocabulary(texts: Sequence[str]) -> tuple[tuple[str, ...], NDArray[np.float32]]:
    """Terms (1-2 words, in at least 20 texts, or in 1 % of fewer) in alphabetical order, and their smoothed idf."""
    from sklearn.feature_extraction.text import TfidfVectorizer

    model = TfidfVectorizer(ngram_range=(1, 2), min_df=min(MIN_DOCUMENTS, max(1, len(texts) // 100)), sublinear_tf=True)
    model.fit(texts)
    return tuple(model.get_feature_names_out()), model.idf_.astype(np.float32)


def fit_heads(
    dense: NDArray[np.float32],
    sparse: scipy.sparse.csr_matrix,
    targets: NDArray[np.float64],
    weights: NDArray[np.float64] | None = None,
) -> Heads:
    """Fit one head a column of `targets`.

    Args:
        dense: (n, D) encoder layers.
        sparse: (n, V) TF-IDF rows.
        targets: (n, h), centred; nan where unknown (such rows are left out of that head).
        weights: (n,) how often each row counts; bootstrap members pass resampling counts.

    Raises:
        ValueError: a head has fewer than two known targets.
    """
    counts = np.ones(len(dense)) if weights is None else weights
    fitted = [_fit_one(dense, sparse, column, counts) for column in targets.T]
    return Heads(
        np.stack([head.dense for head in fitted]),
        np.stack([head.sparse for head in fitted]),
        np.array([head.bias for head in fitted], dtype=np.float32),
    )


@dataclass(frozen=True, slots=True)
class _Head:
    dense: NDArray[np.float32]
    sparse: NDArray[np.float32]
    bias: float


def _fit_one(
    dense: NDArray[np.float32],
    sparse: scipy.sparse.csr_matrix,
    target: NDArray[np.float64],
    counts: NDArray[np.float64],
) -> _Head:
    from sklearn.linear_model import Ridge

    rows = np.flatnonzero(~np.isnan(target) & (counts > 0))
    if len(rows) < 2:
        raise ValueError("a head needs at least two known targets")
    y, w = target[rows], counts[rows]
    x = dense[rows]
    mean = np.average(x, axis=0, weights=w)
    spread = np.sqrt(np.average((x - mean) ** 2, axis=0, weights=w)) + 1e-6
    layers = Ridge(DENSE_PENALTY, solver="cholesky").fit((x - mean) / spread, y, sample_weight=w)
    words = Ridge(SPARSE_PENALTY, solver="sparse_cg", tol=1e-5).fit(sparse[rows], y, sample_weight=w)
    dense_weights = layers.coef_ / spread / 2
    bias = (layers.intercept_ + words.intercept_) / 2 - float(dense_weights @ mean)
    return _Head(dense_weights.astype(np.float32), (words.coef_ / 2).astype(np.float32), float(bias))
