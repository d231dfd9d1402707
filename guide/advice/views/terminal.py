"""The review in a terminal: one screen of what matters, and with `full` the rest."""

from __future__ import annotations

from rich.console import Console
from rich.markup import escape
from rich.padding import Padding
from rich.text import Text

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
# Lines on the first screen, so that it has 24 in all: why a number is doubtful takes its room from the changes.
_CLAIM = 2
_VERDICT = {"calibrated": 3, "not calibrated": 6}
_CHANGE = {"calibrated": 2, "not calibrated": 1}
_INDENT = (0, 0, 0, 3)


def print_review(review: Review, console: Console | None = None, *, full: bool = False) -> None:
    """Print a review, without colours where standard output is not a terminal; 24 lines of 80 unless `full`."""
    out = console or Console(highlight=False)
    title = review.proposal.title or "(no title)"
    _print(out, Text(title, style="bold"), None if full else 1)
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
        _finding(out, number, finding, lines=None if full else _CHANGE[review.judgement.calibration.status])
    if review.names:
        line = f"Reviewers of near submissions asked for: {names_line(review.names)}"
        _print(out, Text(line), None if full else 1)
    for finding in strengths(review) if full else ():
        out.print(f"[green]strength[/green] {escape(finding.claim)}")
        if finding.quote:
            out.print(Padding(f'[dim]"{escape(finding.quote)}"[/dim]', _INDENT))


def _finding(out: Console, number: int, finding: Finding, *, lines: int | None) -> None:
    """A finding whose claim and change take two lines and `lines`; whole, with its reason and quote, for None."""
    claim = Text(f"{number}. ", style="red" if finding.severity == "major" else "yellow")
    claim.append(finding.claim, style="default")
    if finding.effort and lines is not None:
        claim = _cut(out, claim, _CLAIM, out.width, spare=len(finding.effort) + 10)
    if finding.effort:
        claim.append(f" ({finding.effort} effort)", style="dim")
    _print(out, claim, None if lines is None else _CLAIM)
    if lines is None and finding.reason:
        out.print(Padding(f"[dim]{escape(finding.reason)}[/dim]", _INDENT))
    if lines is None and finding.quote:
        out.print(Padding(f'[dim]"{escape(finding.quote)}"[/dim]', _INDENT))
    _print(out, Text(f"Do: {finding.change}"), lines, indent=3)


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
    place = f" ({shorten(place_of(item.paper), out.width if full else 40)})"
    title = Text(f"{number}. {item.paper.title}", style="bold")
    _print(out, (title if full else _cut(out, title, 1, out.width - len(place))).append(place, style="not bold"))
    if full:
        out.print(Padding(f"[blue]{escape(item.paper.url or item.paper.id)}[/blue]", _INDENT))
        out.print(Padding(f"[dim]similarity {item.similarity:.2f}[/dim]", _INDENT))
    if relation := relation_of(item):
        _print(out, Text(relation), None if full else 1, indent=3)


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


def _print(out: Console, text: Text, lines: int | None = None, indent: int = 0) -> None:
    """Print a text within the width, at most so many lines of it; None for all."""
    width = out.width - indent
    for line in (text if lines is None else _cut(out, text, lines, width)).wrap(out, width):
        line.rstrip()
        out.print(Text(" " * indent).append_text(line), soft_wrap=True)


def _cut(out: Console, text: Text, lines: int, width: int, spare: int = 0) -> Text:
    """As much of a text as fills so many lines, less `spare` cells of the last; dots after a word where it is cut."""
    wrapped = text.wrap(out, width)
    kept = list(wrapped[:lines])
    if len(wrapped) <= lines and kept and kept[-1].cell_len <= width - spare:
        return text
    for line in kept:
        line.rstrip()
    if kept[-1].cell_len > width - spare - 4:
        kept[-1].truncate(width - spare - 4)
        kept[-1] = kept[-1][: kept[-1].plain.rfind(" ")] if " " in kept[-1].plain.strip() else kept[-1]
    return Text(" ").join(kept).append(" ...")
