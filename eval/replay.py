"""Play decisions back: score what was decided through the engine that reviews, and compare."""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from guide import __version__
from guide.calibration import Venue, parse_venue
from guide.engines import Engine, JudgeRequest, load_engine
from guide.eval.baselines import Baseline, simple_baselines, tfidf_baseline
from guide.eval.bootstrap import Bootstrapped, Difference, Estimate, bootstrap, difference
from guide.eval.decisions import Decision, DecisionSet, read_decisions
from guide.eval.metrics import ReliabilityBin, Sample, reliability
from guide.leakage import strip_leaks
from guide.training import AGREEMENT, TrainingSet, auroc, read_training_set

TRAINING_FILE = "iclr-decisions.jsonl.zst"
TFIDF = "tfidf-logistic"
METRICS = ("auroc", "top5_precision", "top30_precision", "accept_recall", "spearman", "brier", "ece")


@dataclass(frozen=True, slots=True)
class BaselineResult:
    """A baseline's metrics on one text; empty, with the reason in `note`, if it could not be computed."""

    name: str
    note: str
    metrics: dict[str, Estimate]


@dataclass(frozen=True, slots=True)
class TextResult:
    """What came of one reading of the texts, raw or stripped.

    Attributes:
        text: "raw" or "stripped".
        removed: passages taken out, by rule.
        metrics: of the engine.
        baselines: theirs.
        beyond_tfidf: the engine's AUROC less the TF-IDF baseline's, paired; None without that baseline.
        reliability: the engine's reliability table.
    """

    text: str
    removed: dict[str, int]
    metrics: dict[str, Estimate]
    baselines: tuple[BaselineResult, ...]
    beyond_tfidf: Difference | None
    reliability: tuple[ReliabilityBin, ...]


@dataclass(frozen=True, slots=True)
class ReplayReport:
    """A whole replay.

    Attributes:
        file: what was replayed.
        n: submissions scored.
        base_rate: share accepted among them.
        dropped: records left out, by reason.
        notes: what a reader must know to trust the figures.
        texts: one result a reading.
        engine: id of the engine.
        engine_sha256: hash of its parameters.
        venue: the venue P(accept) was stated for.
        resamples: of the bootstrap.
        seed: of the same.
        seconds: wall time.
    """

    file: str
    n: int
    base_rate: float
    dropped: dict[str, int]
    notes: tuple[str, ...]
    texts: tuple[TextResult, ...]
    engine: str
    engine_sha256: str
    venue: Venue
    resamples: int
    seed: int
    seconds: float

    def to_json(self) -> dict[str, Any]:
        """The JSON form: `n`, `base_rate`, `dropped`, `baselines` (by name, then text), and the metrics by text."""
        baselines: dict[str, Any] = {}
        for result in self.texts:
            for baseline in result.baselines:
                entry = baselines.setdefault(baseline.name, {"note": baseline.note})
                entry[result.text] = _metrics_json(baseline.metrics) if baseline.metrics else None
        return {
            "n": self.n,
            "base_rate": self.base_rate,
            "dropped": self.dropped,
            "baselines": baselines,
            **{result.text: _metrics_json(result.metrics) for result in self.texts},
            "beyond_tfidf": {result.text: _difference_json(result.beyond_tfidf) for result in self.texts},
            "reliability": {result.text: [_bin_json(row) for row in result.reliability] for result in self.texts},
            "removed": {result.text: result.removed for result in self.texts},
            "notes": list(self.notes),
            "provenance": {
                "version": __version__,
                "file": self.file,
                "engine": self.engine,
                "engine_sha256": self.engine_sha256,
                "venue": self.venue.name,
                "venue_base_rate": self.venue.base_rate,
                "resamples": self.resamples,
                "seed": self.seed,
                "seconds": round(self.seconds, 1),
            },
        }


def run_replay(
    file: Path,
    *,
    text: str = "stripped",
    engine_name: str = "student",
    venue: str = "ICLR-2025",
    train: Path | None = None,
    resamples: int = 2000,
    seed: int = 0,
) -> ReplayReport:
    """Replay the decisions of `file` (see `read_decisions`).

    Args:
        file: the decided submissions.
        text: "stripped", "raw" or "both".
        engine_name: see `load_engine`.
        venue: see `parse_venue`.
        train: earlier decisions for the TF-IDF baseline; None to look for them beside `file` and in GUIDE_DATA.
        resamples: of the bootstrap.
        seed: of the same.

    Raises:
        InputError: a file cannot be used.
    """
    begun = time.perf_counter()
    stated_for = parse_venue(venue)
    decisions = read_decisions(file)
    engine = load_engine(engine_name)
    training, why_not = _training_set(train, file, engine)
    readings = ("stripped", "raw") if text == "both" else (text,)
    results = tuple(
        _play(reading, decisions.records, engine, stated_for, training, why_not, resamples, seed) for reading in readings
    )
    return ReplayReport(
        file=file.name,
        n=len(decisions.records),
        base_rate=float(np.mean([record.accepted for record in decisions.records])),
        dropped=decisions.dropped,
        notes=tuple(_notes(decisions, engine)),
        texts=results,
        engine=engine.id,
        engine_sha256=engine.sha256,
        venue=stated_for,
        resamples=resamples,
        seed=seed,
        seconds=time.perf_counter() - begun,
    )


