"""Reading a review into the kinds of concern that it raises; used where the forecast is learnt and measured."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from guide.advice.concerns.taxonomy import Kind

# Reviews are lists as often as prose, so a line is a sentence too.
_END = re.compile(r"(?<=[.!?])\s+(?=[A-Z0-9(*\-\"'`\[])|\n+|(?<=;)\s+")
_SHORTEST = 12  # characters; less is a number or a bullet


def split_review(text: str) -> list[str]:
    """The sentences of a review, lists taken apart, white space single."""
    parts = (" ".join(part.split()) for part in _END.split(text))
    return [part for part in parts if len(part) >= _SHORTEST]


def label_review(text: str, kinds: Sequence[Kind]) -> NDArray[np.bool_]:
    """Which kinds the weaknesses of one review raise: (len(kinds),)."""
    sentences = [sentence.lower() for sentence in split_review(text)]
    return np.array([any(map(kind.is_raised_in, sentences)) for kind in kinds])


def count_raised(reviews: Sequence[str], kinds: Sequence[Kind]) -> NDArray[np.int64]:
    """How many of a paper's reviewers raise each kind: (len(kinds),)."""
    if not reviews:
        return np.zeros(len(kinds), dtype=np.int64)
    return np.asarray(np.stack([label_review(text, kinds) for text in reviews]).sum(axis=0), dtype=np.int64)
