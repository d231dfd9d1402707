"""A replay in a terminal: every system a row, every figure with its interval."""

from __future__ import annotations

import math
import re

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from guide.eval.bootstrap import Estimate
from guide.eval.labels import NOTHING, metric_of, metrics_in, name_reading
from guide.eval.metrics import ece_if_calibrated
from guide.eval.published import GUIDE_TABLE
from guide.eval.run import ENGINE, Reading, Run, System

# The columns every system has: seven fit in 80 characters. The engine's other figures follow in lines of their own.
COLUMNS = {
    "auroc": "AUROC",
    "top5_precision": "Top-5 %",
    "top30_precision": "Top-30 %",
    "accept_recall": "Recall",
    "spearman": "Spearman",
    "brier": "Brier",
    "ece": "ECE",
}


_GUIDE = ("top5_precision", "top30_precision", "accept_recall")  # the metrics of GUIDE's table
_NAME = 12  # characters of a system's name, which may take two lines


def print_run(run: Run, console: Console | None = None) -> None:
    """Print every number with its interval and its baselines."""
    out = console or Console(highlight=False)
    facts = run.provenance
    out.print(
        f"[bold]{escape(run.name)}[/bold]: n {len(run.submissions):,}, base rate {run.base_rate:.1%}, "
        f"P(accept) stated for {escape(facts['venue'])} ({facts['venue_base_rate']:.1%})"
    )
    for reason, number in run.dropped.items():
        out.print(f"  {number:,} records left out: {escape(reason)}")
    for what, number in run.retrieval.items():
        out.print(f"  {number:,} {escape(what)}")
    for note in run.notes:
        out.print(f"[yellow]note:[/yellow] {escape(note)}")
    for text in run.texts:
        _print_reading(out, run, text)
    _print_balanced(out, run)
    _print_humans(out, run)
    _print_published(out, run)
    out.print(
        f"\n{escape(facts['engine'])}, parameters {facts['engine_sha256'][:12]}; intervals: 95 % bootstrap over "
        f"papers, {facts['resamples']:,} resamples, seed {facts['seed']}; {facts['seconds']:.0f} s",
        style="dim",
    )


def _print_reading(out: Console, run: Run, text: Reading) -> None:
    systems = [one for one in run.systems if one.text == text and one.kind != "human"]
    removed = sum(run.removed.get(text, {}).values())
    said = f", {removed:,} passages taken out" if removed else ""
    out.print()
    out.print(_table(f"Text: {name_reading(text)}{said}", [one for one in systems if one.metrics], tuple(COLUMNS)))
    for system in systems:
        if not system.metrics:
            out.print(f"{system.name}: {escape(system.note)}")
        elif system.leak_exposed:
            out.print(
                f"{system.name}: (*) learnt from text that gives decisions away; for comparison with published tables"
            )
    own = run.system(ENGINE, text)
    if own is None or not own.metrics:
        return
    for metric in metrics_in(run):
        if metric.name not in COLUMNS and metric.name in own.metrics:
            out.print(f"{metric.label}: {_inline(metric.name, own.metrics[metric.name])}")
    if own.probabilities is not None:
        expected = ece_if_calibrated(run.sample(own))
        out.print(f"ECE that chance alone would give a calibrated engine here: {expected:.3f}")
    for system in systems:
        gap = system.beyond.get("auroc")
        if gap is not None and not math.isnan(gap.value):
            out.print(
                f"AUROC beyond {system.name}: {gap.value:+.3f} ({gap.low:+.3f} to {gap.high:+.3f}), p = {gap.p:.3f}"
            )
    for probe in run.probes:
        if probe.text == text:
            out.print(f"leak audit, {probe.name} alone: AUROC {_inline('auroc', probe.auroc)}")


def _print_balanced(out: Console, run: Run) -> None:
    for text in run.texts:
        systems = [one for one in run.balanced if one.text == text]
        if systems:
            title = f"Half accepted, {systems[0].note.partition(', half')[0]}, {name_reading(text)}: not how things are"
            out.print()
            out.print(_table(title, systems, tuple(COLUMNS)))


def _print_humans(out: Console, run: Run) -> None:
    humans = [one for one in run.systems if one.kind == "human" and one.metrics]
    if humans:
        out.print()
        out.print(_table("For scale: the reviewers themselves, who read the paper", humans, tuple(COLUMNS)[:5]))


def _print_published(out: Console, run: Run) -> None:
    """GUIDE's table with ours in it."""
    table = Table(title="GUIDE's table, with ours in it", title_justify="left", title_style="bold", box=SIMPLE_HEAD)
    for heading in ("", *(COLUMNS[name] for name in _GUIDE)):
        table.add_column(heading)
    for row in GUIDE_TABLE.rows:
        cells = (row.top5_precision, row.top30_precision, row.accept_recall)
        table.add_row(row.system, *(f"{cell.value:.1f} ± {cell.over_trials:.1f}" for cell in cells))
    for system in run.systems:
        if system.metrics and (system.name == ENGINE or system.leak_exposed):
            name = f"{system.name.replace('-', ' ')}, {system.text}{'*' if system.leak_exposed else ''}"
            table.add_row(name, *(_stack(metric, system.metrics[metric]) for metric in _GUIDE), style="bold")
    out.print()
    out.print(table)
    out.print(
        f"{GUIDE_TABLE.source}: n = {GUIDE_TABLE.n:,} other ICLR 2025 submissions, {GUIDE_TABLE.accepted:,} accepted, "
        f"{GUIDE_TABLE.text}; ± over three trials of the generator, not over papers. Not comparable line by line.",
        style="dim",
    )


def _table(title: str, systems: list[System], columns: tuple[str, ...]) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold", box=SIMPLE_HEAD, padding=0, pad_edge=False)
    table.add_column("", min_width=_NAME, max_width=_NAME)
    for name in columns:
        table.add_column(COLUMNS[name], no_wrap=True)
    for system in systems:
        # At a space a long name breaks into its two lines.
        name = f"{system.name.replace('-', ' ')}{'*' if system.leak_exposed else ''}"
        style = "bold" if system.name == ENGINE else None
        table.add_row(name, *(_cell(column, system.metrics.get(column)) for column in columns), style=style)
    return table


def _cell(metric: str, estimate: Estimate | None) -> str:
    if estimate is None or math.isnan(estimate.value):
        return NOTHING
    if metric_of(metric).percent:  # whole points: at the size of any replay more would be noise, and 80 columns are few
        low, high = (f"{100 * end:.0f}" for end in (estimate.low, estimate.high))
    else:
        low, high = (_bare(metric_of(metric).write(end)) for end in (estimate.low, estimate.high))
    return f"{metric_of(metric).write(estimate.value)}\n[dim]{low} {high}[/dim]"


def _stack(metric: str, estimate: Estimate) -> str:
    return f"{metric_of(metric).write(estimate.value)}\n[dim]{metric_of(metric).span(estimate)}[/dim]"


def _inline(metric: str, estimate: Estimate) -> str:
    span = metric_of(metric).span(estimate)
    return f"{metric_of(metric).write(estimate.value)}{f' ({span})' if span else ''}"


def _bare(number: str) -> str:
    """0.597 as .597: the interval's two ends share a narrow column."""
    return re.sub(r"^(\W?)0\.", r"\1.", number)
