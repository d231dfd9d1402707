"""How much the last tokens of a prompt attend to each of its tokens: what an eviction ranks by.

Fast attention kernels do not hand out their weights. They are computed again here, for the last few queries only, from
the queries and keys of each layer; eager attention gives the same to 1e-5.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from guide.errors import InputError
from guide.llm.kvcache.prefix import Prefix, full_layer, full_layers

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel

# Their attention is the one written below; others scale, cap or rotate in ways of their own: their tokens would be
# ranked wrongly without a word.
ARCHITECTURES = ("llama", "mistral", "qwen2", "qwen3")


@dataclass(frozen=True, slots=True, eq=False)
class Observed:
    """A prompt as read, and what its end looked at.

    Attributes:
        prefix: the whole cache.
        scores: by layer, (rows, columns) float32: attention summed over the window's queries and all heads, 0 on
            padding.
        window: how many queries there were.
    """

    prefix: Prefix
    scores: dict[int, torch.Tensor]
    window: int


def prefill(
    model: PreTrainedModel,
    input_ids: torch.Tensor,
    attention_mask: torch.Tensor | None = None,
    *,
    window: int = 32,
    every: int = 1,
) -> Observed:
    """Read prompts and watch the attention of their last tokens.

    Args:
        model: a causal language model of one of `ARCHITECTURES`.
        input_ids: (rows, columns), padded on the left.
        attention_mask: (rows, columns), 0 on padding; None if there is none.
        window: how many of the last tokens are watched.
        every: watch layers 0, `every`, 2 * `every`, ...

    Raises:
        InputError: the model's attention is of another kind, a row is empty or padded on the right.
    """
    import torch

    mask = torch.ones_like(input_ids, dtype=torch.bool) if attention_mask is None else attention_mask.bool()
    if mask.shape != input_ids.shape or not bool(mask[:, -1].all()) or bool((mask[:, :-1] & ~mask[:, 1:]).any()):
        raise InputError("prompts must be padded on the left, and none may be empty")
    positions = (mask.long().cumsum(dim=1) - 1).clamp(min=0)
    with torch.no_grad(), watch(model, mask, window=window, every=every) as scores:
        output = model(
            input_ids=input_ids,
            attention_mask=mask.long(),
            position_ids=positions,
            use_cache=True,
            logits_to_keep=1,
        )
    full_layers(output.past_key_values)
    return Observed(Prefix(output.past_key_values, mask, mask.sum(dim=1), output.logits[:, -1]), scores, window)


@contextmanager
def watch(
    model: PreTrainedModel, mask: torch.Tensor, *, window: int, every: int = 1
) -> Iterator[dict[int, torch.Tensor]]:
    """Collect the scores of one forward pass within the block.

    Args:
        model: as for `prefill`.
        mask: (rows, columns) bool over the cache as it will be after the pass.
        window: how many of the pass's last queries count.
        every: watch layers 0, `every`, 2 * `every`, ...

    Yields:
        By layer, (rows, columns) float32, filled by the pass: summed over the window's queries and all heads.

    Raises:
        InputError: the model's attention is not one of `ARCHITECTURES`, or a number is below 1.
    """
    if min(window, every) < 1:
        raise InputError("an observation needs a window and a step of at least 1")
    kind = model.config.model_type
    if kind not in ARCHITECTURES:
        raise InputError(
            f"the attention of {kind!r} models cannot be observed", fix=f"Use one of: {', '.join(ARCHITECTURES)}."
        )
    scores: dict[int, torch.Tensor] = {}

    def look(attention: Any, _: Any, given: dict[str, Any], __: Any) -> None:
        number = attention.layer_idx
        keys: Any = full_layer(given["past_key_values"], number).keys
        weights = window_attention(
            attention, given["hidden_states"], given["position_embeddings"], keys, mask, window=window
        )
        scores[number] = weights.sum(dim=(1, 2))

    decoder: Any = model.get_decoder()  # type: ignore[no-untyped-call]
    hooks = [layer.self_attn.register_forward_hook(look, with_kwargs=True) for layer in decoder.layers[::every]]
    try:
        yield scores
    finally:
        for hook in hooks:
            hook.remove()


def window_attention(
    attention: torch.nn.Module,
    hidden: torch.Tensor,
    rotary: tuple[torch.Tensor, torch.Tensor],
    keys: torch.Tensor,
    mask: torch.Tensor,
    *,
    window: int,
) -> torch.Tensor:
    """Attention weights of a layer's last queries, computed anew.

    Args:
        attention: the layer's self-attention.
        hidden: (rows, new, width) what it was given.
        rotary: cosines and sines (rows, new, head_dim) of the new tokens' positions.
        keys: (rows, key_heads, columns, head_dim) from the cache, the new tokens' included, rotated.
        mask: (rows, columns) bool, False on padding.
        window: how many of the new tokens' queries.

    Returns:
        (rows, heads, queries, columns) float32, queries the lesser of `window` and new; 0 for a query on padding.
    """
    import torch

    layer: Any = attention
    rows, key_heads, columns, width = keys.shape
    hidden = hidden[:, -window:]
    count = hidden.shape[1]
    queries = layer.q_proj(hidden).view(rows, count, -1, width)
    if hasattr(layer, "q_norm"):
        queries = layer.q_norm(queries)
    cosine, sine = (part[:, -window:, None] for part in rotary)
    first, second = queries.chunk(2, dim=-1)
    queries = queries * cosine + torch.cat((-second, first), dim=-1) * sine
    # Query heads in groups, each beside the key head it reads: the keys are not copied for every one of them.
    grouped = queries.float().view(rows, count, key_heads, -1, width)
    logits = torch.einsum("rqhgd,rhcd->rhgqc", grouped, keys.float()) * layer.scaling
    places = torch.arange(columns, device=keys.device)
    own = places[columns - count :]
    visible = mask[:, None, :] & (places <= own[:, None])
    logits = logits.masked_fill(~visible[:, None, None], float("-inf"))
    weights: torch.Tensor = logits.softmax(dim=-1).flatten(1, 2)
    # A query on padding sees nothing, and the softmax of nothing is no number.
    return weights.masked_fill(~mask[:, None, own, None], 0.0)
