"""How well the forecast of concerns does on reviewed submissions that it was not fitted on.

Chances are those of one of four reviewers and are held against the first four of each paper. Lists are held against
all of a paper's reviewers but one drawn at random, so that the one left out can be measured as a rival.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from guide.advice.concerns.neighbours import Reviewed
from guide.eval.bootstrap import Estimate
from guide.eval.probabilities import Forecasts
from guide.eval.ranks import Ranking

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
TOP_SHARE = 0.1  # of papers, by chance, in which the lift is taken
NEIGHBOURS = 30
SHOWN = (3, 5)


@dataclass(frozen=True, slots=True)
class KindFigures:
    """How one kind is told.

    Attributes:
        id: of the kind.
        base_rate: share of papers of which one of four reviewers raises it.
        auroc: of the chances.
        lift: rate in the tenth of papers with the highest chances, over the base rate.
        calibration_error: root mean square gap, debiased (`Binned.rms_calibration_error`).
    """

    id: str
    base_rate: float
    auroc: float
    lift: float
    calibration_error: float


def measure_kinds(ids: Sequence[str], chances: Floats, raised: Bools, weights: Floats) -> tuple[KindFigures, ...]:
    """The figures of each kind from (n, k) chances and truths, papers weighed by (n,)."""
    figures = []
    for kind, name in enumerate(ids):
        own, truth = chances[:, kind], raised[:, kind]
        base = float(weights @ truth / weights.sum())
        tally = Ranking(own, truth).tally(weights)
        figures.append(
            KindFigures(
                id=name,
                base_rate=base,
                auroc=tally.auroc(),
                lift=tally.top_precision(TOP_SHARE) / base if base else float("nan"),
                calibration_error=Forecasts(own, truth).binned(weights).rms_calibration_error(),
            )
        )
    return tuple(figures)


def macro_auroc(chances: Floats, raised: Bools, *, resamples: int, seed: int) -> Estimate:
    """Mean AUROC over the kinds, and its interval over papers."""
    rankings = [Ranking(chances[:, kind], raised[:, kind]) for kind in range(chances.shape[1])]

    def mean(weights: Floats) -> float:
        return float(np.mean([ranking.tally(weights).auroc() for ranking in rankings]))

    return _interval(mean, len(chances), resamples, seed)


def mean_over_papers(values: Floats, *, resamples: int, seed: int) -> Estimate:
    """Mean of (n,) values and its interval over papers; a difference of two systems is that of their values."""
    return _interval(lambda weights: float(weights @ values / weights.sum()), len(values), resamples, seed)


def leave_one_out(labels: Sequence[Bools], seed: int) -> tuple[Bools, Bools]:
    """Of each paper's (reviewers, k) labels, one reviewer drawn at random and the union of the others: two (n, k)."""
    generator = np.random.default_rng(seed)
    drawn = [int(generator.integers(len(own))) for own in labels]
    one = np.stack([own[row] for own, row in zip(labels, drawn, strict=True)])
    others = np.stack([np.delete(own, row, axis=0).any(axis=0) for own, row in zip(labels, drawn, strict=True)])
    return one, others


def mark_top(scores: Floats, shown: int) -> Bools:
    """The `shown` highest of each row of (n, k); of equal scores the first."""
    marked = np.zeros(scores.shape, dtype=np.bool_)
    np.put_along_axis(marked, np.argsort(-scores, axis=1, kind="stable")[:, :shown], True, axis=1)
    return marked


def f1_of_lists(listed: Bools, truth: Bools) -> Floats:
    """F1 of each paper's list (n, k) against what was raised: (n,), 1 where both are empty."""
    both, size = (listed & truth).sum(axis=1), listed.sum(axis=1) + truth.sum(axis=1)
    return np.asarray(np.where(size > 0, 2 * both / np.maximum(size, 1), 1.0), dtype=np.float64)


def rarity_recall(listed: Bools, truth: Bools, base_rates: Floats) -> Floats:
    """Share of what was raised that is listed, a kind weighing -log of its base rate: (n,), nan if nothing was."""
    weight = -np.log(np.clip(base_rates, 1e-9, 1.0))
    total = truth @ weight
    found = (listed & truth) @ weight
    return np.asarray(np.where(total > 0, found / np.where(total > 0, total, 1.0), np.nan), dtype=np.float64)


def lift_of_lists(listed: Bools, truth: Bools, base_rates: Floats) -> Floats:
    """Of each paper's list, the mean over its kinds of raised (0 or 1) over base rate: (n,), nan for an empty list."""
    size = listed.sum(axis=1)
    total = (listed & truth) @ (1 / np.maximum(base_rates, 1e-9))
    return np.asarray(np.where(size > 0, total / np.maximum(size, 1), np.nan), dtype=np.float64)


def shares_of_neighbours(table: Reviewed, units: NDArray[np.float32]) -> Floats:
    """Share of the nearest reviewed submissions of which each kind was asked: (n, k)."""
    return np.stack([(table.raised[table.nearest(unit, NEIGHBOURS)[0]] > 0).mean(axis=0) for unit in units])


def name_precision(guessed: Sequence[Sequence[str]], named: Sequence[set[str]], shown: int = 5) -> Floats:
    """Share of `shown` names, fewer counted as misses, that the paper's own reviewers brought up: (n,)."""
    return np.array([len(set(own[:shown]) & truth) / shown for own, truth in zip(guessed, named, strict=True)])


def most_frequent_names(table: Reviewed, texts: Sequence[str], shown: int = 5) -> list[list[str]]:
    """For each text the names brought up most often anywhere that it does not have itself."""
    counts = np.bincount(table.name_numbers, minlength=len(table.names))
    order = [table.names[number] for number in np.argsort(-counts, kind="stable")]
    return [[name for name in order[:200] if name.lower() not in text.lower()][:shown] for text in texts]


def _interval(measure: Callable[[Floats], float], n: int, resamples: int, seed: int) -> Estimate:
    """A weighted figure on the sample and its 95 % percentile interval over papers drawn with replacement."""
    generator = np.random.default_rng(seed)
    drawn = [measure(np.bincount(generator.integers(n, size=n), minlength=n).astype(float)) for _ in range(resamples)]
    low, high = np.quantile(drawn, [0.025, 0.975])
    return Estimate(measure(np.ones(n)), float(low), float(high))
