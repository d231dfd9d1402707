"""The training set: submissions with decisions and ratings, stripped of leaks and standardised within their year."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from guide.calibration.measures import auroc
from guide.corpus.jsonl import Skipped, read_jsonl
from guide.errors import InputError
from guide.student.features import join_title
from guide.student.ordinal import BINS, bin_shares, mean_quantile
from guide.text.leaks import strip_leaks

# Below this AUROC of a year's mean ratings for its own decisions the ratings cannot belong to those papers. Where
# they do, it is 0.93-0.97 (ICLR 2017-2024 but 2023, whose ratings are permuted against the papers: 0.49).
AGREEMENT = 0.8
# What each venue year called the two sub-scores, averaged where it asked for two.
_SOUNDNESS = ("soundness", "correctness")
_CONTRIBUTION = ("contribution", "technical_novelty", "empirical_novelty")
SUBSCORES = {"soundness": _SOUNDNESS, "contribution": _CONTRIBUTION}


@dataclass(frozen=True, slots=True)
class Submission:
    """One submission as a training record holds it; its text is stripped of leaks unless raw text was asked for."""

    id: str
    year: int
    title: str
    text: str
    accepted: bool
    ratings: tuple[float, ...]
    subscores: dict[str, float]


@dataclass(frozen=True, slots=True)
class TrainingSet:
    """n submissions and their targets, row by row.

    Attributes:
        submissions: in file order.
        years: (n,).
        accepted: (n,) bool.
        quality: (n,) mean quantile of the reviewers' ratings within the year, less the year's mean; nan if unknown.
        shares: (n, 10) the ratings over the year's quantile bins; nan rows where there are none.
        subscores: by name, (n,) standardised within the year; nan if unknown.
        raw_subscores: by name, (n,) on the reviewers' 1-4 scale; nan if unknown.
        notes: everything left out or replaced, counted, in words.
        sha256: of the file read.
    """

    submissions: tuple[Submission, ...]
    years: NDArray[np.int64]
    accepted: NDArray[np.bool_]
    quality: NDArray[np.float64]
    shares: NDArray[np.float64]
    subscores: dict[str, NDArray[np.float64]]
    raw_subscores: dict[str, NDArray[np.float64]]
    notes: tuple[str, ...]
    sha256: str

    def base_rate(self, rows: NDArray[np.bool_]) -> float:
        """Share accepted among the rows."""
        return float(self.accepted[rows].mean())

    @property
    def year_rates(self) -> NDArray[np.float64]:
        """(n,) the share accepted in each row's year."""
        rates = {int(year): self.base_rate(self.years == year) for year in np.unique(self.years)}
        return np.array([rates[int(year)] for year in self.years])


def read_training_set(path: Path, *, until: int, stripped: bool = True) -> TrainingSet:
    """Read decisions (JSON lines, plain, .gz or .zst).

    Fields: `title, abstract, year, accepted`, and where present `ratings, subscores, symmetric`.

    If any record is marked `symmetric`, only those marked true are used: elsewhere the source of the text gives the
    decision away. Years after `until` are left out. A year whose ratings contradict its decisions loses them; where it
    has sub-scores, the quality target is estimated from these and the decision, by a regression fitted on the years
    that have both.

    Args:
        path: of the file.
        until: the last year read.
        stripped: take leaks out of the texts. Only a comparison with figures published on raw text wants them in.

    Raises:
        InputError: nothing usable is in the file.
    """
    counts: Counter[str] = Counter()
    submissions = tuple(_read(path, until, counts, stripped=stripped))
    if len({s.accepted for s in submissions}) < 2:
        raise InputError(
            f"{len(submissions)} usable records, but training needs accepted and rejected ones",
            where=path,
            fix="Records need title, abstract, year, accepted (true/false), and years up to --until.",
        )
    years = np.array([s.year for s in submissions])
    accepted = np.array([s.accepted for s in submissions])
    notes = [f"{count:,} records left out: {reason}" for reason, count in sorted(counts.items())]
    quality, shares, scrambled = _rating_targets(submissions, years, accepted)
    raw = {name: np.array([s.subscores.get(name, np.nan) for s in submissions], dtype=np.float64) for name in SUBSCORES}
    standard = {name: _standardise(values, years) for name, values in raw.items()}
    for year in scrambled:
        notes.append(f"ratings of {year} contradict its decisions and are not used")
    if scrambled:
        notes += _estimate_quality(quality, standard, years, accepted, scrambled)
    for year in np.unique(years):
        rows = (years == year) & ~np.isnan(quality)
        quality[rows] -= quality[rows].mean() if rows.any() else 0.0
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return TrainingSet(submissions, years, accepted, quality, shares, standard, raw, tuple(notes), digest)


def texts_of(data: TrainingSet) -> list[str]:
    """Title and text, joined as every text is read."""
    return [join_title(s.title, s.text) for s in data.submissions]


