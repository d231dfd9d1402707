"""ShotKV (Liu et al., 2502.01941): after a prompt is read, keep whole units of it, never a part of one.

A unit is one module of literature. Two choices that the paper leaves open: a unit's score comes from the prompt's last
queries, and one set of units serves all layers, for a cache cannot have layers of unequal length. What was evicted has
still shaped what stays, which had attended to it: `Units.retained` says what an answer may cite.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from guide.errors import InputError
from guide.llm.kvcache.ratio import Kept
from guide.llm.kvcache.selection import Selection

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True, slots=True)
class Span:
    """A unit of a prompt; what lies in no span (instructions, proposal, rubric) is protected.

    Attributes:
        id: names it; unique within a prompt.
        start: its first token, counted from the prompt's own first one, padding left out.
        stop: the token after its last.
        protected: always kept.
    """

    id: str
    start: int
    stop: int
    protected: bool = False

    @property
    def tokens(self) -> int:
        """How long it is."""
        return self.stop - self.start


@dataclass(frozen=True, slots=True, eq=False)
class Units:
    """What is kept of a batch of prompts.

    Attributes:
        selection: for the cache.
        retained: by row, the ids of the spans kept, in the order of the prompt.
    """

    selection: Selection
    retained: tuple[tuple[str, ...], ...]


def select_units(
    scores: Mapping[int, torch.Tensor],
    mask: torch.Tensor,
    spans: Sequence[Sequence[Span]],
    kept: Kept,
    *,
    layers: int,
) -> Units:
    """Keep the spans whose tokens have the largest mean score, one after the other, each if it still fits.

    Args:
        scores: by layer, (rows, columns) as `Observed.scores`; summed over all layers given.
        mask: (rows, columns) bool, False on left padding.
        spans: of each row.
        kept: of each row's tokens, the protected ones counted in; never exceeded.
        layers: how many the cache has.

    Raises:
        InputError: spans overlap, leave the prompt, are empty or share an id; what is protected is more than may be
            kept; no layer was observed.
    """
    import torch

    _check(mask, spans)
    if not scores:
        raise InputError("no layer was observed")
    total = torch.stack([layer.double() for layer in scores.values()]).sum(dim=0)
    orders = []
    for row, units in enumerate(spans):
        own = total[row][mask[row]]
        means = {span.id: float(own[span.start : span.stop].mean()) for span in units}
        # Ties go by id: the order of the prompt must not decide.
        orders.append(sorted(units, key=lambda span: (-means[span.id], span.id)))
    return _fill(mask, orders, kept, layers)


def random_units(
    mask: torch.Tensor, spans: Sequence[Sequence[Span]], kept: Kept, seeds: Sequence[int], *, layers: int
) -> Units:
    """As `select_units` under the same budget, in an order drawn by lot: what a real ranking has to beat.

    Args:
        mask: (rows, columns) bool, False on left padding.
        spans: of each row.
        kept: of each row's tokens.
        seeds: one a row; a row's lot depends on its seed and ids alone.
        layers: how many the cache has.

    Raises:
        InputError: as `select_units`, or there are not as many seeds as rows.
    """
    import torch

    _check(mask, spans)
    if len(seeds) != len(mask):
        raise InputError(f"{len(mask)} rows need as many seeds, not {len(seeds)}")
    orders = []
    for units, seed in zip(spans, seeds, strict=True):
        lots = torch.randperm(len(units), generator=torch.Generator().manual_seed(seed)).tolist()
        by_id = sorted(units, key=lambda span: span.id)
        orders.append([by_id[lot] for lot in lots])
    return _fill(mask, orders, kept, layers)


def _check(mask: torch.Tensor, spans: Sequence[Sequence[Span]]) -> None:
    if len(spans) != len(mask):
        raise InputError(f"{len(mask)} rows need the spans of as many, not of {len(spans)}")
    for row, units in enumerate(spans):
        length = int(mask[row].sum())
        if len({span.id for span in units}) < len(units):
            raise InputError("two spans of a prompt have one id")
        end = 0
        for span in sorted(units, key=lambda span: span.start):
            if span.tokens < 1 or span.start < end or span.stop > length:
                raise InputError(
                    f"span {span.id!r} is tokens {span.start} to {span.stop} of {length}: empty, outside the prompt, "
                    "or over another span"
                )
            end = span.stop


def _fill(mask: torch.Tensor, orders: Sequence[Sequence[Span]], kept: Kept, layers: int) -> Units:
    """Take spans in the order given, by row, until no more of them fits."""
    import torch

    if layers < 1:
        raise InputError("a cache has at least one layer")
    tokens, retained = [], []
    for row, order in enumerate(orders):
        length = int(mask[row].sum())
        budget = kept.tokens(length)
        optional = [span for span in order if not span.protected]
        room = budget - (length - sum(span.tokens for span in optional))
        if room < 0:
            raise InputError(
                f"{length - sum(span.tokens for span in optional)} tokens of {length} are protected, but only {budget} "
                "may be kept",
                fix="Keep a larger share.",
            )
        stays = torch.ones(length, dtype=torch.bool, device=mask.device)
        dropped = set()
        for span in optional:
            if span.tokens <= room:
                room -= span.tokens
            else:
                stays[span.start : span.stop] = False
                dropped.add(span.id)
        tokens.append(stays.nonzero().flatten())
        in_order = sorted(order, key=lambda span: span.start)
        retained.append(tuple(span.id for span in in_order if span.id not in dropped))
    return Units(Selection.of_tokens([tokens] * layers, mask), tuple(retained))


class DrawnTokens:
    """The decode phase: which of the tokens drawn so far stay in the cache, token by token.

    Apart from the prompt, which stays as it was chosen. A token's score is the attention that it got from all tokens
    drawn since, over all heads and layers. The paper's own figures fall when thinking is evicted: only for comparison.

    Args:
        kept: of the tokens drawn.
        prompt: columns of the prompt in the cache.
        recent: the last tokens drawn, always kept.

    Raises:
        InputError: `recent` is below 1.
    """

    def __init__(self, kept: Kept, prompt: int, *, recent: int = 8) -> None:
        if recent < 1:
            raise InputError("at least the last token drawn must be kept")
        self._kept, self._prompt, self._recent = kept, prompt, recent
        self._drawn = 0
        self._scores: torch.Tensor | None = None

    def columns_kept(self, scores: Mapping[int, torch.Tensor]) -> torch.Tensor | None:
        """Take in one step and say what stays.

        Args:
            scores: by layer, (rows, columns) attention of the token that was last put into the cache.

        Returns:
            (rows, kept) columns in ascending order, as many in each row; None if all stay.
        """
        import torch

        step = torch.stack(tuple(scores.values())).sum(dim=0)[:, self._prompt :]
        past = step.new_zeros(len(step), 0) if self._scores is None else self._scores
        running = step + torch.nn.functional.pad(past, (0, 1))
        self._drawn += 1
        room = max(self._recent, self._kept.tokens(self._drawn))
        held = running.shape[1]
        if held <= room:
            self._scores = running
            return None
        old = held - self._recent
        best = running[:, :old].topk(room - self._recent, dim=1).indices.sort(dim=1).values
        last = torch.arange(old, held, device=step.device).expand(len(step), -1)
        stays = torch.cat((best, last), dim=1)
        self._scores = running.gather(1, stays)
        prompt = torch.arange(self._prompt, device=step.device).expand(len(step), -1)
        return torch.cat((prompt, stays + self._prompt), dim=1)
