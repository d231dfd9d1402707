"""The human line: how well the reviewers' own ratings tell the decisions, measured as the systems are.

Ratings are final ones, given after the discussion and known to those who decided: a ceiling, and an optimistic one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from guide.eval.bootstrap import LEVEL, Bootstrapped, Estimate, average, bootstrap
from guide.eval.metrics import RANKING, Sample
from guide.eval.ranks import Floats

METRICS = (*RANKING, "spearman")
SIZES = (1, 2, 3, None)
DRAWS = 20

_NAMES = {1: "one reviewer", 2: "two reviewers", 3: "three reviewers", None: "all reviewers"}


@dataclass(frozen=True, slots=True)
class HumanLine:
    """What a number of reviewers reaches.

    Attributes:
        name: "one reviewer", "two reviewers" ... "all reviewers".
        note: what was measured and on what, in words.
        n: submissions it rests on.
        left_out: submissions with fewer ratings than reviewers asked for.
        metrics: by name, with intervals over papers; empty if no submission has ratings enough.
    """

    name: str
    note: str
    n: int
    left_out: int
    metrics: Mapping[str, Estimate]


def human_lines(
    ratings: Sequence[Sequence[float]],
    accepted: Sequence[bool],
    *,
    sizes: Sequence[int | None] = SIZES,
    draws: int = DRAWS,
    resamples: int = 2000,
    seed: int = 0,
    level: float = LEVEL,
) -> tuple[HumanLine, ...]:
    """Score each submission by the mean rating of some of its reviewers, drawn anew `draws` times, and average.

    Spearman's correlation is with the mean rating of the reviewers who were not drawn, over the submissions that have
    such: with their own it would be partly with itself. All reviewers leave nobody over, so it is undefined for them;
    and the more are drawn, the fewer and noisier are those left, so it does not compare from line to line.

    Args:
        ratings: of each submission, in the same order as `accepted`; empty where there are none.
        accepted: the decisions.
        sizes: reviewers a submission; None for all it has.
        draws: of reviewers, for each size but None.
        resamples: of the bootstrap over papers, the same ones for every draw.
        seed: of draws and resamples.
        level: nominal coverage of the intervals.

    Returns:
        A line for each size; none at all if no submission has ratings.

    Raises:
        ValueError: there are not as many ratings as decisions.
    """
    from tqdm import tqdm

    if len(ratings) != len(accepted):
        raise ValueError("ratings and decisions must be of one length")
    if not any(ratings):
        return ()
    table = np.full((len(ratings), max(len(own) for own in ratings)), np.nan)
    for row, own in zip(table, ratings, strict=True):
        row[: len(own)] = own
    decided = np.array(accepted, dtype=np.bool_)
    passes = sum(1 if size is None else draws for size in sizes)
    with tqdm(total=passes, desc="human lines", unit="draw", delay=2, disable=None) as progress:
        lines = []
        for size in sizes:
            kept = np.count_nonzero(~np.isnan(table), axis=1) >= (size or 1)
            random = np.random.default_rng([seed, size or 0])
            played: list[Bootstrapped] = []
            for _ in range(1 if size is None else draws):
                if kept.any():
                    sample = _drawn(table[kept], decided[kept], size, random)
                    played.append(bootstrap(sample, resamples=resamples, seed=seed, level=level, metrics=METRICS))
                progress.update()
            lines.append(_line(size, table[kept], int((~kept).sum()), played))
    return tuple(lines)


def _drawn(table: Floats, accepted: NDArray[np.bool_], size: int | None, random: np.random.Generator) -> Sample:
    """Scores by `size` ratings a row of (n, most) `table`, drawn without repetition; "ratings" by the others."""
    given = ~np.isnan(table)
    order = np.argsort(np.where(given, random.random(table.shape), 2.0), axis=1)
    shuffled = np.take_along_axis(np.where(given, table, 0.0), order, axis=1)
    total, number = shuffled.sum(axis=1), given.sum(axis=1)
    chosen = number if size is None else np.full(len(table), size)
    own = np.where(np.arange(table.shape[1]) < chosen[:, None], shuffled, 0.0).sum(axis=1)
    others = np.full(len(table), np.nan)
    np.divide(total - own, number - chosen, out=others, where=number > chosen)
    # Equal means must be equal to the last bit, or the order of adding would settle their ties.
    return Sample((own / chosen).round(9), accepted, None, others.round(9))


def _line(size: int | None, table: Floats, left_out: int, played: Sequence[Bootstrapped]) -> HumanLine:
    n = len(table)
    name = _NAMES.get(size, f"{size} reviewers")
    without = f"; {left_out:,} with fewer are left out" if left_out else ""
    if not played:
        return HumanLine(name, f"not computed: no submission has {size} ratings", 0, left_out, {})
    number = np.count_nonzero(~np.isnan(table), axis=1)
    if size is None:
        said = f"mean of all ratings ({number.mean():.1f} on average) of {n:,} submissions"
        beside = "; Spearman is undefined, for no other reviewer is left over"
    else:
        mean = "one rating" if size == 1 else f"mean of {size} ratings"
        said = f"{mean} of {n:,} submissions, averaged over {len(played)} draws of reviewers"
        beside = f"; Spearman with the mean of the others, on {np.count_nonzero(number > size):,} that have others"
    final = "; final ratings, which the decisions were made from"
    return HumanLine(name, said + without + beside + final, n, left_out, average(played).estimates())
