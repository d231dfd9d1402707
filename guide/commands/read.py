"""`guide read`: what is understood of a file, before anything judges it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from guide.commands.options import json_option

if TYPE_CHECKING:
    from guide.review import Form, Proposal

_SHOWN = 160  # characters of a module's beginning


@click.command(
    epilog="Examples:  guide read paper.pdf  |  guide read project/ --json  |  guide read unknown.docx --sandbox"
)
@click.argument("file")
@click.option(
    "--form",
    type=click.Choice(["idea", "draft", "paper"]),
    help="What the text is; guessed if not given.",
)
@click.option("--sandbox", is_flag=True, help="Read in a process of its own: at most 10 s and 1 GB.")
@json_option
def read(file: str, form: Form | None, sandbox: bool, as_json: bool) -> None:
    """Say what is read of FILE: its title, its modules with their lengths, what was left out and why.

    FILE is a PDF, Word, OpenDocument, LaTeX, Markdown, text, HTML, notebook or JSON file, the folder of a LaTeX
    project, or - for standard input.
    """
    if sandbox:
        from guide.text.documents.sandbox import read_apart

        proposal = read_apart(file, form=form)
    else:
        from guide.text.proposal import read_proposal

        proposal = read_proposal(file, form=form)
    click.echo(proposal.model_dump_json(indent=2) if as_json else "\n".join(_lines(proposal)))


def _lines(proposal: Proposal) -> list[str]:
    from guide.text.language import count_words

    judged = len(proposal.modules) > 1 and "abstract" in proposal.modules and proposal.form != "idea"
    form = proposal.form if proposal.form_stated else f"{proposal.form} (guessed)"
    lines = [
        f"title     {proposal.title or '(none found)'}",
        f"form      {form}; {proposal.words:,} words, language {proposal.language}",
        f"judged    {'the abstract; the rest is read for advice' if judged else 'all of it'}",
        "",
    ]
    for kind, text in proposal.modules.items():
        start = " ".join(text.split())
        lines.append(f"{kind:<13}{count_words(text):>7,} words   {start[:_SHOWN]}{'…' if len(start) > _SHOWN else ''}")
    if proposal.warnings:
        lines += ["", *(f"- {warning}" for warning in proposal.warnings)]
    return lines
