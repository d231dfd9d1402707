"""Train the student: decisions and ratings in, a folder of parameters with their card out.

Deterministic for a given file, seed and library versions. The years held out one after another give the calibrator,
the rating distribution and the card's figures; the shipped heads are then fitted on all years up to `until`.
"""

from __future__ import annotations

import importlib.metadata
import platform
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import spearmanr

from guide.calibration.logistic import fit_logistic
from guide.corpus.minilm.model import MiniLM, load_minilm
from guide.errors import InputError
from guide.student import ordinal
from guide.student.embedding_cache import CachedEncoder
from guide.student.features import Vocabulary, join_title
from guide.student.heads import Heads, fit_heads, fit_vocabulary
from guide.student.parameters import Parameters, save
from guide.student.presentation import PresentationSet, read_presentation
from guide.student.timesplit import HeldOut, measure_years, predict_held_out, targets_of, weigh_terms
from guide.student.training import SUBSCORES, TrainingSet, read_training_set, texts_of

HELD_OUT_YEARS = 3
_CENTROIDS = 64
_MIN_YEAR = 300  # decisions a year needs to be held out


@dataclass(frozen=True, slots=True)
class Distilled:
    """Where the student was saved, and its card."""

    folder: Path
    card: dict[str, Any]


def distill(
    decisions: Path,
    out: Path,
    *,
    until: int = 2024,
    reviews: Path | None = None,
    members: int = 10,
    seed: int = 0,
    cache: Path | None = None,
    progress: bool = False,
) -> Distilled:
    """Train on `decisions` (see `read_training_set`) and save to the folder `out`.

    Args:
        decisions: JSON lines with decisions, ratings, sub-scores.
        out: folder for student.safetensors, terms.txt, student.json.
        until: last year used.
        reviews: JSON lines of reviews with `presentation` scores, for that sub-score alone; it never enters P(accept).
        members: bootstrap refits behind the interval.
        seed: of the bootstrap and the clustering.
        cache: folder for embeddings, by content; training again then skips most of the work.
        progress: show bars on stderr.

    Raises:
        InputError: too few years or ratings to hold any out.
    """
    data = read_training_set(decisions, until=until)
    presentation = read_presentation(reviews) if reviews is not None else None
    held_years = _held_out_years(data, decisions)
    encoder = load_minilm()
    layers = _embed(encoder, [(s.title, s.text) for s in data.submissions], cache, progress)
    dense = layers.reshape(len(layers), -1)
    held_out = predict_held_out(data, dense, held_years)
    vocabulary = Vocabulary(*fit_vocabulary(texts_of(data)))
    heads, names, scales = _fit_final(data, dense, vocabulary, held_out)
    if presentation is not None:
        extra, scale = _fit_presentation(presentation, encoder, vocabulary, cache, progress)
        heads, names = _stack([heads, extra]), [*names, "presentation"]
        scales.append(scale)
    heads = _stack([heads, *_fit_members(data, dense, vocabulary, members, seed)])
    parameters = _calibrate(data, heads, vocabulary, held_out, scales, layers, seed)
    card = _card(
        data, presentation, held_out, held_years, dict(zip(names[2:], scales, strict=True)), members, seed, encoder
    )
    save(out, parameters, vocabulary.terms, card)
    return Distilled(out, card)


def _held_out_years(data: TrainingSet, path: Path) -> list[int]:
    sizes = {int(year): int((data.years == year).sum()) for year in np.unique(data.years)}
    years = [year for year in sorted(sizes)[1:] if sizes[year] >= _MIN_YEAR][-HELD_OUT_YEARS:]
    rated = {int(year) for year in data.years[~np.isnan(data.shares[:, 0])]}
    if not years or not any(year in rated for year in years) or not any(year < years[0] for year in rated):
        raise InputError(
            "calibration needs two or more years with ratings",
            where=path,
            fix=f"Add years ({_MIN_YEAR} submissions each at least), or records with `ratings`.",
        )
    return years


