"""The time split in a terminal: a year a row, every figure with its interval, and the drift below."""

from __future__ import annotations

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from guide.eval.labels import METRICS
from guide.eval.timesplit import YearByYear

# Seven columns fit in 80 characters; --json has them all.
COLUMNS = ("auroc", "top30_precision", "spearman", "brier", "ece", "slope")


def print_years(found: YearByYear, console: Console | None = None) -> None:
    """Print the years, what chance makes of each ECE, and the drift."""
    out = console or Console(highlight=False)
    shown = [one for one in METRICS if one.name in COLUMNS]
    table = Table(
        title="Trained to a year, replayed on the next", title_justify="left", box=SIMPLE_HEAD, padding=(0, 1, 0, 0)
    )
    for heading in ("year", "n", "rate", *(one.label for one in shown)):
        table.add_column(heading)
    for year in found.years:
        cells = []
        for metric in shown:
            estimate = year.metrics[metric.name]
            cells.append(f"{metric.write(estimate.value)}\n[dim]{metric.span(estimate).replace(' to ', ' ')}[/dim]")
        table.add_row(str(year.year), f"{year.n:,}", f"{year.base_rate:.1%}", *cells)
    out.print(table)
    for year in found.years:
        out.print(
            f"{year.year}: trained on {year.trained_on[0]}-{year.trained_on[1]} ({year.n_trained:,}), "
            f"ECE by chance alone {year.ece_by_chance:.3f}"
        )
    for metric in METRICS:
        if metric.name in found.drift:
            drift = found.drift[metric.name]
            out.print(
                f"drift of {metric.label} a year: {metric.write(drift.value, signed=True)} "
                f"({metric.span(drift, signed=True)})"
            )
    for note in found.notes:
        out.print(f"[yellow]note:[/yellow] {escape(note)}")
    out.print(
        f"intervals: 95 % bootstrap over papers, {found.resamples:,} resamples, seed {found.seed}; all calibrated on "
        "earlier years only",
        style="dim",
    )
