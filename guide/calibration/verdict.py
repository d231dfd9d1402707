"""From the ratings that a language model's runs gave to a judgement that says what it rests on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from guide.calibration.confidence import coverage, entropy_share
from guide.calibration.logistic import chance
from guide.review import Calibration, Interval, Judgement, Signals

if TYPE_CHECKING:
    from guide.judging import JudgeRequest

RATINGS = np.arange(1, 11, dtype=np.float64)
# What a paper's mean rating by its human reviewers says of its acceptance, beside the base rate: log-odds of SLOPE for
# each point above THRESHOLD. Fitted by maximum likelihood, the year's own rate as the offset, on the 15,744 decisions
# with ratings of ICLR 2017-2022 and 2024 (benchmarks/fit_ratings.py).
SLOPE, THRESHOLD, DECISIONS = 3.04, 5.67, 15_744
INTERVAL_LEVEL = 0.95
LEAST_MASS = 0.5  # a model that gives the letters of the scale less than this would rather say something else

_NOT_CALIBRATED = (
    "P(accept) is what acceptance was at such a mean rating by human reviewers; this model's ratings were not compared "
    "with decisions"
)


def judge_runs(
    request: JudgeRequest,
    shares: NDArray[np.float64],
    *,
    engine: str,
    sha256: str,
    masses: Sequence[float] = (),
    citations: float | None = None,
) -> Judgement:
    """The judgement that k runs make together.

    Args:
        request: what was judged.
        shares: (k, 10) P(rating = 1), ..., P(rating = 10) of each run.
        engine: its id.
        sha256: of all that can change its answer.
        masses: (k,) probability that the labels had together in each run, where that is known.
        citations: share of the written reasons that cite what was retrieved; None without any.
    """
    rate = request.venue.base_rate
    accepts = shares @ chance(SLOPE * (RATINGS - THRESHOLD), rate)
    ratings = shares.mean(axis=0)
    reasons = [_NOT_CALIBRATED]
    if masses and min(masses) < LEAST_MASS:
        reasons.append(f"the model gave the letters of the scale only {min(masses):.0%} of its probability")
    if len(shares) == 1:
        reasons.append("one run says nothing of how far runs agree")
    return Judgement(
        engine=engine,
        rating=float(ratings @ RATINGS),
        ratings=tuple(float(share) for share in ratings),
        p_accept=float(accepts.mean()),
        interval=_interval(accepts),
        p_correct=None,
        calibration=Calibration(
            status="not calibrated",
            venue=request.venue.name,
            base_rate=rate,
            fitted_on="mean ratings by human reviewers, ICLR 2017-2022 and 2024; not this model's",
            n=DECISIONS,
            sha256=sha256,
            reasons=tuple(reasons),
            track_record="",
        ),
        subscores={},
        signals=Signals(
            disagreement=float(accepts.std(ddof=1)) if len(accepts) > 1 else 0.0,
            entropy=float(np.mean([_entropy(own) for own in shares])),
            coverage=coverage(request.evidence),
            distance=None,
            citations=citations,
        ),
    )


def sampled_shares(ratings: Sequence[float]) -> NDArray[np.float64]:
    """(k, 10) shares of k sampled ratings, each certain of itself: all that a server without probabilities tells."""
    shares = np.zeros((len(ratings), len(RATINGS)))
    shares[np.arange(len(ratings)), np.array(ratings, dtype=np.int64) - 1] = 1.0
    return shares


def _interval(accepts: NDArray[np.float64]) -> Interval:
    """Student's interval of the mean over runs: noise of sampling alone. One run bounds nothing."""
    if len(accepts) < 2:
        return Interval(low=0.0, high=1.0, level=INTERVAL_LEVEL)
    from scipy.stats import t

    half = float(t.ppf((1 + INTERVAL_LEVEL) / 2, len(accepts) - 1) * accepts.std(ddof=1) / len(accepts) ** 0.5)
    middle = float(accepts.mean())
    return Interval(low=max(0.0, middle - half), high=min(1.0, middle + half), level=INTERVAL_LEVEL)


def _entropy(shares: NDArray[np.float64]) -> float:
    """Entropy over the ten ratings as a share of its maximum, however many of them have any mass."""
    return entropy_share(np.maximum(shares, 1e-300))