def _embed(
    encoder: MiniLM, texts: Sequence[tuple[str, str]], cache: Path | None, progress: bool
) -> NDArray[np.float32]:
    reader = encoder if cache is None else CachedEncoder(encoder, cache)
    return reader.pool([join_title(*pair) for pair in texts], progress=progress).layers


@dataclass(frozen=True, slots=True)
class _Scale:
    """The way from a sub-score head to the 1-4 scale; percentiles and quality of its held-out predictions."""

    intercept: float
    slope: float
    percentiles: NDArray[np.float64]
    n: int
    spearman: float


def _scale(predicted: NDArray[np.float64], raw: NDArray[np.float64]) -> _Scale:
    known = ~np.isnan(predicted) & ~np.isnan(raw)
    slope, intercept = np.polyfit(predicted[known], raw[known], 1)
    return _Scale(
        intercept=float(intercept),
        slope=float(slope),
        percentiles=np.percentile(predicted[known], np.arange(101)),
        n=int(known.sum()),
        spearman=float(spearmanr(predicted[known], raw[known])[0]),
    )


def _fit_final(
    data: TrainingSet, dense: NDArray[np.float32], vocabulary: Vocabulary, held_out: HeldOut
) -> tuple[Heads, list[str], list[_Scale]]:
    targets = targets_of(data)
    scales, names = [], ["rating", "accept"]
    for name in SUBSCORES:
        raw = data.raw_subscores[name][held_out.rows]
        # The scale is the last held-out year's: years differ in what they asked for.
        last = data.years[held_out.rows] == data.years[held_out.rows].max()
        predicted = np.where(last, held_out.subscores[name], np.nan)
        if (~np.isnan(predicted) & ~np.isnan(raw)).sum() >= _MIN_YEAR:
            names.append(name)
            scales.append(_scale(predicted, raw))
    sparse = weigh_terms(vocabulary, texts_of(data))
    return fit_heads(dense, sparse, np.column_stack([targets[name] for name in names])), names, scales


def _fit_members(
    data: TrainingSet, dense: NDArray[np.float32], vocabulary: Vocabulary, members: int, seed: int
) -> list[Heads]:
    targets = targets_of(data)
    pair = np.column_stack([targets["rating"], targets["accept"]])
    sparse = weigh_terms(vocabulary, texts_of(data))
    random = np.random.default_rng(seed)
    n = len(data.years)
    return [
        fit_heads(dense, sparse, pair, np.bincount(random.integers(n, size=n), minlength=n).astype(np.float64))
        for _ in range(members)
    ]


def _fit_presentation(
    records: PresentationSet, encoder: MiniLM, vocabulary: Vocabulary, cache: Path | None, progress: bool
) -> tuple[Heads, _Scale]:
    layers = _embed(encoder, records.texts, cache, progress)
    dense = layers.reshape(len(layers), -1)
    sparse = weigh_terms(vocabulary, [join_title(*pair) for pair in records.texts])
    centred = (records.scores - records.scores.mean())[:, None]
    # One year only, so the scale comes from two-fold cross-validation instead of a later year.
    predicted = np.empty(len(dense))
    for fold in (0, 1):
        inside = np.arange(len(dense)) % 2 == fold
        predicted[inside] = fit_heads(dense[~inside], sparse[~inside], centred[~inside]).score(
            dense[inside], sparse[inside]
        )[:, 0]
    return fit_heads(dense, sparse, centred), _scale(predicted, records.scores)


