"""`guide distill`: train the student."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from guide.commands.options import json_option

if TYPE_CHECKING:
    from guide.corpus.encoder import Precision


@click.command(epilog="Example:  guide distill iclr-decisions.jsonl.zst --out student")
@click.argument("decisions", type=click.Path(path_type=Path))
@click.option("--out", required=True, type=click.Path(path_type=Path), help="Folder for the trained student.")
@click.option("--until", type=int, default=2024, show_default=True, help="Last year of decisions to use.")
@click.option(
    "--reviews",
    type=click.Path(path_type=Path),
    help="Reviews with `presentation` scores, for that sub-score only; never an input to P(accept).",
)
@click.option("--members", type=click.IntRange(min=2), default=10, show_default=True, help="Bootstrap refits.")
@click.option("--seed", type=int, default=0, show_default=True)
@click.option("--cache", type=click.Path(path_type=Path), help="Folder that keeps embeddings for the next run.")
@click.option(
    "--precision",
    type=click.Choice(["auto", "float32", "bfloat16"]),
    default="auto",
    show_default=True,
    help="Number format of the encoder while training.",
)
@json_option
def distill(
    decisions: Path,
    out: Path,
    until: int,
    reviews: Path | None,
    members: int,
    seed: int,
    cache: Path | None,
    precision: Precision,
    as_json: bool,
) -> None:
    """Train the student on DECISIONS: JSON lines with title, abstract, year, accepted, ratings, subscores.

    Text is stripped of links, code-release sentences and venue headers first. Years are held out one after another;
    the card in the output folder says what came of them.
    """
    import json

    from guide.distill import distill as train

    done = train(
        decisions,
        out,
        until=until,
        reviews=reviews,
        members=members,
        seed=seed,
        cache=cache,
        precision=precision,
        progress=True,
    )
    if as_json:
        click.echo(json.dumps(done.card))
        return
    for note in done.card["data_notes"]:
        click.echo(note, err=True)
    click.echo(f"{done.card['trained_on']}: {done.card['n']:,} submissions, saved in {done.folder}")
    for year in done.card["time_split"]:
        rho = "-" if year["spearman"] is None else f"{year['spearman']:.3f}"
        click.echo(
            f"  {year['trained_on']} -> {year['year']}: n {year['n']:,}, AUROC {year['auroc']:.3f}, "
            f"Spearman {rho}, Brier {year['brier']:.3f}, ECE {year['ece']:.3f}"
        )
