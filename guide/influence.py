"""Which sentences move P(accept): each is left out once and the text judged again.

The change says what the student reacts to, not what causes reviewers to accept.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from guide.review import Influence
from guide.sentences import split_sentences

MAX_SENTENCES = 40  # about two seconds on two cores

Chances = Callable[[Sequence[tuple[str, str]]], NDArray[np.float64]]


@dataclass(frozen=True, slots=True)
class LeaveOneOut:
    """The influences, strongest first, and how many sentences past the limit were not tried."""

    influences: tuple[Influence, ...]
    not_tried: int


def leave_one_out(title: str, text: str, chances: Chances) -> LeaveOneOut:
    """Judge the text without each of its sentences in turn; a text of one sentence has no influences.

    Args:
        title: kept in every variant.
        text: to cut into sentences.
        chances: P(accept) of (title, text) pairs.
    """
    sentences = split_sentences(text)
    tried = sentences[:MAX_SENTENCES]
    if len(sentences) < 2:
        return LeaveOneOut((), 0)
    variants = [" ".join(sentences[:number] + sentences[number + 1 :]) for number in range(len(tried))]
    whole, *without = chances([(title, " ".join(sentences)), *((title, variant) for variant in variants)])
    found = [
        Influence(sentence=sentence, change=float(whole - chance))
        for sentence, chance in zip(tried, without, strict=True)
    ]
    ranked = sorted(found, key=lambda influence: -abs(influence.change))
    return LeaveOneOut(tuple(ranked), len(sentences) - len(tried))
