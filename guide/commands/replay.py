"""`guide replay`: play decisions back and print every number with its interval and its baselines."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from guide.commands.options import engine_options, json_option, venue_option

if TYPE_CHECKING:
    from guide.engines.choice import EngineChoice


@click.command(epilog="Example:  guide replay iclr2025-replay.jsonl --text both")
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--text",
    type=click.Choice(["stripped", "raw", "both"]),
    default="stripped",
    show_default=True,
    help="Text without links, code-release sentences and venue headers; as it is; or both.",
)
@engine_options
@venue_option
@click.option(
    "--train",
    type=click.Path(path_type=Path),
    help="Earlier decisions for the TF-IDF baseline; by default iclr-decisions.jsonl.zst beside FILE or in GUIDE_DATA.",
)
@click.option("--resamples", type=click.IntRange(min=100), default=2000, show_default=True, help="Bootstrap resamples.")
@click.option("--seed", type=int, default=0, show_default=True)
@json_option
def replay(
    file: Path,
    text: str,
    engine: EngineChoice,
    venue: str,
    train: Path | None,
    resamples: int,
    seed: int,
    as_json: bool,
) -> None:
    """Score the decided submissions of FILE and compare with what was decided.

    FILE: JSON lines with title, abstract, accepted (true/false), and optionally id, ratings, year. Prints n, base
    rate, AUROC, GUIDE's three metrics, Spearman, Brier and ECE with 95 % bootstrap intervals, beside trivial and
    trained baselines.
    """
    from guide.eval.replay import run_replay

    report = run_replay(file, text=text, engine=engine, venue=venue, train=train, resamples=resamples, seed=seed)
    if as_json:
        import json

        click.echo(json.dumps(report.to_json()))
        return
    from guide.eval.table import print_replay

    print_replay(report)
