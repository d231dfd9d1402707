"""Drawing from prompts of whose cache a share is kept: what `--keep-cache` does to the transformers engine.

The cache is cut once the prompt is read and before it is copied for the samples. Ratings are read at the end of a
prompt, where all of it still stands: an eviction moves what is written and thought behind a prompt, and no letter read
from it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, get_args

from guide.errors import InputError
from guide.llm.decoding import Row, pad_left
from guide.llm.kvcache.chunkkv import REUSE, select_chunks
from guide.llm.kvcache.eviction import continue_rows, evict
from guide.llm.kvcache.observation import ARCHITECTURES, Observed, prefill
from guide.llm.kvcache.ratio import Kept
from guide.llm.kvcache.selection import Selection
from guide.llm.kvcache.shotkv import Span, select_units

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel

Method = Literal["shotkv", "chunkkv"]
METHODS: tuple[Method, ...] = get_args(Method)
_WINDOW = 32  # last tokens of a prompt, whose attention ranks the others


@dataclass(frozen=True, slots=True)
class Eviction:
    """What is evicted from the cache of a prompt.

    Attributes:
        method: "shotkv" drops whole pieces of prior work, "chunkkv" chunks of ten tokens before the last 32.
        kept: share of the prompt's tokens that stays at most.

    Raises:
        InputError: there is no such method.
    """

    method: Method
    kept: Kept

    def __post_init__(self) -> None:
        if self.method not in METHODS:
            raise InputError(f"no eviction called {self.method!r}", fix=f"Use one of: {', '.join(METHODS)}.")


@dataclass(slots=True)
class EvictionTally:
    """What evictions did so far.

    Attributes:
        prompts: read.
        whole: of them, those from which nothing was evicted.
        tokens: of all prompts.
        kept: of the tokens.
        pieces: of prior work, in all prompts.
        pieces_kept: of them; chunks know no pieces.
    """

    prompts: int = 0
    whole: int = 0
    tokens: int = 0
    kept: int = 0
    pieces: int = 0
    pieces_kept: int = 0

    def describe(self, eviction: Eviction) -> str:
        """In a few words; "" before the first prompt."""
        if not self.prompts:
            return ""
        line = f"{eviction.method} kept {self.kept:,} of {self.tokens:,} prompt tokens in the cache"
        if self.pieces:
            line += f" and {self.pieces_kept:,} of {self.pieces:,} pieces of prior work"
        return f"{line} ({self.whole:,} of {self.prompts:,} prompts left whole)" if self.whole else line


def check_observable(model: PreTrainedModel) -> None:
    """Raise InputError where the model's attention is of a kind that cannot be observed, before anything is read."""
    kind = model.config.model_type
    if kind not in ARCHITECTURES:
        raise InputError(
            f"nothing can be evicted from the cache of {kind!r} models",
            fix=f"Leave --keep-cache out, or use one of: {', '.join(ARCHITECTURES)}.",
        )


def draw_evicted(
    model: PreTrainedModel,
    prompts: Sequence[Sequence[int]],
    spans: Sequence[Sequence[Span]],
    rows: Sequence[Sequence[Row]],
    eviction: Eviction,
    tally: EvictionTally,
    *,
    ends: Collection[int],
    pad: int,
    stop: Callable[[Row], bool],
) -> None:
    """As `guide.llm.decoding.draw`, from a cache of which a share is kept.

    Args:
        model: of one of `ARCHITECTURES`.
        prompts: token ids, none empty.
        spans: of each prompt, the tokens of its pieces of prior work; for "shotkv".
        rows: continuations of each prompt, which are filled in.
        eviction: what to evict.
        tally: is counted into.
        ends: tokens at which the model ends by itself.
        pad: token that fills the shorter prompts up.
        stop: whether a row has come to a stop text.
    """
    flat = [row for own in rows for row in own]
    if not flat:
        return
    ids, mask = pad_left(prompts, pad, model.device)
    every = REUSE if eviction.method == "chunkkv" else 1
    seen = prefill(model, ids, mask, window=_WINDOW, every=every)
    layers = len(seen.prefix.cache.layers)
    if eviction.method == "chunkkv":
        selection = select_chunks(seen.scores, seen.prefix.mask, eviction.kept, layers=layers, window=_WINDOW)
    else:
        selection = _whole_pieces(seen, spans, eviction.kept, layers, tally)
    tally.prompts += len(prompts)
    tally.tokens += sum(map(len, prompts))
    tally.kept += sum(selection.lengths)
    tally.whole += sum(kept == len(prompt) for kept, prompt in zip(selection.lengths, prompts, strict=True))
    kept = evict(seen.prefix, selection).repeated([len(own) for own in rows])
    continue_rows(model, kept, flat, ends=ends, stop=stop)


def _whole_pieces(
    seen: Observed, spans: Sequence[Sequence[Span]], kept: Kept, layers: int, tally: EvictionTally
) -> Selection:
    """The pieces kept of each prompt; one whose other text alone is more than the share is left whole."""
    import torch

    mask = seen.prefix.mask
    rows: list[torch.Tensor] = []
    for number, own in enumerate(spans):
        length = int(mask[number].sum())
        tally.pieces += len(own)
        if length - sum(span.tokens for span in own) > kept.tokens(length):
            rows.append(torch.arange(length, device=mask.device))
            tally.pieces_kept += len(own)
            continue
        one = slice(number, number + 1)
        scores = {layer: found[one] for layer, found in seen.scores.items()}
        units = select_units(scores, mask[one], [own], kept, layers=layers)
        rows.append(units.selection.columns[0][0] - (mask.shape[1] - length))
        tally.pieces_kept += len(units.retained[0])
    return Selection.of_tokens([rows] * layers, mask)
