"""`guide report`: a page of the runs that `guide replay --out` saved."""

from __future__ import annotations

from pathlib import Path

import click

from guide.commands.options import json_option


@click.command(epilog="Example:  guide report run-2025 run-arxiv --out replay-iclr2025")
@click.argument("runs", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="RUN...")
@click.option(
    "--out", required=True, type=click.Path(path_type=Path), metavar="DIR", help="Folder to write; made if new."
)
@json_option
def report(runs: tuple[Path, ...], out: Path, as_json: bool) -> None:
    """Write a page about replays: the verdict, every table and figure, the mistakes, and where it all comes from.

    RUN: a folder that guide replay --out wrote; several are compared. DIR gets index.html, which needs no network and
    no other file, the figures as PNG, and report.json. No title and no abstract is in it.
    """
    import json

    from guide.eval.report.page import write_report
    from guide.eval.run import load_run

    written = write_report([load_run(folder) for folder in runs], out)
    if as_json:
        click.echo(json.dumps(written.data))
        return
    for verdict in written.verdicts:
        click.echo(verdict)
    click.echo(f"written: {written.page}", err=True)
