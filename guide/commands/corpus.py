"""`guide corpus`: build, search and check a literature store."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import click

from guide.commands.add import add
from guide.commands.options import json_option, store_option


@click.group(epilog="Example:  guide corpus add papers.jsonl.zst --store lit")
def corpus() -> None:
    """Build, search and check a literature store."""


corpus.add_command(add)


@corpus.command(epilog="Example:  guide corpus search 'calibration under shift' --store lit -k 5")
@click.argument("query")
@store_option
@click.option("-k", "count", type=click.IntRange(1, 1000), default=10, show_default=True, help="Papers to show.")
@click.option("--cutoff", metavar="YYYY-MM", help="Only work public by this month.")
@click.option("--venue", "venues", multiple=True, metavar="NAME", help="Only papers of this venue; may be repeated.")
@click.option("--encoder", default="minilm", show_default=True, metavar="NAME", help="The store's embedder.")
@json_option
def search(
    query: str, store: str, count: int, cutoff: str | None, venues: tuple[str, ...], encoder: str, as_json: bool
) -> None:
    """Find the papers of a store closest to QUERY, by words and by vectors together."""
    from guide.corpus.encoders import load_encoder
    from guide.corpus.retrieve import search as search_store
    from guide.corpus.store import Store

    with Store.open(Path(store)) as opened:
        found = search_store(opened, load_encoder(encoder), query, k=count, cutoff=cutoff, venues=venues)
    if as_json:
        click.echo(json.dumps(asdict(found)))
        return
    if not found.hits:
        click.echo("nothing found")
    for rank, hit in enumerate(found.hits, 1):
        place = f"{hit.paper.venue} {hit.paper.year}".strip()
        also = f"  also {', '.join(hit.also)}" if hit.also else ""
        where = hit.paper.url or hit.paper.id
        click.echo(f"{rank:>3}  {hit.similarity:.3f}  {hit.paper.title} ({place})  {where}{also}")
    if found.without_vector:
        click.echo(f"{found.without_vector:,} papers are not embedded yet: add the file again", err=True)
    if found.dropped_after_cutoff:
        click.echo(f"{found.dropped_after_cutoff:,} left out: later than {found.cutoff}", err=True)
    if found.dropped_other_venue:
        click.echo(f"{found.dropped_other_venue:,} left out: of other venues", err=True)


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
@click.option("--encoder", default="minilm", show_default=True, metavar="NAME", help="The store's embedder.")
@json_option
def verify(store: str, repair: bool, encoder: str, as_json: bool) -> None:
    """Check every part of a store against the others; exit status 1 if something is wrong and was not repaired."""
    from guide.corpus.encoders import load_encoder
    from guide.corpus.verify import verify as verify_store

    loaded = load_encoder(encoder)
    report = verify_store(Path(store), repair=repair, encoder=loaded, progress=True)
    if as_json:
        click.echo(json.dumps(asdict(report)))
    else:
        for problem in report.problems:
            state = "repaired" if problem.repaired else "NOT repaired"
            click.echo(f"{problem.where}: {problem.what} ({state})")
        click.echo(f"{'sound' if report.ok else 'damaged'}; checked: {', '.join(report.checked)}")
    if not report.ok:
        raise click.exceptions.Exit(1)


@corpus.command(epilog="Example:  guide corpus export papers.jsonl.zst --store lit")
@click.argument("file", type=click.Path(path_type=Path))
@store_option
@json_option
def export(file: Path, store: str, as_json: bool) -> None:
    """Write every paper of a store to FILE, one JSON object a line (.gz or .zst by the name, - for standard output).

    Adding that file to an empty store makes one with the same content.
    """
    from guide.corpus.export import export_papers
    from guide.corpus.store import Store

    with Store.open(Path(store)) as opened:
        papers = export_papers(opened, file)
    if as_json:
        click.echo(json.dumps({"papers": papers, "file": str(file)}), err=str(file) == "-")
    elif str(file) != "-":
        click.echo(f"{papers:,} papers written to {file}")


@corpus.command(epilog="Example:  guide corpus reindex --store lit --vectors auto")
@store_option
@click.option("--vectors", metavar="LAYOUT", help="auto, flat, or a FAISS factory string. [default: as it was]")
@click.option("--encoder", default="minilm", show_default=True, metavar="NAME", help="minilm, or a model folder.")
@click.option("--device", default="cpu", show_default=True, help="Where to embed: cpu, cuda, ...")
@json_option
def reindex(store: str, vectors: str | None, encoder: str, device: str, as_json: bool) -> None:
    """Embed every paper of a store anew: with another encoder, in another layout, or trained on what has grown."""
    from guide.corpus.encoders import load_encoder
    from guide.corpus.store import reindex_store

    loaded = load_encoder(encoder, device=device)
    facts = reindex_store(Path(store), loaded, layout=vectors, progress=True)
    if as_json:
        click.echo(json.dumps(asdict(facts)))
    else:
        click.echo(f"{facts.vectors:,} of {facts.papers:,} papers embedded; vectors: {facts.layout}")


@corpus.command(epilog="Example:  guide corpus migrate --store lit")
@store_option
@json_option
def migrate(store: str, as_json: bool) -> None:
    """Bring a store made by an older guide to the present format, in place."""
    from guide.corpus.encoders import load_encoder
    from guide.corpus.migrate import migrate as migrate_store
    from guide.corpus.schema import FORMAT_VERSION

    was = migrate_store(Path(store), load_encoder(), progress=True)
    if as_json:
        click.echo(json.dumps({"from": was, "to": FORMAT_VERSION}))
    elif was == FORMAT_VERSION:
        click.echo(f"format {was} already")
    else:
        click.echo(f"format {was} -> {FORMAT_VERSION}")
