"""How likely each kind of concern is to be raised about a text, from what the student has already read of it."""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from guide.errors import ModelError
from guide.student.features import Vocabulary

if TYPE_CHECKING:
    from guide.student.features import SparseRows

REVIEWERS = 4  # the chance is that at least one of so many raises a concern
FOLDER = Path(__file__).parent / "data"
_FILE, _TERMS = "forecast.safetensors", "terms.txt"
_FIX = "Reinstall guide: pip install --force-reinstall --no-deps guide-advisor."


@dataclass(frozen=True, slots=True)
class Forecast:
    """The numbers of k kinds over D layer features and V terms.

    Attributes:
        terms: (V,) words and pairs of words.
        idf: (V,) inverse document frequencies.
        dense: (k, D) weights of the averaged layers.
        sparse: (k, V) weights of the terms.
        bias: (k,).
        maps: (k, 2) slope and constant from score to log-odds.
        base_rates: (k,) how often one of four reviewers raised it at the newest venue.
        associations: (k,) mean rating with it raised minus without, in points of a scale from 0 to 10.
    """

    terms: tuple[str, ...]
    idf: NDArray[np.float32]
    dense: NDArray[np.float16]
    sparse: NDArray[np.float16]
    bias: NDArray[np.float32]
    maps: NDArray[np.float32]
    base_rates: NDArray[np.float32]
    associations: NDArray[np.float32]

    def chances(self, dense: NDArray[np.float32], words: SparseRows) -> NDArray[np.float64]:
        """P(at least one of four reviewers raises it) (n, k) of (n, D) layers and TF-IDF rows over `terms`."""
        scores = dense @ self.dense.astype(np.float32).T + words.dot(self.sparse.astype(np.float32).T) + self.bias
        return np.asarray(1 / (1 + np.exp(-(scores * self.maps[:, 0] + self.maps[:, 1]))), dtype=np.float64)

    def vocabulary(self) -> Vocabulary:
        """The terms as the student's reader weighs them."""
        return Vocabulary(self.terms, self.idf)


def save_forecast(folder: Path, forecast: Forecast) -> None:
    """Write the numbers and the terms into a folder."""
    from safetensors.numpy import save_file

    folder.mkdir(parents=True, exist_ok=True)
    numbers = {one.name: np.ascontiguousarray(getattr(forecast, one.name)) for one in fields(forecast)[1:]}
    save_file(numbers, folder / _FILE)
    (folder / _TERMS).write_text("".join(f"{term}\n" for term in forecast.terms), encoding="utf-8")


@cache
def load_forecast(folder: Path = FOLDER) -> Forecast:
    """Read what `save_forecast` wrote. Raises ModelError if it cannot be read."""
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    try:
        terms = tuple((folder / _TERMS).read_text(encoding="utf-8").splitlines())
        numbers: dict[str, Any] = load_file(folder / _FILE)
        return Forecast(terms, **numbers)
    except (OSError, SafetensorError, TypeError) as error:
        raise ModelError(f"the forecast of concerns cannot be read ({error})", where=folder, fix=_FIX) from error
