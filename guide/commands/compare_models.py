"""`guide compare-models`: whether a compressed model may stand in for the whole one."""

from __future__ import annotations

from math import isfinite, isnan
from pathlib import Path
from typing import TYPE_CHECKING

import click

from guide.commands.options import json_option

if TYPE_CHECKING:
    from guide.eval.comparison.gate import Comparison, Figure
    from guide.eval.comparison.runs import Procedure
    from guide.llm.model import ChatModel, TextModel


def asked_as_in_a_review(store: str | None) -> Procedure:
    """How both models are asked: as in a review, without thinking, with the prior work that the store has."""
    import json

    from guide.advice.prior_work import find_prior
    from guide.calibration.base_rates import DEFAULT_VENUE, parse_venue
    from guide.corpus.minilm.model import load_minilm
    from guide.corpus.records import Paper
    from guide.corpus.starter import starter_path
    from guide.corpus.store import Store
    from guide.eval.comparison.runs import Idea, Procedure, Question
    from guide.judging import JudgeRequest
    from guide.llm.answers import ReviewAnswer
    from guide.llm.prompt import build_prompt
    from guide.llm.reasoner import LEAD, label_forms
    from guide.student.engine import background_vocabulary

    opened = Store.open(Path(store) if store else starter_path())
    encoder, vocabulary, venue = load_minilm(), background_vocabulary(), parse_venue(DEFAULT_VENUE)

    def ask(idea: Idea) -> Question:
        paper = Paper(id=idea.id, title=idea.title, abstract=idea.text, year=0, venue="")
        prior = find_prior(opened, encoder, paper, vocabulary)
        request = JudgeRequest(idea.id, idea.title, idea.text, venue, "paper", prior.evidence, prior.passages)
        rating, review = build_prompt(request, task="rating"), build_prompt(request)
        return Question(rating.messages, LEAD, review.messages, frozenset(review.keys))

    def read(text: str) -> tuple[str, ...] | None:
        start = text.find("{")
        try:
            answer = ReviewAnswer.model_validate(json.loads(text[start:]) if start >= 0 else None)
        except (ValueError, RecursionError):
            return None
        cited = [item.evidence for item in answer.findings] + [reason.evidence for reason in answer.rationale]
        return tuple(key for keys in cited for key in keys)

    scale = label_forms()
    return Procedure(ask, tuple(scale), tuple(scale.values()), read)


@click.command("compare-models", epilog="Example:  guide compare-models whole compressed proposals.jsonl")
@click.argument("a")
@click.argument("b")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--limit", type=click.IntRange(min=1), help="Use only the first N records.")
@click.option(
    "--engine",
    type=click.Choice(["transformers", "vllm", "openai"]),
    default="transformers",
    show_default=True,
    help="What runs both models; energy and effective rank need transformers.",
)
@click.option("--base-url", metavar="URL", help="Server of --engine openai, up to and with /v1.")
@click.option("--device", metavar="DEVICE", help="For --engine transformers: cpu, cuda, cuda:1.")
@click.option("--store", metavar="DIR", help="Literature store to search; without it, the starter store.")
@json_option
def compare_models(
    a: str,
    b: str,
    file: Path,
    limit: int | None,
    engine: str,
    base_url: str | None,
    device: str | None,
    store: str | None,
    as_json: bool,
) -> None:
    """Ask model A and its compressed version B about the proposals of FILE (JSON lines with `title` and `abstract`).

    Says how far B's scores, answers and inner workings are from A's, and whether B may stand in for A. Exit status 1
    if B is refused.
    """
    import json

    from guide.engines import EngineChoice, load_chat_model, load_text_model
    from guide.eval.comparison.gate import compare
    from guide.eval.comparison.runs import collect, read_ideas

    ideas, left_out = read_ideas(file, limit)
    for reason, number in left_out.items():
        click.echo(f"{number:,} left out: {reason}", err=True)
    procedure = asked_as_in_a_review(store)

    def load(model: str) -> TextModel | ChatModel:
        choice = EngineChoice(engine, model=model, base_url=base_url, device=device)
        return load_chat_model(choice) if engine == "openai" else load_text_model(choice)

    # One after the other: two models may not fit into the memory together.
    run_a = collect(a, ideas, load=load, procedure=procedure)
    run_b = collect(b, ideas, load=load, procedure=procedure)
    comparison = compare(run_a, run_b)
    if as_json:
        click.echo(json.dumps(comparison.to_json()))
    else:
        _show(comparison)
    if comparison.verdict == "refused":
        raise click.exceptions.Exit(1)


def _show(comparison: Comparison) -> None:
    click.echo(f"A = {comparison.a}, B = {comparison.b}, {comparison.proposals:,} proposals")
    click.echo(f"{'':<18}{'A':>9}{'B':>9}{'compared':>10}  {'95 % interval':<20} bound")
    for figure in comparison.figures:
        click.echo(_line(figure))
    if comparison.not_measured:
        click.echo(f"not measured: {', '.join(comparison.not_measured)}")
    failed = f": {', '.join(comparison.failed)}" if comparison.failed else ""
    click.echo(f"B is {comparison.verdict}{failed}")
    for figure in comparison.figures:
        if not figure.passed:
            click.echo(f"  {figure.name}: {figure.bound.reason}")


def _line(figure: Figure) -> str:
    own = "".join(f"{_number(value):>9}" for value in (figure.a, figure.b))
    interval = f"[{_number(figure.low)}, {_number(figure.high)}]" if figure.low != figure.high else ""
    limits = (("at least", figure.bound.low), ("at most", figure.bound.high))
    bound = ", ".join(f"{side} {limit:g}" for side, limit in limits if isfinite(limit))
    line = f"{figure.name:<18}{own}{_number(figure.value):>10}  {interval:<20} {bound}"
    return line if figure.passed else f"{line}  FAILED"


def _number(value: float) -> str:
    return "-" if isnan(value) else f"{value:.3g}"
