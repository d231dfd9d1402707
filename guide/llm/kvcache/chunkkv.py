"""ChunkKV (Liu et al., 2502.00299): after a prompt is read, keep the runs of tokens that its end attends to.

The window at the end is kept whole, so the question must stand last. Tokens between the last whole chunk and the window
stay with the window: only then do all layers keep equally many. Rows of a batch are ranked each for itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from guide.errors import InputError
from guide.llm.kvcache.ratio import Kept
from guide.llm.kvcache.selection import Selection

if TYPE_CHECKING:
    import torch

CHUNK = 10
REUSE = 2


def select_chunks(
    scores: Mapping[int, torch.Tensor],
    mask: torch.Tensor,
    kept: Kept,
    *,
    layers: int,
    window: int = 32,
    chunk: int = CHUNK,
    reuse: int = REUSE,
) -> Selection:
    """Keep the chunks with the largest sum of scores.

    Args:
        scores: by layer, (rows, columns) as `Observed.scores`; layers 0, `reuse`, 2 * `reuse`, ... are read.
        mask: (rows, columns) bool, False on left padding.
        kept: of each row's tokens. A row keeps at most `chunk` - 1 tokens fewer, and its window even if that is more.
        layers: how many the cache has.
        window: last tokens, always kept.
        chunk: tokens in a chunk.
        reuse: how many layers in a row share one choice; 1 chooses in each.

    Raises:
        InputError: a number is below 1, or a layer has no scores.
    """
    if min(layers, window, chunk, reuse) < 1:
        raise InputError("layers, window, chunk and reuse must be at least 1")
    missing = [layer for layer in range(0, layers, reuse) if layer not in scores]
    if missing:
        raise InputError(f"layer {missing[0]} was not observed", fix="Observe layers at the step of their reuse.")
    tokens: list[list[torch.Tensor]] = []
    for layer in range(layers):
        if layer % reuse == 0:
            rows = [row[read] for row, read in zip(scores[layer], mask, strict=True)]
            chosen = [_tokens_kept(row, kept.tokens(len(row)), window, chunk) for row in rows]
        tokens.append(chosen)
    return Selection.of_tokens(tokens, mask)


def _tokens_kept(scores: torch.Tensor, budget: int, window: int, chunk: int) -> torch.Tensor:
    """Numbers of the tokens kept of one row with these scores (tokens,), ascending."""
    import torch

    length = len(scores)
    chunks = max(0, length - window) // chunk
    tail = length - chunks * chunk
    room = (budget - tail) // chunk
    if room < 0:
        # Not even the tokens beside the window fit.
        return torch.arange(length - min(window, length), length, device=scores.device)
    sums = scores[: chunks * chunk].view(chunks, chunk).sum(dim=1)
    best = sums.topk(room).indices.sort().values
    inside = torch.arange(chunk, device=scores.device)
    return torch.cat(
        ((best[:, None] * chunk + inside).flatten(), torch.arange(length - tail, length, device=scores.device))
    )


def random_chunks(
    mask: torch.Tensor,
    kept: Kept,
    seeds: Sequence[int],
    *,
    layers: int,
    window: int = 32,
    chunk: int = CHUNK,
    reuse: int = REUSE,
) -> Selection:
    """Keep as many chunks as `select_chunks` does, drawn by lot: what a real ranking has to beat.

    Args:
        mask: (rows, columns) bool, False on left padding.
        kept: of each row's tokens.
        seeds: one a row; a row's lot does not depend on the others.
        layers: how many the cache has.
        window: last tokens, always kept.
        chunk: tokens in a chunk.
        reuse: how many layers in a row share one choice.

    Raises:
        InputError: a number is below 1, or there are not as many seeds as rows.
    """
    import torch

    if len(seeds) != len(mask):
        raise InputError(f"{len(mask)} rows need as many seeds, not {len(seeds)}")
    sources = [torch.Generator().manual_seed(seed) for seed in seeds]
    scores = {}
    for layer in range(0, layers, max(1, reuse)):
        lots = torch.zeros(mask.shape)
        for row, source in enumerate(sources):
            length = int(mask[row].sum())
            lots[row, mask.shape[1] - length :] = torch.rand(length, generator=source)
        scores[layer] = lots.to(mask.device)
    return select_chunks(scores, mask, kept, layers=layers, window=window, chunk=chunk, reuse=reuse)
