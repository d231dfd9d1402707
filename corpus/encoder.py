"""What an encoder is: texts in, vectors out, and the vectors of spans from the same pass."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Encoder(Protocol):
    """Anything that turns texts into unit vectors, one a text."""

    @property
    def id(self) -> str:
        """The published name of the model."""

    @property
    def sha256(self) -> str:
        """Hash of the weights; two stores may share vectors only if it is equal."""

    @property
    def dimension(self) -> int:
        """Length of a vector."""

    @property
    def precision(self) -> str:
        """The number format of the weights in use: float32, bfloat16 or int8."""

    def encode(self, texts: Sequence[str], *, progress: bool = False) -> NDArray[np.float32]:
        """Return an array (len(texts), dimension) of L2-normalised rows, in the order given."""

    def encode_spans(
        self, texts: Sequence[str], spans: Sequence[Sequence[tuple[int, int]]], *, progress: bool = False
    ) -> SpanVectors:
        """The texts' vectors, and for each span the sum of the token vectors inside it."""


@dataclass(frozen=True, slots=True)
class Pooled:
    """What the encoder makes of n texts.

    Attributes:
        layers: (n, layers + 1, width) mean over all tokens of each layer's output, embedding layer first, not
            normalised.
        tokens: (n,) number of tokens read, the marks at the ends of each window among them.
        truncated: (n,) whether something behind the last window was not read.
    """

    layers: NDArray[np.float32]
    tokens: NDArray[np.int64]
    truncated: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class SpanVectors:
    """What one pass gives for n texts and the spans in them.

    Attributes:
        whole: (n, width) unit vectors of the texts, each of its first window.
        sums: (spans, width) sum of the token vectors inside each span; zero where there is none.
        tokens: (spans,) number of tokens inside each span.
        starts: (n + 1,) row of each text's first span in `sums` and `tokens`.
        truncated: texts of which something behind the last window was not read.
    """

    whole: NDArray[np.float32]
    sums: NDArray[np.float32]
    tokens: NDArray[np.int64]
    starts: NDArray[np.int64]
    truncated: int


def normalise(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    """Scale each row of an (n, d) array to length 1; a zero row stays zero."""
    norms = np.linalg.norm(rows, axis=1, keepdims=True)
    scaled: NDArray[np.float32] = (rows / np.maximum(norms, 1e-12)).astype(np.float32)
    return scaled
