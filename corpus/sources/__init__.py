"""Where papers come from: files in the usual formats, and services that are asked page by page.

A source yields papers, what it had to leave out, and marks. A mark says "all before this is delivered; from here
you can go on": the store commits it together with the papers before it, and an interrupted run hands the last one
back to `read`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from guide.corpus.records import Paper, Skipped

__all__ = ["Mark", "Paper", "Skipped", "Source"]


@dataclass(frozen=True, slots=True)
class Mark:
    """A place to go on from: a small JSON object that only its source understands; None once all is delivered."""

    state: dict[str, Any] | None


class Source(Protocol):
    """Anything that delivers papers."""

    @property
    def name(self) -> str:
        """Names the source and everything that decides what it delivers, for the journal and the marks."""

    def read(self, state: Mapping[str, Any] | None = None) -> Iterator[Paper | Skipped | Mark]:
        """Deliver papers, from the start or from the place of an earlier mark.

        Raises:
            InputError: the file or the request cannot be used.
            SourceError: the service does not answer after all tries, refuses, or answers with something else.
        """
