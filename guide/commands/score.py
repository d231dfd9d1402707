"""`guide score`: judge every submission of a file, a folder or a venue."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from guide.commands.options import engine_options, json_option, venue_option

if TYPE_CHECKING:
    from collections.abc import Iterator

    from guide.engines import EngineChoice
    from guide.review import Form
    from guide.scoring.batch import Plan, ScoreReport
    from guide.text.submissions import Submission, Unreadable

_REASONS = 20  # shown; some name a count of tokens or cells, and there may be as many of them as records


@click.command(
    epilog="Examples:  guide score submissions.jsonl --out scores.jsonl  |  guide score drafts --out all --store lit"
    "  |  guide score openreview ICLR.cc/2025/Conference --out all"
)
@click.argument("source", nargs=-1, required=True)
@click.option("--out", required=True, type=click.Path(path_type=Path), help="Folder, .jsonl, .csv or .db to write.")
@click.option("--limit", type=click.IntRange(min=1), help="Judge only the first N records.")
@click.option("--store", metavar="DIR", help="Literature store to search for prior work; without it, none is searched.")
@click.option("--cutoff", metavar="YYYY-MM", help="Count only work public by this month as prior.")
@click.option(
    "--form",
    type=click.Choice(["idea", "draft", "paper"]),
    help="What the submissions are; without it, texts in files are guessed and records are papers.",
)
@click.option("-k", "count", type=click.IntRange(1, 50), default=8, show_default=True, help="Prior works to keep.")
@click.option("--workers", type=click.IntRange(1, 256), metavar="N", help="Processes; one a core by default.")
@click.option("--ray", metavar="ADDRESS", help="Judge on a Ray cluster: local, auto, host:port or ray://host:port.")
@click.option(
    "--retry-failed/--no-retry-failed",
    default=True,
    show_default=True,
    help="Whether to try again what failed in an earlier run.",
)
@click.option("--dry-run", is_flag=True, help="Say what there is to judge and what it would take; judge nothing.")
@engine_options
@venue_option()
@json_option
def score(
    source: tuple[str, ...],
    out: Path,
    limit: int | None,
    store: str | None,
    cutoff: str | None,
    form: Form | None,
    count: int,
    workers: int | None,
    ray: str | None,
    retry_failed: bool,
    dry_run: bool,
    engine: EngineChoice,
    venue: str,
    as_json: bool,
) -> None:
    """Judge every record of SOURCE and write one row a record, in order.

    SOURCE is JSON lines or CSV with `title` and `abstract`, a folder of Markdown, text, LaTeX or PDF, or `openreview
    VENUE`. What is judged is kept in a database beside the files: stopped at any moment and started again, the same
    command computes only what is missing. A record that cannot be judged keeps its row; its status says why.
    """
    from guide.scoring.batch import plan_scoring, score_submissions
    from guide.scoring.outcomes import Setup

    if str(out) == "-":
        raise click.UsageError("--out names a file or a folder; results are not written to standard output.")
    records = _read(source, limit)
    if len(source) == 1:
        _check_apart(Path(source[0]), out)
    setup = Setup(engine, venue, store, cutoff, form, count)
    if dry_run:
        _show_plan(plan_scoring(records, out, setup=setup, retry_failed=retry_failed), as_json)
        return
    try:
        report = score_submissions(records, out, setup=setup, workers=workers, ray=ray, retry_failed=retry_failed)
    except KeyboardInterrupt:
        click.echo("what was judged is kept; the same command goes on with the rest", err=True)
        raise
    _show(report, as_json)


def _read(source: tuple[str, ...], limit: int | None) -> Iterator[Submission | Unreadable]:
    from guide.text.submissions import read_submissions, read_venue

    if source[0] == "openreview" and len(source) == 2:
        return read_venue(source[1], limit=limit)
    if len(source) == 1:
        return read_submissions(source[0], limit=limit)
    raise click.UsageError("SOURCE is one file or folder, or: openreview VENUE.")


def _check_apart(source: Path, out: Path) -> None:
    """See that the results neither replace what is judged nor are read with it by the next run."""
    from guide.scoring.files import resolve_outputs

    if source.is_dir():
        if out.resolve().is_relative_to(source.resolve()):
            raise click.UsageError("--out lies in SOURCE: the next run would take the results for submissions.")
        return
    with resolve_outputs(out) as outputs:
        for path in (out, outputs.database, *outputs.written):
            if path.exists() and path.samefile(source):
                raise click.UsageError(f"--out would take the place of SOURCE: {path}.")


def _show_plan(plan: Plan, as_json: bool) -> None:
    import json
    from dataclasses import asdict

    if as_json:
        click.echo(json.dumps(asdict(plan)))
        return
    listing = plan.listing
    click.echo(
        f"{listing.records:,} records: {plan.pending:,} texts to judge, {plan.kept:,} judged before, "
        f"{listing.repeats:,} repeats, {listing.unreadable:,} not readable"
    )
    click.echo(plan.forecast.sentence)


def _show(report: ScoreReport, as_json: bool) -> None:
    import json
    from dataclasses import asdict

    if as_json:
        click.echo(json.dumps(asdict(report)))
        return
    click.echo(
        f"{report.judged:,} judged and {report.failed:,} not, in {report.seconds:.1f} s "
        f"({report.rate:.1f} a second), written to {', '.join(report.written)}",
        err=True,
    )
    notes = {
        f"{report.kept:,} texts were judged by earlier runs": report.kept,
        f"{report.repeats:,} records repeat the text of an earlier one and share its judgement": report.repeats,
        f"{report.ties.submissions:,} records share a rank with another ({report.ties.ranks:,} ranks)": (
            report.ties.submissions
        ),
        f"{report.self_excluded:,} papers of the store left out: the submission itself": report.self_excluded,
        f"{report.after_cutoff:,} papers of the store left out: later than the cut-off": report.after_cutoff,
        report.spent: report.spent,
    }
    for note, counts in notes.items():
        if counts:
            click.echo(f"  {note}", err=True)
    for reason, number in list(report.reasons.items())[:_REASONS]:
        click.echo(f"  {number:,} not judged: {reason}", err=True)
    others = list(report.reasons.values())[_REASONS:]
    if others:
        click.echo(
            f"  {sum(others):,} not judged for {len(others):,} other reasons, each in its row's status", err=True
        )
