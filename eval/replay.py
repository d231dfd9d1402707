"""Play decisions back: score what was decided through the engine that reviews, and compare."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import platformdirs
from tqdm import tqdm

from guide import __version__
from guide.calibration.base_rates import REPLAYED_VENUE, parse_venue
from guide.corpus.minilm.model import load_minilm
from guide.corpus.records import Paper
from guide.engines import STUDENT, EngineChoice, load_engine
from guide.errors import InputError
from guide.eval.areas import guess_areas
from guide.eval.baselines import TFIDF, Baseline, simple_baselines, tfidf_baseline
from guide.eval.caveats import state_caveats
from guide.eval.decisions import Decision, DecisionSet
from guide.eval.evidence import Evidence, cutoff_of, gather_evidence
from guide.eval.human import human_lines
from guide.eval.leakage import AuditTexts, audit_leaks, read_audit_texts
from guide.eval.neighbours import NEIGHBOURS, neighbour_baseline
from guide.eval.readings import Texts, choose_readings, read_texts
from guide.eval.retrained import RAW_STUDENT, calibration_years, raw_baseline
from guide.eval.run import Decided, Probe, Reading, Run, System
from guide.eval.systems import Bench
from guide.eval.timesplit import YearByYear, replay_years
from guide.judging import UNKNOWN_YEAR, Engine, Spends
from guide.review import Venue
from guide.student.embedding_cache import CachedEncoder
from guide.student.features import join_title
from guide.student.training import TrainingSet, read_training_set

TRAINING_FILE = "iclr-decisions.jsonl.zst"


@dataclass(frozen=True, slots=True)
class ReplayOptions:
    """How to replay.

    Attributes:
        text: a key of `guide.eval.readings.CHOICES`.
        engine: who judges.
        venue: what P(accept) is stated for; see `parse_venue`.
        train: earlier decisions for what must be trained; None to look for them beside the file and in GUIDE_DATA.
        store: literature to search for prior work; None for none.
        cutoff: "YYYY-MM"; None for the month of the venue's deadline.
        knowledge_cutoff: "YYYY-MM", to which a language model's knowledge reaches; None if it is not stated.
        quick: leave out the baselines for which every training text must be embedded.
        cache: folder for those embeddings; None for the user's cache.
        resamples: of the bootstrap.
        seed: of all draws.
    """

    text: str = "stripped"
    engine: EngineChoice = STUDENT
    venue: str = REPLAYED_VENUE
    train: Path | None = None
    store: Path | None = None
    cutoff: str | None = None
    knowledge_cutoff: str | None = None
    quick: bool = False
    cache: Path | None = None
    resamples: int = 2000
    seed: int = 0


def run_replay(decisions: DecisionSet, name: str, options: ReplayOptions, *, folder: Path | None = None) -> Run:
    """Replay decisions.

    Args:
        decisions: to play back.
        name: of their file or venue.
        options: how.
        folder: of the file, where earlier decisions are looked for.

    Raises:
        InputError: an option or a file cannot be used.
        StoreError: the store cannot be used.
        ModelError: the engine cannot be loaded.
    """
    begun = time.perf_counter()
    venue, records = parse_venue(options.venue), decisions.records
    readings = [read_texts(records, name) for name in choose_readings(options.text, records)]
    engine = load_engine(options.engine)
    # Before anything is judged, which may cost hours or money: a cut-off that is no month ends the replay.
    notes = tuple(state_caveats(records, engine, options.knowledge_cutoff))
    evidence = _search(options, venue, records, readings[0])
    training = _find_training(options, engine, records, folder)
    rivals = _score_rivals(readings, options, engine, venue, training)
    systems: list[System] = []
    balanced: list[System] = []
    probes: list[Probe] = []
    for texts in readings:
        bench = Bench(texts, records, options.resamples, options.seed)
        systems.append(bench.engine(engine, venue, evidence))
        systems.extend(bench.without_evidence(engine, venue, evidence, options.seed))
        bar = tqdm(rivals[texts.name], desc=f"resampling, {texts.name}", delay=2, disable=None, file=sys.stderr)
        systems.extend(bench.measure(one, leak_exposed=one.name == RAW_STUDENT) for one in bar)
        if training is not None:
            # What a record says of its source is said of its abstract, not of an earlier version.
            sources = None if texts.name == "pre-decision" else [one.source for one in records]
            probes.extend(
                audit_leaks(
                    training.audit, records, texts, sources=sources, resamples=options.resamples, seed=options.seed
                )
            )
        balanced.extend(bench.balance(one) for one in systems if one.text == texts.name and one.probabilities)
    humans = human_lines(
        [one.ratings for one in records],
        [one.accepted for one in records],
        resamples=options.resamples,
        seed=options.seed,
    )
    systems.extend(System(one.name, "human", readings[0].name, one.note, metrics=one.metrics) for one in humans)
    return Run(
        name=name,
        submissions=_decided(records, readings[0]),
        systems=tuple(systems),
        balanced=tuple(balanced),
        probes=tuple(probes),
        dropped=decisions.dropped,
        removed={texts.name: texts.removed for texts in readings},
        retrieval={} if evidence is None else evidence.left_out,
        notes=notes,
        provenance=_provenance(options, engine, venue, training, evidence, begun),
    )


@dataclass(frozen=True, slots=True)
class _Training:
    """Earlier decisions: the file, the last year read, what an engine learns of it, and what leaks teach."""

    file: Path
    until: int
    stripped: TrainingSet
    audit: AuditTexts


def _find_training(
    options: ReplayOptions, engine: Engine, records: Sequence[Decision], folder: Path | None
) -> _Training | None:
    found = _training_file(options, folder)
    if found is None:
        return None
    until = _rivals_until(engine, records)
    return _Training(found, until, read_training_set(found, until=until), read_audit_texts(found, until=until))


def _rivals_until(engine: Engine, records: Sequence[Decision]) -> int:
    """The last year that baselines and probes learn: the engine's, so that both knew the same.

    Of an engine that does not state its own, the year before the first one replayed: with no limit they would learn the
    very decisions that they are asked about.
    """
    years = [one.year for one in records if one.year is not None]
    if engine.last_training_year != UNKNOWN_YEAR or not years:
        return engine.last_training_year
    return min(years) - 1


def _training_file(options: ReplayOptions, folder: Path | None) -> Path | None:
    """The file of earlier decisions that is named, or found beside the file or in GUIDE_DATA; None without any."""
    places = [Path(place) for place in (folder, os.environ.get("GUIDE_DATA")) if place]
    return options.train or next((file for place in places if (file := place / TRAINING_FILE).is_file()), None)


def run_by_year(decisions: DecisionSet, options: ReplayOptions, *, folder: Path | None = None) -> YearByYear:
    """Train the student to year Y and replay Y+1, year by year, and `decisions` last (see `replay_years`).

    Raises:
        InputError: earlier decisions are missing or cannot be used, or an engine other than the student is named.
    """
    if options.engine.name != STUDENT.name:
        raise InputError("only the student can be trained anew for each year", fix="Leave --engine out.")
    if options.text != "stripped" or options.store is not None:
        raise InputError("the time split reads stripped text and no prior work", fix="Leave --text and --store out.")
    later = list(decisions.records)
    first = min((one.year for one in later if one.year is not None), default=UNKNOWN_YEAR)
    file = _training_file(options, folder)
    if file is None:
        raise InputError(f"no {TRAINING_FILE} beside the file or in GUIDE_DATA", fix="Name one: --train FILE.")
    training = read_training_set(file, until=first - 1)
    encoder = CachedEncoder(load_minilm(), cache_folder(options))
    return replay_years(training, encoder, later, resamples=options.resamples, seed=options.seed, progress=True)


def cache_folder(options: ReplayOptions) -> Path:
    """Where embeddings of training texts are kept: the folder named, or the user's cache."""
    return options.cache or Path(platformdirs.user_cache_dir("guide-advisor")) / "embeddings"


