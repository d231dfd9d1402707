"""Play decisions back: score what was decided through the engine that reviews, and compare."""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from guide import __version__
from guide.calibration import DEFAULT_VENUE, Venue, parse_venue
from guide.engines import UNKNOWN_YEAR, Engine, JudgeRequest
from guide.engines.choice import STUDENT, EngineChoice, load_engine
from guide.engines.language import Failure
from guide.errors import GuideError
from guide.eval.baselines import TFIDF, Baseline, simple_baselines, tfidf_baseline
from guide.eval.bootstrap import Bootstrapped, Difference, Estimate, bootstrap, difference
from guide.eval.decisions import Decision, DecisionSet, ratings_agree, read_decisions
from guide.eval.metrics import ReliabilityBin, Sample, ece_if_calibrated, reliability
from guide.leakage import strip_leaks
from guide.review import Judgement
from guide.training import AGREEMENT, read_training_set

TRAINING_FILE = "iclr-decisions.jsonl.zst"
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
        ece_if_calibrated: the ECE that chance alone would give a calibrated engine at this n.
    """

    text: str
    removed: dict[str, int]
    metrics: dict[str, Estimate]
    baselines: tuple[BaselineResult, ...]
    beyond_tfidf: Difference | None
    reliability: tuple[ReliabilityBin, ...]
    ece_if_calibrated: float


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
            "reliability": {result.text: [asdict(row) for row in result.reliability] for result in self.texts},
            "ece_if_calibrated": {result.text: result.ece_if_calibrated for result in self.texts},
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
    engine: EngineChoice = STUDENT,
    venue: str = DEFAULT_VENUE,
    train: Path | None = None,
    resamples: int = 2000,
    seed: int = 0,
) -> ReplayReport:
    """Replay the decisions of `file` (see `read_decisions`).

    Args:
        file: the decided submissions.
        text: "stripped", "raw" or "both".
        engine: who judges.
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
    loaded = load_engine(engine)
    readings = ("stripped", "raw") if text == "both" else (text,)
    read = {reading: _read(decisions.records, reading) for reading in readings}
    trained = _trained_baselines(read, train, file, loaded, stated_for)
    results = tuple(
        _play(read[reading], decisions.records, loaded, stated_for, trained[reading], resamples, seed)
        for reading in readings
    )
    return ReplayReport(
        file=file.name,
        n=len(decisions.records),
        base_rate=float(np.mean([record.accepted for record in decisions.records])),
        dropped=decisions.dropped,
        notes=tuple(_notes(decisions, loaded)),
        texts=results,
        engine=loaded.id,
        engine_sha256=loaded.sha256,
        venue=stated_for,
        resamples=resamples,
        seed=seed,
        seconds=time.perf_counter() - begun,
    )


@dataclass(frozen=True, slots=True)
class _Reading:
    """The texts in one reading, (title, text) in the records' order, and what was taken out, by rule."""

    name: str
    texts: list[tuple[str, str]]
    removed: dict[str, int]


def _read(records: Sequence[Decision], name: str) -> _Reading:
    if name == "raw":
        return _Reading(name, [(record.title, record.abstract) for record in records], {})
    stripped = [strip_leaks(record.abstract) for record in records]
    removed = Counter(removal.rule for one in stripped for removal in one.removals)
    texts = [(record.title, one.text) for record, one in zip(records, stripped, strict=True)]
    return _Reading(name, texts, dict(removed))


def _play(
    reading: _Reading,
    records: Sequence[Decision],
    engine: Engine,
    venue: Venue,
    trained: Baseline,
    resamples: int,
    seed: int,
) -> TextResult:
    requests = [JudgeRequest(record.id, *pair, venue) for record, pair in zip(records, reading.texts, strict=True)]
    answers = engine.judge(requests, progress=True)
    p = np.array([judgement.p_accept for judgement in _judgements(records, answers)])
    ratings = np.array([np.mean(record.ratings) if record.ratings else np.nan for record in records])
    accepted = np.array([record.accepted for record in records])
    sample = Sample(p, accepted, p, ratings)
    played = bootstrap(sample, resamples=resamples, seed=seed)
    baselines = [*simple_baselines(reading.texts, venue.base_rate), trained]
    rivals: dict[str, Bootstrapped] = {
        one.name: bootstrap(Sample(one.scores, accepted, one.probabilities, ratings), resamples=resamples, seed=seed)
        for one in baselines
        if one.scores is not None
    }
    return TextResult(
        text=reading.name,
        removed=reading.removed,
        metrics=played.estimates(),
        baselines=tuple(
            BaselineResult(one.name, one.note, rivals[one.name].estimates() if one.name in rivals else {})
            for one in baselines
        ),
        beyond_tfidf=difference(played, rivals[TFIDF], "auroc") if TFIDF in rivals else None,
        reliability=reliability(sample),
        ece_if_calibrated=ece_if_calibrated(sample, seed=seed),
    )


