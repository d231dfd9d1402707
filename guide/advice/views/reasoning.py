"""How a language model came to its judgement, as text for a terminal."""

from __future__ import annotations

from rich.console import Console
from rich.markup import escape
from rich.padding import Padding

from guide.review import Reasoning, Run

_STEPS = 3
_CHARACTERS = 200

_STOPS = {
    "closed": "ended by itself",
    "agreed": "stopped: the rating no longer moved",
    "undecided": "stopped: no agreement for too long",
    "repetition": "stopped: it repeated itself",
    "budget": "used its budget up",
    "off": "no thinking",
}


def print_reasoning(out: Console, reasoning: Reasoning) -> None:
    """Print the runs, why each ended and what it saved, the model's summary, and what was dropped of its words."""
    out.print()
    out.rule("[bold]How the model came to it[/bold]", align="left")
    for number, run in enumerate(reasoning.runs, 1):
        out.print(f"run {number}: {_line(run)}")
        for step in run.steps[:_STEPS]:
            out.print(Padding(escape(_short(step)), (0, 0, 0, 7)), style="dim")
    if reasoning.failure:
        out.print(f"[yellow]No review was written: {escape(reasoning.failure)}.[/yellow]")
    if reasoning.summary:
        out.print(f"In its words, unchecked: {escape(_short(reasoning.summary, 4 * _CHARACTERS))}")
    if reasoning.dropped:
        counts = ", ".join(f"{kind} {count}" for kind, count in sorted(reasoning.dropped.items()))
        out.print(f"Dropped or mended of its answer: {escape(counts)}", style="dim")
    out.print(f"{escape(reasoning.model)}: {escape(reasoning.spent)}", style="dim")


def _line(run: Run) -> str:
    parts = [f"rating {run.rating:.1f} ± {run.sd:.1f}", f"{_tokens(run)} of {run.budget:,} tokens", _STOPS[run.stop]]
    if run.saved:
        parts.append(f"at most {run.saved:,} saved")
    if run.valid_thinking is not None:
        parts.append(f"settled after {run.valid_thinking:.0%}")
    return ", ".join(parts)


def _short(text: str, limit: int = _CHARACTERS) -> str:
    whole = " ".join(text.split())
    return whole if len(whole) <= limit else whole[: limit - 1].rsplit(" ", 1)[0] + " ..."


def _tokens(run: Run) -> str:
    return f"about {run.tokens:,} (estimated)" if run.estimated else f"{run.tokens:,}"
