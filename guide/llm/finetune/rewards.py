"""What a sampled review is worth: how near its rating is to people's, and how much of what they said it says.

    reward = w * match + (1 - w) * overlap

`match` compares two distributions over the ratings 1 to 10, by the earth mover's or the total variation distance.
`overlap` is the mean of the unigram and the bigram F1 between the claims of the review and the concerns of people.
GUIDE (arXiv 2507.08870) trains with such a pair; its weight and its exact formulas were not to be had, so these are
ours.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from guide.errors import InputError

RATINGS = 10
Distance = Literal["earth-mover", "total-variation"]
_WORD = re.compile(r"[^\W_]+")


@dataclass(frozen=True, slots=True)
class RewardOptions:
    """What counts how much.

    Attributes:
        weight: w, of the rating's match, 0 to 1.
        distance: between the distributions.
        smoothing: share of each human rating that is spread to its neighbours, 0 to 1: three to five ratings of a paper
            are a small sample of what reviewers would say.
    """

    weight: float = 0.5
    distance: Distance = "earth-mover"
    smoothing: float = 0.2

    def __post_init__(self) -> None:
        if not 0 <= self.weight <= 1 or not 0 <= self.smoothing <= 1:
            raise InputError("a weight or a smoothing that is no share", fix="Give numbers from 0 to 1.")


@dataclass(frozen=True, slots=True)
class Reward:
    """Of one sample; all from 0 to 1."""

    match: float
    overlap: float
    total: float


def rating_shares(ratings: Sequence[float], smoothing: float = 0.0) -> NDArray[np.float64]:
    """(10,) how often each rating from 1 to 10 was given, a broken one shared between the two around it.

    Args:
        ratings: at least one, 1 to 10.
        smoothing: share of each that goes to the ratings beside it, half to each; at an end all of it to the one.
    """
    if not ratings:
        raise InputError("no ratings", fix="Give at least one.")
    places = np.clip(np.asarray(ratings, dtype=np.float64), 1, RATINGS) - 1
    below = np.minimum(places.astype(np.int64), RATINGS - 2)
    part = places - below
    shares = (np.bincount(below, 1 - part, RATINGS) + np.bincount(below + 1, part, RATINGS)) / len(ratings)
    spread = np.zeros(RATINGS)
    spread[1:] += shares[:-1] / 2
    spread[:-1] += shares[1:] / 2
    spread[[1, -2]] += shares[[0, -1]] / 2
    return np.asarray((1 - smoothing) * shares + smoothing * spread)


def match_earth_mover(predicted: NDArray[np.float64], human: NDArray[np.float64]) -> float:
    """1 - (sum over r of |P(rating <= r) - H(rating <= r)|) / 9: 1 for equal ones, 0 for all of 1 against all of 10."""
    moved = np.abs(np.cumsum(predicted) - np.cumsum(human))[:-1].sum()
    return float(np.clip(1 - moved / (RATINGS - 1), 0, 1))


def match_total_variation(predicted: NDArray[np.float64], human: NDArray[np.float64]) -> float:
    """1 - (sum over r of |P(r) - H(r)|) / 2: 1 for equal ones, 0 for ones that share no rating."""
    return float(np.clip(1 - np.abs(predicted - human).sum() / 2, 0, 1))


def overlap_f1(said: Sequence[str], wanted: Sequence[str]) -> float:
    """Mean of the unigram and the bigram F1 between two sets of sentences; 0 where either has no word.

    F1_n = 2 P R / (P + R), with P and R the shares of the n-grams said that were wanted, and the other way round,
    each counted as often as it occurs. Bigrams do not cross the end of a sentence. Sets without a bigram are compared
    by unigrams alone.
    """
    scores = []
    for n in (1, 2):
        ours, theirs = _ngrams(said, n), _ngrams(wanted, n)
        if n == 2 and not ours and not theirs:
            continue
        common = (ours & theirs).total()
        scores.append(2 * common / (ours.total() + theirs.total()) if common else 0.0)
    return float(np.mean(scores))


def review_reward(
    predicted: NDArray[np.float64] | None,
    human: Sequence[float],
    said: Sequence[str],
    concerns: Sequence[str],
    options: RewardOptions | None = None,
) -> Reward:
    """What one sample is worth.

    Args:
        predicted: (10,) its distribution over the ratings; None where it gave none, which matches nothing.
        human: ratings by people.
        said: claims of its findings.
        concerns: of people.
        options: weights.
    """
    options = options or RewardOptions()
    measure = match_earth_mover if options.distance == "earth-mover" else match_total_variation
    match = 0.0 if predicted is None else measure(predicted, rating_shares(human, options.smoothing))
    overlap = overlap_f1(said, concerns)
    return Reward(match, overlap, options.weight * match + (1 - options.weight) * overlap)


def _ngrams(sentences: Sequence[str], n: int) -> Counter[tuple[str, ...]]:
    counts: Counter[tuple[str, ...]] = Counter()
    for sentence in sentences:
        words = _WORD.findall(sentence.lower())
        counts.update(tuple(words[place : place + n]) for place in range(len(words) - n + 1))
    return counts
