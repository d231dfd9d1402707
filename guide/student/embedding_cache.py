"""Embeddings kept between training runs, text by text: a change of the rules re-embeds only the texts it changed."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from guide.atomic import replacing
from guide.corpus.encoder import Pooled
from guide.corpus.minilm.model import MiniLM

_SAVE_EVERY = 2048  # texts; a stopped run loses at most these


class CachedEncoder:
    """An encoder that looks each text up in a folder of numbered files before it computes.

    Each file holds the hashes and the averaged layers of the texts of one save; none is ever changed.
    """

    def __init__(self, encoder: MiniLM, folder: Path) -> None:
        self._encoder = encoder
        self._folder = folder / f"{encoder.sha256[:12]}-{encoder.precision}"

    def pool(self, texts: Sequence[str], *, progress: bool = False) -> Pooled:
        """Average each layer over the tokens of each text (see `MiniLM.pool`)."""
        self._folder.mkdir(parents=True, exist_ok=True)
        keys = [hashlib.sha256(text.encode()).digest() for text in texts]
        known = self._read(set(keys))
        missing = [number for number, key in enumerate(keys) if key not in known]
        for start in range(0, len(missing), _SAVE_EVERY):
            part = missing[start : start + _SAVE_EVERY]
            pooled = self._encoder.pool([texts[number] for number in part], progress=progress)
            self._write([keys[number] for number in part], pooled)
            for row, number in enumerate(part):
                known[keys[number]] = (pooled.layers[row], int(pooled.tokens[row]), bool(pooled.truncated[row]))
        rows = [known[key] for key in keys]
        return Pooled(
            np.stack([layers for layers, _, _ in rows]),
            np.array([tokens for _, tokens, _ in rows], dtype=np.int64),
            np.array([truncated for _, _, truncated in rows], dtype=np.bool_),
        )

    def _read(self, wanted: set[bytes]) -> dict[bytes, tuple[NDArray[np.float32], int, bool]]:
        known = {}
        for file in sorted(self._folder.glob("*.npz")):
            with np.load(file, allow_pickle=False) as saved:
                keys, layers = saved["keys"], saved["layers"]
                tokens, truncated = saved["tokens"], saved["truncated"]
            for row, key in enumerate(keys):
                if key.tobytes() in wanted:
                    known[key.tobytes()] = (layers[row], int(tokens[row]), bool(truncated[row]))
        return known

    def _write(self, keys: list[bytes], pooled: Pooled) -> None:
        name = hashlib.sha256(b"".join(keys)).hexdigest()[:16]
        with replacing(self._folder / f"{name}.npz") as temporary, temporary.open("wb") as handle:
            np.savez(
                handle,
                keys=np.frombuffer(b"".join(keys), dtype=np.uint8).reshape(len(keys), -1),
                layers=pooled.layers,
                tokens=pooled.tokens,
                truncated=pooled.truncated,
            )
