"""`guide replay-advice`: hold the forecast of concerns against what reviewers of other papers wrote."""

from __future__ import annotations

from pathlib import Path

import click

from guide.commands.options import json_option


@click.command("replay-advice", epilog="Example:  guide replay-advice reviews.jsonl.zst iclr2026.jsonl.zst")
@click.argument("reviews", type=click.Path(path_type=Path))
@click.argument("submissions", type=click.Path(path_type=Path))
@click.option(
    "--concerns",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Folder that guide distill concerns wrote; by default what ships.",
)
@click.option("--cache", type=click.Path(path_type=Path), metavar="DIR", help="Folder that keeps embeddings.")
@click.option("--resamples", type=click.IntRange(min=100), default=1000, show_default=True, help="Bootstrap resamples.")
@click.option("--seed", type=int, default=0, show_default=True)
@json_option
def replay_advice(
    reviews: Path,
    submissions: Path,
    concerns: Path | None,
    cache: Path | None,
    resamples: int,
    seed: int,
    as_json: bool,
) -> None:
    """Measure the concerns and names on the submissions of REVIEWS whose `split` in SUBMISSIONS is "test"."""
    import json

    from guide.advice.concerns.forecast import FOLDER, load_forecast
    from guide.advice.concerns.neighbours import load_reviewed
    from guide.advice.concerns.records import embed, read_submissions
    from guide.advice.concerns.taxonomy import load_kinds
    from guide.corpus.minilm.model import load_minilm
    from guide.eval.advice_table import replay_advice as replay
    from guide.student.embedding_cache import CachedEncoder

    papers = read_submissions(reviews, submissions, "test")
    forecast, table = load_forecast(concerns or FOLDER), load_reviewed(concerns or FOLDER)
    encoder = load_minilm()
    dense = embed(papers, encoder if cache is None else CachedEncoder(encoder, cache), progress=True)
    done = replay(papers, dense, forecast, table, load_kinds(), resamples=resamples, seed=seed)
    click.echo(json.dumps(done.to_json()) if as_json else "\n".join(done.lines()))
