"""Opening a language model of transformers: the same for asking it and for training it."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from guide.errors import InputError, ModelError
from guide.llm.tokenizer import load_tokenizer

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase


@dataclass(frozen=True, slots=True, eq=False)
class Opened:
    """A language model as loaded.

    Attributes:
        model: not set to training.
        tokenizer: its own.
        own_tokenizer: whether transformers would have put another in its place.
    """

    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase
    own_tokenizer: bool


def open_language_model(model: str, *, device: str | None = None, dtype: str = "auto") -> Opened:
    """Load a causal language model and its tokenizer.

    Args:
        model: folder, or id on the hub. No code that comes with the weights is run.
        device: as torch names it; None takes a GPU where there is one.
        dtype: "auto" is what the weights were saved in.

    Raises:
        InputError: transformers is not installed, or there is no such device.
        ModelError: the model or its tokenizer cannot be loaded.
    """
    try:
        import torch
        from transformers import AutoModelForCausalLM
        from transformers.utils.logging import disable_progress_bar
    except ImportError as error:
        raise InputError("transformers is not installed", fix="Run: pip install 'guide-advisor[llm]'.") from error
    if not sys.stderr.isatty():
        disable_progress_bar()  # type: ignore[no-untyped-call]
    place = device or ("cuda" if torch.cuda.is_available() else "cpu")
    try:
        torch.zeros(1, device=place)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        reason = str(error).strip().split("\n", 1)[0]
        raise InputError(f"nothing can be computed on {place!r} ({reason})", fix="Use --device cpu.") from error
    try:
        tokenizer, own = load_tokenizer(model)
        loaded: PreTrainedModel = AutoModelForCausalLM.from_pretrained(model, dtype=dtype)
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        reason = str(error).strip().split("\n", 1)[0]
        raise ModelError(
            f"the language model cannot be loaded ({reason})",
            where=model,
            fix="Name a folder that holds one, or its id on the hub.",
        ) from error
    return Opened(loaded.to(torch.device(place)).eval(), tokenizer, own)  # type: ignore[arg-type]
