"""`guide corpus add`: papers from a file or a service into a literature store."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import asdict
from datetime import datetime
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from guide.commands.options import Decorator, json_option, store_option

if TYPE_CHECKING:
    from guide.corpus.compress import Compressor, Method
    from guide.corpus.ingest import AddReport
    from guide.corpus.sources import Mark, Paper, Skipped, Source

_SHOWN = 5
_DEFAULT_COMPRESSION: Method = "extractive"


class SourceGroup(click.Group):
    """A group of sources in which anything that is not the name of a source is a file."""

    fallback = "file"

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put the command `file` before arguments that name no source."""
        if args and args[0] not in {*self.commands, "-h", "--help"}:
            args = [self.fallback, *args]
        return super().parse_args(ctx, args)


@click.group(
    cls=SourceGroup,
    short_help="Add papers from a file or a service.",
    epilog="Example:  guide corpus add papers.jsonl.zst --store lit",
)
def add() -> None:
    """Add papers to a store: from a file (`guide corpus add FILE`), or from a service (openreview, arxiv).

    Makes the store if there is none. Papers already there with the same content are left alone, so a run that was
    stopped goes on where it was: run the same command again.
    """


def _run_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options that every source shares."""
    options: list[Decorator] = [
        store_option,
        click.option("--limit", type=click.IntRange(min=1), help="Add only the first N papers."),
        click.option(
            "--compress",
            type=click.Choice(["extractive", "llmlingua", "none"]),
            help="How to shorten the modules' texts. [default: as the store does; a new one: extractive]",
        ),
        click.option("--rate", type=float, help="Share of the tokens to keep. [default: 0.6]"),
        click.option(
            "--compress-model",
            metavar="DIR",
            type=click.Path(path_type=Path),
            help="Folder of the LLMLingua-2 model.",
        ),
        click.option(
            "--vectors",
            metavar="LAYOUT",
            help="How to keep the vectors: auto, flat, or a FAISS factory string. [default: as the store does; auto]",
        ),
        click.option(
            "--encoder", default="minilm", show_default=True, metavar="NAME", help="minilm, or a model folder."
        ),
        click.option("--device", default="cpu", show_default=True, help="Where to embed: cpu, cuda, ..."),
        click.option("--ray", metavar="ADDRESS", help="Embed on a Ray cluster: local, auto, or HOST:PORT."),
        json_option,
    ]
    for option in reversed(options):
        command = option(command)
    return wraps(command)(command)


@add.command(
    short_help="A file, or a folder of files (the word `file` may be left out).",
    epilog="Example:  guide corpus add file papers.bib --store lit",
)
@click.argument("path", type=click.Path(path_type=Path))
@click.option("--format", "file_format", metavar="NAME", help="The file's format, where its name does not tell.")
@_run_options
def file(path: Path, file_format: str | None, **options: Any) -> None:
    """Add the papers of a file: JSON lines, CSV, BibTeX, RIS, ACL Anthology XML, or a Papercopilot list.

    Any of them may be compressed (.gz, .zst). Of a folder, every known file is read.
    """
    from guide.corpus.sources.files import open_file

    _add(open_file(path, file_format), path, **options)


@add.command(epilog="Example:  guide corpus add openreview ICLR.cc/2024/Conference --store lit")
@click.argument("venue", metavar="VENUE")
@click.option("--url", metavar="URL", help="Another server that speaks OpenReview's API 2.")
@click.option("--url-v1", metavar="URL", help="Another server that speaks OpenReview's API 1.")
@click.option("--no-reviews", is_flag=True, help="Leave the reviews' texts out.")
@_run_options
def openreview(venue: str, url: str | None, url_v1: str | None, no_reviews: bool, **options: Any) -> None:
    """Add a venue's submissions from OpenReview, with decisions, ratings and reviews where they are public.

    As a guest, or with OPENREVIEW_USERNAME and OPENREVIEW_PASSWORD from the environment; many venues answer only
    those who are logged in.
    """
    from guide.corpus.sources.openreview import OpenReview

    _add(OpenReview(venue, url=url, url_v1=url_v1, with_reviews=not no_reviews), None, **options)


@add.command(epilog="Example:  guide corpus add arxiv cs.LG --from 2024-01-01 --store lit")
@click.argument("category", metavar="CATEGORY")
@click.option("--from", "start", type=click.DateTime(["%Y-%m-%d"]), help="Records changed on this day or later.")
@click.option("--until", type=click.DateTime(["%Y-%m-%d"]), help="Records changed on this day or earlier.")
@click.option("--url", metavar="URL", help="Another OAI-PMH endpoint.")
@_run_options
def arxiv(category: str, start: datetime | None, until: datetime | None, url: str | None, **options: Any) -> None:
    """Add the papers of an arXiv category (cs.LG, stat.ML, or an archive: cs) through OAI-PMH."""
    from guide.corpus.sources.arxiv import Arxiv

    days = (start.date() if start else None, until.date() if until else None)
    _add(Arxiv(category, *days) if url is None else Arxiv(category, *days, url=url), None, **options)


def _add(
    source: Source,
    path: Path | None,
    *,
    store: str,
    limit: int | None,
    compress: Method | None,
    rate: float | None,
    compress_model: Path | None,
    vectors: str | None,
    encoder: str,
    device: str,
    ray: str | None,
    as_json: bool,
) -> None:
    from guide.corpus.encoders import load_encoder
    from guide.corpus.store import Store

    loaded = load_encoder(encoder, device=device)
    with Store.create_or_open(Path(store), loaded) as opened:
        report = opened.add(
            _first(source.read(opened.mark(source.name)), limit),
            # A file is read again from its start; a service goes on from the mark that is kept under its name.
            source=path or source.name,
            compressor=_compressor(opened.compression, opened.count, compress, rate, compress_model),
            layout=vectors,
            ray=ray,
            progress=True,
        )
    if as_json:
        click.echo(json.dumps(asdict(report)))
    else:
        _echo_report(report)


def _first(records: Iterator[Paper | Skipped | Mark], limit: int | None) -> Iterator[Paper | Skipped | Mark]:
    """All records, or those up to the paper with the number `limit`."""
    if limit is None:
        yield from records
        return
    from guide.corpus.sources import Paper

    papers = 0
    for record in records:
        yield record
        papers += isinstance(record, Paper)
        if papers == limit:
            return


def _compressor(
    made_with: str, papers: int, method: Method | None, rate: float | None, model: Path | None
) -> Compressor | None:
    from guide.corpus.compress import load_compressor

    if method is None and rate is None and model is None:
        default = load_compressor(_DEFAULT_COMPRESSION)
        # A store keeps to its method; where that needs more than its name, the store says what to name.
        return default if not papers or made_with == default.id else None
    return load_compressor(method or _DEFAULT_COMPRESSION, rate=rate, model=model)


def _echo_report(report: AddReport) -> None:
    click.echo(
        f"{report.added:,} added, {report.updated:,} updated, {report.unchanged:,} unchanged, "
        f"{report.duplicates:,} duplicates, {len(report.skipped):,} skipped; "
        f"{report.embedded:,} embedded in {report.seconds:.1f} s "
        f"({report.papers_per_second:.1f} papers a second)"
    )
    shortened = report.compression
    if shortened and shortened.modules:
        saved = 1 - shortened.tokens_after / max(1, shortened.tokens_before)
        click.echo(
            f"texts: {shortened.method}, {saved:.0%} of the tokens saved; {shortened.whole:,} of {shortened.modules:,} "
            f"modules stay whole, {shortened.guarded:,} of them for a number, a negation or a citation"
        )
    for item in report.skipped[:_SHOWN]:
        click.echo(f"  skipped {item.where}: {item.reason}", err=True)
    if len(report.skipped) > _SHOWN:
        click.echo(f"  ... and {len(report.skipped) - _SHOWN:,} more (all are in --json)", err=True)
