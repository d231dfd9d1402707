"""A prompt that a model has read: its cache, and what going on from there needs."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from guide.errors import InputError

if TYPE_CHECKING:
    import torch
    from transformers import DynamicCache
    from transformers.cache_utils import DynamicLayer


@dataclass(frozen=True, slots=True, eq=False)
class Prefix:
    """A batch of prompts, read; whole or with a part of the cache evicted.

    Attributes:
        cache: keys and values (rows, heads, columns, head_dim) of each layer, as many columns in all of them.
        mask: (rows, columns) bool; False where a column holds padding.
        next_position: (rows,) position of the next token. It counts the tokens read, not the columns left of them.
        logits: (rows, vocabulary) for the next token.
    """

    cache: DynamicCache
    mask: torch.Tensor
    next_position: torch.Tensor
    logits: torch.Tensor

    @property
    def bytes(self) -> int:
        """What the cache takes now."""
        return cache_bytes(self.cache)

    def copy_for(self, samples: int) -> Prefix:
        """A prefix for `samples` continuations of each row, those of a row next to each other; this one stays as it is.

        For one sample the tensors are shared: a cache grows by new tensors, not within the old.
        """
        cache = copy.copy(self.cache)
        cache.layers = [copy.copy(layer) for layer in self.cache.layers]
        if samples == 1:
            return Prefix(cache, self.mask, self.next_position, self.logits)
        cache.batch_repeat_interleave(samples)
        return Prefix(
            cache,
            self.mask.repeat_interleave(samples, dim=0),
            self.next_position.repeat_interleave(samples, dim=0),
            self.logits.repeat_interleave(samples, dim=0),
        )

    def repeated(self, counts: Sequence[int]) -> Prefix:
        """A prefix with row number i `counts[i]` times, next to each other; this one must not be used again."""
        import torch

        which = torch.repeat_interleave(
            torch.arange(len(counts), device=self.mask.device), torch.tensor(counts, device=self.mask.device)
        )
        self.cache.batch_select_indices(which)
        return Prefix(self.cache, self.mask[which], self.next_position[which], self.logits[which])


def cache_bytes(cache: DynamicCache) -> int:
    """Bytes of all keys and values in `cache`.

    Raises:
        InputError: as `full_layers`.
    """
    return sum(
        tensor.nbytes for layer in full_layers(cache) for tensor in (layer.keys, layer.values) if tensor is not None
    )


def full_layers(cache: DynamicCache) -> list[DynamicLayer]:
    """The layers of a cache that holds, in each, one column for every token.

    Raises:
        InputError: as `full_layer`.
    """
    return [full_layer(cache, number) for number in range(len(cache.layers))]


def full_layer(cache: DynamicCache, number: int) -> DynamicLayer:
    """One layer of a cache, filled, with one column for every token.

    Raises:
        InputError: it holds a sliding window, a state, or nothing.
    """
    from transformers.cache_utils import DynamicLayer

    layer = cache.layers[number]
    # Its subclasses count tokens that they no longer hold: an eviction would go unnoticed by their masks.
    if type(layer) is not DynamicLayer or layer.keys is None or layer.values is None:
        raise InputError(
            f"layer {number} keeps its keys as {type(layer).__name__}, from which no token can be evicted",
            fix="Use a model with full attention in every layer.",
        )
    return layer
