"""Train to year Y, replay Y+1: how the student would have done in each year, and whether it is getting worse.

Of a replayed year and later ones nothing but its share accepted is fitted on: heads, calibrator and vocabulary come
from earlier years. What was chosen once for all years, and the encoder, are newer than most of them; the notes say so.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from guide.calibration.logistic import chance, fit_logistic
from guide.errors import InputError
from guide.eval.bootstrap import LEVEL, Bootstrapped, Estimate, bootstrap
from guide.eval.decisions import Decision, ratings_agree
from guide.eval.metrics import Sample, ece_if_calibrated
from guide.eval.readings import read_texts
from guide.eval.retrained import MIN_YEAR, calibration_years, embed_texts, embed_training, fit_student
from guide.student.features import Pools
from guide.student.timesplit import predict_held_out
from guide.student.training import AGREEMENT, TrainingSet

METRICS = (
    "auroc",
    "top5_precision",
    "top30_precision",
    "spearman",
    "brier",
    "log_loss",
    "ece",
    "slope",
    "intercept",
)
# What depends on the base rate that P(accept) is stated for.
AT_LAST_RATE = ("brier", "log_loss", "ece", "intercept")


@dataclass(frozen=True, slots=True)
class ReplayedYear:
    """One year, as a student of the years before it judges it.

    Attributes:
        year: replayed.
        trained_on: first and last year of the training texts.
        n_trained: how many these are.
        calibrated_on: the years of the calibrator, each scored by heads of the years before it.
        n: submissions replayed.
        base_rate: share accepted among them; P(accept) is stated for it, as `--venue` states a venue's.
        last_rate: share accepted in the year before, which is all that was known before the decisions.
        metrics: by name, with 95 % bootstrap intervals over papers; nan where undefined.
        at_last_rate: those that depend on the base rate, with P(accept) stated for `last_rate`.
        ece_by_chance: the ECE that a calibrated student would show at this n.
    """

    year: int
    trained_on: tuple[int, int]
    n_trained: int
    calibrated_on: tuple[int, ...]
    n: int
    base_rate: float
    last_rate: float
    metrics: Mapping[str, Estimate]
    at_last_rate: Mapping[str, Estimate]
    ece_by_chance: float

    def to_json(self) -> dict[str, Any]:
        """The JSON form; undefined figures are null."""
        return {
            "year": self.year,
            "trained_on": list(self.trained_on),
            "n_trained": self.n_trained,
            "calibrated_on": list(self.calibrated_on),
            "n": self.n,
            "base_rate": self.base_rate,
            "last_rate": self.last_rate,
            "metrics": {name: one.to_json() for name, one in self.metrics.items()},
            "at_last_rate": {name: one.to_json() for name, one in self.at_last_rate.items()},
            "ece_by_chance": self.ece_by_chance,
        }


@dataclass(frozen=True, slots=True)
class YearByYear:
    """The whole table.

    Attributes:
        years: ascending.
        drift: by metric, its change a year: the slope of a line through the years, each weighed by the inverse of its
            bootstrap variance. The interval holds for other papers of the same years, not for other years.
        notes: what a reader must know.
        resamples: of the bootstrap.
        seed: of the same.
    """

    years: tuple[ReplayedYear, ...]
    drift: Mapping[str, Estimate]
    notes: tuple[str, ...]
    resamples: int
    seed: int

    def to_json(self) -> dict[str, Any]:
        """The JSON form; undefined figures are null."""
        return {
            "years": [one.to_json() for one in self.years],
            "drift": {name: one.to_json() for name, one in self.drift.items()},
            "notes": list(self.notes),
            "resamples": self.resamples,
            "seed": self.seed,
        }


@dataclass(frozen=True, slots=True)
class _Played:
    """A year's scores before they are measured: evidence, and all that does not depend on a base rate."""

    year: int
    trained_on: tuple[int, int]
    n_trained: int
    calibrated_on: tuple[int, ...]
    evidence: NDArray[np.float64]
    accepted: NDArray[np.bool_]
    ratings: NDArray[np.float64]
    last_rate: float

    def sample(self, rate: float) -> Sample:
        p = chance(self.evidence, rate)
        return Sample(p, self.accepted, p, self.ratings)


def replay_years(
    training: TrainingSet,
    encoder: Pools,
    later: Sequence[Decision] = (),
    *,
    resamples: int = 2000,
    seed: int = 0,
    progress: bool = False,
) -> YearByYear:
    """Replay every year of `training` that two earlier ones lead up to, then `later`.

    Args:
        training: decisions, their text stripped.
        encoder: best a `guide.student.embedding_cache.CachedEncoder`, because every training text is embedded.
        later: decided submissions of one year after all of `training`; the student of all its years judges them.
        resamples: of the bootstrap.
        seed: of the same.
        progress: show bars on stderr.

    Raises:
        InputError: there are too few years, or `later` is of a training year or of several.
    """
    layers = embed_training(encoder, training, progress=progress)
    played = _play_training(training, layers)
    if later:
        played.append(_play_later(training, layers, later, encoder, progress))
    if not played:
        raise InputError(
            "no year can be replayed",
            fix=f"Give decisions of three years or more, {MIN_YEAR} each, with --train FILE.",
        )
    measured = [
        bootstrap(one.sample(_rate(one)), resamples=resamples, seed=seed + one.year, metrics=METRICS) for one in played
    ]
    years = [_measure(one, found, resamples, seed) for one, found in zip(played, measured, strict=True)]
    unstated = any(one.year is None for one in later)
    drift = {name: _slope(name, played, measured) for name in METRICS}
    return YearByYear(tuple(years), drift, tuple(_notes(played, unstated)), resamples, seed)


