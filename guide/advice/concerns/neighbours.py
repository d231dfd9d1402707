"""Reviewed submissions near a text: what their reviewers raised, and the names they brought up.

The table holds facts only: ids, titles, counts, ratings, names. No line of a review is in it.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from guide.advice.concerns.forecast import FOLDER
from guide.atomic import replacing
from guide.errors import ModelError
from guide.review import RequestedName, ReviewedPaper

NEAREST = 50  # submissions whose reviewers are asked for concerns
# Of names: chosen on 800 submissions for the share of five names that a paper's own reviewers bring up.
NAMING = 200
_NEARNESS, _RARITY = 3.0, 0.5
COMPONENTS = 128  # of the text's vector that are kept, in eight bits each
SAME = 0.95  # a submission nearer than this is the text itself
_NUMBERS, _TEXTS = "reviewed.safetensors", "reviewed.json.zst"
_FIX = "Reinstall guide: pip install --force-reinstall --no-deps guide-advisor."


@dataclass(frozen=True, slots=True)
class Reviewed:
    """n reviewed submissions.

    Attributes:
        ids: OpenReview ids.
        titles: as submitted.
        venues: venue and year of each.
        names: all names, by number.
        projection: (width, COMPONENTS) from a text's unit vector less `middle` to the vectors' own space.
        middle: (width,).
        codes: (n, COMPONENTS) vectors in eight bits, each row's length 127.
        raised: (n, k) how many reviewers raised each kind.
        ratings: (n,) mean rating.
        name_starts: (n + 1,) where each submission's names begin in `name_numbers`.
        name_numbers: numbers of the names that its reviewers brought up.
    """

    ids: tuple[str, ...]
    titles: tuple[str, ...]
    venues: tuple[str, ...]
    names: tuple[str, ...]
    projection: NDArray[np.float32]
    middle: NDArray[np.float32]
    codes: NDArray[np.int8]
    raised: NDArray[np.uint8]
    ratings: NDArray[np.float32]
    name_starts: NDArray[np.uint32]
    name_numbers: NDArray[np.uint16]

    def nearest(self, unit: NDArray[np.float32], count: int = NAMING) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Rows and cosines of the submissions nearest to a unit vector (width,), the text itself left out."""
        own = (unit - self.middle) @ self.projection
        own = own / max(float(np.linalg.norm(own)), 1e-9)
        cosines = (self.codes.astype(np.float32) @ own) / np.maximum(
            np.linalg.norm(self.codes.astype(np.float32), axis=1), 1
        )
        rows = np.argsort(-cosines, kind="stable")[: count + 8]
        rows = rows[cosines[rows] < SAME][:count]
        return rows, cosines[rows]

    def asked(self, rows: NDArray[np.int64], kind: int, shown: int = 3) -> tuple[int, tuple[ReviewedPaper, ...]]:
        """Of the rows, how many were asked about a kind, and the nearest of those."""
        own = [int(row) for row in rows if self.raised[row, kind]]
        return len(own), tuple(self._paper(row) for row in own[:shown])

    def requested(
        self, rows: NDArray[np.int64], cosines: NDArray[np.float32], text: str, shown: int = 5
    ) -> tuple[RequestedName, ...]:
        """Names that reviewers of two or more near submissions brought up, the text does not; most telling first.

        A name weighs by the cubed cosines of the submissions it stands in and by the root of its inverse frequency.
        """
        weights: Counter[int] = Counter()
        papers: Counter[int] = Counter()
        for row, cosine in zip(rows.tolist(), cosines.tolist(), strict=True):
            for number in self._names_of(row).tolist():
                weights[number] += max(cosine, 0.0) ** _NEARNESS
                papers[number] += 1
        everywhere = np.bincount(self.name_numbers, minlength=len(self.names))
        mentioned = text.lower()
        scores = {
            number: weight * math.log(len(self.ids) / everywhere[number]) ** _RARITY
            for number, weight in weights.items()
            if papers[number] >= 2 and self.names[number].lower() not in mentioned
        }
        best = sorted(scores, key=lambda number: (-scores[number], self.names[number]))[:shown]
        return tuple(RequestedName(name=self.names[number], papers=papers[number]) for number in best)

    def _names_of(self, row: int) -> NDArray[np.uint16]:
        return self.name_numbers[self.name_starts[row] : self.name_starts[row + 1]]

    def _paper(self, row: int) -> ReviewedPaper:
        return ReviewedPaper(
            id=self.ids[row],
            title=self.titles[row],
            venue=self.venues[row],
            rating=round(float(self.ratings[row]), 2),
            url=f"https://openreview.net/forum?id={self.ids[row]}",
        )


def project(units: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.int8]]:
    """Projection, middle and codes of (n, width) unit vectors: principal components, each row scaled to length 127."""
    middle = units.mean(axis=0)
    _, _, axes = np.linalg.svd(units - middle, full_matrices=False)
    projection = axes[:COMPONENTS].T.astype(np.float16).astype(np.float32)
    places = (units - middle) @ projection
    places /= np.maximum(np.linalg.norm(places, axis=1, keepdims=True), 1e-9)
    return projection, middle, np.round(places * 127).astype(np.int8)


def save_reviewed(folder: Path, table: Reviewed) -> None:
    """Write the table as two files."""
    import zstandard
    from safetensors.numpy import save_file

    numbers = {
        name: np.ascontiguousarray(getattr(table, name))
        for name in ("projection", "middle", "codes", "raised", "ratings", "name_starts", "name_numbers")
    }
    numbers["projection"] = numbers["projection"].astype(np.float16)
    save_file(numbers, folder / _NUMBERS)
    texts = {name: getattr(table, name) for name in ("ids", "titles", "venues", "names")}
    with replacing(folder / _TEXTS) as temporary:
        temporary.write_bytes(zstandard.compress(json.dumps(texts, ensure_ascii=False).encode(), 19))


@cache
def load_reviewed(folder: Path = FOLDER) -> Reviewed:
    """Read what `save_reviewed` wrote. Raises ModelError if it cannot be read."""
    import zstandard
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    try:
        read = json.loads(zstandard.decompress((folder / _TEXTS).read_bytes()))
        numbers: dict[str, Any] = load_file(folder / _NUMBERS)
    except (OSError, ValueError, SafetensorError, zstandard.ZstdError) as error:
        raise ModelError(
            f"the table of reviewed submissions cannot be read ({error})", where=folder, fix=_FIX
        ) from error
    numbers["projection"] = numbers["projection"].astype(np.float32)
    texts: dict[str, Any] = {name: tuple(values) for name, values in read.items()}
    return Reviewed(**texts, **numbers)
