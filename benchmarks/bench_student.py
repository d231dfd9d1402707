"""What each part of the student brings on a time split: python benchmarks/bench_student.py DECISIONS [--cache DIR].

For each held-out year the heads are fitted on all earlier years. Prints one JSON line: AUROC for the decision and
Spearman with the reviewers' mean rating, by variant and year. The choices in docs/student.md rest on it; no ICLR 2025
record is read.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import numpy as np
import scipy.sparse
from scipy.stats import spearmanr
from sklearn.linear_model import Ridge

from guide.calibration.measures import auroc
from guide.corpus.minilm.model import load_minilm
from guide.student.embedding_cache import CachedEncoder
from guide.student.features import Vocabulary, join_title
from guide.student.heads import DENSE_PENALTY, SPARSE_PENALTY, fit_vocabulary
from guide.student.timesplit import targets_of, weigh_terms
from guide.student.training import read_training_set, texts_of

YEARS = (2022, 2023, 2024)
WIDTH = 384


def main() -> None:
    """Read the options, fit every variant on every split, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("decisions", type=Path)
    parser.add_argument("--cache", type=Path, default=Path("build/embeddings"))
    given = parser.parse_args()
    begun = time.perf_counter()
    data = read_training_set(given.decisions, until=max(YEARS))
    encoder = CachedEncoder(load_minilm(), given.cache)
    layers = encoder.pool([join_title(s.title, s.text) for s in data.submissions], progress=True).layers
    dense = layers.reshape(len(layers), -1)
    last = layers[:, -1] / np.linalg.norm(layers[:, -1], axis=1, keepdims=True)
    texts, targets = texts_of(data), targets_of(data)
    rated = ~np.isnan(data.shares[:, 0])
    results: dict[str, dict[str, dict[str, float | None]]] = {}
    for year in YEARS:
        before, now = np.flatnonzero(data.years < year), np.flatnonzero(data.years == year)
        vocabulary = Vocabulary(*fit_vocabulary([texts[row] for row in before]))
        words = [weigh_terms(vocabulary, [texts[row] for row in rows]) for rows in (before, now)]
        for target in ("rating", "accept"):
            y = targets[target][before]
            known = ~np.isnan(y)
            of_last = _ridge(last[before][known], y[known], last[now], DENSE_PENALTY)
            of_all = _ridge(dense[before][known], y[known], dense[now], DENSE_PENALTY)
            of_words = Ridge(SPARSE_PENALTY, solver="sparse_cg").fit(words[0][known], y[known]).predict(words[1])
            joint = _joint(dense, words, before, now, known, y)
            variants = {
                "last layer": of_last,
                "all layers": of_all,
                "words": of_words,
                "all layers + words, one ridge": joint,
                "all layers + words, averaged": (of_all + of_words) / 2,
            }
            for name, scores in variants.items():
                usable = rated[now]
                results.setdefault(f"{target}: {name}", {})[str(year)] = {
                    "auroc": round(auroc(scores, data.accepted[now]), 4),
                    "spearman": round(float(spearmanr(scores[usable], data.quality[now][usable])[0]), 4)
                    if usable.any()
                    else None,
                }
    print(json.dumps({"benchmark": "student", "results": results, "seconds": round(time.perf_counter() - begun, 1)}))


def _standardise(fit_on: np.ndarray, rows: np.ndarray) -> np.ndarray:
    return (rows - fit_on.mean(axis=0)) / (fit_on.std(axis=0) + 1e-6)


def _ridge(x: np.ndarray, y: np.ndarray, ask: np.ndarray, penalty: float) -> np.ndarray:
    model = Ridge(penalty, solver="cholesky").fit(_standardise(x, x), y)
    return np.asarray(model.predict(_standardise(x, ask)))


def _joint(
    dense: np.ndarray,
    words: list[scipy.sparse.csr_matrix],
    before: np.ndarray,
    now: np.ndarray,
    known: np.ndarray,
    y: np.ndarray,
) -> np.ndarray:
    """One ridge over both, the dense columns scaled so that each part keeps its own penalty; in the dual, n by n."""
    scale = np.sqrt(SPARSE_PENALTY / DENSE_PENALTY)
    fit, ask = (_standardise(dense[before][known], dense[rows]) * scale for rows in (before[known], now))
    inside = fit @ fit.T + (words[0][known] @ words[0][known].T).toarray()
    inside[np.diag_indices(len(inside))] += SPARSE_PENALTY
    weights = np.linalg.solve(inside, y[known] - y[known].mean())
    return np.asarray((ask @ fit.T + (words[1] @ words[0][known].T).toarray()) @ weights)


if __name__ == "__main__":
    main()
