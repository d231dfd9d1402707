"""`guide replay`: play decisions back and print every number with its interval and its baselines."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from guide.commands.options import engine_options, json_option, venue_option

if TYPE_CHECKING:
    from guide.engines import EngineChoice
    from guide.eval.decisions import DecisionSet

OPENREVIEW = "openreview"


@click.command(
    epilog="Examples:  guide replay iclr2025-replay.jsonl --text both --out run"
    "  |  guide replay openreview ICLR.cc/2025/Conference --text all"
)
@click.argument("source", nargs=-1, required=True, metavar="FILE | openreview VENUE-ID")
@click.option(
    "--text",
    type=click.Choice(["stripped", "raw", "pre-decision", "both", "all"]),
    default="stripped",
    show_default=True,
    help="Text without links, code-release sentences and venue headers; as it is; as it stood before the decision; "
    "stripped and raw; or all the source has.",
)
@engine_options
@venue_option("ICLR-2025")
@click.option("--store", type=click.Path(path_type=Path), metavar="DIR", help="Literature to search for prior work.")
@click.option(
    "--cutoff",
    metavar="YYYY-MM",
    help="Count only work public by this month as prior; by default the venue's deadline.",
)
@click.option(
    "--train",
    type=click.Path(path_type=Path),
    help="Earlier decisions for trained baselines; by default iclr-decisions.jsonl.zst beside FILE or in GUIDE_DATA.",
)
@click.option(
    "--knowledge-cutoff",
    metavar="YYYY-MM",
    help="Month to which a language model's knowledge reaches, as its maker says.",
)
@click.option("--quick", is_flag=True, help="Leave out the baselines that need every training text embedded.")
@click.option("--cache", type=click.Path(path_type=Path), metavar="DIR", help="Folder for those embeddings.")
@click.option(
    "--by-year",
    is_flag=True,
    help="Train the student to year Y and replay Y+1, for each year of --train from 2019, then FILE.",
)
@click.option(
    "--out", type=click.Path(path_type=Path), metavar="DIR", help="Folder to save the run in, for guide report."
)
@click.option("--resamples", type=click.IntRange(min=100), default=2000, show_default=True, help="Bootstrap resamples.")
@click.option("--seed", type=int, default=0, show_default=True)
@click.option("--url", metavar="URL", help="OpenReview's API 2, if not its own.")
@click.option("--url-v1", metavar="URL", help="OpenReview's API 1, if not its own.")
@json_option
def replay(
    source: tuple[str, ...],
    text: str,
    engine: EngineChoice,
    venue: str,
    store: Path | None,
    cutoff: str | None,
    train: Path | None,
    knowledge_cutoff: str | None,
    quick: bool,
    cache: Path | None,
    by_year: bool,
    out: Path | None,
    resamples: int,
    seed: int,
    url: str | None,
    url_v1: str | None,
    as_json: bool,
) -> None:
    """Score the decided submissions of FILE, or of a venue of OpenReview, and compare with what was decided.

    FILE: JSON lines with title, abstract, accepted (true/false), and optionally id, ratings, year, area,
    abstract_predecision. Prints every metric with its 95 % bootstrap interval, beside every baseline, what leaks alone
    would tell, what one reviewer tells, and the figures GUIDE's paper gives.
    """
    import json

    from guide.eval.replay import ReplayOptions, cache_folder, run_replay

    options = ReplayOptions(
        text=text,
        engine=engine,
        venue=venue,
        train=train,
        store=store,
        cutoff=cutoff,
        knowledge_cutoff=knowledge_cutoff,
        quick=quick,
        cache=cache,
        resamples=resamples,
        seed=seed,
    )
    if out is not None:
        _prepare(out, by_year=by_year)
    # Earlier versions cost one request a submission, so they are kept, and asked for only where they are read.
    revisions = cache_folder(options) / "openreview" if text in ("pre-decision", "all") else None
    decisions, name, folder = _read(source, url, url_v1, revisions)
    if by_year:
        from guide.eval.replay import run_by_year
        from guide.eval.years_table import print_years

        years = run_by_year(decisions, options, folder=folder)
        click.echo(json.dumps(years.to_json())) if as_json else print_years(years)
        return
    run = run_replay(decisions, name, options, folder=folder)
    if out is not None:
        run.save(out)
    if as_json:
        click.echo(json.dumps(run.to_json()))
        return
    from guide.eval.table import print_run

    print_run(run)
    if out is not None:
        click.echo(f"saved in {out}; guide report {out} --out FOLDER makes a page of it", err=True)


def _prepare(out: Path, *, by_year: bool) -> None:
    """Make the folder before anything is judged, which may cost hours or money."""
    import os

    from guide.errors import InputError

    if by_year:
        raise InputError("--by-year saves no run", fix="Leave --out out, and keep what --json prints.")
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"cannot be made ({error.strerror})", where=out, fix="Name another --out.") from error
    if not os.access(out, os.W_OK | os.X_OK):
        raise InputError("cannot be written", where=out, fix="Name another --out.")


def _read(
    source: tuple[str, ...], url: str | None, url_v1: str | None, revisions: Path | None
) -> tuple[DecisionSet, str, Path | None]:
    """The decisions, their name, and the folder of their file."""
    from guide.errors import InputError

    if source[0] == OPENREVIEW and len(source) == 2:
        from guide.eval.venue import read_venue_decisions

        kept = None
        if revisions is not None:
            revisions.mkdir(parents=True, exist_ok=True)
            kept = revisions / f"{source[1].replace('/', '_')}.jsonl"
        found = read_venue_decisions(source[1], url=url, url_v1=url_v1, revisions=kept is not None, cache=kept)
        return found, source[1], None
    if len(source) != 1 or source[0] == OPENREVIEW or url is not None or url_v1 is not None:
        raise InputError(
            f"{' '.join(source)!r} is neither one file nor a venue of OpenReview",
            fix="guide replay FILE, or guide replay openreview ICLR.cc/2025/Conference.",
        )
    from guide.eval.decisions import read_decisions

    file = Path(source[0])
    return read_decisions(file), file.name, file.parent
