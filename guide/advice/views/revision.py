"""A comparison of two reviews in a terminal: how far the chance moved, and what became of each finding."""

from __future__ import annotations

from rich.console import Console
from rich.markup import escape
from rich.padding import Padding

from guide.advice.revision import Change, Move, Revision, Status
from guide.advice.views.wording import shorten

# In the order shown: what is done, what is left to do, what is news.
_WORDING: dict[Status, tuple[str, str]] = {
    "addressed": ("addressed", "green"),
    "partly": ("partly", "yellow"),
    "gone": ("gone with the text", "cyan"),
    "open": ("still open", "red"),
    "new": ("new", "magenta"),
    "kept": ("strength kept", "dim"),
    "lost": ("strength lost", "yellow"),
}
_QUIET = frozenset({"open", "kept"})  # of these only the number is told, unless all is asked for
_CONCERNS = 3
_INDENT = (0, 0, 0, 3)


def print_revision(revision: Revision, console: Console | None = None, *, full: bool = False) -> None:
    """Print a comparison: what changed, and with `full` also what stayed."""
    out = console or Console(highlight=False)
    if revision.unchanged:
        out.print("The text is unchanged.")
    if revision.not_comparable:
        differing = ", ".join(revision.not_comparable)
        out.print(escape(f"Not the text alone: the reviews also differ in {differing}."), style="yellow")
    out.print(escape(_moved(revision.p_accept)))
    moved = [move for move in revision.concerns if full or move.beyond_noise]
    for move in moved if full else moved[:_CONCERNS]:
        out.print(escape(_moved(move)))
    if len(moved) > _CONCERNS and not full:
        out.print(f"{len(moved) - _CONCERNS} more concerns moved by more than rewording does", style="dim")
    for status in _WORDING:
        changes = [change for change in revision.changes if change.status == status]
        for change in changes if full or status not in _QUIET else ():
            _change(out, change)
    counts = count_statuses(revision)
    if counts:
        out.print(", ".join(f"{count} {_WORDING[status][0]}" for status, count in counts.items()), style="bold")
    if full:
        out.print(escape(f"Noise of rewording: {revision.noise_source}."), style="dim")


def count_statuses(revision: Revision) -> dict[Status, int]:
    """How many findings have each status, in the order shown; a status that none has is absent."""
    found = [change.status for change in revision.changes]
    return {status: found.count(status) for status in _WORDING if status in found}


def _change(out: Console, change: Change) -> None:
    wording, colour = _WORDING[change.status]
    out.print(f"[{colour}]{wording}:[/{colour}] {escape(change.finding.claim)}")
    out.print(Padding(f"[dim]{escape(change.why)}[/dim]", _INDENT))
    if change.quote:
        out.print(Padding(f'[dim]new text: "{escape(shorten(change.quote, 200))}"[/dim]', _INDENT))


def _moved(move: Move) -> str:
    said = f"{move.name} {move.before:.0%} -> {move.after:.0%}"
    if move.change == 0:
        return f"{said} (no change)"
    noise = "more than rewording does" if move.beyond_noise else "within what rewording does"
    return f"{said} ({move.change * 100:+.1f} points, {noise}: {move.threshold * 100:.0f})"
