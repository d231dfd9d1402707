"""Phrases that every view of a review shares, so that none says it in words of its own."""

from __future__ import annotations

from guide.review import CitedPaper, Concern, Evidence, Finding, Judgement, RequestedName, Review

SHOWN = 3  # concerns, papers and names on the first screen


def verdict(judgement: Judgement) -> str:
    """P(accept), its interval and the base rate in a sentence; and where it is not to be trusted, that."""
    calibration, interval = judgement.calibration, judgement.interval
    said = (
        f"P(accept) {judgement.p_accept:.0%} at {calibration.venue} ({interval.level:.0%} interval {interval.low:.0%} "
        f"to {interval.high:.0%}); {calibration.base_rate:.0%} of all submissions are accepted there."
    )
    if calibration.status == "calibrated":
        return said
    return f"{said} NOT CALIBRATED: {'; '.join(calibration.reasons)}."


def concern_line(concern: Concern) -> str:
    """The chance, what is usual, and what it goes with."""
    cost = f"; rated {abs(concern.association):.1f} {'lower' if concern.association < 0 else 'higher'} where raised"
    usual = f"{concern.p:.0%} (usual {concern.base_rate:.0%})"
    return f"{concern.name}: {usual}{cost if abs(concern.association) >= 0.05 else ''}"


def asked_line(concern: Concern) -> str:
    """How many of the nearest reviewed submissions were asked this, and the first of them by name."""
    if not concern.of:
        return ""
    said = f"asked of {concern.raised} of the {concern.of} nearest reviewed submissions"
    if not concern.asked:
        return said
    first = concern.asked[0]
    return f"{said}, such as {first.title} ({first.venue}, rated {first.rating:.1f})"


def names_line(names: tuple[RequestedName, ...]) -> str:
    """What reviewers of near submissions asked for by name."""
    return ", ".join(f"{one.name} ({one.papers})" for one in names)


def place_of(paper: CitedPaper) -> str:
    """Venue and year, decision and rating where known."""
    parts = [f"{paper.venue} {paper.year}".strip(), paper.decision or ""]
    if paper.rating is not None:
        parts.append(f"rated {paper.rating:.1f}")
    return ", ".join(part for part in parts if part)


def relation_of(item: Evidence) -> str:
    """What both texts speak of and what only the proposal has."""
    if item.relation:
        return item.relation
    parts = []
    if item.shared:
        parts.append(f"both: {', '.join(item.shared[:4])}")
    if item.only_proposal:
        parts.append(f"only yours: {', '.join(item.only_proposal[:4])}")
    return "; ".join(parts)


def changes(review: Review) -> list[Finding]:
    """The findings that ask for a change, the costliest first."""
    return [finding for finding in review.findings if finding.severity != "strength"]


def strengths(review: Review) -> list[Finding]:
    """The findings that ask for none."""
    return [finding for finding in review.findings if finding.severity == "strength"]


def shorten(text: str, limit: int) -> str:
    """At most `limit` characters, cut at a word."""
    return text if len(text) <= limit else text[: limit - 4].rsplit(" ", 1)[0] + " ..."
