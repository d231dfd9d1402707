"""`guide calibrate`: learn from decisions what an engine's judgements are worth."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from guide.commands.options import engine_options, json_option

if TYPE_CHECKING:
    from guide.engines.choice import EngineChoice


@click.command(
    epilog="Example:  guide calibrate decisions.jsonl --engine vllm --model MODEL --out model.json --limit 1000"
)
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--out", required=True, type=click.Path(path_type=Path), help="JSON file to write.")
@click.option("--limit", type=click.IntRange(min=1), help="Judge only the first N usable decisions.")
@engine_options
@json_option
def calibrate(file: Path, out: Path, limit: int | None, engine: EngineChoice, as_json: bool) -> None:
    """Judge the decided submissions of FILE and learn what the engine's ratings and signals say.

    FILE: JSON lines with title, abstract, accepted and year. The result is named by --calibration to score and replay,
    and fits the engine with the same settings only. How it did on folds that were held out is printed.
    """
    import json
    from dataclasses import asdict

    from guide.eval.calibrate import calibrate_engine

    fitted, left_out = calibrate_engine(file, engine, limit=limit)
    fitted.save(out)
    held = fitted.held_out
    if as_json:
        click.echo(json.dumps({"n": fitted.n, "left_out": left_out, "sha256": fitted.sha256, **asdict(held)}))
        return
    click.echo(f"{fitted.n:,} decisions, {left_out:,} left out; written to {out}")
    click.echo(
        f"held out: AUROC {held.auroc:.3f}, Brier {held.brier:.3f} (base rate alone {held.brier_base:.3f}), "
        f"{held.right:.1%} of the calls right, Brier of p_correct {held.brier_correct:.3f} "
        f"(their share alone {held.brier_correct_base:.3f})"
    )
