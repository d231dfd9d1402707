"""Where the pieces of prior work stand in a prompt: the units that ShotKV keeps whole or drops.

They are found by the lines that `prompts/proposal.jinja` puts around them. The mark in those lines is made of the very
text that they enclose, so no text can claim to be another piece: only lines with the mark of the first one count.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from guide.llm.kvcache.shotkv import Span

_FIRST = re.compile(r"^----- prior work E\d+ (?P<mark>[0-9a-f]{12}) -----$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Piece:
    """One piece of prior work: its key and number, and its characters in the prompt, the lines around it included."""

    id: str
    start: int
    stop: int


def find_pieces(prompt: str) -> tuple[Piece, ...]:
    """The pieces of prior work of a prompt, in order; none in a prompt without."""
    first = _FIRST.search(prompt)
    if first is None:
        return ()
    mark = first["mark"]
    proposal = re.compile(rf"^----- proposal {mark} -----$", re.MULTILINE).search(prompt, first.end())
    block = re.compile(
        rf"^----- prior work (?P<key>E\d+) {mark} -----\n.*?^----- end of (?P=key) {mark} -----\n",
        re.MULTILINE | re.DOTALL,
    )
    found = block.finditer(prompt, first.start(), proposal.start() if proposal else len(prompt))
    return tuple(Piece(f"{match['key']}/{number}", *match.span()) for number, match in enumerate(found))


def token_spans(pieces: Sequence[Piece], offsets: Sequence[tuple[int, int]]) -> tuple[Span, ...]:
    """The tokens that lie wholly within each piece; a piece without any is left out.

    Args:
        pieces: in order.
        offsets: first and last character (exclusive) of every token of the prompt, in order.
    """
    spans = []
    for piece in pieces:
        inside = [at for at, (start, stop) in enumerate(offsets) if piece.start <= start and stop <= piece.stop]
        if inside:
            spans.append(Span(piece.id, inside[0], inside[-1] + 1))
    return tuple(spans)
