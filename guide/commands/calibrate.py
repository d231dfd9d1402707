"""`guide calibrate`: learn from decisions what an engine's judgements are worth at a venue."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from guide.commands.options import engine_options, json_option

if TYPE_CHECKING:
    from guide.engines import EngineChoice


@click.command(
    epilog="Example:  guide calibrate workshop.jsonl --venue WORKSHOP-2025 --out workshop.json  and then  "
    "guide review idea.md --calibration workshop.json"
)
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--out", required=True, type=click.Path(path_type=Path, dir_okay=False), help="JSON file to write.")
@click.option(
    "--venue",
    metavar="NAME",
    help="Whose decisions they are; by default what the records say. 'NAME=RATE' states the rate of acceptance, where "
    "FILE does not hold accepted and rejected ones as they came.",
)
@click.option("--limit", type=click.IntRange(min=1), help="Use only the first N usable decisions.")
@engine_options
@json_option
def calibrate(file: Path, out: Path, venue: str | None, limit: int | None, engine: EngineChoice, as_json: bool) -> None:
    """Judge the decided submissions of FILE and learn what the engine's scores say at their venue.

    FILE: JSON lines with title, abstract, accepted (true/false), and optionally id, year, venue. The result is named
    by --calibration to review, score and replay, which then speak of that venue; it fits the engine with the same
    settings only. How every candidate did on folds that were held out is printed.
    """
    import json

    from guide.errors import InputError
    from guide.eval.calibrate import calibrate_engine
    from guide.eval.calibration_table import calibration_json, print_calibration

    if not out.parent.is_dir():
        raise InputError("the folder to write in does not exist", where=out, fix=f"Make it: mkdir -p {out.parent}")
    if out.exists() and file.exists() and out.samefile(file):
        raise click.UsageError("--out would take the place of FILE.")
    report = calibrate_engine(file, engine, venue=venue, limit=limit)
    report.calibration.save(out)
    if as_json:
        click.echo(json.dumps(calibration_json(report)))
        return
    print_calibration(report)
    click.echo(f"written to {out}", err=True)
