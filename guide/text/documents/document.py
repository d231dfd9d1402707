"""What the readers of LaTeX and PDF make of a file, before its sections are sorted into modules."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from guide.text.blocks import Block

MAX_BLOCKS = 10_000  # headings and paragraphs that are read; a thesis of 300 pages has 3,000


@dataclass(frozen=True, slots=True)
class Document:
    """A document as its reader would see it.

    Attributes:
        title: on one line; "" where none was found.
        blocks: headings and paragraphs in reading order, without the title.
        left_out: how many things of which name are not in the blocks.
        hidden: passages that the file holds and its reader does not see.
        notes: what else is to be said of the reading, one clause each.
    """

    title: str
    blocks: tuple[Block, ...]
    left_out: Mapping[str, int] = field(default_factory=dict)
    hidden: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
