"""A made replay: 300 submissions that never were, scored by systems whose worth is known because it was put there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from guide.eval.bootstrap import Bootstrapped, Estimate, bootstrap, difference
from guide.eval.metrics import Sample
from guide.eval.run import Decided, Probe, Run, System

AREAS = (
    "reinforcement learning",
    "applications to computer vision, audio, language, and other modalities (guessed)",
    "learning theory",
    "optimization",
    "causal reasoning",
)
_SHARES = (0.35, 0.33, 0.26, 0.04, 0.02)  # the last two are too small to stand alone

Floats = NDArray[np.float64]


def made_run(n: int = 300, *, name: str = "made-2025.jsonl", seed: int = 0, resamples: int = 200) -> Run:
    """An engine that is a little better than words and calibrated, stripped and raw, with all its company."""
    random = np.random.default_rng(seed)
    quality = random.normal(size=n)
    chance = 1 / (1 + np.exp(0.9 - 1.1 * quality))
    accepted = random.random(n) < chance
    ratings = [
        tuple(float(one) for one in np.clip(np.round(5.5 + 1.2 * quality[at] + random.normal(size=3 + at % 3)), 1, 10))
        for at in range(n)
    ]
    areas = random.choice(AREAS, size=n, p=_SHARES)
    submissions = tuple(
        Decided(
            f"or:made{at:04d}Xy" if at % 2 else f"made-{at}", bool(accepted[at]), ratings[at], 2024 + at % 2, str(area)
        )
        for at, area in enumerate(areas)
    )
    own = _chances(quality + random.normal(scale=0.8, size=n), 0.6)
    words = _chances(quality + random.normal(scale=2.2, size=n), 0.35)
    measure = Measure(accepted, np.array([np.mean(one) for one in ratings]), resamples)
    systems = [
        *_reading(measure, "stripped", own, words, random),
        *_reading(measure, "raw", np.clip(own + 0.04 * accepted, 0, 1), words, random),
    ]
    person = measure.system(
        "one reviewer", "human", "stripped", np.array([one[0] for one in ratings]), "its first rating"
    )
    systems.append(replace(person, scores=None, beyond={}))
    return Run(
        name=name,
        submissions=submissions,
        systems=tuple(systems),
        balanced=tuple(_balance(one, accepted, ratings) for one in systems if one.probabilities is not None),
        probes=(
            Probe("link", "stripped", Estimate(0.5, 0.5, 0.5), "nothing is left to see"),
            Probe("link", "raw", Estimate(0.61, 0.58, 0.65), "whether there is a link"),
        ),
        dropped={"another record has the same text": 4},
        removed={"stripped": {"link": 41, "release": 12}, "raw": {}},
        retrieval={"submissions that found themselves, left out": 17, "papers posted after the cut-off, left out": 230},
        notes=("records do not state their source",),
        provenance={
            "version": "0.0",
            "engine": "made-1",
            "cutoff": "2024-09",
            "resamples": resamples,
            "seed": 0,
            "store": {"name": "lit", "papers": 1000},
            "years": [2017, 2018],
            "seconds": 1.5,
        },
    )


class Measure:
    """Scores become systems, all on the same resamples."""

    def __init__(self, accepted: NDArray[np.bool_], ratings: Floats, resamples: int) -> None:
        self._accepted, self._ratings, self._resamples = accepted, ratings, resamples
        self._engine: Bootstrapped | None = None

    def system(self, name: str, kind: Any, text: Any, scores: Floats, note: str, *, chances: bool = False) -> System:
        """The first of kind "engine" is what the others are compared with."""
        p = scores if chances else None
        found = bootstrap(Sample(scores, self._accepted, p, self._ratings), resamples=self._resamples)
        if kind == "engine":
            self._engine = found
        against = self._engine if kind != "engine" else None
        return System(
            name,
            kind,
            text,
            note,
            scores=_floats(scores),
            probabilities=_floats(scores) if chances else None,
            metrics=found.estimates(),
            beyond={} if against is None else {metric: difference(against, found, metric) for metric in found.values},
        )


def _reading(measure: Measure, text: Any, own: Floats, words: Floats, random: np.random.Generator) -> list[System]:
    n = len(own)
    engine = measure.system("guide", "engine", text, own, "made-1, parameters 0123456789ab", chances=True)
    surety = np.maximum(own, 1 - own)
    engine = replace(engine, confidence=_floats(surety), entropy=_floats(1 - surety))
    found = [
        engine,
        measure.system(
            "always-reject", "baseline", text, np.zeros(n), "P(accept) = 0 for all; not trained", chances=True
        ),
        measure.system("base-rate", "baseline", text, np.full(n, 0.32), "P(accept) = 32.0 %, for all", chances=True),
        measure.system("length", "baseline", text, random.normal(size=n), "the more words the better; not trained"),
        measure.system("tfidf-logistic", "baseline", text, words, "TF-IDF + logistic regression", chances=True),
        System("without-retrieval", "baseline", text, "the same by construction: made-1 reads no prior work"),
    ]
    if text == "raw":
        leaky = measure.system(
            "trained-on-raw", "baseline", text, np.clip(own + 0.1, 0, 1), "the engine, trained on raw text"
        )
        found.append(replace(leaky, leak_exposed=True))
    return found


def _balance(system: System, accepted: NDArray[np.bool_], ratings: Sequence[tuple[float, ...]]) -> System:
    """The first rejected submissions, as many as there are accepted ones; two resamples, as nobody looks."""
    few = np.sort(np.concatenate([np.flatnonzero(accepted), np.flatnonzero(~accepted)[: accepted.sum()]]))
    p, mean = np.array(system.probabilities)[few], np.array([np.mean(one) for one in ratings])[few]
    found = bootstrap(Sample(p, accepted[few], p, mean), resamples=2)
    return replace(
        system, scores=None, probabilities=None, confidence=None, entropy=None, metrics=found.estimates(), beyond={}
    )


def _chances(scores: Floats, slope: float) -> Floats:
    return np.asarray(1 / (1 + np.exp(0.8 - slope * scores)))


def _floats(values: Floats) -> tuple[float, ...]:
    return tuple(float(value) for value in values)


def without(run: Run, *names: str) -> Run:
    """The same run without some systems."""
    return replace(run, systems=tuple(one for one in run.systems if one.name not in names))


def replaced(run: Run, name: str, **changed: Any) -> Run:
    """The same run, one system of it changed on every reading."""
    systems: Sequence[System] = [replace(one, **changed) if one.name == name else one for one in run.systems]
    return replace(run, systems=tuple(systems))
