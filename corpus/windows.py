"""Cutting a tokenised text into windows that an encoder can read, at the ends of spans where there are any."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

MAX_TOKENS = 256  # the length MiniLM was tuned for
MAX_WINDOWS = 64  # of a text; what lies past them is counted, not read


@dataclass(frozen=True, slots=True)
class Window:
    """A part of a text that the encoder reads at once.

    Attributes:
        ids: token numbers, with the marks that open and close every window.
        owner: (len(ids) - 2,) the span that each inner token counts for, -1 for none.
    """

    ids: tuple[int, ...]
    owner: NDArray[np.int64]


def cut_windows(
    ids: Sequence[int], offsets: Sequence[tuple[int, int]], spans: Sequence[tuple[int, int]]
) -> tuple[tuple[Window, ...], int]:
    """Windows over the tokens of a text, and how many tokens lie past the last.

    Tokens past the first 256 are read in further windows, each starting at the span that the one before it cut; a span
    counts only in the window that holds it whole, or in several where none can. Without spans there is one window.

    Args:
        ids: of the whole text, opening and closing mark included.
        offsets: character range of each token.
        spans: character ranges, in order and disjoint.
    """
    inner, begins = ids[1:-1], np.array([start for start, _ in offsets[1:-1]], dtype=np.int64)
    if not spans or not inner:
        # Nothing is asked of what stands behind the first window, and a text without a word has a vector all the same.
        kept = inner[: MAX_TOKENS - 2]
        return (Window((ids[0], *kept, ids[-1]), np.full(len(kept), -1, dtype=np.int64)),), 0
    bounds = np.array(spans, dtype=np.int64)
    span = np.minimum(np.searchsorted(bounds[:, 1], begins, side="right"), len(spans) - 1)
    inside = (begins >= bounds[span, 0]) & (begins < bounds[span, 1])
    windows: list[Window] = []
    at = 0
    while at < len(inner) and len(windows) < MAX_WINDOWS:
        end = following = min(len(inner), at + MAX_TOKENS - 2)
        if end < len(inner):
            cut = int(np.searchsorted(span, span[end]))
            following = cut if cut > at else end
        owner = np.full(end - at, -1, dtype=np.int64)
        owner[: following - at] = np.where(inside[at:following], span[at:following], -1)
        windows.append(Window((ids[0], *inner[at:end], ids[-1]), owner))
        at = following
    return tuple(windows), len(inner) - at
