"""The review in a terminal."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.markup import escape
from rich.padding import Padding
from rich.panel import Panel
from rich.table import Table

from guide.advice.views.reasoning import print_reasoning
from guide.review import Evidence, Finding, Influence, Judgement, Proposal, Provenance, Review

_SENTENCES = 5
_BAR = 30


def print_review(review: Review, console: Console | None = None) -> None:
    """Print a review; without colours where standard output is not a terminal."""
    out = console or Console(highlight=False)
    _head(out, review.proposal)
    _judgement(out, review.judgement, review.proposal)
    if review.reasoning is not None:
        print_reasoning(out, review.reasoning)
    _prior_work(out, review.evidence, review.provenance)
    _influences(out, review.influences, review.provenance)
    _findings(out, review.findings)
    _provenance(out, review.provenance)


def _head(out: Console, proposal: Proposal) -> None:
    stated = "as stated" if proposal.form_stated else "guessed; --form says otherwise"
    out.print(Panel(f"[bold]{escape(proposal.title or '(no title)')}[/bold]", expand=False))
    out.print(f"Form {proposal.form} ({stated}) - {proposal.words:,} words - from {escape(proposal.source)}")
    for warning in proposal.warnings:
        out.print(f"[yellow]note:[/yellow] {escape(warning)}")


def _judgement(out: Console, judgement: Judgement, proposal: Proposal) -> None:
    calibration, interval = judgement.calibration, judgement.interval
    _section(out, "Judgement")
    filled = round(judgement.p_accept * _BAR)
    out.print(
        f"P(accept) [bold]{judgement.p_accept:.0%}[/bold]  "
        f"({interval.level:.0%} interval of the estimate {interval.low:.0%}-{interval.high:.0%})"
    )
    out.print(
        f"[cyan]{'#' * filled}[/cyan][dim]{'.' * (_BAR - filled)}  "
        f"base rate {calibration.base_rate:.1%} at {escape(calibration.venue)}[/dim]"
    )
    if calibration.status == "calibrated":
        out.print(
            f"Calibrated on {calibration.n:,} decisions: {escape(calibration.fitted_on)}. "
            f"{escape(calibration.track_record)}"
        )
    else:
        out.print("[bold red]NOT CALIBRATED[/bold red]: " + escape("; ".join(calibration.reasons)) + ".")
    if proposal.form == "idea":
        out.print(
            "Learnt from abstracts of submitted papers: read it as the chance of a paper that lives up to this text."
        )
    shares = "  ".join(f"{rating}:{share:.0%}" for rating, share in enumerate(judgement.ratings, 1) if share >= 0.005)
    out.print(f"Rating {judgement.rating:.1f} of 10   {shares}")
    for name, score in judgement.subscores.items():
        out.print(
            f"{name.capitalize()} {score.value:.1f} of 4 (higher than {score.percentile:.0f} % of held-out submissions)"
        )
    _signals(out, judgement)


def _signals(out: Console, judgement: Judgement) -> None:
    signals = judgement.signals
    correct = "not calibrated" if judgement.p_correct is None else f"{judgement.p_correct:.0%}"
    call = "accept" if judgement.p_accept >= 0.5 else "reject"
    coverage = "no evidence" if signals.coverage is None else f"{signals.coverage:.2f}"
    out.print(f"Chance that the call '{call}' is right: {correct}")
    parts = [
        f"members differ by {signals.disagreement:.1%}",
        f"rating entropy {signals.entropy:.2f} of 1",
        f"mean similarity of the evidence {coverage}",
    ]
    if signals.distance is not None:
        parts.append(f"farther from the training texts than {signals.distance:.0f} % of held-out submissions")
    if signals.citations is not None:
        parts.append(f"{signals.citations:.0%} of the reasons cite what was found")
    out.print(f"Signals: {'; '.join(parts)}", style="dim")


def _prior_work(out: Console, evidence: Sequence[Evidence], provenance: Provenance) -> None:
    _section(out, "Closest prior work")
    if provenance.store == "starter":
        out.print(
            f"From the starter store ({provenance.store_papers} landmark papers): too small to show that an idea is "
            "new. Build a real one: [bold]guide corpus add papers.jsonl --store DIR[/bold], then review with "
            "--store DIR.",
            style="yellow",
        )
    if not evidence:
        out.print("The store has nothing to show for this proposal.")
    for number, item in enumerate(evidence, 1):
        paper = item.paper
        place = f"{paper.venue} {paper.year}".strip()
        decision = f", {paper.decision}" if paper.decision else ""
        out.print(
            f"[bold]{number}. {escape(paper.title)}[/bold] ({escape(place + decision)})  "
            f"similarity {item.similarity:.2f}"
        )
        out.print(Padding(f"[blue]{escape(paper.url or paper.id)}[/blue]", (0, 0, 0, 3)))
        table = Table.grid(padding=(0, 1))
        for label, terms in (
            ("shared", item.shared),
            ("only yours", item.only_proposal),
            ("only theirs", item.only_paper),
        ):
            if terms:
                table.add_row(f"[dim]{label}[/dim]", escape(", ".join(terms)))
        out.print(Padding(table, (0, 0, 0, 3)))
    if provenance.near_duplicates_left_out:
        out.print(
            "Left out as the proposal itself: " + escape(", ".join(provenance.near_duplicates_left_out)), style="dim"
        )
    if provenance.left_out_after_cutoff:
        out.print(f"{provenance.left_out_after_cutoff} left out: later than {provenance.cutoff}", style="dim")


def _influences(out: Console, influences: Sequence[Influence], provenance: Provenance) -> None:
    if not influences:
        return
    _section(out, "What in the text moves the score")
    for item in influences[:_SENTENCES]:
        colour = "green" if item.change >= 0 else "red"
        out.print(f"[{colour}]{item.change * 100:+.1f} points[/{colour}]  {escape(_short(item.sentence))}")
    if provenance.sentences_not_tried:
        out.print(f"{provenance.sentences_not_tried} further sentences were not tried", style="dim")


def _findings(out: Console, findings: Sequence[Finding]) -> None:
    _section(out, "Advice")
    if not findings:
        out.print("Nothing to remark.")
    for finding in findings:
        colour = "red" if finding.severity == "major" else "yellow"
        out.print(f"[{colour}]{finding.severity}[/{colour}]  {escape(finding.claim)}")
        if finding.quote:
            out.print(Padding(f'"{escape(_short(finding.quote))}"', (0, 0, 0, 7)), style="dim")
        out.print(Padding(escape(finding.change), (0, 0, 0, 7)))


def _provenance(out: Console, provenance: Provenance) -> None:
    out.print()
    out.print(
        f"guide {provenance.version}, {escape(provenance.engine)}, parameters {provenance.engine_sha256[:12]}, "
        f"store {escape(provenance.store)} {provenance.store_sha256[:12]} ({provenance.store_papers:,} papers)",
        style="dim",
    )


def _section(out: Console, title: str) -> None:
    out.print()
    out.rule(f"[bold]{title}[/bold]", align="left")


def _short(text: str, limit: int = 160) -> str:
    return text if len(text) <= limit else text[: limit - 1].rsplit(" ", 1)[0] + " ..."
