"""Findings: advice that names its evidence. There is no quota; an empty list is a valid answer."""

from __future__ import annotations

from collections.abc import Sequence

from guide.review import Evidence, Finding, Influence, Proposal
from guide.text.rubric import RubricElement

# Cosine from which prior work is close enough that a reviewer will ask for the difference: a choice, not a fit.
VERY_CLOSE = 0.75
_NOTABLE = 0.02  # a sentence that moves P(accept) by less than two points is not worth a remark


def advise(
    proposal: Proposal,
    missing: Sequence[RubricElement],
    evidence: Sequence[Evidence],
    influences: Sequence[Influence],
) -> tuple[Finding, ...]:
    """Put together what the rubric, the prior work and the leave-one-out analysis have to say, major findings first."""
    findings = [
        *(_about_missing(element, proposal) for element in missing),
        *(_about_prior(item) for item in evidence if item.similarity >= VERY_CLOSE),
        *(_about_sentence(item) for item in influences if item.change <= -_NOTABLE),
    ]
    return tuple(sorted(findings, key=lambda finding: finding.severity != "major"))


def _about_missing(element: RubricElement, proposal: Proposal) -> Finding:
    return Finding(
        severity=element.severity_for(proposal.form),
        claim=f"{element.title} was not found in the text: a reviewer asks, {element.question}",
        quote=None,
        evidence=(),
        change=element.advice,
    )


def _about_prior(item: Evidence) -> Finding:
    paper = item.paper
    shared = f" Both speak of {', '.join(item.shared[:4])}." if item.shared else ""
    differs = (
        f"Say what is new beyond it; only your text has: {', '.join(item.only_proposal[:4])}."
        if item.only_proposal
        else "Say what is new beyond it."
    )
    place = f"{paper.venue} {paper.year}".strip()
    return Finding(
        severity="major",
        claim=f"Very close prior work (similarity {item.similarity:.2f}): {paper.title} ({place}).{shared}",
        quote=None,
        evidence=(paper.id,),
        change=differs,
    )


def _about_sentence(item: Influence) -> Finding:
    return Finding(
        severity="minor",
        claim=f"The estimate is {-item.change:.0%} higher without this sentence",
        quote=item.sentence,
        evidence=(),
        change="Check whether it says what you mean a reviewer to take away. "
        "The student reacts to wording, not to truth.",
    )