def _score_rivals(
    readings: Sequence[Texts], options: ReplayOptions, engine: Engine, venue: Venue, training: _Training | None
) -> dict[Reading, list[Baseline]]:
    """The baselines on every reading, each trained once, on the engine's years, so that both knew the same."""
    rate = venue.base_rate
    found = {texts.name: simple_baselines(texts.pairs, rate) for texts in readings}
    if training is None:
        why = f"not computed: no {TRAINING_FILE} beside the file or in GUIDE_DATA; name one with --train"
        for texts in readings:
            found[texts.name].extend(Baseline(name, None, None, why) for name in (TFIDF, NEIGHBOURS, RAW_STUDENT))
        return found
    everything = [pair for texts in readings for pair in texts.pairs]
    trained = [tfidf_baseline(everything, training.stripped, rate)]
    if options.quick:
        why = "not computed: left out with --quick"
        trained += [Baseline(name, None, None, why) for name in (NEIGHBOURS, RAW_STUDENT)]
    else:
        encoder = CachedEncoder(load_minilm(), cache_folder(options))
        trained.append(neighbour_baseline(everything, training.stripped, rate, encoder, progress=True))
    n = len(readings[0].pairs)
    for number, texts in enumerate(readings):
        found[texts.name].extend(_part(one, number * n, (number + 1) * n) for one in trained)
        if texts.name == "raw" and not options.quick:
            found["raw"].append(_raw_rival(texts, training, rate, encoder))
    return found