def _play(
    reading: str,
    records: Sequence[Decision],
    engine: Engine,
    venue: Venue,
    training: TrainingSet | None,
    why_not: str,
    resamples: int,
    seed: int,
) -> TextResult:
    removed: Counter[str] = Counter()
    texts = [(record.title, _read(record, reading, removed)) for record in records]
    requests = [JudgeRequest(record.id, *pair, venue) for record, pair in zip(records, texts, strict=True)]
    answers = engine.judge(requests, progress=True)
    p = np.array([answers[record.id].p_accept for record in records])
    ratings = np.array([np.mean(record.ratings) if record.ratings else np.nan for record in records])
    accepted = np.array([record.accepted for record in records])
    played = bootstrap(Sample(p, accepted, p, ratings), resamples=resamples, seed=seed)
    baselines = simple_baselines(texts, venue.base_rate)
    if training is not None:
        baselines.append(tfidf_baseline(texts, training, venue.base_rate))
    else:
        baselines.append(Baseline(TFIDF, None, None, why_not))
    rivals: dict[str, Bootstrapped] = {
        one.name: bootstrap(Sample(one.scores, accepted, one.probabilities, ratings), resamples=resamples, seed=seed)
        for one in baselines
        if one.scores is not None
    }
    return TextResult(
        text=reading,
        removed=dict(removed),
        metrics=played.estimates(),
        baselines=tuple(
            BaselineResult(one.name, one.note, rivals[one.name].estimates() if one.name in rivals else {})
            for one in baselines
        ),
        beyond_tfidf=difference(played, rivals[TFIDF], "auroc") if TFIDF in rivals else None,
        reliability=reliability(p, accepted),
    )


def _read(record: Decision, reading: str, removed: Counter[str]) -> str:
    if reading == "raw":
        return record.abstract
    stripped = strip_leaks(record.abstract)
    removed.update(removal.rule for removal in stripped.removals)
    return stripped.text


def _training_set(named: Path | None, file: Path, engine: Engine) -> tuple[TrainingSet | None, str]:
    """The decisions for the trained baseline: the engine's years, so that both knew the same; or why there are none."""
    folders = [file.parent, *([Path(os.environ["GUIDE_DATA"])] if os.environ.get("GUIDE_DATA") else [])]
    found = named or next((folder / TRAINING_FILE for folder in folders if (folder / TRAINING_FILE).is_file()), None)
    if found is None:
        return None, f"not computed: no {TRAINING_FILE} beside the file or in GUIDE_DATA; name one with --train"
    return read_training_set(found, until=engine.last_training_year), ""


def _notes(decisions: DecisionSet, engine: Engine) -> list[str]:
    notes = []
    years = {record.year for record in decisions.records}
    known = sorted(year for year in years if year is not None)
    if known and known[0] <= engine.last_training_year:
        notes.append(
            f"NOT A TEST: the engine was trained on decisions up to {engine.last_training_year}, and records of {known[0]} are replayed"
        )
    if None in years:
        notes.append(
            f"records do not state their year; the engine was trained on decisions up to {engine.last_training_year}, "
            "and only later ones are a test"
        )
    rated = [record for record in decisions.records if record.ratings]
    if not rated:
        notes.append("no ratings: Spearman is not computed")
        return notes
    if len(rated) < len(decisions.records):
        notes.append(f"Spearman rests on the {len(rated):,} records with ratings")
    means = np.array([np.mean(record.ratings) for record in rated])
    agreement = auroc(means, np.array([record.accepted for record in rated]))
    if agreement < AGREEMENT:
        notes.append(
            f"the ratings hardly agree with the decisions (AUROC {agreement:.2f}, usually above 0.9): they may belong to other papers"
        )
    return notes


def _metrics_json(metrics: dict[str, Estimate]) -> dict[str, Any]:
    return {name: metrics[name].to_json() for name in METRICS}


def _difference_json(gap: Difference | None) -> dict[str, float] | None:
    return None if gap is None else {"value": gap.value, "low": gap.low, "high": gap.high, "p": gap.p}


def _bin_json(row: ReliabilityBin) -> dict[str, float]:
    return {"n": row.n, "predicted": row.predicted, "observed": row.observed, "low": row.low, "high": row.high}
