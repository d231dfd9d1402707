"""The one exception family of guide: errors a user can act on."""

from __future__ import annotations

from pathlib import Path


class GuideError(Exception):
    """Something the user can mend; printed as one line, without a traceback.

    Args:
        what: what went wrong, in one clause.
        where: the file (and line or record) it happened at, if there is one.
        fix: the command or change that mends it.
    """

    exit_code = 1

    def __init__(self, what: str, *, where: str | Path | None = None, fix: str | None = None) -> None:
        self.what = what
        self.where = str(where) if where is not None else None
        self.fix = fix
        super().__init__(str(self))

    def __str__(self) -> str:
        place = f"{self.where}: " if self.where else ""
        mend = f" {self.fix}" if self.fix else ""
        text = f"{place}{self.what}.{mend}"
        # One line that cannot drive the terminal, whatever a file name or a library's message brought along.
        return "".join(sign if sign.isprintable() else ascii(sign)[1:-1] for sign in " ".join(text.split()))


class InputError(GuideError):
    """What the user passed in cannot be used: a file, a record, an option. Exit status 2."""

    exit_code = 2


class StoreError(GuideError):
    """A literature store is missing, damaged, locked, or was made with another embedder."""


class ModelError(GuideError):
    """Model weights are missing, altered, or do not fit the program."""


class SourceError(GuideError):
    """A service that papers come from does not answer, refuses, or answers with something else."""
