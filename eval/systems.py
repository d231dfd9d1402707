"""Everything that scores the submissions of a replay, on the same resamples: the engine, its variants, its rivals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from guide.calibration.logistic import logit, sigmoid
from guide.errors import GuideError
from guide.eval.baselines import Baseline
from guide.eval.bootstrap import Bootstrapped, bootstrap, difference
from guide.eval.decisions import Decision
from guide.eval.evidence import Evidence, shuffle_evidence
from guide.eval.metrics import Sample
from guide.eval.readings import Texts
from guide.eval.run import ENGINE, System
from guide.judging import Engine, Examines, Failure, JudgeRequest
from guide.review import Judgement, Venue

NO_RETRIEVAL = "without-retrieval"
RANDOM_EVIDENCE = "random-evidence"


class Bench:
    """One reading's submissions, on which every system is resampled alike, so that differences are paired.

    Args:
        texts: the reading.
        records: the decisions, in the same order.
        resamples: of the bootstrap.
        seed: of the same.
    """

    def __init__(self, texts: Texts, records: Sequence[Decision], resamples: int, seed: int) -> None:
        self.texts = texts
        self._records = records
        self._accepted = np.array([one.accepted for one in records], dtype=np.bool_)
        self._ratings = np.array([np.mean(one.ratings) if one.ratings else np.nan for one in records])
        self._resamples, self._seed = resamples, seed
        self._measured: dict[str, Bootstrapped] = {}

    def engine(
        self, engine: Engine, venue: Venue, evidence: Evidence | None, *, name: str = ENGINE, note: str = ""
    ) -> System:
        """The engine's answers.

        Raises:
            GuideError: it has no judgement at all. Where it has none on some submissions, they count at the base rate,
                and are said: to leave them out would flatter it.
        """
        answers = self._judge(engine, venue, evidence)
        silent = [answer for answer in answers if isinstance(answer, Failure)]
        if len(silent) == len(answers):
            raise GuideError(
                f"the engine has no judgement on any of {len(answers):,} submissions; the first: {silent[0].reason}",
                where=engine.id,
                fix="Give it more room or time.",
            )
        said = [_said(answer, venue.base_rate) for answer in answers]
        p = np.array([one[0] for one in said])
        note = note or f"{engine.id}, parameters {engine.sha256[:12]}"
        if silent:
            note += f"; no judgement on {len(silent):,} of {len(answers):,}, which count at the base rate"
        system = self.measure(Baseline(name, p, p, note))
        return replace(
            system, kind="engine", confidence=tuple(one[1] for one in said), entropy=tuple(one[2] for one in said)
        )

    def without_evidence(self, engine: Engine, venue: Venue, evidence: Evidence | None, seed: int) -> list[System]:
        """The engine without prior work, and with another submission's: what retrieval is worth to it."""
        if not isinstance(engine, Examines):
            why = f"the same by construction: {engine.id} reads no prior work"
            return [System(name, "baseline", self.texts.name, why) for name in (NO_RETRIEVAL, RANDOM_EVIDENCE)]
        if evidence is None:
            why = "not computed: no store was named, so the engine was shown no prior work; name one with --store"
            return [System(name, "baseline", self.texts.name, why) for name in (NO_RETRIEVAL, RANDOM_EVIDENCE)]
        shuffled = shuffle_evidence(evidence, [one.id for one in self._records], seed)
        found = [
            self.engine(engine, venue, None, name=NO_RETRIEVAL, note="the engine, shown no prior work"),
            self.engine(engine, venue, shuffled, name=RANDOM_EVIDENCE, note="the engine, shown another one's"),
        ]
        return [replace(one, kind="baseline") for one in found]

    def measure(self, baseline: Baseline, *, leak_exposed: bool = False) -> System:
        """A baseline's metrics, and how far the engine is beyond it once that has been measured."""
        empty = System(baseline.name, "baseline", self.texts.name, baseline.note, leak_exposed=leak_exposed)
        if baseline.scores is None:
            return empty
        sample = Sample(baseline.scores, self._accepted, baseline.probabilities, self._ratings)
        found = bootstrap(sample, resamples=self._resamples, seed=self._seed)
        own = self._measured.get(ENGINE)
        self._measured[baseline.name] = found
        return replace(
            empty,
            scores=_floats(baseline.scores),
            probabilities=None if baseline.probabilities is None else _floats(baseline.probabilities),
            metrics=found.estimates(),
            beyond={} if own is None else {name: difference(own, found, name) for name in found.values},
        )

    def balance(self, system: System) -> System:
        """A system's figures on as many rejected submissions, drawn by lot, as accepted ones (or the reverse).

        P(accept) is moved from the share of all to one half by Bayes' rule. The lot is the same for every system.
        """
        if system.scores is None or system.probabilities is None:
            raise ValueError(f"{system.name} has no probabilities")
        random = np.random.default_rng(self._seed)
        sides = [np.flatnonzero(self._accepted), np.flatnonzero(~self._accepted)]
        size = min(len(side) for side in sides)
        rows = np.sort(np.concatenate([random.choice(side, size, replace=False) for side in sides]))
        p, rate = np.array(system.probabilities)[rows], float(self._accepted.mean())
        inside = (p > 0) & (p < 1)
        moved = p.copy()
        moved[inside] = sigmoid(logit(p[inside]) - logit(rate))
        sample = Sample(np.array(system.scores)[rows], self._accepted[rows], moved, self._ratings[rows])
        found = bootstrap(sample, resamples=self._resamples, seed=self._seed)
        return replace(
            system,
            note=f"{len(rows):,} submissions, half of them accepted",
            scores=None,
            probabilities=None,
            confidence=None,
            entropy=None,
            metrics=found.estimates(),
            beyond={},
        )

    def _judge(self, engine: Engine, venue: Venue, evidence: Evidence | None) -> list[Judgement | Failure]:
        requests = []
        for record, (title, text) in zip(self._records, self.texts.pairs, strict=True):
            request = JudgeRequest(record.id, title, text, venue)
            if evidence is not None:
                prior = evidence.priors[record.id]
                request = replace(request, evidence=prior.evidence, passages=prior.passages)
            requests.append(request)
        answers = engine.judge(requests, progress=True)
        return [answers[record.id] for record in self._records]


def _said(answer: Judgement | Failure, base_rate: float) -> tuple[float, float, float]:
    """P(accept), the chance that the call is right, and the entropy of the ratings."""
    if isinstance(answer, Failure):
        return base_rate, max(base_rate, 1 - base_rate), 1.0
    p = answer.p_accept
    # Where it says NOT CALIBRATED the larger of the two chances is all there is to order by.
    return p, max(p, 1 - p) if answer.p_correct is None else answer.p_correct, answer.signals.entropy


def _floats(values: NDArray[np.float64]) -> tuple[float, ...]:
    return tuple(float(value) for value in values)
