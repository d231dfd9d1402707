"""Whether a compressed model still judges as the whole one does: figures, the limits they must keep, and a verdict.

After ACBench (Dong et al. 2025, arXiv 2505.19433), whose lesson is that a compressed model can keep its perplexity and
lose its task: so what decides is the task itself, the order of the scores and answers that can be read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from guide.errors import InputError
from guide.eval.comparison.figures import (
    Floats,
    Rows,
    bootstrap_interval,
    effective_rank,
    energy,
    kendall,
    mean,
    ratio,
    share,
    spearman,
    spread,
    spread_ratio,
    standardised_shift,
    top_k_overlap,
)

LEVEL = 0.95
FEWEST = 3


@dataclass(frozen=True, slots=True)
class Bound:
    """Where a figure, its whole interval included, must lie, and why there."""

    reason: str
    low: float = -np.inf
    high: float = np.inf

    def holds(self, low: float, high: float) -> bool:
        """Whether all from `low` to `high` lies within; nan never does."""
        return bool(self.low <= low and high <= self.high)


@dataclass(frozen=True, slots=True)
class Thresholds:
    """A bound for every figure, under the figure's name. B is the compressed model, A the whole one.

    The numbers are choices with the reasons given; no published model was run through the gate to set them.

    Attributes:
        proposals: how many were compared.
        scored: share of the proposals that got a score, B less A.
        spearman: rank correlation of the scores.
        kendall: tau-b of the same.
        mean_shift: mean score of B less that of A, in standard deviations of A's scores.
        spread_ratio: standard deviation of B's scores over that of A's.
        json_validity: share of answers that can be read, B less A.
        citation_validity: share of citations that name a source given, B less A.
        top_k_agreement: share of A's k likeliest labels that are among B's, mean over proposals.
        label_energy: mean rise of -logsumexp of the labels' log-probabilities, nats.
        energy: mean rise of -logsumexp of the whole vocabulary's logits, in standard deviations of A's.
        effective_rank: of the representations at the score position, B's over A's.
        top_k: the k of `top_k_agreement`; no bound.
    """

    proposals: Bound = Bound("a fault unseen in n proposals may still befall 3/n of all: 3 % at 100", low=100)
    scored: Bound = Bound("a proposal without a score is a review that fails", low=-0.02)
    spearman: Bound = Bound("the order of the scores is what they are read for", low=0.9)
    kendall: Bound = Bound("17 of 20 pairs keep their order; in normal scores Spearman is then 0.9", low=0.7)
    mean_shift: Bound = Bound("a small effect by Cohen's rule; beyond it A's calibration misleads", low=-0.2, high=0.2)
    spread_ratio: Bound = Bound("narrower scores pass for agreement between runs, wider for doubt", low=0.8, high=1.25)
    json_validity: Bound = Bound("an answer that cannot be read costs a whole run", low=-0.02)
    citation_validity: Bound = Bound("a citation of nothing is the worst mistake an advisor can make", low=-0.02)
    top_k_agreement: Bound = Bound("a peak one label off keeps 2 of its top 3; 3 in 5 may be so", low=0.8)
    label_energy: Bound = Bound("at 0.36 the labels have lost 30 % of the probability they shared", high=0.36)
    energy: Bound = Bound("all logits may move together without effect, so it is wide", low=-1, high=1)
    effective_rank: Bound = Bound("representations that fall together tell proposals apart no more", low=0.8, high=1.25)
    top_k: int = 3


DEFAULTS = Thresholds()


@dataclass(frozen=True, slots=True, eq=False)
class Run:
    """What one model made of the proposals; every array has a row for each.

    Attributes:
        model: its name.
        ids: of the proposals, in the arrays' order.
        scores: (proposals,); nan where there is none.
        valid_json: (proposals,), whether the answer can be read.
        cited: (proposals,), how many citations the answer has; 0 where it cannot be read.
        known: (proposals,), how many of them name a source that was given.
        label_log_probs: (proposals, labels), natural, over the whole vocabulary; rows of nan where there are none.
        energies: (proposals,), `energy` of the whole vocabulary's logits at the score position.
        hidden: (proposals, width), representations at the score position.

    Raises:
        ValueError: an array has not a row for every proposal, or more citations are known than made.
    """

    model: str
    ids: tuple[str, ...]
    scores: Floats
    valid_json: NDArray[np.bool_]
    cited: NDArray[np.int64]
    known: NDArray[np.int64]
    label_log_probs: Floats | None = None
    energies: Floats | None = None
    hidden: NDArray[np.floating[Any]] | None = None

    def __post_init__(self) -> None:
        for field in fields(self)[2:]:
            rows = getattr(self, field.name)
            if rows is not None and len(rows) != len(self.ids):
                raise ValueError(f"{field.name} has {len(rows)} rows for {len(self.ids)} proposals")
        if np.any(self.known > self.cited):
            raise ValueError("more citations are known than were made")


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure of a comparison.

    Attributes:
        name: the bound's in `Thresholds`.
        a: the like of the one model, nan where there is none.
        b: of the other.
        value: what is bounded; nan where it is undefined.
        low: of its bootstrap interval over proposals, or `value` where there is none.
        high: of the same.
        bound: where all of it must lie.
    """

    name: str
    a: float
    b: float
    value: float
    low: float
    high: float
    bound: Bound

    @property
    def passed(self) -> bool:
        """Whether the interval lies within the bound; what is undefined never passes."""
        return self.bound.holds(self.low, self.high)

    def to_json(self) -> dict[str, Any]:
        """All of it; nan and infinity, which JSON has no word for, become null."""
        numbers = {name: getattr(self, name) for name in ("a", "b", "value", "low", "high")}
        bound = {"low": _finite(self.bound.low), "high": _finite(self.bound.high), "reason": self.bound.reason}
        return {name: _finite(value) for name, value in numbers.items()} | {"bound": bound, "passed": self.passed}


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two models over the same proposals.

    Attributes:
        a: name of the model that is the measure.
        b: of the one that is measured.
        proposals: how many.
        figures: in the order of `Thresholds`.
        not_measured: names of figures that the runs hold nothing for; they decide nothing.
    """

    a: str
    b: str
    proposals: int
    figures: tuple[Figure, ...]
    not_measured: tuple[str, ...]

    @property
    def failed(self) -> tuple[str, ...]:
        """Names of the figures out of bounds."""
        return tuple(figure.name for figure in self.figures if not figure.passed)

    @property
    def verdict(self) -> Literal["accepted", "refused"]:
        """Whether B may stand in for A."""
        return "refused" if self.failed else "accepted"

    def to_json(self) -> dict[str, Any]:
        """Plain values, the figures by name."""
        return {
            "a": self.a,
            "b": self.b,
            "proposals": self.proposals,
            "verdict": self.verdict,
            "failed": list(self.failed),
            "not_measured": list(self.not_measured),
            "level": LEVEL,
            "figures": {figure.name: figure.to_json() for figure in self.figures},
        }


def compare(a: Run, b: Run, thresholds: Thresholds = DEFAULTS, *, resamples: int = 2000, seed: int = 0) -> Comparison:
    """Measure B by A over the proposals both were given.

    Every figure's interval is a percentile bootstrap over proposals, the same resamples for all, and the end that
    speaks against B decides. The effective rank has none: resampling repeats rows, and rows repeated have less rank.

    Raises:
        InputError: there are fewer than three proposals.
        ValueError: the runs are of different proposals or labels.
    """
    if a.ids != b.ids:
        raise ValueError("the two runs are of different proposals")
    labels = [run.label_log_probs.shape[1] for run in (a, b) if run.label_log_probs is not None]
    if len(set(labels)) > 1:
        raise ValueError("the two runs have different labels")
    if len(a.ids) < FEWEST:
        raise InputError(
            f"{len(a.ids)} proposals are too few to compare two models by",
            fix=f"Give at least {FEWEST}; {thresholds.proposals.low:.0f} are needed for a verdict that can accept.",
        )
    measures = {measure.name: measure for measure in _measures(a, b, thresholds.top_k)}
    figures, absent = [], []
    for field in fields(thresholds):
        bound = getattr(thresholds, field.name)
        if not isinstance(bound, Bound):
            continue
        if field.name not in measures:
            absent.append(field.name)
            continue
        measure = measures[field.name]
        value = measure.of(np.arange(len(a.ids)))
        low = high = value
        if measure.resampled and not np.isnan(value):
            low, high = bootstrap_interval(measure.of, len(a.ids), resamples=resamples, seed=seed, level=LEVEL)
        figures.append(Figure(field.name, measure.a, measure.b, value, low, high, bound))
    return Comparison(a.model, b.model, len(a.ids), tuple(figures), tuple(absent))


@dataclass(frozen=True, slots=True)
class _Measure:
    name: str
    a: float
    b: float
    of: Callable[[Rows], float]
    resampled: bool = True


def _measures(a: Run, b: Run, k: int) -> Iterator[_Measure]:
    n = len(a.ids)
    yield _Measure("proposals", n, n, lambda rows: float(len(rows)), resampled=False)
    had = ~np.isnan(a.scores), ~np.isnan(b.scores)
    yield _mean_difference("scored", *had)
    yield _Measure("spearman", np.nan, np.nan, _over(spearman, a.scores, b.scores))
    yield _Measure("kendall", np.nan, np.nan, _over(kendall, a.scores, b.scores))
    shown = had[0] & had[1]
    # Each model's own mean and spread over what both have scored: what the next two set side by side.
    scores = np.where(shown, a.scores, np.nan), np.where(shown, b.scores, np.nan)
    yield _Measure("mean_shift", mean(scores[0]), mean(scores[1]), _over(standardised_shift, *scores))
    yield _Measure("spread_ratio", spread(scores[0]), spread(scores[1]), _over(spread_ratio, *scores))
    yield _mean_difference("json_validity", a.valid_json, b.valid_json)
    if a.cited.any() or b.cited.any():

        def citations(rows: Rows) -> float:
            return share(b.known[rows], b.cited[rows]) - share(a.known[rows], a.cited[rows])

        yield _Measure("citation_validity", share(a.known, a.cited), share(b.known, b.cited), citations)
    if a.label_log_probs is not None and b.label_log_probs is not None:
        overlap = top_k_overlap(a.label_log_probs, b.label_log_probs, k)
        yield _Measure("top_k_agreement", np.nan, np.nan, _over(mean, overlap))
        yield _mean_difference("label_energy", energy(a.label_log_probs), energy(b.label_log_probs))
    if a.energies is not None and b.energies is not None:
        # Logits that are no numbers are the model's fault: no row is left out for them.
        sound = bool(np.isfinite(a.energies).all() and np.isfinite(b.energies).all())
        of = _over(standardised_shift, a.energies, b.energies) if sound else lambda _: np.nan
        yield _Measure("energy", float(a.energies.mean()), float(b.energies.mean()), of)
    if a.hidden is not None and b.hidden is not None:
        ranks = effective_rank(a.hidden), effective_rank(b.hidden)
        yield _Measure("effective_rank", *ranks, lambda _: ratio(ranks[1], ranks[0]), resampled=False)


def _mean_difference(name: str, a: NDArray[Any], b: NDArray[Any]) -> _Measure:
    """B less A, row by row, rows that either lacks left out; every resample then takes one mean."""
    a, b = a.astype(np.float64), b.astype(np.float64)
    with np.errstate(invalid="ignore"):
        gaps = np.where(a == b, 0.0, b - a)
    return _Measure(name, mean(a), mean(b), _over(mean, np.where(np.isnan(a) | np.isnan(b), np.nan, gaps)))


def _over(figure: Callable[..., float], *columns: Floats) -> Callable[[Rows], float]:
    return lambda rows: figure(*(column[rows] for column in columns))


def _finite(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
