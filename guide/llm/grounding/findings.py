"""Holding a language model's answer against what it was shown: the proposal's own words and the papers retrieved.

A model cites papers that were not retrieved, remembers other years than the store has, and quotes what nobody wrote.
None of that reaches a review. The rules, each counted (`GroundingCounts`):

- A key of evidence that was not given out is dropped. A finding or sentence that names such a key is not supported.
- Titles and years are the store's. "E1" in a claim or change becomes the title and year of that paper; a year beside
  it, or a title nearly right, is replaced.
- A finding that names anything else as a paper is dropped: "et al.", an arXiv number, a DOI, a link, a title in
  quotation marks, a run of capitalised words; so is one with a year that none of its papers has. What stands in the
  proposal, or in the passages shown, may be named: that is quoting it.
- A finding that says the idea is known must cite a paper that was retrieved, or it is dropped.
- A quotation must stand in the proposal. One of at least five words that is `QUOTE_SIMILARITY` per cent alike, with
  the same numbers and negations, is replaced by the proposal's words; any other is dropped, and the finding stays.

Dropping a finding loses advice; printing a paper that does not exist loses the reader. So doubt drops.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields

from guide.llm.answers import AnsweredFinding, ReviewAnswer
from guide.llm.grounding.papers import keys_named, names_foreign, restore_names, says_known, years_named
from guide.llm.grounding.quotations import NormalText, hold_quotation
from guide.review import Evidence, Finding
from guide.text.sanitise import neutralise


@dataclass(frozen=True, slots=True)
class GroundingCounts:
    """What became of an answer.

    Attributes:
        findings: in the answer.
        kept: of them.
        evidence_dropped: keys cited that were not given out, in findings and rationale.
        known_dropped: findings that called the idea known and cited no paper retrieved.
        unretrieved_dropped: findings that named a paper that was not retrieved.
        years_dropped: findings with a year that none of their papers has.
        names_restored: keys, titles and years in findings put as the store has them.
        quotes_exact: quotations that stand in the proposal, but for case, white space and marks.
        quotes_restored: quotations replaced by the proposal's words.
        quotes_dropped: quotations of something else.
        sentences: of the rationale.
        supported: of them, those that cite evidence and nothing but evidence that was given out.
    """

    findings: int = 0
    kept: int = 0
    evidence_dropped: int = 0
    known_dropped: int = 0
    unretrieved_dropped: int = 0
    years_dropped: int = 0
    names_restored: int = 0
    quotes_exact: int = 0
    quotes_restored: int = 0
    quotes_dropped: int = 0
    sentences: int = 0
    supported: int = 0

    @property
    def coverage(self) -> float | None:
        """Share (0..1) of the rationale's sentences that are supported; None where there is no sentence."""
        return self.supported / self.sentences if self.sentences else None


@dataclass(frozen=True, slots=True)
class Grounded:
    """The findings that hold, in the answer's order, and what became of the rest."""

    findings: tuple[Finding, ...]
    counts: GroundingCounts


def key_evidence(evidence: Sequence[Evidence]) -> dict[str, Evidence]:
    """Give each piece of evidence the key it has in a prompt: "E1" is the first."""
    return {f"E{number}": item for number, item in enumerate(evidence, start=1)}


def ground(
    answer: ReviewAnswer,
    proposal_text: str,
    evidence: Mapping[str, Evidence],
    passages: Mapping[str, str] | None = None,
) -> Grounded:
    """Hold an answer against what its model was shown (the rules: see the module).

    Args:
        answer: as the model gave it.
        proposal_text: all of the proposal that was shown, title included.
        evidence: by the keys of the prompt (see `key_evidence`); two keys may be modules of one paper.
        passages: by the same keys, the text that was shown of each.
    """
    shown = _Shown(proposal_text, evidence, passages or {})
    counted: Counter[str] = Counter(findings=len(answer.findings), sentences=len(answer.rationale))
    findings = [finding for item in answer.findings if (finding := shown.ground(item, counted)) is not None]
    for reason in answer.rationale:
        given_out = [key for key in reason.evidence if key in evidence]
        counted["evidence_dropped"] += len(reason.evidence) - len(given_out)
        whole = keys_named(reason.sentence) <= evidence.keys()
        counted["supported"] += bool(given_out) and len(given_out) == len(reason.evidence) and whole
    counted["kept"] = len(findings)
    return Grounded(
        tuple(findings), GroundingCounts(**{field.name: counted[field.name] for field in fields(GroundingCounts)})
    )


class _Shown:
    """What the model was shown, ready to be compared with."""

    def __init__(self, proposal: str, evidence: Mapping[str, Evidence], passages: Mapping[str, str]) -> None:
        self._evidence = evidence
        self._passages = passages
        self._proposal = NormalText(proposal)

    def ground(self, item: AnsweredFinding, counted: Counter[str]) -> Finding | None:
        """The finding as it may be printed, or None; `counted` tells why."""
        keys = [key for key in item.evidence if key in self._evidence]
        counted["evidence_dropped"] += len(item.evidence) - len(keys)
        texts = [" ".join(neutralise(text).text.split()) for text in (item.claim, item.change)]
        named = set().union(*map(keys_named, texts))
        if not named <= self._evidence.keys():
            counted["unretrieved_dropped"] += 1
            return None
        restored = [restore_names(text, self._evidence) for text in texts]
        # What a claim names, it cites.
        keys = list(dict.fromkeys([*keys, *(key for one in restored for key in one.keys)]))
        if (item.known or says_known(texts[0])) and not keys:
            counted["known_dropped"] += 1
            return None
        allowed = self._allowed(keys)
        if any(names_foreign(one.rest, allowed, self._proposal, is_claim=one is restored[0]) for one in restored):
            counted["unretrieved_dropped"] += 1
            return None
        years = set().union(*(years_named(one.rest) for one in restored))
        known = {str(self._evidence[key].paper.year) for key in keys} | years_named(allowed)
        if not years <= known:
            counted["years_dropped"] += 1
            return None
        quotation = hold_quotation(item.quote, self._proposal)
        if quotation is not None:
            counted[f"quotes_{quotation.fate}"] += 1
        counted["names_restored"] += sum(one.count for one in restored)
        return Finding(
            severity=item.severity,
            claim=restored[0].text,
            quote=quotation.words if quotation else None,
            evidence=tuple(dict.fromkeys(self._evidence[key].paper.id for key in keys)),
            change=restored[1].text,
        )

    def _allowed(self, keys: Sequence[str]) -> str:
        """All that a finding with these keys may repeat, normalised."""
        cited = [self._evidence[key].paper for key in keys]
        texts = [*(paper.title for paper in cited), *(self._passages.get(key, "") for key in keys)]
        return "\n".join([self._proposal.text, *(NormalText(text).text for text in texts)])
