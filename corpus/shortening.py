"""Shortening the modules of papers on their way into a store, and counting what that did."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from guide.corpus.modules import split_modules
from guide.corpus.records import Paper

if TYPE_CHECKING:
    from guide.corpus.compress import Compressor


@dataclass(frozen=True, slots=True)
class CompressionCounts:
    """What the compression of one run did.

    Attributes:
        method: and what decides its result, such as the rate.
        modules: texts that were to be shortened.
        whole: of these, the ones stored whole: nothing could go, or a guard would not let it.
        guarded: of these, the ones where a number, a negation or a citation would have been lost.
        tokens_before: in all modules.
        tokens_after: in what is handed on in their place.
    """

    method: str
    modules: int
    whole: int
    guarded: int
    tokens_before: int
    tokens_after: int


class Shortener:
    """Gives for each paper the shortened text by kind of module; kinds that are stored whole are absent."""

    def __init__(self, compressor: Compressor) -> None:
        self._compressor = compressor
        self.counts = CompressionCounts(compressor.id, 0, 0, 0, 0, 0)

    def __call__(self, papers: Sequence[Paper]) -> list[Mapping[str, str]]:
        """Shorten every module of the papers."""
        modules = [(place, module) for place, paper in enumerate(papers) for module in split_modules(paper)]
        results = self._compressor.compress([module.text for _, module in modules])
        shortened: list[dict[str, str]] = [{} for _ in papers]
        for (place, module), result in zip(modules, results, strict=True):
            if not result.whole:
                shortened[place][module.kind] = result.text
        self.counts = CompressionCounts(
            method=self._compressor.id,
            modules=self.counts.modules + len(results),
            whole=self.counts.whole + sum(result.whole for result in results),
            guarded=self.counts.guarded + sum(bool(result.lost) for result in results),
            tokens_before=self.counts.tokens_before + sum(result.tokens_before for result in results),
            tokens_after=self.counts.tokens_after + sum(result.tokens_after for result in results),
        )
        return list(shortened)
