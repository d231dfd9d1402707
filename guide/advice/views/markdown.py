"""The whole review as Markdown, for an issue, a message or a repository."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from guide.advice.views.wording import (
    asked_line,
    changes,
    names_line,
    place_of,
    relation_of,
    strengths,
    verdict,
)
from guide.review import Concern, Evidence, Finding, Provenance, Review

_SENTENCES = 5
# What CommonMark, GitHub's tables and its formulas read as a sign anywhere in a line, and only at its start.
_SIGNS = re.compile(r"([\\`*_\[\]<|~&$#])")
_SIGN_AT_START = re.compile(r"^(\d{0,9})([-+=>.)])")


def render_markdown(review: Review) -> str:
    """The review as CommonMark with one GitHub table.

    Every text of the user, the store or a model is printed as it stands: escaped, it makes no heading, list, link
    or HTML.
    """
    return "\n\n".join(_blocks(review)) + "\n"


def _blocks(review: Review) -> Iterator[str]:
    judgement = review.judgement
    yield f"# {_text(review.proposal.title or '(no title)')}"
    yield f"**{_text(verdict(judgement))}**"
    if judgement.calibration.status == "calibrated":
        yield _text(judgement.calibration.track_record)
    if review.proposal.warnings:
        yield "\n".join(f"- Note: {_text(warning)}" for warning in review.proposal.warnings)
    yield "## What reviewers will ask, and what to change"
    asked = changes(review)
    if asked:
        yield "\n".join(_finding(number, finding) for number, finding in enumerate(asked, 1))
    else:
        yield "Nothing in this text makes any question likelier than it is for the average submission."
    if review.names:
        yield f"Reviewers of near submissions asked for: {_text(names_line(review.names))}"
    if praised := strengths(review):
        yield "## What stands well"
        yield "\n".join(f"- {_text(finding.claim)}{_quote(finding.quote, '  ')}" for finding in praised)
    yield "## Closest work"
    if review.evidence:
        yield "\n".join(_paper(number, item) for number, item in enumerate(review.evidence, 1))
    else:
        yield "The literature has nothing to show for this proposal."
    if review.concerns:
        yield "## All concerns"
        yield _table(review.concerns)
    if review.influences:
        yield "## What in the text moves the estimate"
        yield "\n".join(
            f"- {item.change * 100:+.1f} points: {_text(item.sentence)}" for item in review.influences[:_SENTENCES]
        )
    if review.reasoning and review.reasoning.summary:
        yield "## What the language model said, unchecked"
        yield _text(review.reasoning.summary)
    yield "---"
    yield _provenance(review.provenance)


def _finding(number: int, finding: Finding) -> str:
    pad = " " * len(f"{number}. ")
    effort = f" ({finding.effort} effort)" if finding.effort else ""
    lines = [f"{number}. **{finding.severity}**: {_text(finding.claim)}"]
    if finding.reason:
        lines.append(f"{pad}- Why: {_text(finding.reason)}")
    if finding.quote:
        lines.append(f"{pad}- Your text: “{_text(finding.quote)}”")
    lines.append(f"{pad}- Do: {_text(finding.change)}{effort}")
    return "\n".join(lines)


def _quote(quote: str | None, pad: str) -> str:
    return f"\n{pad}- Your text: “{_text(quote)}”" if quote else ""


def _paper(number: int, item: Evidence) -> str:
    pad = " " * len(f"{number}. ")
    lines = [f"{number}. {_link(item.paper.title, item.paper.url)} ({_text(place_of(item.paper))})"]
    lines.append(f"{pad}- similarity {item.similarity:.2f}, by the {_text(item.module)}")
    if relation := relation_of(item):
        lines.append(f"{pad}- {_text(relation)}")
    return "\n".join(lines)


def _table(concerns: Sequence[Concern]) -> str:
    rows = [
        "| Concern | Chance | Usual | Rating where raised | Of the nearest reviewed submissions |",
        "| --- | ---: | ---: | ---: | --- |",
    ]
    for one in concerns:
        rows.append(
            f"| {_text(one.name)} | {one.p:.0%} | {one.base_rate:.0%} | {one.association:+.1f} | "
            f"{_text(asked_line(one))} |"
        )
    return "\n".join(rows)


def _provenance(provenance: Provenance) -> str:
    return _text(
        f"guide {provenance.version}, {provenance.engine}, parameters {provenance.engine_sha256[:12]}, "
        f"store {provenance.store} {provenance.store_sha256[:12]} ({provenance.store_papers:,} papers)"
    )


def _link(text: str, url: str | None) -> str:
    """A link only to the web; what could end it is percent-encoded."""
    if not url or not url.startswith(("https://", "http://")):
        return _text(text)
    address = re.sub(r"[()<>\s\\|`]", lambda match: f"%{ord(match[0]):02X}", url)
    return f"[{_text(text)}]({address})"


def _text(text: str) -> str:
    """The text on one line, with every sign of Markdown escaped."""
    return _SIGN_AT_START.sub(r"\1\\\2", _SIGNS.sub(r"\\\1", " ".join(text.split())))
