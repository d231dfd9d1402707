"""Learning the forecast of concerns from public reviews.

One ridge a kind on the averaged encoder layers and one on the words, averaged, on the share of a paper's reviewers that
raise the kind; then a logistic map, fitted on predictions out of fold, to the chance that at least one of four does.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy.sparse
from numpy.typing import NDArray

from guide.advice.concerns.forecast import REVIEWERS, Forecast

DENSE_PENALTY = 20_000.0
SPARSE_PENALTY = 20.0
FOLDS = 5
MIN_DOCUMENTS = 30  # a term must stand in so many of the papers
_MOST_TERMS = 20_000


@dataclass(frozen=True, slots=True)
class ReviewedSet:
    """n reviewed papers, row by row.

    Attributes:
        texts: title and stripped abstract, joined.
        dense: (n, D) averaged encoder layers.
        raised: (n, k) how many of the paper's reviewers raise each kind.
        first: (n, k) whether one of its first four reviewers does; nan for papers with fewer.
        reviewers: (n,) how many it has.
        venues: (n,) venue and year; shares are centred within each.
        ratings: (n,) mean rating as a share of the venue's scale, times ten.
    """

    texts: tuple[str, ...]
    dense: NDArray[np.float32]
    raised: NDArray[np.int64]
    first: NDArray[np.float64]
    reviewers: NDArray[np.int64]
    venues: NDArray[np.str_]
    ratings: NDArray[np.float64]


def first_four(labels: Sequence[NDArray[np.bool_]]) -> NDArray[np.float64]:
    """Of each paper's (reviewers, k) labels whether one of the first four raises a kind: (n, k), nan with fewer."""
    return np.stack(
        [
            own[:REVIEWERS].any(axis=0).astype(np.float64) if len(own) >= REVIEWERS else np.full(own.shape[1], np.nan)
            for own in labels
        ]
    )


def fit_forecast(data: ReviewedSet, newest: str, seed: int = 0) -> tuple[Forecast, NDArray[np.float64]]:
    """Fit the forecast; also the chances (n, k) that each paper would have been told out of fold.

    Args:
        data: the papers.
        newest: the venue whose base rates are stated and on which the maps are fitted.
        seed: of the folds.
    """
    from sklearn.feature_extraction.text import TfidfVectorizer

    vectoriser = TfidfVectorizer(
        ngram_range=(1, 2), min_df=MIN_DOCUMENTS, max_features=_MOST_TERMS, sublinear_tf=True, dtype=np.float32
    )
    sparse = vectoriser.fit_transform(data.texts)
    target = _targets(data)
    scores = np.full(target.shape, np.nan)
    fold = np.random.default_rng(seed).integers(FOLDS, size=len(target))
    for number in range(FOLDS):
        inside = fold == number
        scores[inside] = _score(
            _fit(data.dense[~inside], sparse[~inside], target[~inside]), data.dense[inside], sparse[inside]
        )
    own = (data.venues == newest) & ~np.isnan(data.first[:, 0])
    maps = np.stack([_fit_map(scores[own, kind], data.first[own, kind]) for kind in range(target.shape[1])])
    weights = _fit(data.dense, sparse, target)
    forecast = Forecast(
        terms=tuple(vectoriser.get_feature_names_out()),
        idf=vectoriser.idf_.astype(np.float32),
        dense=weights[0].astype(np.float16),
        sparse=weights[1].astype(np.float16),
        bias=weights[2].astype(np.float32),
        maps=maps.astype(np.float32),
        base_rates=np.nanmean(data.first[own], axis=0).astype(np.float32),
        associations=measure_associations(data).astype(np.float32),
    )
    return forecast, 1 / (1 + np.exp(-(scores * maps[:, 0] + maps[:, 1])))


def measure_associations(data: ReviewedSet, prior: float = 30.0) -> NDArray[np.float64]:
    """Mean rating with a kind raised by anybody minus without, within each venue, shrunk by `prior` papers: (k,)."""
    total, count = np.zeros(data.raised.shape[1]), 0.0
    for venue in np.unique(data.venues):
        own = (data.venues == venue) & ~np.isnan(data.ratings)
        rated, raised = data.ratings[own], data.raised[own] > 0
        for kind in range(raised.shape[1]):
            with_it, without = rated[raised[:, kind]], rated[~raised[:, kind]]
            if len(with_it) and len(without):
                n = min(len(with_it), len(without))
                total[kind] += (with_it.mean() - without.mean()) * own.sum() * n / (n + prior)
        count += own.sum()
    return total / max(count, 1.0)


def _targets(data: ReviewedSet) -> NDArray[np.float64]:
    """Share of reviewers that raise each kind, less the venue's mean: (n, k)."""
    share = data.raised / np.maximum(data.reviewers, 1)[:, None]
    for venue in np.unique(data.venues):
        own = data.venues == venue
        share[own] -= share[own].mean(axis=0)
    return np.asarray(share)


def _fit(
    dense: NDArray[np.float32], sparse: scipy.sparse.csr_matrix, target: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Weights of the layers (k, D) and of the words (k, V), and the constants (k,)."""
    from sklearn.linear_model import Ridge

    mean, spread = dense.mean(axis=0), dense.std(axis=0) + 1e-6
    layers = Ridge(DENSE_PENALTY, solver="cholesky").fit((dense - mean) / spread, target)
    words = Ridge(SPARSE_PENALTY, solver="sparse_cg", tol=1e-3).fit(sparse, target)
    weights = layers.coef_ / spread / 2
    return weights, words.coef_ / 2, (layers.intercept_ + words.intercept_) / 2 - weights @ mean


def _score(
    weights: tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]],
    dense: NDArray[np.float32],
    sparse: scipy.sparse.csr_matrix,
) -> NDArray[np.float64]:
    return np.asarray(dense @ weights[0].T + sparse @ weights[1].T + weights[2])


def _fit_map(scores: NDArray[np.float64], raised: NDArray[np.float64]) -> NDArray[np.float64]:
    """Slope and constant of the log-odds in a score."""
    from sklearn.linear_model import LogisticRegression

    spread = scores.std()
    fitted = LogisticRegression(C=1e3).fit((scores / spread)[:, None], raised.astype(int))
    return np.array([fitted.coef_[0, 0] / spread, fitted.intercept_[0]])
