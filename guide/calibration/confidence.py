"""How far to trust a judgement: signals kept apart, doubts in words, and the track record of like numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from guide.calibration.logistic import chance
from guide.calibration.measures import wilson

if TYPE_CHECKING:
    from guide.review import Evidence

_NEIGHBOURS = 400  # held-out decisions in a track record: a Wilson interval of about +-5 points
_FAR = 99  # percentile of held-out distances past which a text counts as unlike the training texts


@dataclass(frozen=True, slots=True)
class TrackRecord:
    """What became of the held-out submissions that were given the most similar chance.

    Attributes:
        n: how many.
        low: lowest P(accept) among them, at the venue's base rate.
        high: highest.
        accepted: share accepted, re-weighted to the venue's base rate.
        interval: Wilson 95 % interval of that share, at the effective sample size.
    """

    n: int
    low: float
    high: float
    accepted: float
    interval: tuple[float, float]

    def sentence(self) -> str:
        """The record in words."""
        low, high = self.interval
        return (
            f"Of the {self.n:,} held-out submissions given between {self.low:.0%} and {self.high:.0%}, "
            f"{self.accepted:.0%} were accepted (95 % interval {low:.0%}-{high:.0%}, re-weighted to this base rate)."
        )


def track_record(
    evidence: float,
    base_rate: float,
    heldout_evidence: NDArray[np.float32],
    heldout_accepted: NDArray[np.bool_],
    heldout_base_rate: NDArray[np.float32],
) -> TrackRecord:
    """Look up the held-out decisions nearest in evidence.

    Each is weighted by how much its outcome is rarer or commoner at `base_rate` than in its own year (label shift),
    and the interval uses Kish's effective sample size for those weights.
    """
    nearest = np.argsort(np.abs(heldout_evidence - evidence), kind="stable")[:_NEIGHBOURS]
    accepted = heldout_accepted[nearest]
    own = heldout_base_rate[nearest].astype(np.float64)
    weights = np.where(accepted, base_rate / own, (1 - base_rate) / (1 - own))
    share = float(weights[accepted].sum() / weights.sum())
    effective = float(weights.sum() ** 2 / (weights**2).sum())
    span = chance(heldout_evidence[nearest].astype(np.float64), base_rate)
    return TrackRecord(len(nearest), float(span.min()), float(span.max()), share, wilson(share * effective, effective))


def doubts(
    *,
    language: str,
    words: int,
    word_percentiles: NDArray[np.float64],
    distance: float,
    in_domain: bool,
    unseen: bool = False,
) -> list[str]:
    """Reasons why a probability must not be taken as calibrated; empty when there is none.

    Args:
        language: ISO 639-1 code, 'und' if unknown.
        words: length of the text judged.
        word_percentiles: (101,) percentiles of the training texts' lengths.
        distance: percentile of the text's distance from the training texts.
        in_domain: whether the venue's own decisions (in other years) were calibrated on.
        unseen: whether the score lies outside the range of the held-out ones.
    """
    found = []
    shortest, longest = float(word_percentiles[1]), float(word_percentiles[99])
    if language not in ("en", "und"):
        found.append(
            f"the text seems to be in another language than English ({language}); all training texts are English"
        )
    if words < shortest:
        found.append(
            f"the text has {words} words; 99 % of the training texts have at least {shortest:.0f}: "
            f"{np.ceil(shortest) - words:.0f} more would do"
        )
    if words > 3 * longest:
        found.append(f"the text has {words} words; 99 % of the training texts have at most {longest:.0f}")
    if distance >= _FAR:
        found.append("the text is farther from the training texts than 99 % of held-out submissions")
    if unseen:
        found.append("no held-out submission was given so high or so low a chance")
    if not in_domain:
        found.append("calibrated on ICLR decisions; for this venue only the base rate was changed")
    return found


def entropy_share(shares: NDArray[np.float64]) -> float:
    """Entropy of a distribution as a share of the maximum over its possible values (those with any mass); 0..1."""
    mass = shares[shares > 0]
    if len(mass) < 2:
        return 0.0
    return float(min(1.0, -(mass * np.log(mass)).sum() / np.log(len(mass))))


def coverage(evidence: Sequence[Evidence]) -> float | None:
    """Mean similarity of the evidence, None without any."""
    return float(np.mean([item.similarity for item in evidence])) if evidence else None