def _calibrate(
    data: TrainingSet,
    heads: Heads,
    vocabulary: Vocabulary,
    held_out: HeldOut,
    scales: list[_Scale],
    layers: NDArray[np.float32],
    seed: int,
) -> Parameters:
    accepted, rates = data.accepted[held_out.rows], data.year_rates[held_out.rows]
    fit = fit_logistic(held_out.pair, accepted, rates)
    shares = data.shares[held_out.rows]
    rated = ~np.isnan(shares[:, 0])
    slope, thresholds = ordinal.fit_ordinal(held_out.pair[rated, 0], shares[rated])
    last_rated = data.years[~np.isnan(data.shares[:, 0])].max()
    reference = np.sort([r for s in data.submissions if s.year == last_rated for r in s.ratings])
    centroids, distances = _distances(data, layers, seed)
    words = [len(text.split()) for text in texts_of(data)]
    return Parameters(
        dense=heads.dense,
        sparse=heads.sparse,
        bias=heads.bias,
        idf=vocabulary.idf,
        calibrator=fit.coefficients,
        covariance=fit.covariance,
        slope=np.array([slope]),
        thresholds=thresholds,
        rating_map=ordinal.rating_map(reference),
        subscales=np.array([[scale.intercept, scale.slope] for scale in scales]).reshape(-1, 2),
        subquantiles=np.array([scale.percentiles for scale in scales]).reshape(-1, 101),
        centroids=centroids,
        distances=distances,
        words=np.percentile(words, np.arange(101)),
        heldout_evidence=fit.evidence(held_out.pair).astype(np.float32),
        heldout_accepted=accepted.astype(np.uint8),
        heldout_base_rate=rates.astype(np.float32),
    )


def _distances(
    data: TrainingSet, layers: NDArray[np.float32], seed: int
) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
    """Cluster all but the last year, and see how far the last year lies from the centres."""
    from sklearn.cluster import KMeans

    unit = layers[:, -1] / np.linalg.norm(layers[:, -1], axis=1, keepdims=True)
    last = data.years == data.years.max()
    model = KMeans(min(_CENTROIDS, int((~last).sum())), random_state=seed, n_init=1).fit(unit[~last])
    centres = model.cluster_centers_ / np.linalg.norm(model.cluster_centers_, axis=1, keepdims=True)
    centres = centres.astype(np.float16).astype(np.float32)  # as they will be read back
    nearest = 1 - (unit[last] @ centres.T).max(axis=1)
    return centres, np.percentile(nearest, np.arange(101))


def _stack(parts: Sequence[Heads]) -> Heads:
    return Heads(
        np.concatenate([part.dense for part in parts]),
        np.concatenate([part.sparse for part in parts]),
        np.concatenate([part.bias for part in parts]),
    )


def _card(
    data: TrainingSet,
    presentation: PresentationSet | None,
    held_out: HeldOut,
    held_years: list[int],
    scales: dict[str, _Scale],
    members: int,
    seed: int,
    encoder: MiniLM,
) -> dict[str, Any]:
    years = [int(year) for year in np.unique(data.years)]
    packages = ("numpy", "scipy", "scikit-learn", "onnxruntime", "tokenizers", "sentencex")
    return {
        "trained_on": f"ICLR {years[0]}-{years[-1]}",
        "years": years,
        "n": len(data.years),
        "data_sha256": data.sha256,
        "data_notes": list(data.notes),
        "heads": ["rating", "accept", *scales],
        "members": members,
        "seed": seed,
        "encoder": {"id": encoder.id, "sha256": encoder.sha256, "precision": encoder.precision},
        "calibrated_on": f"ICLR {held_years[0]}-{held_years[-1]}, each year by heads fitted on earlier years only",
        "rating_scale": f"the ratings of ICLR {int(data.years[~np.isnan(data.shares[:, 0])].max())}",
        "time_split": [asdict(figures) for figures in measure_years(data, held_out)],
        "subscores_held_out": {name: {"n": scale.n, "spearman": scale.spearman} for name, scale in scales.items()},
        "presentation": presentation.description if presentation else None,
        "libraries": {name: importlib.metadata.version(name) for name in packages},
        "python": platform.python_version(),
    }
