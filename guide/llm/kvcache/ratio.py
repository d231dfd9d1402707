"""How much of a cache is kept, said in one way: every source has a ratio of its own."""

from __future__ import annotations

import math
from dataclasses import dataclass

from guide.errors import InputError


@dataclass(frozen=True, slots=True, order=True)
class Kept:
    """The fraction that is KEPT, as the ChunkKV and ShotKV papers count; 1.0 keeps all.

    Attributes:
        share: more than 0, at most 1.

    Raises:
        InputError: the share is anything else.
    """

    share: float = 1.0

    def __post_init__(self) -> None:
        if not 0.0 < self.share <= 1.0:
            raise InputError(f"a kept share of {self.share} is not above 0 and at most 1")

    @classmethod
    def from_removed(cls, removed: float) -> Kept:
        """From the fraction REMOVED: kvpress' compression_ratio.

        Raises:
            InputError: it is not at least 0 and below 1.
        """
        return cls(1.0 - removed)

    @classmethod
    def from_compression(cls, ratio: float) -> Kept:
        """From original / kept: the CR of the DMS paper, where 8 keeps one token in eight.

        Raises:
            InputError: it is below 1.
        """
        if not (ratio >= 1.0 and math.isfinite(ratio)):
            raise InputError(f"a compression of {ratio} is below 1")
        return cls(1.0 / ratio)

    @property
    def whole(self) -> bool:
        """Whether nothing is dropped."""
        return self.share == 1.0

    def tokens(self, total: int) -> int:
        """How many of `total` tokens may be kept, rounded down."""
        # 0.29 * 100 is 28.999999999999996 in floating point, and 29 tokens are meant.
        return min(total, math.floor(self.share * total + 1e-9))
