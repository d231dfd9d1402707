"""JSON lines files, guide's own format for papers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from guide.corpus.records import Paper, Skipped, read_records
from guide.corpus.sources import Mark

__all__ = ["JsonLines"]


@dataclass(slots=True)
class JsonLines:
    """The papers of a JSON lines file.

    Attributes:
        path: the file, plain, .gz or .zst.
        limit: stop after this many papers, or None.
    """

    path: Path
    limit: int | None = None

    @property
    def name(self) -> str:
        """Names the format, the file and the limit."""
        return f"jsonl {self.path}" + ("" if self.limit is None else f" limit {self.limit}")

    def read(self, state: Mapping[str, Any] | None = None) -> Iterator[Paper | Skipped | Mark]:
        """Deliver the papers in the file's order and one mark at the end; any state starts from the beginning.

        Raises:
            InputError: the file cannot be read, or its name promises a compression it does not have.
        """
        yield from read_records(self.path, limit=self.limit)
        yield Mark(None)
