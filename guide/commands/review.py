"""`guide review`: judge one idea and name its evidence."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from guide.commands.options import engine_options, json_option, venue_option

if TYPE_CHECKING:
    from guide.engines import EngineChoice
    from guide.review import Form


@click.command(epilog="Examples:  guide review examples/idea.md  |  guide review - --form idea --json < idea.txt")
@click.argument("idea")
@click.option("--store", metavar="DIR", help="Literature store to search; without it, the starter store.")
@engine_options
@venue_option()
@click.option("--cutoff", metavar="YYYY-MM", help="Count only work public by this month as prior.")
@click.option(
    "--form",
    type=click.Choice(["idea", "draft", "paper"]),
    help="What the text is; guessed if not given. An idea is not blamed for missing results.",
)
@click.option("-k", "count", type=click.IntRange(1, 50), default=8, show_default=True, help="Prior works to show.")
@click.option("--compare", metavar="OLD", help="An earlier text: say what of its review the new one answers.")
@click.option(
    "--history",
    type=click.Path(path_type=Path),
    help="Keep the review in this file (JSON lines), and compare with the last of the same idea.",
)
@click.option("--markdown", is_flag=True, help="Print the whole review as Markdown.")
@click.option("--html", type=click.Path(path_type=Path), help="Also write it as one page that needs no other file.")
@click.option("--full", is_flag=True, help="Everything: all findings, papers and concerns, and where they come from.")
@json_option
def review(
    idea: str,
    store: str | None,
    engine: EngineChoice,
    venue: str,
    cutoff: str | None,
    form: Form | None,
    count: int,
    compare: str | None,
    history: Path | None,
    markdown: bool,
    html: Path | None,
    full: bool,
    as_json: bool,
) -> None:
    """Review IDEA: a Markdown, text or JSON file, or - for standard input.

    Prints a calibrated chance of acceptance, what reviewers will ask and what to change, and the closest work.
    """
    from guide.advisor import load_advisor
    from guide.text.proposal import read_proposal

    with load_advisor(store=store, engine=engine) as advisor:
        texts = [read_proposal(source, form=form) for source in (idea, compare) if source is not None]
        result, *earlier = [advisor.review(text, venue=venue, cutoff=cutoff, count=count) for text in texts]
    if history is not None:
        from guide.advice.history import remember

        before = remember(history, result)
        earlier = earlier or ([before] if before is not None else [])
    if html is not None:
        from guide.advice.views.page import render_page
        from guide.atomic import write_text

        write_text(html, render_page(result))
    if as_json or markdown:
        from guide.advice.views.markdown import render_markdown

        click.echo(result.model_dump_json(indent=2) if as_json else render_markdown(result), nl=as_json)
        return
    from guide.advice.revision import compare_reviews
    from guide.advice.views.revision import print_revision
    from guide.advice.views.terminal import print_review

    print_review(result, full=full)
    for old in earlier:
        click.echo()
        print_revision(compare_reviews(old, result), full=full)
