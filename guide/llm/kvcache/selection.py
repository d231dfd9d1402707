"""Which columns of a cache are kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from guide.errors import InputError

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True, slots=True, eq=False)
class Selection:
    """Columns to keep: as many in every layer, because one mask serves all layers.

    Attributes:
        columns: by layer, (rows, kept) columns in ascending order; shorter rows begin with any column, masked out.
        mask: (rows, kept) bool; False there.
    """

    columns: tuple[torch.Tensor, ...]
    mask: torch.Tensor

    @classmethod
    def of_tokens(cls, tokens: Sequence[Sequence[torch.Tensor]], read: torch.Tensor) -> Selection:
        """Make the rectangle that a cache needs out of rows of unequal length.

        Args:
            tokens: by layer and row, the numbers of the tokens kept, ascending, 0 the row's first one.
            read: (rows, columns) bool of the whole cache; False on its left padding.

        Raises:
            InputError: layers keep unequally many tokens of a row, or none.
        """
        import torch

        counts = [len(row) for row in tokens[0]]
        if any([len(row) for row in layer] != counts for layer in tokens):
            raise InputError("every layer must keep as many tokens of a row as the others")
        if min(counts) < 1:
            raise InputError("of every row at least one token must be kept")
        longest = max(counts)
        padding = (~read).sum(dim=1).tolist()
        mask = torch.zeros(len(counts), longest, dtype=torch.bool, device=read.device)
        for row, count in enumerate(counts):
            mask[row, longest - count :] = True
        layers = []
        for rows in tokens:
            columns = torch.zeros(len(counts), longest, dtype=torch.long, device=read.device)
            for row, kept in enumerate(rows):
                columns[row, longest - len(kept) :] = kept.to(read.device) + padding[row]
            layers.append(columns)
        return cls(tuple(layers), mask)

    @property
    def lengths(self) -> list[int]:
        """How many tokens of each row are kept."""
        return [int(length) for length in self.mask.sum(dim=1)]
