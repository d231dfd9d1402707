"""What a token takes in the cache of a model, read off the model's configuration."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from guide.errors import InputError

if TYPE_CHECKING:
    from transformers import PretrainedConfig

_GENERATES = re.compile("CausalLM|ConditionalGeneration|LMHead")
_UNITS = {"": 1, "B": 1} | {
    f"{letter}{suffix}": base**power
    for power, letter in enumerate("KMGT", start=1)
    for suffix, base in (("iB", 1024), ("B", 1000))
}


def parse_bytes(text: str) -> int:
    """Bytes of a size such as "8GiB", "500 MB" or "1024"; KiB is 1024 bytes, KB is 1000.

    Raises:
        InputError: it is none, or less than a byte.
    """
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([A-Za-z]*)\s*", text)
    unit = found and next((_UNITS[known] for known in _UNITS if known.lower() == found[2].lower()), None)
    size = math.floor(float(found[1]) * unit) if found and unit else 0
    if size < 1:
        raise InputError(f"{text!r} is no size of a memory", fix="Write it as 8GiB, 500MB or a number of bytes.")
    return size


@dataclass(frozen=True, slots=True)
class CacheShape:
    """What a token takes in a model's cache.

    Attributes:
        layers: that hold keys and values.
        key_heads: heads of keys, fewer than those of queries where several share one.
        head_dim: width of a head.
        dtype: number format, as torch names it.
        itemsize: bytes of a number.
        context: most tokens of a prompt and its answer together; None if the model does not say.
    """

    layers: int
    key_heads: int
    head_dim: int
    dtype: str
    itemsize: int
    context: int | None = None

    @property
    def bytes_per_token(self) -> int:
        """Keys and values of all layers."""
        return 2 * self.layers * self.key_heads * self.head_dim * self.itemsize


def load_shape(model: str, *, dtype: str | None = None) -> CacheShape:
    """Read the config.json of a model, and nothing else of it.

    Args:
        model: a local folder, or the id of a model on the hub.
        dtype: of the cache, as torch names it; None takes the one of the weights.

    Raises:
        InputError: transformers is not installed; there is no such model, or no cache of keys and values in it.
    """
    try:
        from huggingface_hub.errors import StrictDataclassError
        from transformers import AutoConfig
    except ImportError as error:
        raise InputError("transformers is not installed", fix="Run: pip install 'guide-advisor[llm]'.") from error
    local = Path(model).is_dir()
    if not local and (Path(model).is_absolute() or model.startswith((".", "~")) or model.count("/") > 1):
        raise InputError("there is no such folder", where=model)
    if local and not Path(model, "config.json").is_file():
        raise InputError("the folder has no config.json", where=model, fix="Name the folder that holds the weights.")
    try:
        config = AutoConfig.from_pretrained(model)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, StrictDataclassError) as error:
        reason = str(error).strip().split("\n")[0].rstrip(".")
        raise InputError(
            f"the model's configuration cannot be read ({reason})",
            where=model,
            fix="Name a folder with the model's config.json, or the id of a model on the hub.",
        ) from error
    return cache_shape(config, dtype=dtype, where=model)


def cache_shape(config: PretrainedConfig, *, dtype: str | None = None, where: str | None = None) -> CacheShape:
    """What a token takes in the cache of a model with this configuration.

    Args:
        config: of a model whose every layer attends to all tokens.
        dtype: of the cache, as torch names it; None takes the one of the weights, float32 if they do not say.
        where: named in errors.

    Raises:
        InputError: the cache is of another kind (compressed latents, windows, states), or the dtype is unknown.
    """
    import torch

    text = config.get_text_config(decoder=True)
    if getattr(text, "kv_lora_rank", None) is not None:
        raise InputError(
            f"{text.model_type} models keep one compressed latent a token (MLA), which is not supported", where=where
        )
    architectures = config.architectures or []
    if config.is_encoder_decoder or (architectures and not any(_GENERATES.search(name) for name in architectures)):
        raise InputError(f"{config.model_type} models do not continue text", where=where)
    kinds = set(getattr(text, "layer_types", None) or ())
    if getattr(text, "layer_types", None) is None and getattr(text, "sliding_window", None) is not None:
        kinds = {"sliding_attention"}
    if kinds - {"full_attention"}:
        raise InputError(f"layers of {', '.join(sorted(kinds - {'full_attention'}))} are not supported", where=where)
    if getattr(text, "num_kv_shared_layers", None):
        raise InputError("layers that share a cache are not supported", where=where)
    heads = getattr(text, "num_attention_heads", None)
    layers = getattr(text, "num_hidden_layers", None)
    key_heads = getattr(text, "num_key_value_heads", None) or heads
    width = getattr(text, "head_dim", None) or (text.hidden_size // heads if heads else None)
    if not (layers and key_heads and width):
        raise InputError("the configuration does not name layers, heads and their width", where=where)
    own = text.dtype or config.dtype or "float32"
    name = dtype or str(own).removeprefix("torch.")
    held = getattr(torch, name, None)
    if not isinstance(held, torch.dtype) or not held.is_floating_point:
        raise InputError(f"{name!r} is no number format of torch", where=where, fix="Use bfloat16, float16 or float32.")
    return CacheShape(layers, key_heads, width, name, held.itemsize, getattr(text, "max_position_embeddings", None))
