"""The review in a terminal: one screen of what matters, and with `full` the rest."""

from __future__ import annotations

from rich.console import Console
from rich.markup import escape
from rich.padding import Padding

from guide.advice.views.reasoning import print_reasoning
from guide.advice.views.wording import (
    SHOWN,
    asked_line,
    changes,
    concern_line,
    names_line,
    place_of,
    relation_of,
    shorten,
    strengths,
    verdict,
)
from guide.review import Evidence, Finding, Judgement, Provenance, Review

_SENTENCES = 5
_INDENT = (0, 0, 0, 3)


def print_review(review: Review, console: Console | None = None, *, full: bool = False) -> None:
    """Print a review, without colours where standard output is not a terminal; 24 lines of 80 unless `full`."""
    out = console or Console(highlight=False)
    title = review.proposal.title or "(no title)"
    out.print(f"[bold]{escape(title if full else shorten(title, out.width))}[/bold]")
    for warning in review.proposal.warnings if full else ():
        out.print(f"[yellow]note:[/yellow] {escape(warning)}")
    _verdict(out, review.judgement, full=full)
    if full:
        _details(out, review.judgement)
    if review.reasoning is not None:
        print_reasoning(out, review.reasoning)
    _findings(out, review, full=full)
    _closest(out, review, full=full)
    if full:
        _concerns(out, review)
        _influences(out, review)
        _provenance(out, review.provenance)
    elif left := _left_out(review):
        out.print(f"[dim]--full shows {left}.[/dim]")


def _verdict(out: Console, judgement: Judgement, *, full: bool) -> None:
    sentence = verdict(judgement)
    said, _, doubt = (sentence if full else shorten(sentence, 3 * out.width - 20)).partition("NOT CALIBRATED")
    out.print(escape(said) + (f"[bold red]NOT CALIBRATED[/bold red]{escape(doubt)}" if doubt else ""))


def _details(out: Console, judgement: Judgement) -> None:
    if judgement.calibration.status == "calibrated":
        out.print(escape(judgement.calibration.track_record), style="dim")
    shares = "  ".join(f"{rating}:{share:.0%}" for rating, share in enumerate(judgement.ratings, 1) if share >= 0.005)
    out.print(f"Rating {judgement.rating:.1f} of 10   {shares}")
    for name, score in judgement.subscores.items():
        out.print(
            f"{name.capitalize()} {score.value:.1f} of 4 (higher than {score.percentile:.0f} % of held-out submissions)"
        )


def _findings(out: Console, review: Review, *, full: bool) -> None:
    _section(out, "What reviewers will ask, and what to change")
    asked = changes(review)
    if not asked:
        out.print("Nothing in this text makes any question likelier than it is for the average submission.")
    for number, finding in enumerate(asked if full else asked[:SHOWN], 1):
        _finding(out, number, finding, full=full)
    if review.names:
        line = f"Reviewers of near submissions asked for: {names_line(review.names)}"
        out.print(escape(line if full else shorten(line, out.width)))
    for finding in strengths(review) if full else ():
        out.print(f"[green]strength[/green] {escape(finding.claim)}")
        if finding.quote:
            out.print(Padding(f'[dim]"{escape(finding.quote)}"[/dim]', _INDENT))


def _finding(out: Console, number: int, finding: Finding, *, full: bool) -> None:
    colour = "red" if finding.severity == "major" else "yellow"
    effort = f" [dim]({finding.effort} effort)[/dim]" if finding.effort else ""
    claim = finding.claim if full else shorten(finding.claim, 2 * out.width - 30)
    out.print(f"[{colour}]{number}.[/{colour}] {escape(claim)}{effort}")
    if full and finding.reason:
        out.print(Padding(f"[dim]{escape(finding.reason)}[/dim]", _INDENT))
    if full and finding.quote:
        out.print(Padding(f'[dim]"{escape(finding.quote)}"[/dim]', _INDENT))
    change = finding.change if full else shorten(finding.change, 2 * out.width - 20)
    out.print(Padding(escape(f"Do: {change}"), _INDENT))


def _closest(out: Console, review: Review, *, full: bool) -> None:
    _section(out, "Closest work")
    if not review.evidence:
        out.print("The literature has nothing to show for this proposal.")
    for number, item in enumerate(review.evidence if full else review.evidence[:1], 1):
        _paper(out, number, item, full=full)
    provenance = review.provenance
    if full and provenance.near_duplicates_left_out:
        left_out = ", ".join(provenance.near_duplicates_left_out)
        out.print(escape(f"Left out as the proposal itself: {left_out}"), style="dim")
    if full and provenance.left_out_after_cutoff:
        out.print(f"{provenance.left_out_after_cutoff} left out: later than {provenance.cutoff}", style="dim")


def _paper(out: Console, number: int, item: Evidence, *, full: bool) -> None:
    place = f" ({place_of(item.paper)})"
    title = item.paper.title if full else shorten(item.paper.title, max(20, out.width - len(place) - 4))
    out.print(f"[bold]{number}. {escape(title)}[/bold]{escape(place)}")
    if full:
        out.print(Padding(f"[blue]{escape(item.paper.url or item.paper.id)}[/blue]", _INDENT))
        out.print(Padding(f"[dim]similarity {item.similarity:.2f}[/dim]", _INDENT))
    relation = relation_of(item)
    if relation:
        out.print(Padding(escape(relation if full else shorten(relation, out.width - 4)), _INDENT))


def _concerns(out: Console, review: Review) -> None:
    if not review.concerns:
        return
    _section(out, "All concerns, by chance times what they go with in ratings")
    for concern in review.concerns:
        out.print(escape(concern_line(concern)))
        details = asked_line(concern)
        if concern.answered:
            details = f'{details}{"; " if details else ""}your text: "{shorten(concern.answered, 120)}"'
        if details:
            out.print(Padding(f"[dim]{escape(details)}[/dim]", _INDENT))


def _influences(out: Console, review: Review) -> None:
    if not review.influences:
        return
    _section(out, "What in the text moves the estimate")
    for item in review.influences[:_SENTENCES]:
        colour = "green" if item.change >= 0 else "red"
        out.print(f"[{colour}]{item.change * 100:+.1f} points[/{colour}]  {escape(shorten(item.sentence, 160))}")
    if review.provenance.sentences_not_tried:
        out.print(f"{review.provenance.sentences_not_tried} further sentences were not tried", style="dim")


def _provenance(out: Console, provenance: Provenance) -> None:
    out.print()
    out.print(
        f"guide {provenance.version}, {escape(provenance.engine)}, parameters {provenance.engine_sha256[:12]}, "
        f"store {escape(provenance.store)} {provenance.store_sha256[:12]} ({provenance.store_papers:,} papers)",
        style="dim",
    )


def _left_out(review: Review) -> str:
    """What the first screen has no room for."""
    more = {
        "finding": len(review.findings) - min(SHOWN, len(changes(review))),
        "paper": len(review.evidence[1:]),
        "concern": len(review.concerns),
        "note": len(review.proposal.warnings),
    }
    return ", ".join(f"{count} {name}{'s' if count > 1 else ''}" for name, count in more.items() if count)


def _section(out: Console, title: str) -> None:
    out.print()
    out.print(f"[bold underline]{title}[/bold underline]")
