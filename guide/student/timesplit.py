"""Out-of-year predictions: heads fitted on the years before Y, asked about year Y.

Everything the student claims of itself rests on these: calibrators, rating distribution, track record, and the
card's figures.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy.sparse
from numpy.typing import NDArray

from guide.calibration.logistic import chance, fit_logistic
from guide.calibration.measures import auroc, calibration_error
from guide.student.features import SparseRows, Vocabulary
from guide.student.heads import Heads, fit_heads, fit_vocabulary
from guide.student.training import SUBSCORES, TrainingSet, texts_of

_ENOUGH = 200  # known targets a head needs before it is fitted for a held-out year


@dataclass(frozen=True, slots=True)
class HeldOut:
    """Out-of-year scores of m submissions.

    Attributes:
        rows: (m,) where they stand in the training set.
        pair: (m, 2) rating score and accept score.
        subscores: by name, (m,); nan where no head could be fitted for that year.
    """

    rows: NDArray[np.int64]
    pair: NDArray[np.float64]
    subscores: dict[str, NDArray[np.float64]]


@dataclass(frozen=True, slots=True)
class YearFigures:
    """How the student did on one year it had not seen, calibrated on the other held-out years.

    Attributes:
        year: the year.
        trained_on: the earlier years.
        n: submissions.
        base_rate: share accepted.
        auroc: of P(accept) for the decision.
        spearman: of the rating score with the mean rating's quantile; None without usable ratings.
        brier: mean squared error of P(accept) at the year's base rate.
        ece: expected calibration error, ten bins of equal mass.
    """

    year: int
    trained_on: str
    n: int
    base_rate: float
    auroc: float
    spearman: float | None
    brier: float
    ece: float


def targets_of(data: TrainingSet) -> dict[str, NDArray[np.float64]]:
    """The heads' targets by name, each centred within its year: rating, accept, then the sub-scores."""
    return {"rating": data.quality, "accept": data.accepted - data.year_rates, **data.subscores}


def weigh_terms(vocabulary: Vocabulary, texts: Sequence[str]) -> scipy.sparse.csr_matrix:
    """TF-IDF rows (n, V) as a SciPy matrix."""
    rows: SparseRows = vocabulary.weigh(texts)
    shape = (len(texts), len(vocabulary))
    return scipy.sparse.csr_matrix((rows.data, rows.indices, rows.indptr), shape=shape)


def predict_held_out(data: TrainingSet, dense: NDArray[np.float32], years: Sequence[int]) -> HeldOut:
    """For each of `years`, fit on all earlier years and score it; (n, D) `dense` belongs to `data` row by row."""
    from tqdm import tqdm

    texts = texts_of(data)
    targets = targets_of(data)
    rows, pairs = [], []
    subscores: dict[str, list[NDArray[np.float64]]] = {name: [] for name in SUBSCORES}
    for year in tqdm(years, desc="fitting", unit="year", delay=2, disable=None, file=sys.stderr):
        before, now = np.flatnonzero(data.years < year), np.flatnonzero(data.years == year)
        vocabulary = Vocabulary(*fit_vocabulary([texts[row] for row in before]))
        names = [
            name
            for name, target in targets.items()
            if name in ("rating", "accept") or (~np.isnan(target[before])).sum() >= _ENOUGH
        ]
        heads: Heads = fit_heads(
            dense[before],
            weigh_terms(vocabulary, [texts[row] for row in before]),
            np.column_stack([targets[name][before] for name in names]),
        )
        scores = heads.score(dense[now], weigh_terms(vocabulary, [texts[row] for row in now]))
        rows.append(now)
        pairs.append(scores[:, :2])
        for name, found in subscores.items():
            found.append(scores[:, names.index(name)] if name in names else np.full(len(now), np.nan))
    return HeldOut(
        np.concatenate(rows), np.concatenate(pairs), {name: np.concatenate(parts) for name, parts in subscores.items()}
    )


def measure_years(data: TrainingSet, held_out: HeldOut) -> list[YearFigures]:
    """Figures for each held-out year, its calibrator fitted on the other held-out years."""
    from scipy.stats import spearmanr

    years, accepted, rates = data.years[held_out.rows], data.accepted[held_out.rows], data.year_rates[held_out.rows]
    quality = np.where(np.isnan(data.shares[held_out.rows, 0]), np.nan, data.quality[held_out.rows])
    figures = []
    for year in np.unique(years):
        now, others = years == year, years != year
        if not others.any():
            continue
        fit = fit_logistic(held_out.pair[others], accepted[others], rates[others])
        p = chance(fit.evidence(held_out.pair[now]), float(rates[now][0]))
        rated = now & ~np.isnan(quality)
        figures.append(
            YearFigures(
                year=int(year),
                trained_on=f"{data.years.min()}-{year - 1}",
                n=int(now.sum()),
                base_rate=float(accepted[now].mean()),
                auroc=auroc(p, accepted[now]),
                spearman=float(spearmanr(held_out.pair[rated, 0], quality[rated])[0]) if rated.any() else None,
                brier=float(np.mean((p - accepted[now]) ** 2)),
                ece=calibration_error(p, accepted[now]),
            )
        )
    return figures