def _judgements(records: Sequence[Decision], answers: Mapping[str, Judgement | Failure]) -> list[Judgement]:
    """The judgements in the order of the records. To leave out what an engine cannot judge would flatter it."""
    found, failed = [], []
    for record in records:
        answer = answers[record.id]
        if isinstance(answer, Failure):
            failed.append((record.id, answer.reason))
        else:
            found.append(answer)
    if failed:
        name, reason = failed[0]
        raise GuideError(
            f"the engine has no judgement on {len(failed)} of {len(records)} submissions; the first: {reason}",
            where=name,
            fix="Give it more room or time; a replay needs them all.",
        )
    return found


def _trained_baselines(
    read: dict[str, _Reading], named: Path | None, file: Path, engine: Engine, venue: Venue
) -> dict[str, Baseline]:
    """The TF-IDF baseline on every reading, trained once, on the engine's years, so that both knew the same."""
    folders = [file.parent, *([Path(os.environ["GUIDE_DATA"])] if os.environ.get("GUIDE_DATA") else [])]
    found = named or next((folder / TRAINING_FILE for folder in folders if (folder / TRAINING_FILE).is_file()), None)
    if found is None:
        why = f"not computed: no {TRAINING_FILE} beside the file or in GUIDE_DATA; name one with --train"
        return dict.fromkeys(read, Baseline(TFIDF, None, None, why))
    training = read_training_set(found, until=engine.last_training_year)
    everything = [pair for reading in read.values() for pair in reading.texts]
    baseline = tfidf_baseline(everything, training, venue.base_rate)
    if baseline.scores is None or baseline.probabilities is None:
        return dict.fromkeys(read, baseline)
    n = len(everything) // len(read)
    return {
        name: replace(
            baseline,
            scores=baseline.scores[number * n : (number + 1) * n],
            probabilities=baseline.probabilities[number * n : (number + 1) * n],
        )
        for number, name in enumerate(read)
    }


def _notes(decisions: DecisionSet, engine: Engine) -> list[str]:
    notes = []
    years = {record.year for record in decisions.records}
    known = sorted(year for year in years if year is not None)
    if engine.last_training_year == UNKNOWN_YEAR:
        notes.append("NOT A TEST: nobody knows which decisions this language model has read; --trained-until says it")
    elif known and known[0] <= engine.last_training_year:
        notes.append(
            f"NOT A TEST: the engine was trained on decisions up to {engine.last_training_year}, "
            f"and records of {known[0]} are replayed"
        )
    if None in years and engine.last_training_year != UNKNOWN_YEAR:
        notes.append(
            f"records do not state their year; the engine was trained on decisions up to {engine.last_training_year}, "
            "and only later ones are a test"
        )
    rated = [record for record in decisions.records if record.ratings]
    if not rated:
        return [*notes, "no ratings: Spearman is not computed"]
    if len(rated) < len(decisions.records):
        notes.append(f"Spearman rests on the {len(rated):,} records with ratings")
    # Year by year: a good year would hide a bad one.
    for year in sorted(years, key=str):
        agreement = ratings_agree([record for record in rated if record.year == year])
        if agreement is not None and agreement < AGREEMENT:
            notes.append(
                f"ratings{f' of {year}' if year else ''} hardly agree with the decisions (AUROC {agreement:.2f}, "
                "usually above 0.9): they may belong to other papers"
            )
    return notes


def _metrics_json(metrics: dict[str, Estimate]) -> dict[str, Any]:
    return {name: metrics[name].to_json() for name in METRICS}


def _difference_json(gap: Difference | None) -> dict[str, float] | None:
    return None if gap is None else {"value": gap.value, "low": gap.low, "high": gap.high, "p": gap.p}
