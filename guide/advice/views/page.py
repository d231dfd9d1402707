"""The review as one HTML page that asks for nothing: style and figures are inside, and its policy forbids the rest.

Every text of the user, the store or a model is escaped by the template; the page has no script.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING

from guide.advice.views.bibliography import to_bibtex, to_ris
from guide.advice.views.figures import bar_chart, columns, paper_map
from guide.advice.views.shading import shade_text
from guide.advice.views.wording import (
    asked_line,
    changes,
    concern_line,
    names_line,
    place_of,
    relation_of,
    strengths,
    verdict,
)
from guide.review import Review

if TYPE_CHECKING:
    from jinja2 import Template

_MARKS = {-2: "▼▼", -1: "▼", 0: "", 1: "▲", 2: "▲▲"}
_SIZES = {-2: "lowers-much", -1: "lowers", 0: "", 1: "raises", 2: "raises-much"}


def render_page(review: Review, text: Mapping[str, str] | None = None) -> str:
    """The page as text; the same review gives the same bytes.

    Args:
        review: what is shown.
        text: the proposal to shade, by heading; the review's own modules if not given.
    """
    asked = changes(review)
    shown = review.proposal.modules if text is None else text
    findings = [*asked, *strengths(review)]
    passages = shade_text({str(heading): part for heading, part in shown.items()}, review.influences, findings)
    places = {
        finding: sentence.number
        for passage in passages
        for sentence in passage.sentences
        for finding in sentence.findings
    }
    style = _read("review.css")
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    return _template().render(
        review=review,
        policy=f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'",
        style=style,
        verdict=verdict(review.judgement),
        findings=findings,
        asked=len(asked),
        places=places,
        passages=passages,
        bars=bar_chart(review.concerns),
        map=paper_map(review.evidence),
        columns=columns(review.judgement.ratings),
        names=names_line(review.names),
        bibtex=to_bibtex(review.evidence),
        ris=to_ris(review.evidence),
    )


def _web(url: str | None) -> str | None:
    """The address if it leads to the web: another scheme could run a script."""
    return url if url and url.startswith(("https://", "http://")) else None


def _percent(share: float) -> str:
    return f"{share:.0%}"


@cache
def _template() -> Template:
    from jinja2 import Environment, StrictUndefined

    environment = Environment(undefined=StrictUndefined, autoescape=True, trim_blocks=True, lstrip_blocks=True)
    environment.filters.update(
        web=_web, percent=_percent, place=place_of, relation=relation_of, asked=asked_line, concern=concern_line
    )
    environment.globals.update(marks=_MARKS, sizes=_SIZES)
    return environment.from_string(_read("review.html.jinja"))


def _read(name: str) -> str:
    return resources.files("guide.advice.views").joinpath(name).read_text(encoding="utf-8")