def _raw_rival(texts: Texts, training: _Training, rate: float, encoder: CachedEncoder) -> Baseline:
    raw = read_training_set(training.file, until=training.until, stripped=False)
    if not calibration_years(raw):
        return Baseline(RAW_STUDENT, None, None, "not computed: no year has decisions enough to calibrate on")
    return raw_baseline(texts.pairs, raw, rate, encoder, progress=True)


def _part(whole: Baseline, start: int, end: int) -> Baseline:
    if whole.scores is None:
        return whole
    p = whole.probabilities
    return replace(whole, scores=whole.scores[start:end], probabilities=None if p is None else p[start:end])


def _search(options: ReplayOptions, venue: Venue, records: Sequence[Decision], texts: Texts) -> Evidence | None:
    """The prior work of every submission, by its first reading; None without a store."""
    if options.store is None:
        if options.cutoff is not None:
            raise InputError(
                "--cutoff limits what a store is searched for, and none is named", fix="Name one: --store DIR."
            )
        return None
    papers = [
        Paper(record.id, title, text or title, 0, "")
        for record, (title, text) in zip(records, texts.pairs, strict=True)
    ]
    return gather_evidence(options.store, papers, cutoff=cutoff_of(venue.name, options.cutoff))


def _decided(records: Sequence[Decision], texts: Texts) -> tuple[Decided, ...]:
    areas = [one.area for one in records]
    if not any(areas):
        areas = guess_areas(load_minilm(), [join_title(*pair) for pair in texts.pairs])
    return tuple(
        Decided(one.id, one.accepted, one.ratings, one.year, area) for one, area in zip(records, areas, strict=True)
    )


def _provenance(
    options: ReplayOptions,
    engine: Engine,
    venue: Venue,
    training: _Training | None,
    evidence: Evidence | None,
    begun: float,
) -> dict[str, Any]:
    return {
        "version": __version__,
        "engine": engine.id,
        "engine_sha256": engine.sha256,
        "spent": engine.spent if isinstance(engine, Spends) else "",
        "venue": venue.name,
        "venue_base_rate": venue.base_rate,
        "training": None if training is None else training.file.name,
        "training_sha256": None if training is None else training.stripped.sha256,
        "training_notes": [] if training is None else list(training.stripped.notes),
        "store": None if evidence is None else evidence.store,
        "store_sha256": None if evidence is None else evidence.sha256,
        "store_papers": None if evidence is None else evidence.papers,
        "cutoff": None if evidence is None else evidence.cutoff,
        "knowledge_cutoff": options.knowledge_cutoff,
        "resamples": options.resamples,
        "seed": options.seed,
        "seconds": round(time.perf_counter() - begun, 1),
    }
