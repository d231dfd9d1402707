"""A calibration in a terminal and as JSON: every candidate, beside the base rate and the engine by itself."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from guide.calibration.base_rates import DEFAULT_VENUE
from guide.calibration.selection import FOLDS, REPEATS, Figures
from guide.eval.calibrate import CalibrationReport


def calibration_json(report: CalibrationReport) -> dict[str, Any]:
    """What was fitted and how it did; the held-out decisions, which the file has, are left out."""
    found = report.calibration
    return {
        "venue": found.venue,
        "base_rate": found.base_rate,
        "rate_interval": found.rate_interval,
        "n": found.n,
        "accepted": found.accepted,
        "left_out": report.left_out,
        "notes": list(report.notes),
        "engine": found.engine,
        "score": found.score,
        "calibrator": found.calibrator.kind,
        "parameters": list(found.calibrator.parameters),
        "figures": asdict(found.figures),
        "base_rate_alone": asdict(found.base_rate_alone),
        "uncalibrated": asdict(found.uncalibrated),
        "gain": found.gain,
        "gain_error": found.gain_error,
        "candidates": [asdict(trial) for trial in found.trials],
        "correct": {name: getattr(found.correct, name) for name in ("right", "brier", "brier_share")},
        "sha256": found.sha256,
    }


def print_calibration(report: CalibrationReport, console: Console | None = None) -> None:
    """Print what was fitted, every candidate's figures, and what was left out."""
    out = console or Console(highlight=False)
    found = report.calibration
    rate = f"base rate {found.base_rate:.1%} (stated)"
    if found.rate_interval is not None:
        low, high = found.rate_interval
        rate = f"base rate {found.base_rate:.1%} (95 % interval {low:.1%}-{high:.1%})"
    out.print(f"{escape(found.venue)}: {found.n:,} submissions, {found.accepted:,} accepted, {rate}")
    for reason, count in report.left_out.items():
        out.print(f"  {count:,} left out: {escape(reason)}")
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    table.add_column(f"{FOLDS}-fold, {REPEATS} times")
    for heading in ("log loss", "Brier", "ECE", "AUROC", "above the least"):
        table.add_column(heading, justify="right")
    table.add_row("the base rate alone", *_cells(found.base_rate_alone))
    table.add_row(f"{escape(found.engine)} for {DEFAULT_VENUE}", *_cells(found.uncalibrated))
    for trial in found.trials:
        mark = " (chosen)" if trial.kind == found.calibrator.kind else ""
        excess = f"{trial.excess:.4f} ± {trial.error:.4f}" if trial.error else "least"
        table.add_row(f"{trial.kind}{mark}", *_cells(trial.figures), excess)
    out.print(table)
    correct = found.correct
    out.print(
        f"{correct.right:.1%} of the calls right; Brier of p_correct {correct.brier:.3f}, of their share alone "
        f"{correct.brier_share:.3f}"
    )
    for note in report.notes:
        out.print(f"note: {escape(note)}", style="yellow")


def _cells(figures: Figures) -> tuple[str, ...]:
    auroc = "-" if figures.auroc != figures.auroc else f"{figures.auroc:.3f}"
    return f"{figures.log_loss:.4f}", f"{figures.brier:.4f}", f"{figures.ece:.3f}", auroc
