"""Drawing tokens from a transformers model for a batch of prompts, each with a sampling and a seed of its own.

`generate` seeds a whole batch at once and stops all of it at one length; here a row is the same whatever is beside it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from guide.llm.model import Finish, Sampling

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

_TAIL = 16  # tokens at the end that are looked at for a stop text, beside those it can have itself


@dataclass(slots=True)
class Row:
    """One continuation while it is drawn.

    Attributes:
        sampling: its own.
        seed: of its draws.
        grammar: a matcher of llguidance's that says which tokens may come next; None allows all.
        tokens: drawn so far.
        finish: why it ended; None while it goes on.
    """

    sampling: Sampling
    seed: int
    grammar: Any = None
    tokens: list[int] = field(default_factory=list)
    finish: Finish | None = None


class StopTexts:
    """Looks for texts at the end of what was drawn, as it grows."""

    def __init__(self, tokenizer: PreTrainedTokenizerBase, texts: Sequence[str]) -> None:
        self._tokenizer = tokenizer
        self._texts = tuple(texts)
        self._longest = max(map(len, texts), default=0)

    def found(self, tokens: Sequence[int]) -> bool:
        """Whether one of the texts stands in what the last token finished."""
        if not self._texts:
            return False
        # A token has at least one byte, so the longest text spans at most four times its characters in tokens.
        last = str(self._tokenizer.decode(list(tokens[-(4 * self._longest + _TAIL) :]), skip_special_tokens=False))
        return any(text in last for text in self._texts)

    def cut(self, text: str) -> str:
        """What was drawn, up to the end of the first stop text in it: a token can hold more than that."""
        ends = [text.find(one) + len(one) for one in self._texts if one in text]
        return text[: min(ends)] if ends else text


def draw(
    model: PreTrainedModel,
    prompts: Sequence[Sequence[int]],
    rows: Sequence[Sequence[Row]],
    *,
    ends: Collection[int],
    pad: int,
    stop: Callable[[Row], bool],
) -> None:
    """Continue every prompt by each of its rows, which are filled in.

    A prompt is read once, whatever the number of its rows.

    Args:
        model: a causal language model.
        prompts: token ids, none empty.
        rows: for each prompt.
        ends: tokens at which the model ends by itself; they are counted and kept.
        pad: token that fills the shorter prompts up, on the left.
        stop: whether a row has come to a stop text.
    """
    import torch

    device = model.device
    ids, mask = pad_left(prompts, pad, device)
    counts = torch.tensor([len(own) for own in rows], device=device)
    flat = [row for own in rows for row in own]
    if not flat:
        return
    with torch.inference_mode():
        positions = (mask.cumsum(dim=1) - 1).clamp(min=0)
        output = model(input_ids=ids, attention_mask=mask, position_ids=positions, use_cache=True, logits_to_keep=1)
        cache, logits = output.past_key_values, output.logits[:, -1]
        if len(flat) != len(prompts):
            which = torch.repeat_interleave(torch.arange(len(prompts), device=device), counts)
            cache.batch_select_indices(which)
            logits, mask = logits[which], mask[which]
        position = mask.sum(dim=1, keepdim=True)

        def feed(tokens: list[int]) -> torch.Tensor:
            nonlocal mask, position
            fed = torch.tensor(tokens, device=device)[:, None]
            mask = torch.nn.functional.pad(mask, (0, 1), value=1)
            output = model(
                input_ids=fed, attention_mask=mask, position_ids=position, past_key_values=cache, use_cache=True
            )
            position = position + 1
            behind: torch.Tensor = output.logits[:, -1]
            return behind

        decode(logits, flat, feed, ends=ends, stop=stop)


def decode(
    logits: torch.Tensor,
    rows: Sequence[Row],
    feed: Callable[[list[int]], torch.Tensor],
    *,
    ends: Collection[int],
    stop: Callable[[Row], bool],
) -> None:
    """Draw token after token until every row has ended; the rows are filled in.

    Args:
        logits: (rows, vocabulary) for the first token.
        rows: one continuation each.
        feed: reads one more token of each row and gives the logits (rows, vocabulary) behind it. What it is given for a
            row that has ended is read by no one: rows do not see each other.
        ends: as for `draw`.
        stop: as for `draw`.
    """
    import torch

    sources = [torch.Generator().manual_seed(row.seed) for row in rows]
    while True:
        chosen = choose(logits, rows, sources)
        for row, token in zip(rows, chosen, strict=True):
            if row.finish is None:
                take(row, token, ends, stop)
        if all(row.finish for row in rows):
            return
        logits = feed(chosen)


def pad_left(prompts: Sequence[Sequence[int]], pad: int, device: torch.device) -> tuple[torch.Tensor, torch.Tensor]:
    """Token ids and mask (prompts, longest), shorter ones filled up on the left."""
    import torch

    longest = max(map(len, prompts))
    ids = torch.full((len(prompts), longest), pad, dtype=torch.long)
    mask = torch.zeros((len(prompts), longest), dtype=torch.long)
    for row, prompt in enumerate(prompts):
        ids[row, longest - len(prompt) :] = torch.tensor(prompt)
        mask[row, longest - len(prompt) :] = 1
    return ids.to(device), mask.to(device)


def choose(logits: torch.Tensor, rows: Sequence[Row], sources: Sequence[torch.Generator]) -> list[int]:
    """The next token of each row of (rows, vocabulary) logits; every row draws from its own source."""
    import torch

    known = logits.detach().float().cpu()
    if any(row.grammar is not None and row.finish is None for row in rows):
        known = _allowed(known, rows)
    tokens: list[int] = known.argmax(dim=-1).tolist()
    for place, (row, source) in enumerate(zip(rows, sources, strict=True)):
        if row.finish is not None or row.sampling.temperature == 0:
            continue
        chances, order = (known[place] / row.sampling.temperature).softmax(dim=-1).sort(descending=True, stable=True)
        # The first token that passes top_p still counts; those behind it do not.
        chances = chances.masked_fill(chances.cumsum(dim=-1) - chances >= row.sampling.top_p, 0.0)
        tokens[place] = int(order[torch.multinomial(chances, 1, generator=source)])
    return tokens


def _allowed(logits: torch.Tensor, rows: Sequence[Row]) -> torch.Tensor:
    """The logits with all that a row's grammar forbids at minus infinity."""
    import numpy as np
    import torch
    from llguidance.numpy import allocate_token_bitmask, fill_next_token_bitmask

    logits = logits.clone()
    bits = allocate_token_bitmask(1, logits.shape[-1])
    for place, row in enumerate(rows):
        if row.grammar is not None and row.finish is None:
            fill_next_token_bitmask(row.grammar, bits)
            allowed = np.unpackbits(bits[0].view(np.uint8), bitorder="little")[: logits.shape[-1]]
            logits[place].masked_fill_(~torch.from_numpy(allowed.astype(bool)), float("-inf"))
    return logits


def take(row: Row, token: int, ends: Collection[int], stop: Callable[[Row], bool]) -> None:
    """Add a token to a row, and end the row where it is at an end (see `draw`)."""
    row.tokens.append(token)
    if row.grammar is not None:
        row.grammar.consume_token(token)
    if token in ends or (row.grammar is not None and row.grammar.is_stopped()):
        row.finish = "end"
    elif stop(row):
        row.finish = "stop"
    elif len(row.tokens) >= row.sampling.max_tokens:
        row.finish = "length"