def take(data: TrainingSet, rows: NDArray[np.bool_]) -> TrainingSet:
    """The training set's rows where `rows` is true."""
    return replace(
        data,
        submissions=tuple(s for s, kept in zip(data.submissions, rows, strict=True) if kept),
        years=data.years[rows],
        accepted=data.accepted[rows],
        quality=data.quality[rows],
        shares=data.shares[rows],
        subscores={name: values[rows] for name, values in data.subscores.items()},
        raw_subscores={name: values[rows] for name, values in data.raw_subscores.items()},
    )


def _read(path: Path, until: int, counts: Counter[str], *, stripped: bool) -> Iterator[Submission]:
    # The mark is only ever set on records that have it; a file without any was not audited, and is taken whole.
    audited = any(not isinstance(line, Skipped) and "symmetric" in line[1] for line in read_jsonl(path))
    for line in read_jsonl(path):
        if isinstance(line, Skipped):
            counts[line.reason] += 1
            continue
        _, record = line
        reason = _unusable(record, until)
        if reason is not None:
            counts[reason] += 1
            continue
        if audited and record.get("symmetric") is not True:
            counts["the source of the text gives the decision away (not symmetric)"] += 1
            continue
        text = strip_leaks(record["abstract"]).text if stripped else record["abstract"]
        yield Submission(
            id=str(record.get("id", "")),
            year=record["year"],
            title=" ".join(record["title"].split()),
            text=" ".join(text.split()),
            accepted=record["accepted"],
            ratings=tuple(float(rating) for rating in record.get("ratings") or ()),
            subscores=dict(_mean_subscores(record.get("subscores") or {})),
        )


def _unusable(record: dict[str, Any], until: int) -> str | None:
    if not isinstance(record.get("title"), str) or not isinstance(record.get("abstract"), str):
        return "no title or abstract"
    if not isinstance(record.get("accepted"), bool) or type(record.get("year")) is not int:
        return "no decision or year"
    ratings, subscores = record.get("ratings") or [], record.get("subscores") or {}
    if not isinstance(ratings, list) or not all(map(_is_number, ratings)):
        return "ratings are not numbers from 0 to 10"
    if not isinstance(subscores, dict) or not all(
        isinstance(given, list) and all(map(_is_number, given)) for given in subscores.values()
    ):
        return "subscores are not lists of numbers from 0 to 10"
    if record["year"] > until:
        return f"later than {until}"
    return None


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 10


def _mean_subscores(given: dict[str, list[float]]) -> Iterator[tuple[str, float]]:
    for name, spellings in SUBSCORES.items():
        means = [float(np.mean(given[spelling])) for spelling in spellings if given.get(spelling)]
        if means:
            yield name, float(np.mean(means))


def _rating_targets(
    submissions: tuple[Submission, ...], years: NDArray[np.int64], accepted: NDArray[np.bool_]
) -> tuple[NDArray[np.float64], NDArray[np.float64], list[int]]:
    quality = np.full(len(submissions), np.nan)
    shares = np.full((len(submissions), BINS), np.nan)
    scrambled = []
    for year in np.unique(years):
        rows = [row for row in np.flatnonzero(years == year) if submissions[row].ratings]
        if not rows:
            continue
        means = np.array([np.mean(submissions[row].ratings) for row in rows])
        if auroc(means, accepted[rows]) < AGREEMENT:
            scrambled.append(int(year))
            continue
        pooled = np.sort([rating for row in rows for rating in submissions[row].ratings])
        for row in rows:
            quality[row] = mean_quantile(submissions[row].ratings, pooled)
            shares[row] = bin_shares(submissions[row].ratings, pooled)
    return quality, shares, scrambled


def _standardise(values: NDArray[np.float64], years: NDArray[np.int64]) -> NDArray[np.float64]:
    out = np.full_like(values, np.nan)
    for year in np.unique(years):
        rows = (years == year) & ~np.isnan(values)
        if rows.sum() > 1 and (spread := values[rows].std()) > 0:
            out[rows] = (values[rows] - values[rows].mean()) / spread
    return out


def _estimate_quality(
    quality: NDArray[np.float64],
    subscores: dict[str, NDArray[np.float64]],
    years: NDArray[np.int64],
    accepted: NDArray[np.bool_],
    scrambled: list[int],
) -> list[str]:
    """Fill `quality` of the scrambled years in place, from sub-scores and decision; say what was done."""
    from sklearn.linear_model import LinearRegression

    design = np.column_stack([*subscores.values(), accepted.astype(np.float64)])
    complete = ~np.isnan(design).any(axis=1)
    both = complete & ~np.isnan(quality) & (years < min(scrambled))
    missing = complete & np.isin(years, scrambled)
    if both.sum() < 100 or not missing.any():
        return []
    model = LinearRegression().fit(design[both], quality[both])
    quality[missing] = model.predict(design[missing])
    fit = float(model.score(design[both], quality[both]))
    return [
        f"quality of {missing.sum():,} submissions of {', '.join(map(str, scrambled))} estimated from sub-scores and "
        f"decision (R2 {fit:.2f} on the {both.sum():,} earlier ones that have both)"
    ]
