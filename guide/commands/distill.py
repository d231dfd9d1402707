"""`guide distill`: train the student, a language model, or the forecast of concerns."""

from __future__ import annotations

from pathlib import Path

import click

from guide.commands.distill_llm import llm
from guide.commands.options import json_option


class StudentGroup(click.Group):
    """A group in which anything that names none of its commands is for `student`, the oldest of them."""

    fallback = "student"

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put the command `student` before arguments that name no command."""
        if not args or args[0] not in {*self.commands, "-h", "--help"}:
            args = [self.fallback, *args]
        return super().parse_args(ctx, args)


@click.group(
    cls=StudentGroup,
    epilog="Without a command's name, `student` is meant:  guide distill iclr-decisions.jsonl.zst --out student",
)
def distill() -> None:
    """Train the student on decisions, or a language model or the forecast of concerns on reviews."""


distill.add_command(llm)


@distill.command(epilog="Example:  guide distill student iclr-decisions.jsonl.zst --out student")
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
@json_option
def student(
    decisions: Path,
    out: Path,
    until: int,
    reviews: Path | None,
    members: int,
    seed: int,
    cache: Path | None,
    as_json: bool,
) -> None:
    """Train the student on DECISIONS: JSON lines with title, abstract, year, accepted, ratings, subscores.

    Text is stripped of links, code-release sentences and venue headers first. Years are held out one after another;
    the card in the output folder says what came of them.
    """
    import json

    from guide.student.distillation import distill as train

    done = train(
        decisions,
        out,
        until=until,
        reviews=reviews,
        members=members,
        seed=seed,
        cache=cache,
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


@distill.command(epilog="Example:  guide distill concerns reviews.jsonl.zst iclr2026.jsonl.zst --out concerns")
@click.argument("reviews", type=click.Path(path_type=Path))
@click.argument("submissions", type=click.Path(path_type=Path))
@click.option("--out", required=True, type=click.Path(path_type=Path), help="Folder for the forecast and the table.")
@click.option("--cache", type=click.Path(path_type=Path), help="Folder that keeps embeddings for the next run.")
@json_option
def concerns(reviews: Path, submissions: Path, out: Path, cache: Path | None, as_json: bool) -> None:
    """Learn from REVIEWS what reviewers object to, and gather who was asked what.

    SUBMISSIONS says by `id` and `split` which are held out: those, and their reviews, are not read.
    """
    import json

    from guide.advice.concerns.build import build_concerns

    built = build_concerns(reviews, submissions, out, cache=cache, progress=True)
    if as_json:
        card = {"submissions": built.submissions, "names": built.names, "base_rates_of": built.newest}
        click.echo(json.dumps({**card, "folder": str(built.folder)}))
        return
    learnt = f"{built.submissions:,} submissions, {built.names:,} names, base rates of {built.newest}"
    click.echo(f"{learnt}, saved in {built.folder}")
