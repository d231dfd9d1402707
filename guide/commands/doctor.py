"""`guide doctor`: what is installed, which engines work, where things are."""

from __future__ import annotations

import click

from guide.commands.options import json_option


@click.command(epilog="Example:  guide doctor")
@json_option
def doctor(as_json: bool) -> None:
    """Say what is installed, which engines work, where the starter store is, and the hashes of the models.

    Exit status 1 if `guide review` would not work.
    """
    import json
    from dataclasses import asdict

    from guide.diagnosis import diagnose

    report = diagnose()
    if as_json:
        click.echo(json.dumps(asdict(report)))
    else:
        for check in report.checks:
            click.echo(f"{check.state:<8} {check.name}: {check.detail}")
            if check.fix:
                click.echo(f"{'':<8} {check.fix}")
    if not report.ok:
        raise click.exceptions.Exit(1)
