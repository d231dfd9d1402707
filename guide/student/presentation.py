"""The presentation sub-score's own training set.

No decision record has presentation scores; reviews of ICLR 2026 do. They are later than the replayed decisions, so
this head is kept apart: it never enters the rating or P(accept), and it reads one half of the submissions (by hash of
the id) so that the other half stays untouched as a test.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from guide.corpus.jsonl import Skipped, read_jsonl
from guide.errors import InputError
from guide.text.leaks import strip_leaks


@dataclass(frozen=True, slots=True)
class PresentationSet:
    """n texts and their mean presentation score.

    Attributes:
        texts: (title, stripped abstract).
        scores: (n,) mean over reviewers, 1-4.
        description: what it is, for the card.
    """

    texts: tuple[tuple[str, str], ...]
    scores: NDArray[np.float64]
    description: str


def in_training_half(identifier: str) -> bool:
    """Whether a submission belongs to the half this head may read (even first byte of the id's SHA-256)."""
    return hashlib.sha256(identifier.encode()).digest()[0] % 2 == 0


def read_presentation(path: Path) -> PresentationSet:
    """Read the training half of the reviews (JSON lines: `id, venue, year, title, abstract, reviews[{presentation}]`).

    Raises:
        InputError: no review has a presentation score.
    """
    found = list(_read(path))
    if len(found) < 2:
        raise InputError("no reviews with `presentation` scores", where=path, fix="Leave --reviews out.")
    years = sorted({label for _, _, label in found})
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return PresentationSet(
        tuple(pair for pair, _, _ in found),
        np.array([score for _, score, _ in found]),
        f"{', '.join(years)} reviews, {len(found):,} submissions (half, by id hash); "
        f"not an input to rating or P(accept); file SHA-256 {digest}",
    )


def _read(path: Path) -> Iterator[tuple[tuple[str, str], float, str]]:
    for line in read_jsonl(path):
        if isinstance(line, Skipped):
            continue
        _, record = line
        if not isinstance(record.get("title"), str) or not isinstance(record.get("abstract"), str):
            continue
        reviews = record.get("reviews")
        given = (
            [one.get("presentation") for one in reviews if isinstance(one, dict)] if isinstance(reviews, list) else []
        )
        scores = [score for score in given if isinstance(score, int | float) and 1 <= score <= 4]
        if scores and in_training_half(str(record.get("id", ""))):
            text = strip_leaks(record["abstract"]).text
            pair = (" ".join(record["title"].split()), " ".join(text.split()))
            yield pair, float(np.mean(scores)), f"{record.get('venue', '')} {record.get('year', '')}".strip()
