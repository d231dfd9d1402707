"""Building what the forecast of concerns ships: its numbers, and the table of reviewed submissions."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from guide.advice.concerns.forecast import save_forecast
from guide.advice.concerns.names import count_names
from guide.advice.concerns.neighbours import Reviewed, project, save_reviewed
from guide.advice.concerns.records import ReviewedSubmission, embed, read_submissions, unit_rows
from guide.advice.concerns.taxonomy import load_kinds
from guide.advice.concerns.training import ReviewedSet, first_four, fit_forecast
from guide.corpus.minilm.model import load_minilm
from guide.student.embedding_cache import CachedEncoder

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

WIDTH = 384  # of the encoder's layers


@dataclass(frozen=True, slots=True)
class Built:
    """What was written.

    Attributes:
        folder: where it lies.
        submissions: how many were learnt from.
        names: how many names the table has.
        newest: the venue whose base rates are stated.
    """

    folder: Path
    submissions: int
    names: int
    newest: str


def build_concerns(
    reviews: Path, submissions: Path, out: Path, *, cache: Path | None = None, progress: bool = False
) -> Built:
    """Learn the forecast and gather the table, and write both to a folder. The same files give the same bytes.

    Args:
        reviews: reviewed submissions (see `read_submissions`).
        submissions: their splits; nothing whose split is "test" is read, its reviews neither.
        out: folder for the forecast and the table.
        cache: folder for embeddings, by content.
        progress: show a bar on stderr.

    Raises:
        InputError: see `read_submissions`.
    """
    papers = read_submissions(reviews, submissions, "train")
    encoder = load_minilm()
    dense = embed(papers, encoder if cache is None else CachedEncoder(encoder, cache), progress=progress)
    data = gather(papers, dense)
    newest = max({paper.venue for paper in papers}, key=lambda venue: (venue.split()[-1], venue))
    forecast, _ = fit_forecast(data, newest)
    table = tabulate(papers, unit_rows(dense, WIDTH), data.raised)
    save_forecast(out, forecast)
    save_reviewed(out, table)
    return Built(out, len(papers), len(table.names), newest)


def gather(papers: Sequence[ReviewedSubmission], dense: NDArray[np.float32]) -> ReviewedSet:
    """Label every review and put together what the forecast is fitted on; `dense` as `embed` gives it."""
    kinds = load_kinds()
    labels = [paper.label(kinds) for paper in papers]
    return ReviewedSet(
        texts=tuple(paper.joined for paper in papers),
        dense=dense,
        raised=np.stack([own.sum(axis=0) for own in labels]),
        first=first_four(labels),
        reviewers=np.array([len(own) for own in labels]),
        venues=np.array([paper.venue for paper in papers]),
        ratings=np.array([paper.rating for paper in papers]),
    )


def tabulate(papers: Sequence[ReviewedSubmission], units: NDArray[np.float32], raised: NDArray[np.int64]) -> Reviewed:
    """The table of neighbours of (n, width) unit vectors and (n, k) counts of reviewers."""
    named = [paper.named() for paper in papers]
    numbers = {name: number for number, name in enumerate(count_names(named))}
    own = [sorted(numbers[name] for name in names if name in numbers) for names in named]
    projection, middle, codes = project(units)
    return Reviewed(
        ids=tuple(paper.id for paper in papers),
        titles=tuple(paper.title for paper in papers),
        venues=tuple(paper.venue for paper in papers),
        names=tuple(numbers),
        projection=projection,
        middle=middle,
        codes=codes,
        raised=np.minimum(raised, 255).astype(np.uint8),
        ratings=np.array([paper.rating for paper in papers], dtype=np.float32),
        name_starts=np.cumsum([0, *map(len, own)]).astype(np.uint32),
        name_numbers=np.array([number for row in own for number in row], dtype=np.uint16),
    )
