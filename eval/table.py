"""The replay in a terminal."""

from __future__ import annotations

import math

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from guide.eval.bootstrap import Estimate
from guide.eval.replay import METRICS, ReplayReport, TextResult

_LABELS = {
    "auroc": "AUROC",
    "top5_precision": "Top-5 %",
    "top30_precision": "Top-30 %",
    "accept_recall": "Recall",
    "spearman": "Spearman",
    "brier": "Brier",
    "ece": "ECE",
}
# Shares are easier read in per cent; the others have no unit.
_PERCENT = ("top5_precision", "top30_precision", "accept_recall")
# Seven columns must fit in 80 characters.
_SHORT = {"always-reject": "reject", "base-rate": "base rate", "tfidf-logistic": "tf-idf"}


def print_replay(report: ReplayReport, console: Console | None = None) -> None:
    """Print every number with its interval and its baselines."""
    out = console or Console(highlight=False)
    out.print(
        f"[bold]{escape(report.file)}[/bold]: n {report.n:,}, base rate {report.base_rate:.1%}, "
        f"P(accept) stated for {escape(report.venue.name)} ({report.venue.base_rate:.1%})"
    )
    for reason, number in report.dropped.items():
        out.print(f"  {number:,} records left out: {escape(reason)}")
    for note in report.notes:
        out.print(f"[yellow]note:[/yellow] {escape(note)}")
    for result in report.texts:
        _print_text(out, result)
    out.print(
        f"\n{escape(report.engine)}, parameters {report.engine_sha256[:12]}; intervals: 95 % bootstrap over papers, "
        f"{report.resamples:,} resamples, seed {report.seed}; {report.seconds:.0f} s",
        style="dim",
    )


def _print_text(out: Console, result: TextResult) -> None:
    removed = sum(result.removed.values())
    said = f", {removed:,} passages taken out" if result.text == "stripped" else ", leaks included"
    table = Table(
        title=f"Text: {result.text}{said}",
        title_justify="left",
        title_style="bold",
        box=SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
    )
    table.add_column("", no_wrap=True)
    table.add_column("guide", style="bold", no_wrap=True)
    for baseline in result.baselines:
        table.add_column(_SHORT.get(baseline.name, baseline.name), no_wrap=True)
    for metric in METRICS:
        cells = [baseline.metrics.get(metric) for baseline in result.baselines]
        table.add_row(_LABELS[metric], _cell(metric, result.metrics[metric]), *(_cell(metric, cell) for cell in cells))
    out.print()
    out.print(table)
    for baseline in result.baselines:
        if not baseline.metrics:
            out.print(f"{baseline.name}: {escape(baseline.note)}")
    gap = result.beyond_tfidf
    if gap is not None:
        out.print(f"AUROC beyond tf-idf: {gap.value:+.3f} ({gap.low:+.3f} to {gap.high:+.3f}), p = {gap.p:.3f}")
    out.print(f"ECE that chance alone would give a calibrated engine here: {result.ece_if_calibrated:.3f}")


def _cell(metric: str, estimate: Estimate | None) -> str:
    if estimate is None or math.isnan(estimate.value):
        return "-"
    scale, digits = (100, 1) if metric in _PERCENT else (1, 3)
    value, low, high = (f"{scale * part:.{digits}f}" for part in (estimate.value, estimate.low, estimate.high))
    return f"{value}\n[dim]{_bare(low)} {_bare(high)}[/dim]"


def _bare(number: str) -> str:
    """0.597 as .597: the interval's two ends share a narrow column."""
    return number.replace("0.", ".", 1) if number.lstrip("-").startswith("0.") else number
