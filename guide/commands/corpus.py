"""`guide corpus`: build, search and check a literature store."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from guide.commands.options import json_option, store_option

if TYPE_CHECKING:
    from guide.corpus.records import Skipped

_SHOWN = 5


@click.group(epilog="Example:  guide corpus add papers.jsonl.zst --store lit")
def corpus() -> None:
    """Build, search and check a literature store."""


@corpus.command(epilog="Example:  guide corpus add papers.jsonl.zst --store lit --limit 20000")
@click.argument("file", type=click.Path(path_type=Path))
@store_option
@click.option("--limit", type=click.IntRange(min=1), help="Add only the first N papers.")
@json_option
def add(file: Path, store: str, limit: int | None, as_json: bool) -> None:
    """Add the papers of FILE (JSON lines: id, title, abstract, year, ...; plain, .gz or .zst) to a store.

    Makes the store if there is none. Papers already there with the same content are left alone, so a run that was
    stopped goes on where it was.
    """
    from guide.corpus.encoder import load_encoder
    from guide.corpus.records import read_records
    from guide.corpus.store import Store

    records = read_records(file, limit=limit)
    with Store.create_or_open(Path(store), load_encoder(precision="auto")) as opened:
        report = opened.add(records, source=file, progress=True)
    if as_json:
        click.echo(json.dumps(asdict(report)))
        return
    click.echo(
        f"{report.added:,} added, {report.updated:,} updated, {report.unchanged:,} unchanged, "
        f"{report.duplicates:,} duplicates, {len(report.skipped):,} skipped; "
        f"{report.embedded:,} embedded in {report.seconds:.1f} s "
        f"({report.papers_per_second:.1f} papers a second)"
    )
    _echo_skipped(report.skipped)


@corpus.command(epilog="Example:  guide corpus search 'calibration under shift' --store lit -k 5")
@click.argument("query")
@store_option
@click.option("-k", "count", type=click.IntRange(1, 1000), default=10, show_default=True, help="Papers to show.")
@click.option("--cutoff", metavar="YYYY-MM", help="Only work public by this month.")
@json_option
def search(query: str, store: str, count: int, cutoff: str | None, as_json: bool) -> None:
    """Find the papers of a store closest to QUERY, by words and by vectors together."""
    from guide.corpus.encoder import load_encoder
    from guide.corpus.retrieve import search as search_store
    from guide.corpus.store import Store

    with Store.open(Path(store)) as opened:
        found = search_store(opened, load_encoder(), query, k=count, cutoff=cutoff)
    if as_json:
        click.echo(json.dumps(asdict(found)))
        return
    if not found.hits:
        click.echo("nothing found")
    for rank, hit in enumerate(found.hits, 1):
        place = f"{hit.paper.venue} {hit.paper.year}".strip()
        click.echo(f"{rank:>3}  {hit.similarity:.3f}  {hit.paper.title} ({place})  {hit.paper.url or hit.paper.id}")
    if found.without_vector:
        click.echo(f"{found.without_vector:,} papers are not embedded yet: add the file again", err=True)
    if found.dropped_after_cutoff:
        click.echo(f"{found.dropped_after_cutoff:,} left out: later than {found.cutoff}", err=True)


@corpus.command(epilog="Example:  guide corpus info --store lit --json")
@store_option
@json_option
def info(store: str, as_json: bool) -> None:
    """Say what a store holds: papers by venue and year, embedder, cut-off, sizes, checksum."""
    from guide.corpus.store import Store

    with Store.open(Path(store)) as opened:
        facts = asdict(opened.info())
    if as_json:
        click.echo(json.dumps(facts))
        return
    for name, value in facts.items():
        if isinstance(value, dict):
            listed = ", ".join(f"{key or 'unknown'} {number:,}" for key, number in value.items())
            click.echo(f"{name.replace('_', ' ')}: {listed}")
        else:
            click.echo(f"{name.replace('_', ' ')}: {value}")


@corpus.command(epilog="Example:  guide corpus verify --store lit --repair")
@store_option
@click.option("--repair", is_flag=True, help="Rebuild whatever can be derived from the database.")
@json_option
def verify(store: str, repair: bool, as_json: bool) -> None:
    """Check every part of a store against the others; exit status 1 if something is wrong and was not repaired."""
    from guide.corpus.encoder import load_encoder
    from guide.corpus.verify import verify as verify_store

    report = verify_store(Path(store), repair=repair, encoder=load_encoder(precision="auto"), progress=True)
    if as_json:
        click.echo(json.dumps(asdict(report)))
    else:
        for problem in report.problems:
            state = "repaired" if problem.repaired else "NOT repaired"
            click.echo(f"{problem.where}: {problem.what} ({state})")
        click.echo(f"{'sound' if report.ok else 'damaged'}; checked: {', '.join(report.checked)}")
    if not report.ok:
        raise click.exceptions.Exit(1)


def _echo_skipped(skipped: tuple[Skipped, ...]) -> None:
    for item in skipped[:_SHOWN]:
        click.echo(f"  skipped {item.where}: {item.reason}", err=True)
    if len(skipped) > _SHOWN:
        click.echo(f"  ... and {len(skipped) - _SHOWN:,} more (all are in --json)", err=True)
