"""Evict tokens from a cache, and go on from what is left.

A cache without its evicted tokens is shorter than the text that was read. The next token still stands where it would
have stood: positions are counted apart from the cache, and every pass is given them. Without them the model would take
the length of the cache for the position, and answer a different prompt without a word.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from guide.errors import InputError
from guide.llm.decoding import Row, decode
from guide.llm.kvcache.observation import watch
from guide.llm.kvcache.prefix import Prefix, full_layers
from guide.llm.kvcache.ratio import Kept
from guide.llm.kvcache.selection import Selection
from guide.llm.kvcache.shotkv import DrawnTokens
from guide.llm.model import Finish, Sampling

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel


def evict(prefix: Prefix, selection: Selection) -> Prefix:
    """Keep only the columns selected.

    The cache is changed in place, layer by layer, so that at most one layer is held twice: `prefix` must not be used
    again.

    Raises:
        InputError: the selection is of another number of layers or rows, or the cache cannot lose a token.
    """
    layers: list[Any] = full_layers(prefix.cache)
    if len(selection.columns) != len(layers) or len(selection.mask) != len(prefix.mask):
        raise InputError(
            f"a selection of {len(selection.columns)} layers and {len(selection.mask)} rows does not fit a cache of "
            f"{len(layers)} and {len(prefix.mask)}"
        )
    for layer, columns in zip(layers, selection.columns, strict=True):
        layer.keys, layer.values = _gathered(layer.keys, columns), _gathered(layer.values, columns)
    return Prefix(prefix.cache, selection.mask, prefix.next_position, prefix.logits)


def _gathered(states: torch.Tensor, columns: torch.Tensor) -> torch.Tensor:
    """(rows, heads, columns, width) at (rows, kept) columns, the same of all heads."""
    index = columns.to(states.device)[:, None, :, None].expand(-1, states.shape[1], -1, states.shape[3])
    return states.gather(2, index)


def extend(model: PreTrainedModel, prefix: Prefix, input_ids: torch.Tensor) -> Prefix:
    """Read more text after a prefix, evicted or not.

    Args:
        model: that read the prefix.
        prefix: stays as it is.
        input_ids: (rows, tokens), as many in each row.

    Returns:
        The longer prefix, with the logits after its last token.

    Raises:
        InputError: `input_ids` has other rows than the prefix, or no token.
    """
    if input_ids.ndim != 2 or len(input_ids) != len(prefix.mask) or input_ids.shape[1] < 1:
        raise InputError(f"text of shape {tuple(input_ids.shape)} does not continue {len(prefix.mask)} prompts")
    return _read(model, prefix.copy_for(1), input_ids)


def _read(model: PreTrainedModel, prefix: Prefix, input_ids: torch.Tensor) -> Prefix:
    """As `extend`, growing the cache of `prefix` itself: a layer at a time is held twice, not all of them."""
    import torch

    new = input_ids.shape[1]
    mask = torch.nn.functional.pad(prefix.mask, (0, new), value=True)
    positions = prefix.next_position[:, None] + torch.arange(new, device=prefix.next_position.device)
    with torch.no_grad():
        output = model(
            input_ids=input_ids,
            attention_mask=mask.long(),
            position_ids=positions,
            past_key_values=prefix.cache,
            use_cache=True,
            logits_to_keep=1,
        )
    return Prefix(prefix.cache, mask, prefix.next_position + new, output.logits[:, -1])


@dataclass(frozen=True, slots=True)
class Drawn:
    """One continuation: its tokens, the one that ended it included, and why it ended."""

    tokens: tuple[int, ...]
    finish: Finish


@dataclass(frozen=True, slots=True)
class Continuation:
    """What was drawn from a batch of prefixes.

    Attributes:
        drawn: by row, each sample.
        peak_cache_bytes: the most that the cache drawn into held at once, its copies for the samples included; not
            counted are the prefix that was given, and the one layer that is held twice while it grows.
    """

    drawn: tuple[tuple[Drawn, ...], ...]
    peak_cache_bytes: int


def continue_from(
    model: PreTrainedModel,
    prefix: Prefix,
    sampling: Sampling,
    *,
    samples: int = 1,
    ends: Collection[int] = (),
    stopped: Callable[[Sequence[int]], bool] | None = None,
    decode_share: Kept | None = None,
) -> Continuation:
    """Draw tokens after a batch of prefixes, evicted or not.

    Args:
        model: that read the prefix.
        prefix: stays as it is, so that it can be continued again.
        sampling: temperature, top_p, max_tokens and seed; sample number i of a row is drawn with seed + i. Its stop
            texts are the caller's to look for, in `stopped`.
        samples: how many continuations of each row.
        ends: tokens at which the model has ended by itself.
        stopped: whether these tokens of one continuation hold a stop text.
        decode_share: how much of what is drawn stays in the cache, token by token; None and 1.0 keep all. The ShotKV
            paper shows damage below.

    Raises:
        InputError: `samples` or max_tokens is below 1, or the temperature or top_p cannot be drawn with.
    """
    if samples < 1 or sampling.max_tokens < 1:
        raise InputError("at least one sample of one token must be drawn")
    if sampling.temperature < 0 or not 0.0 < sampling.top_p <= 1.0:
        raise InputError("a temperature is at least 0, and a top_p above 0 and at most 1")
    state = prefix.copy_for(samples)
    rows = [Row(sampling, sampling.seed + number % samples) for number in range(len(state.mask))]
    peak = continue_rows(
        model,
        state,
        rows,
        ends=ends,
        stop=lambda drawn: stopped is not None and stopped(drawn.tokens),
        decode_share=decode_share,
    )
    answers = [Drawn(tuple(row.tokens), row.finish or "length") for row in rows]
    return Continuation(tuple(tuple(answers[first : first + samples]) for first in range(0, len(rows), samples)), peak)


def continue_rows(
    model: PreTrainedModel,
    prefix: Prefix,
    rows: Sequence[Row],
    *,
    ends: Collection[int],
    stop: Callable[[Row], bool],
    decode_share: Kept | None = None,
) -> int:
    """Draw tokens after a prefix for each of its rows, which are filled in.

    Args:
        model: that read the prefix.
        prefix: its cache is drawn into: it must not be used again.
        rows: one for each of the prefix's, with a sampling, a seed and a grammar of its own.
        ends: tokens at which the model has ended by itself.
        stop: whether a row has come to a stop text.
        decode_share: as for `continue_from`.

    Returns:
        The most bytes that the cache held at once.
    """
    import torch

    state = prefix
    trimmed = DrawnTokens(decode_share, state.mask.shape[1]) if decode_share and not decode_share.whole else None
    peak = state.bytes

    def feed(tokens: list[int]) -> torch.Tensor:
        nonlocal state, peak
        fed = torch.tensor(tokens, device=state.mask.device)[:, None]
        grown = torch.nn.functional.pad(state.mask, (0, 1), value=True)
        with watch(model, grown, window=1) if trimmed else _UNWATCHED as scores:
            state = _read(model, state, fed)
        peak = max(peak, state.bytes)
        columns = trimmed.columns_kept(scores) if trimmed else None
        if columns is not None:
            kept = Selection((columns,) * len(state.cache.layers), state.mask.gather(1, columns))
            state = evict(state, kept)
        return state.logits

    decode(state.logits, rows, feed, ends=ends, stop=stop)
    return peak


_UNWATCHED: AbstractContextManager[dict[int, Any]] = nullcontext({})