def _play_training(training: TrainingSet, layers: NDArray[np.float32]) -> list[_Played]:
    """Every year that has years to calibrate on; each is scored once, as a test, and as calibration of later ones."""
    known = [int(year) for year in np.unique(training.years)]
    scored = [year for year in known[1:] if (training.years == year).sum() >= MIN_YEAR]
    if len(scored) < 2:
        return []
    out = predict_held_out(training, layers.reshape(len(layers), -1), scored)
    years, accepted, rates = training.years[out.rows], training.accepted[out.rows], training.year_rates[out.rows]
    ratings = np.array([np.mean(one.ratings) if one.ratings else math.nan for one in training.submissions])
    ratings = np.where(np.isnan(training.shares[:, 0]), math.nan, ratings)[out.rows]  # those of other papers left out
    played = []
    for year in scored[1:]:
        calibrated_on = calibration_years(training, before=year)
        now, calibrating, before = years == year, np.isin(years, calibrated_on), training.years < year
        fit = fit_logistic(out.pair[calibrating], accepted[calibrating], rates[calibrating])
        last = int(training.years[before].max())
        played.append(
            _Played(
                year=year,
                trained_on=(known[0], last),
                n_trained=int(before.sum()),
                calibrated_on=calibrated_on,
                evidence=fit.evidence(out.pair[now]),
                accepted=accepted[now],
                ratings=ratings[now],
                last_rate=training.base_rate(training.years == last),
            )
        )
    return played


def _play_later(
    training: TrainingSet, layers: NDArray[np.float32], later: Sequence[Decision], encoder: Pools, progress: bool
) -> _Played:
    last = int(training.years.max())
    years = {one.year for one in later}
    year = next(iter(years))
    if len(years) > 1 or (year is not None and year <= last):
        said = ", ".join(sorted("no year" if one is None else str(one) for one in years))
        raise InputError(
            f"the replayed records are of {said}, and the training decisions go to {last}",
            fix="Replay one year that is later than all training decisions.",
        )
    student = fit_student(training, layers)
    pairs = read_texts(later, "stripped").pairs
    found = embed_texts(encoder, pairs, progress=progress)
    accepted = np.array([one.accepted for one in later], dtype=np.bool_)
    agreement = ratings_agree(later)
    own = agreement is not None and agreement >= AGREEMENT
    return _Played(
        year=last + 1 if year is None else year,
        trained_on=student.years,
        n_trained=student.n,
        calibrated_on=student.calibrated_on,
        evidence=student.evidence(pairs, found.reshape(len(found), -1)),
        accepted=accepted,
        ratings=np.array([np.mean(one.ratings) if own and one.ratings else math.nan for one in later]),
        last_rate=training.base_rate(training.years == last),
    )


def _rate(played: _Played) -> float:
    return float(played.accepted.mean())


def _measure(played: _Played, found: Bootstrapped, resamples: int, seed: int) -> ReplayedYear:
    at_last = bootstrap(
        played.sample(played.last_rate), resamples=resamples, seed=seed + played.year, metrics=AT_LAST_RATE
    )
    return ReplayedYear(
        year=played.year,
        trained_on=played.trained_on,
        n_trained=played.n_trained,
        calibrated_on=played.calibrated_on,
        n=len(played.accepted),
        base_rate=_rate(played),
        last_rate=played.last_rate,
        metrics=found.estimates(),
        at_last_rate=at_last.estimates(),
        ece_by_chance=ece_if_calibrated(played.sample(_rate(played)), seed=seed),
    )


def _slope(metric: str, played: Sequence[_Played], measured: Sequence[Bootstrapped]) -> Estimate:
    """Weighted least squares of the metric on the year; each resample draws the papers of every year anew."""
    usable = [
        (one.year, found.values[metric], found.resampled[metric])
        for one, found in zip(played, measured, strict=True)
        if not math.isnan(found.values[metric])
    ]
    if len(usable) < 2:
        return Estimate(math.nan, math.nan, math.nan)
    at = np.array([year for year, _, _ in usable], dtype=np.float64)
    values = np.array([value for _, value, _ in usable])
    drawn = np.stack([resampled for _, _, resampled in usable])
    weights = 1 / np.maximum(np.nanvar(drawn, axis=1), 1e-12)
    centred = at - (weights @ at) / weights.sum()
    coefficients = weights * centred / (weights @ centred**2)
    slopes = coefficients @ drawn
    slopes = slopes[~np.isnan(slopes)]
    if not len(slopes):
        return Estimate(math.nan, math.nan, math.nan)
    low, high = np.percentile(slopes, [50 * (1 - LEVEL), 50 * (1 + LEVEL)])
    return Estimate(float(coefficients @ values), float(low), float(high))


def _notes(played: Sequence[_Played], unstated: bool) -> list[str]:
    notes = [
        "P(accept) is stated for each year's own share accepted; `at_last_rate` states it for the year before's",
        "drift: change a year, weighed by each year's precision; its interval is over papers, not over years",
        "precision, Brier and log loss move with the share accepted; AUROC, Spearman and the slope do not",
        "shares are of the records in the file, which need not be the venue's own",
        "encoder, penalties and features are the same for all years: MiniLM is of 2021, and the student's design was "
        "chosen on time splits of 2017-2024, so only later years are untouched by it",
    ]
    if unstated:
        notes.append(f"the records last replayed do not state their year and are taken for {played[-1].year}")
    unrated = [str(one.year) for one in played if np.isnan(one.ratings).all()]
    if unrated:
        notes.append(f"no Spearman for {', '.join(unrated)}: no ratings, or they contradict the decisions")
    return notes
