"""The mistakes a replayed engine was surest of."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np

from guide.eval.run import Run, System

MISTAKES = 100

_OPENREVIEW = re.compile(r"(?:or:|https://openreview\.net/forum\?id=)([A-Za-z0-9_-]{6,20})")
_ARXIV = re.compile(r"arXiv:([0-9]{4}\.[0-9]{4,5}(?:v[0-9]+)?)")


@dataclass(frozen=True, slots=True)
class Mistake:
    """A submission whose decision the engine thought less likely than not.

    Attributes:
        id: of the submission.
        url: its page, "" unless the identifier is OpenReview's or arXiv's.
        accepted: what was decided.
        p_accept: what the engine said; the rank from 0 to 1 where it gives no probabilities.
        given: the chance it gave to what was decided, below one half.
        ratings: the reviewers'.
        area: primary area, "" if nothing says it.
        year: None if nothing says it.
    """

    id: str
    url: str
    accepted: bool
    p_accept: float
    given: float
    ratings: tuple[float, ...]
    area: str
    year: int | None


@dataclass(frozen=True, slots=True)
class Mistakes:
    """The surest mistakes, the surest first, and how many there are in all.

    Attributes:
        shown: at most `MISTAKES` of them.
        missed: accepted submissions given less than one half, of all.
        overrated: others given more than one half, of all.
        ranks: whether ranks stand in for probabilities.
    """

    shown: tuple[Mistake, ...]
    missed: int
    overrated: int
    ranks: bool


def find_mistakes(run: Run, system: System, *, limit: int = MISTAKES) -> Mistakes:
    """Order a system's mistakes by the chance it gave to what was decided; ties by identifier.

    A mistake is a decision that was given less than one half. Raises ValueError if the system has no scores.
    """
    sample = run.sample(system)
    p = _ranks(sample.scores) if sample.probabilities is None else sample.probabilities
    given = np.where(sample.accepted, p, 1 - p)
    wrong = sorted(np.flatnonzero(given < 0.5), key=lambda at: (given[at], run.submissions[at].id))
    missed = int(sum(sample.accepted[wrong]))
    shown = []
    for at in wrong[:limit]:
        one = run.submissions[at]
        shown.append(
            Mistake(
                one.id,
                page_url(one.id),
                one.accepted,
                float(p[at]),
                float(given[at]),
                one.ratings,
                one.area,
                one.year,
            )
        )
    return Mistakes(tuple(shown), missed, len(wrong) - missed, sample.probabilities is None)


def page_url(name: str) -> str:
    """The page of a submission whose identifier is OpenReview's ("or:..." or its address) or arXiv's, else ""."""
    if match := _OPENREVIEW.fullmatch(name):
        return f"https://openreview.net/forum?id={match[1]}"
    match = _ARXIV.fullmatch(name)
    return f"https://arxiv.org/abs/{match[1]}" if match else ""


def _ranks(scores: np.ndarray[tuple[int], np.dtype[np.float64]]) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Mid-ranks from 0 to 1."""
    from scipy.stats import rankdata

    return np.asarray((rankdata(scores) - 0.5) / len(scores), dtype=np.float64)
