"""Findings: advice that names its evidence. There is no quota; an empty list is a valid answer."""

from __future__ import annotations

from collections.abc import Sequence

from guide.advice.concerns.taxonomy import Kind, load_kinds
from guide.review import Concern, Evidence, Finding, Influence, Proposal, RequestedName
from guide.text.rubric import RubricElement

# Cosine from which prior work is close enough that a reviewer will ask for the difference: a choice, not a fit.
VERY_CLOSE = 0.75
MOST = 5  # concerns made into findings; the others stay in the table
_NOTABLE = 0.02  # a sentence that moves P(accept) by less than two points is not worth a remark
_LIKELY = 0.5  # from this chance on a costly concern is a major finding
_COSTLY = -0.15  # rating that goes with it, in points of the scale from 0 to 10
_SELDOM = 0.8  # a common concern raised so much less often than usual is a strength
_COMMON = 0.3


def advise(
    proposal: Proposal,
    missing: Sequence[RubricElement],
    evidence: Sequence[Evidence],
    influences: Sequence[Influence],
    concerns: Sequence[Concern] = (),
    names: Sequence[RequestedName] = (),
) -> tuple[Finding, ...]:
    """Put together what prior work, concerns, rubric and sentences have to say.

    Major findings come first, strengths last; within each, concerns in the order given, which is by expected cost. A
    concern is a finding where it is at least as likely as usual.
    """
    kinds = {kind.id: kind for kind in load_kinds()}
    likely = [concern for concern in concerns if concern.p >= concern.base_rate and concern.association < 0][:MOST]
    findings = [
        *(_about_prior(item) for item in evidence if item.similarity >= VERY_CLOSE),
        *(_about_concern(concern, kinds[concern.id], proposal, names) for concern in likely),
        *(_about_missing(element, proposal) for element in missing),
        *(_about_sentence(item) for item in influences if item.change <= -_NOTABLE),
        *(_about_strength(concern) for concern in concerns if _is_strength(concern)),
    ]
    return in_order(findings)


def in_order(findings: Sequence[Finding]) -> tuple[Finding, ...]:
    """Major findings first, strengths last, each in the order given."""
    order = {"major": 0, "minor": 1, "strength": 2}
    return tuple(sorted(findings, key=lambda finding: order[finding.severity]))


def _about_concern(concern: Concern, kind: Kind, proposal: Proposal, names: Sequence[RequestedName]) -> Finding:
    only_abstract = set(proposal.modules) <= {"abstract"}
    major = concern.p >= _LIKELY and concern.association <= _COSTLY and not only_abstract
    reason = (
        f"{concern.p:.0%} of texts like this are asked it by one of four reviewers, {concern.base_rate:.0%} of all; "
        f"{concern.raised} of the {concern.of} nearest reviewed submissions were. Where it was raised, ratings were "
        f"{-concern.association:.1f} lower: an association, not an effect."
    )
    if only_abstract:
        reason += " Only an abstract was read, so this may be answered in the paper."
    change = kind.idea if proposal.form == "idea" else kind.paper
    if concern.id in ("baselines", "datasets") and names:
        change += f" Reviewers of near submissions named {', '.join(one.name for one in names[:4])}."
    return Finding(
        severity="major" if major else "minor",
        claim=f"{concern.name} ({concern.p:.0%}, usual {concern.base_rate:.0%}): {concern.question}",
        reason=f"{reason} {kind.why}",
        quote=concern.answered,
        evidence=tuple(paper.id for paper in concern.asked),
        change=change,
        effort=kind.effort,
        concern=concern.id,
    )


def _is_strength(concern: Concern) -> bool:
    return concern.base_rate >= _COMMON and concern.p <= _SELDOM * concern.base_rate


def _about_strength(concern: Concern) -> Finding:
    return Finding(
        severity="strength",
        claim=f"{concern.name}: asked about less often here, {concern.p:.0%} against the usual {concern.base_rate:.0%}",
        quote=concern.answered,
        evidence=(),
        change="Keep it as it is.",
        concern=concern.id,
    )


def _about_missing(element: RubricElement, proposal: Proposal) -> Finding:
    return Finding(
        severity=element.severity_for(proposal.form),
        claim=f"{element.title} was not found in the text: a reviewer asks, {element.question}",
        quote=None,
        evidence=(),
        change=element.advice,
        effort="small",
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
        effort="small",
    )


def _about_sentence(item: Influence) -> Finding:
    return Finding(
        severity="minor",
        claim=f"The estimate is {-item.change:.0%} higher without this sentence",
        quote=item.sentence,
        evidence=(),
        change="Check whether it says what you mean a reviewer to take away. "
        "The student reacts to wording, not to truth.",
        effort="small",
    )
