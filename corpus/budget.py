"""Choosing what of the papers found goes into a prompt: whole modules, within a budget of tokens.

A module is never cut: units that keep their meaning beat single tokens when something has to go (X. Liu et al., "Can
LLMs maintain fundamental abilities under KV cache compression?", arXiv 2502.01941, ShotKV), and a quotation must be
found in the store as it stands.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from guide.corpus.fusion import Hit
from guide.corpus.guards import count_tokens
from guide.corpus.modules import KINDS, split_modules
from guide.errors import InputError


@dataclass(frozen=True, slots=True)
class Passage:
    """A module of a paper found, as it is handed on.

    Attributes:
        paper_id: of the paper.
        kind: of the module.
        text: shortened if the store keeps it so.
        tokens: of the text, by `guide.corpus.guards.count_tokens`.
    """

    paper_id: str
    kind: str
    text: str
    tokens: int


@dataclass(frozen=True, slots=True)
class Selection:
    """What fits a budget.

    Attributes:
        passages: in the order of the hits, a paper's modules in the order of the kinds.
        tokens: in all of them.
        left_out: modules that did not fit.
        left_out_papers: papers of which nothing fitted.
    """

    passages: tuple[Passage, ...]
    tokens: int
    left_out: int
    left_out_papers: int


def choose_passages(hits: Iterable[Hit], budget: int) -> Selection:
    """Take whole modules of the best papers until the budget is spent.

    A first round takes of each paper, best first, the module that matched the query; further rounds take the
    others in the order of their kinds. The module "abstract" holds all the others, so it stands for the paper where
    it is the match and there is room, and its parts are not taken beside it. What does not fit is passed over, and a
    smaller one behind it may still fit.

    Args:
        hits: best first.
        budget: tokens for all passages together.

    Raises:
        InputError: the budget is below one token.
    """
    if budget < 1:
        raise InputError(f"a budget of {budget} tokens", fix="Give at least one.")
    found = list(hits)
    queues = [_by_preference(hit) for hit in found]
    chosen: list[list[Passage]] = [[] for _ in found]
    left = budget
    left_out = 0
    for turn in range(max(map(len, queues), default=0)):
        for place, queue in enumerate(queues):
            if turn >= len(queue) or any(passage.kind == KINDS[0] for passage in chosen[place]):
                continue
            passage = queue[turn]
            if passage.kind == KINDS[0] and chosen[place]:
                continue
            if passage.tokens > left:
                left_out += 1
                continue
            chosen[place].append(passage)
            left -= passage.tokens
    ordered = tuple(
        passage for some in chosen for passage in sorted(some, key=lambda passage: KINDS.index(passage.kind))
    )
    return Selection(ordered, budget - left, left_out, sum(not some for some in chosen))


def _by_preference(hit: Hit) -> list[Passage]:
    passages = [
        Passage(hit.paper.id, module.kind, text, count_tokens(text))
        for module in split_modules(hit.paper)
        for text in [hit.compressed.get(module.kind, module.text)]
    ]
    return sorted(passages, key=lambda passage: passage.kind != hit.module)
