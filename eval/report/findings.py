"""What a report says of one run, as values: the verdict, the curves, the groups and the mistakes."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from guide.eval.labels import name_reading
from guide.eval.metrics import Sample, ece_if_calibrated, reliability
from guide.eval.report.breakdown import Group, by_area, by_year
from guide.eval.report.mistakes import Mistakes, find_mistakes
from guide.eval.report.selective_figures import measure_deciles, measure_precision, measure_risk
from guide.eval.report.verdict_sentence import Verdict, conclude, main_system, rivals_of
from guide.eval.run import Run, System
from guide.eval.selective import Cell, Point, RiskCoverage


@dataclass(frozen=True, slots=True)
class Findings:
    """Everything a report says of a run beyond the run's own figures.

    Attributes:
        run: the replay.
        verdict: on it.
        scored: what is known of the engine where it has scores; None if it has none.
    """

    run: Run
    verdict: Verdict
    scored: Scored | None

    def to_json(self) -> dict[str, Any]:
        """The run's own JSON form, and the findings beside it; nan becomes null."""
        said = {"verdict": self.verdict.text, **asdict(self.verdict)}
        scored = None if self.scored is None else self.scored.to_json()
        found: dict[str, Any] = _without_nan({"run": self.run.to_json(), "verdict": said, "engine": scored})
        return found


@dataclass(frozen=True, slots=True)
class Scored:
    """The engine on the reading that counts.

    Attributes:
        system: the engine.
        sample: its scores beside the decisions.
        precision: precision-coverage by the name of the curve: the engine, the best rival, the engine on raw text.
        risk: its wrong calls.
        deciles: GUIDE's figure.
        areas: by primary area.
        years: by year.
        mistakes: the surest ones.
        ece_by_chance: that a calibrated engine would have here; nan if the scores are no probabilities.
    """

    system: System
    sample: Sample
    precision: Mapping[str, tuple[Point, ...]]
    risk: RiskCoverage
    deciles: tuple[Cell, ...]
    areas: tuple[Group, ...]
    years: tuple[Group, ...]
    mistakes: Mistakes
    ece_by_chance: float

    def to_json(self) -> dict[str, Any]:
        """Numbers only; what the rows of the run hold is not repeated."""
        return {
            "name": self.system.name,
            "text": self.system.text,
            "reliability": [asdict(one) for one in reliability(self.sample)],
            "reliability_equal_width": [asdict(one) for one in reliability(self.sample, binning="width")],
            "ece_by_chance": self.ece_by_chance,
            "precision_coverage": {name: [asdict(one) for one in points] for name, points in self.precision.items()},
            "risk_coverage": asdict(self.risk),
            "deciles": [asdict(one) for one in self.deciles],
            "areas": [asdict(one) for one in self.areas],
            "years": [asdict(one) for one in self.years],
            "mistakes": asdict(self.mistakes),
        }


def find(run: Run) -> Findings:
    """Work everything out; deterministic, with the run's own resamples and seed where it says them."""
    system = main_system(run)
    return Findings(run, conclude(run), None if system is None else _scored(run, system))


def _scored(run: Run, system: System) -> Scored:
    sample = run.sample(system)
    resamples, seed = run.provenance.get("resamples", 2000), run.provenance.get("seed", 0)
    precision = {f"{system.name}, {name_reading(system.text).split(',')[0]}": measure_precision(sample)}
    # Of the rivals only those that rank: a constant's curve is the base rate.
    ranking = [one for one in rivals_of(run, system) if one.scores is not None and len(set(one.scores)) > 1]
    if ranking:
        precision[ranking[0].name] = measure_precision(run.sample(ranking[0]))
    raw = run.system(system.name, "raw")
    if raw is not None and raw is not system and raw.scores is not None:
        precision[f"{system.name}, raw text"] = measure_precision(run.sample(raw))
    return Scored(
        system,
        sample,
        precision,
        measure_risk(system, sample),
        measure_deciles(system, sample),
        by_area(run, system, resamples=resamples, seed=seed),
        by_year(run, system, resamples=resamples, seed=seed),
        find_mistakes(run, system),
        ece_if_calibrated(sample),
    )


def _without_nan(value: Any) -> Any:
    """The same with nan, which JSON has no word for, as None, and numpy's numbers as Python's."""
    if isinstance(value, Mapping):
        return {name: _without_nan(one) for name, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_without_nan(one) for one in value]
    if isinstance(value, np.generic):
        value = value.item()
    return None if isinstance(value, float) and not math.isfinite(value) else value
