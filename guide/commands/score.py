"""`guide score`: judge every record of a file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from guide.commands.options import engine_options, json_option, venue_option

if TYPE_CHECKING:
    from guide.engines.choice import EngineChoice


@click.command(epilog="Example:  guide score submissions.jsonl --out scores.jsonl")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--out", required=True, type=click.Path(path_type=Path), help="JSON lines file to write.")
@click.option("--limit", type=click.IntRange(min=1), help="Judge only the first N records.")
@engine_options
@venue_option
@json_option
def score(file: Path, out: Path, limit: int | None, engine: EngineChoice, venue: str, as_json: bool) -> None:
    """Judge every record of FILE (JSON lines with `title` and `abstract`; plain, .gz or .zst).

    Writes one line a record, in order: id, title, rating, p_accept, p_correct, status. A record that cannot be
    judged keeps its line; its status says why. The file appears whole or not at all.
    """
    import json
    from dataclasses import asdict

    from guide.scoring import score_file

    report = score_file(file, out, engine=engine, venue=venue, limit=limit)
    if as_json:
        click.echo(json.dumps(asdict(report)))
        return
    click.echo(
        f"{report.judged:,} judged and {report.failed:,} not, in {report.seconds:.1f} s "
        f"({report.rate:.1f} a second), written to {out}",
        err=True,
    )
    if report.spent:
        click.echo(f"  {report.spent}", err=True)
    for reason, number in report.reasons.items():
        click.echo(f"  {number:,} not judged: {reason}", err=True)
