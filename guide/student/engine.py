"""The student: MiniLM with trained heads. No GPU, no key, no network; a judgement takes tens of milliseconds."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from guide.calibration import confidence, logistic
from guide.corpus.minilm.model import MiniLM, load_minilm
from guide.errors import InputError, ModelError
from guide.judging import JudgeRequest
from guide.review import Calibration, Interval, Judgement, Signals, Subscore, Venue
from guide.student import ordinal
from guide.student.features import Features, Vocabulary, extract, extract_without_each
from guide.student.parameters import WEIGHTS, Student, load
from guide.text.language import guess_language

INTERVAL_LEVEL = 0.9
_BATCH = 256  # texts whose features are held in memory at once


class StudentEngine:
    """Judges by the distilled heads."""

    def __init__(self, student: Student, encoder: MiniLM) -> None:
        self._student = student
        self._p = student.parameters
        self._heads: list[str] = student.card["heads"]
        self._calibrator = logistic.LogisticFit(self._p.calibrator, self._p.covariance, len(self._p.heldout_accepted))
        members = (len(self._p.bias) - len(self._heads)) // 2
        # Student's t, because the spread is estimated from a handful of members.
        self._quantile = float(stdtrit(members - 1, (1 + INTERVAL_LEVEL) / 2))
        self._columns = np.ascontiguousarray(self._p.sparse.T)
        self.encoder = encoder
        self.vocabulary = Vocabulary(student.terms, self._p.idf)

    @property
    def id(self) -> str:
        """Name and training years."""
        return f"student ({self._student.card['trained_on']})"

    @property
    def sha256(self) -> str:
        """Hash of the card, which holds the hashes of weights, vocabulary and encoder."""
        return self._student.sha256

    @cached_property
    def last_training_year(self) -> int:
        """The latest year whose decisions or ratings enter P(accept) or the rating."""
        return int(max(self._student.card["years"]))

    @property
    def card(self) -> dict[str, object]:
        """What the student was trained on and how it did, as shipped."""
        return dict(self._student.card)

    def judge(self, requests: Sequence[JudgeRequest], *, progress: bool = False) -> dict[str, Judgement]:
        """Judge every request (see `Engine.judge`)."""
        if len({request.id for request in requests}) != len(requests):
            raise InputError("two requests have one id", fix="Give every record an id of its own.")
        answers: dict[str, Judgement] = {}
        for start in range(0, len(requests), _BATCH):
            batch = requests[start : start + _BATCH]
            features = self._read([(r.title, r.text) for r in batch], progress=progress)
            scores = self._score(features)
            for row, request in enumerate(batch):
                answers[request.id] = self._answer(request, features, scores, row)
        return answers

    def chances_without_each(self, title: str, text: str, tried: int, venue: Venue) -> NDArray[np.float64]:
        """P(accept) of the whole and without each of the first `tried` sentences (see `Explains`)."""
        features = extract_without_each(self.encoder, self.vocabulary, title, text, tried)
        return logistic.chance(self._calibrator.evidence(self._score(features)[:, :2]), venue.base_rate)

    def _read(self, texts: Sequence[tuple[str, str]], *, progress: bool) -> Features:
        return extract(self.encoder, self.vocabulary, texts, progress=progress)

    def _score(self, features: Features) -> NDArray[np.float64]:
        linear = features.dense @ self._p.dense.T + features.sparse.dot(self._columns) + self._p.bias
        return linear.astype(np.float64)

    def _answer(self, request: JudgeRequest, features: Features, scores: NDArray[np.float64], row: int) -> Judgement:
        pair = scores[row : row + 1, :2]
        members = scores[row, len(self._heads) :].reshape(-1, 2)
        evidence = float(self._calibrator.evidence(pair)[0])
        rate = request.venue.base_rate
        p = float(logistic.chance(np.array([evidence]), rate)[0])
        spread = self._calibrator.evidence(members)
        half = self._quantile * float(np.sqrt(spread.var(ddof=1) + self._calibrator.evidence_variance(pair)[0]))
        low, high = logistic.chance(np.array([evidence - half, evidence + half]), rate)
        bins = ordinal.distribution(pair[:, 0], float(self._p.slope[0]), self._p.thresholds)
        ratings = (bins @ self._p.rating_map)[0]
        distance = self._distance(features.unit[row])
        reasons = confidence.doubts(
            language=guess_language(request.text),
            words=int(features.words[row]),
            word_percentiles=self._p.words,
            distance=distance,
            in_domain=request.venue.in_domain,
            unseen=not self._p.heldout_evidence.min() <= evidence <= self._p.heldout_evidence.max(),
        )
        track = confidence.track_record(
            evidence,
            rate,
            self._p.heldout_evidence,
            self._p.heldout_accepted.astype(bool),
            self._p.heldout_base_rate,
        )
        return Judgement(
            engine=self.id,
            rating=float(ratings @ np.arange(1, 11)),
            ratings=tuple(float(share) for share in ratings),
            p_accept=p,
            interval=Interval(low=float(low), high=float(high), level=INTERVAL_LEVEL),
            p_correct=None if reasons else max(p, 1 - p),
            calibration=Calibration(
                status="not calibrated" if reasons else "calibrated",
                venue=request.venue.name,
                base_rate=rate,
                fitted_on=self._student.card["calibrated_on"],
                n=len(self._p.heldout_accepted),
                sha256=self.sha256,
                reasons=tuple(reasons),
                track_record=track.sentence(),
            ),
            subscores=self._subscores(scores[row, 2 : len(self._heads)]),
            signals=Signals(
                disagreement=float(logistic.chance(spread, rate).std(ddof=1)),
                entropy=confidence.entropy_share(ratings),
                coverage=confidence.coverage(request.evidence),
                distance=distance,
            ),
        )

    def _subscores(self, scores: NDArray[np.float64]) -> dict[str, Subscore]:
        answer = {}
        for number, name in enumerate(self._heads[2:]):
            intercept, slope = self._p.subscales[number]
            percentile = _percentile(scores[number], self._p.subquantiles[number])
            answer[name] = Subscore(
                value=float(np.clip(intercept + slope * scores[number], 1, 4)), percentile=percentile
            )
        return answer

    def _distance(self, unit: NDArray[np.float32]) -> float:
        distance = 1 - float((self._p.centroids @ unit).max())
        return _percentile(distance, self._p.distances)


def _percentile(value: float, percentiles: NDArray[np.float64]) -> float:
    """Where a value stands among held-out ones, 0..100, from their (101,) percentiles."""
    return float(np.interp(value, percentiles, np.arange(101)))


def load_student(folder: Path = WEIGHTS, *, encoder: MiniLM | None = None) -> StudentEngine:
    """Load a trained student and MiniLM.

    Raises:
        ModelError: weights are missing, altered, or were trained on another encoder.
    """
    student, encoder = load(folder), encoder or load_minilm()
    trained_with = student.card["encoder"]["sha256"]
    if trained_with != encoder.sha256:
        raise ModelError(
            f"the student was trained on an encoder with SHA-256 {trained_with[:12]}…, not {encoder.sha256[:12]}…",
            where=folder,
            fix="Train it again: guide distill DECISIONS --out FOLDER.",
        )
    return StudentEngine(student, encoder)


def background_vocabulary(folder: Path = WEIGHTS) -> Vocabulary:
    """The terms of the training texts with their idf: how telling a word is in the field at large."""
    student = load(folder)
    return Vocabulary(student.terms, student.parameters.idf)
