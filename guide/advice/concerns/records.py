"""Reviewed submissions read from files, and which part of them may be learnt from."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from guide.advice.concerns.labelling import label_review, split_review
from guide.advice.concerns.names import find_names
from guide.corpus.jsonl import Skipped, read_jsonl
from guide.errors import InputError
from guide.student.features import join_title
from guide.text.leaks import strip_leaks

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from guide.advice.concerns.taxonomy import Kind
    from guide.student.features import Pools

Part = Literal["train", "test"]


@dataclass(frozen=True, slots=True)
class ReviewedSubmission:
    """One submission and what its reviewers wrote.

    Attributes:
        id: OpenReview id.
        title: as submitted, white space single.
        abstract: without links and the like.
        venue: venue and year.
        weaknesses: of each reviewer.
        rating: mean of the ratings, nan if there are none.
    """

    id: str
    title: str
    abstract: str
    venue: str
    weaknesses: tuple[str, ...]
    rating: float

    @property
    def joined(self) -> str:
        """Title and abstract as the encoder reads them."""
        return join_title(self.title, self.abstract)

    def label(self, kinds: Sequence[Kind]) -> NDArray[np.bool_]:
        """(reviewers, len(kinds)) what each reviewer raises."""
        return np.stack([label_review(text, kinds) for text in self.weaknesses])

    def named(self) -> set[str]:
        """Names that its reviewers brought up; those that its own text has are no request."""
        found = set().union(*(find_names(split_review(text)) for text in self.weaknesses))
        own = self.joined.lower()
        return {name for name in found if name.lower() not in own}


def read_submissions(reviews: Path, submissions: Path, part: Part) -> tuple[ReviewedSubmission, ...]:
    """Read one part of the reviewed submissions, in the order of the file.

    Args:
        reviews: JSON lines `id, venue, year, title, abstract, reviews[{weaknesses, rating}]`.
        submissions: JSON lines `id, split`; a submission whose split is "test" is held out.
        part: "test" for the held out, "train" for all others, those of venues that `submissions` lacks among them.

    Raises:
        InputError: a file cannot be read, has no held-out submission, or leaves nothing of the part.
    """
    held_out = {
        str(line[1].get("id"))
        for line in read_jsonl(submissions)
        if not isinstance(line, Skipped) and line[1].get("split") == "test"
    }
    if not held_out:
        raise InputError("no submission has the split `test`", where=submissions, fix="Give the file with the splits.")
    found = []
    for line in read_jsonl(reviews):
        if isinstance(line, Skipped):
            continue
        record = line[1]
        texts = tuple(str(one.get("weaknesses") or "") for one in record.get("reviews") or [])
        if texts and record.get("abstract") and (str(record["id"]) in held_out) == (part == "test"):
            ratings = [one["rating"] for one in record["reviews"] if isinstance(one.get("rating"), int | float)]
            found.append(
                ReviewedSubmission(
                    id=str(record["id"]),
                    title=" ".join(str(record["title"]).split()),
                    abstract=" ".join(strip_leaks(str(record["abstract"])).text.split()),
                    venue=f"{record['venue']} {record['year']}",
                    weaknesses=texts,
                    rating=float(np.mean(ratings)) if ratings else float("nan"),
                )
            )
    if not found:
        raise InputError(f"no reviewed submission is of the {part} part", where=reviews, fix="Check both files.")
    return tuple(found)


def embed(papers: Sequence[ReviewedSubmission], encoder: Pools, *, progress: bool = False) -> NDArray[np.float32]:
    """Averaged layers of each submission: (n, layers * width)."""
    layers = encoder.pool([paper.joined for paper in papers], progress=progress).layers
    return layers.reshape(len(papers), -1)


def unit_rows(dense: NDArray[np.float32], width: int) -> NDArray[np.float32]:
    """The last layer of each row of `embed`, at length 1: (n, width)."""
    last = dense[:, -width:]
    return np.asarray(last / np.maximum(np.linalg.norm(last, axis=1, keepdims=True), 1e-12), dtype=np.float32)
