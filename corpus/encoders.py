"""Loading an encoder by name."""

from __future__ import annotations

from guide.corpus.encoder import Encoder
from guide.corpus.minilm.model import MINILM_ID, load_minilm
from guide.errors import InputError

__all__ = ["load_encoder"]


def load_encoder(name: str = "minilm", *, device: str = "cpu") -> Encoder:
    """Load the encoder called `name`: `minilm`, which ships with guide, or any sentence-transformers model.

    Args:
        name: "minilm", a folder, or an id of the model hub.
        device: where it runs, as torch names it; MiniLM runs on the processor.

    Raises:
        InputError: no such encoder or device, or sentence-transformers, which other models need, is not installed.
        ModelError: the weights are missing or altered.
    """
    if name == "minilm":
        if device != "cpu":
            raise InputError(
                f"the encoder that ships with guide runs on the processor, not on {device!r}",
                fix=f"Leave --device out, or take the same model for it: --encoder {MINILM_ID} --device {device}.",
            )
        return load_minilm()
    from guide.corpus.sentence_encoder import SentenceEncoder

    return SentenceEncoder(name, device=device)
