"""The nearest-neighbour vote: what became of the earlier submissions that read most alike."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from guide.calibration.logistic import LogisticFit, chance, fit_logistic
from guide.calibration.measures import auroc
from guide.corpus.encoder import normalise
from guide.eval.baselines import Baseline
from guide.eval.retrained import calibration_years, embed_texts, embed_training
from guide.student.features import Pools
from guide.student.training import TrainingSet

NEIGHBOURS = "nearest-neighbours"
CANDIDATES = (5, 10, 20, 40, 80, 160, 320, 640)
_BLOCK = 512  # queries whose similarities are held in memory at once


@dataclass(frozen=True, slots=True)
class NeighbourVote:
    """How many neighbours vote, and what a vote is worth.

    Attributes:
        k: of `CANDIDATES`, the one with the highest mean AUROC over the held-out years.
        held_out: by k, that mean AUROC.
        by_year: the chosen k's AUROC, by held-out year.
        calibrator: from the vote to evidence, fitted on the held-out years' votes.
    """

    k: int
    held_out: dict[int, float]
    by_year: dict[int, float]
    calibrator: LogisticFit


def count_votes(
    queries: NDArray[np.float32], known: NDArray[np.float32], outcomes: NDArray[np.float64], ks: Sequence[int]
) -> NDArray[np.float64]:
    """Mean outcome (n, len(ks)) of the k rows of `known` nearest to each query by cosine.

    Args:
        queries: (n, width) unit vectors.
        known: (m, width) unit vectors.
        outcomes: (m,) accepted or not (1 or 0), less the share accepted in that year, because years differ in it.
        ks: how many neighbours; more than m are m.
    """
    most = min(max(ks), len(known))
    votes = np.empty((len(queries), len(ks)))
    for start in range(0, len(queries), _BLOCK):
        similar = queries[start : start + _BLOCK] @ known.T
        nearest = np.argpartition(-similar, most - 1, axis=1)[:, :most]
        order = np.argsort(-np.take_along_axis(similar, nearest, axis=1), axis=1, kind="stable")
        totals = np.cumsum(outcomes[np.take_along_axis(nearest, order, axis=1)], axis=1)
        for column, k in enumerate(ks):
            votes[start : start + _BLOCK, column] = totals[:, min(k, most) - 1] / min(k, most)
    return votes


def vote_out_of_year(
    training: TrainingSet, unit: NDArray[np.float32], years: Sequence[int], ks: Sequence[int] = CANDIDATES
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """(rows (m,) of the years' submissions, votes (m, len(ks))); only submissions of earlier years vote."""
    outcomes = training.accepted - training.year_rates
    rows, votes = [], []
    for year in years:
        before, now = training.years < year, np.flatnonzero(training.years == year)
        rows.append(now)
        votes.append(count_votes(unit[now], unit[before], outcomes[before], ks))
    return np.concatenate(rows), np.concatenate(votes)


def fit_vote(training: TrainingSet, unit: NDArray[np.float32], years: Sequence[int]) -> NeighbourVote:
    """Choose k and calibrate on held-out years, each with the submissions of earlier years as neighbours.

    Raises:
        ValueError: no year is given, or all its decisions are alike.
    """
    rows, votes = vote_out_of_year(training, unit, years)
    accepted = training.accepted[rows]
    inside = {year: training.years[rows] == year for year in years}
    found = {
        k: {year: auroc(votes[here, column], accepted[here]) for year, here in inside.items()}
        for column, k in enumerate(CANDIDATES)
    }
    held_out = {k: float(np.mean(list(of_year.values()))) for k, of_year in found.items()}
    k = max(CANDIDATES, key=lambda one: held_out[one])
    chosen = votes[:, [CANDIDATES.index(k)]]
    return NeighbourVote(k, held_out, found[k], fit_logistic(chosen, accepted, training.year_rates[rows]))


def neighbour_baseline(
    texts: Sequence[tuple[str, str]],
    training: TrainingSet,
    base_rate: float,
    encoder: Pools,
    *,
    progress: bool = False,
) -> Baseline:
    """P(accept) from the vote of the k nearest training decisions, by the cosine of MiniLM embeddings.

    Args:
        texts: (title, text) pairs to score.
        training: earlier decisions, their text stripped.
        base_rate: the venue's, which P(accept) is stated for.
        encoder: best a `guide.student.embedding_cache.CachedEncoder`, because every training text is embedded.
        progress: show bars on stderr.
    """
    years = calibration_years(training)
    if not years:
        why = "not computed: no year after the first has enough decisions to choose k and calibrate on"
        return Baseline(NEIGHBOURS, None, None, why)
    known = unit_of(embed_training(encoder, training, progress=progress))
    vote = fit_vote(training, known, years)
    queries = unit_of(embed_texts(encoder, texts, progress=progress))
    found = count_votes(queries, known, training.accepted - training.year_rates, [vote.k])
    p = chance(vote.calibrator.evidence(found), base_rate)
    note = (
        f"the {vote.k} nearest of {len(training.years):,} decisions of {training.years.min()}-{training.years.max()}, "
        f"text stripped, by MiniLM's cosine; k and calibration from {years[0]}-{years[-1]}, where the mean AUROC "
        f"was {vote.held_out[vote.k]:.3f}"
    )
    return Baseline(NEIGHBOURS, p, p, note)


def unit_of(layers: NDArray[np.float32]) -> NDArray[np.float32]:
    """Sentence embeddings (n, width) of length 1 from averaged layers (n, layers, width)."""
    return normalise(layers[:, -1])
