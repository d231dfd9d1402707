"""The values a review is made of, and their one JSON form (docs/review.schema.json: python -m guide.review)."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

SCHEMA_VERSION = 2

Form = Literal["idea", "draft", "paper"]
ModuleKind = Literal["abstract", "contribution", "method", "experiments"]
MODULE_KINDS: tuple[ModuleKind, ...] = ("abstract", "contribution", "method", "experiments")


@dataclass(frozen=True, slots=True)
class Venue:
    """A venue and year, and the share of submissions it accepts."""

    name: str
    base_rate: float

    @property
    def in_domain(self) -> bool:
        """Whether the engine was calibrated on decisions of this series (ICLR)."""
        return re.fullmatch(r"ICLR-\d{4}", self.name, re.IGNORECASE) is not None


class _Value(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Proposal(_Value):
    """What the user wrote, read into modules."""

    title: str
    modules: dict[ModuleKind, str] = Field(description="text by kind; a kind that was not found is absent")
    form: Form
    form_stated: bool = Field(description="True if the user named the form, False if it was guessed")
    language: str = Field(description="ISO 639-1 code, guessed from the text; 'und' when there is too little of it")
    words: int = Field(ge=0)
    source: str = Field(description="file name, or '-' for standard input")
    sha256: str = Field(description="hash of the text as judged")
    warnings: tuple[str, ...] = Field(default=(), description="what was neutralised, left out or doubtful")


class Interval(_Value):
    """A two-sided interval."""

    low: float
    high: float
    level: float = Field(gt=0, lt=1, description="nominal coverage, e.g. 0.9")


class Calibration(_Value):
    """What P(accept) is tied to, and how it fared."""

    status: Literal["calibrated", "not calibrated"]
    venue: str = Field(description="the venue and year P(accept) is stated for, e.g. ICLR-2025")
    base_rate: float = Field(ge=0, le=1, description="share of submissions accepted there")
    fitted_on: str = Field(description="the decisions the calibrator was fitted on")
    n: int = Field(ge=0, description="how many decisions that was")
    sha256: str = Field(description="hash of the calibrated engine's parameters")
    reasons: tuple[str, ...] = Field(default=(), description="why the number should not be trusted further")
    track_record: str = Field(description="what became of held-out submissions with a like P(accept)")


class Subscore(_Value):
    """One of the reviewers' sub-scores, predicted."""

    value: float = Field(ge=1, le=4, description="expected mean of the reviewers' scores, 1-4")
    percentile: float = Field(ge=0, le=100, description="share of held-out submissions predicted lower")


class Signals(_Value):
    """The confidence signals, kept apart."""

    disagreement: float = Field(ge=0, description="standard deviation of P(accept) between ensemble members or runs")
    entropy: float = Field(ge=0, le=1, description="entropy of the rating distribution, as a share of its maximum")
    coverage: float | None = Field(description="mean similarity of the evidence found; null without evidence")
    distance: float | None = Field(
        ge=0, le=100, description="percentile of the distance from the training texts; null if those are not known"
    )
    citations: float | None = Field(
        default=None,
        ge=0,
        le=1,
        description="share of a language model's reasons that cite work it was shown; null without reasons",
    )


class Judgement(_Value):
    """An engine's answer on one proposal."""

    engine: str
    rating: float = Field(ge=1, le=10, description="expected reviewer rating")
    ratings: tuple[float, ...] = Field(min_length=10, max_length=10, description="P(rating = 1), ..., P(rating = 10)")
    p_accept: float = Field(ge=0, le=1)
    interval: Interval
    p_correct: float | None = Field(
        description="chance that the call 'accept' iff p_accept >= 1/2 is right; null if unknown"
    )
    calibration: Calibration
    subscores: dict[str, Subscore]
    signals: Signals


class CitedPaper(_Value):
    """A paper of the store; every field is the store's."""

    id: str
    title: str
    year: int
    venue: str
    url: str | None
    posted: str | None
    decision: str | None
    rating: float | None = Field(default=None, description="mean of its reviewers' ratings, where they are public")


class Evidence(_Value):
    """One piece of prior work and how it relates to the proposal."""

    paper: CitedPaper
    module: str = Field(description="the module of the proposal that the paper is nearest to")
    similarity: float = Field(
        ge=-1, le=1, description="cosine of the embeddings, over the proposal's best-matching module"
    )
    shared: tuple[str, ...] = Field(description="telling terms both texts use")
    only_proposal: tuple[str, ...] = Field(description="telling terms of the proposal that the paper lacks")
    only_paper: tuple[str, ...] = Field(description="telling terms of the paper that the proposal lacks")
    relation: str = Field(default="", description="in a line: what both are about, and what only the proposal has")


class Influence(_Value):
    """What leaving one sentence out does to P(accept)."""

    sentence: str
    change: float = Field(description="P(accept) with the sentence minus P(accept) without it")


class ReviewedPaper(_Value):
    """A submission whose reviews are public; every field is the record's."""

    id: str
    title: str
    venue: str
    rating: float = Field(description="mean of its reviewers' ratings, on that venue's scale")
    url: str


class Concern(_Value):
    """Something reviewers object to, and how likely yours will."""

    id: str
    name: str
    aspect: str = Field(description="one of the eight public aspects: motivation, originality, soundness, ...")
    question: str = Field(description="what a reviewer asks")
    p: float = Field(ge=0, le=1, description="chance that at least one of four reviewers raises it")
    base_rate: float = Field(ge=0, le=1, description="the same for the average submission")
    association: float = Field(
        description="mean rating of submissions where it was raised minus that of the others, in points of the scale "
        "from 0 to 10; an association, not an effect"
    )
    raised: int = Field(ge=0, description="of the nearest reviewed submissions, how many were asked this")
    of: int = Field(ge=0, description="how many those are")
    asked: tuple[ReviewedPaper, ...] = Field(description="the nearest of them, up to three")
    answered: str | None = Field(default=None, description="the sentence of the proposal that speaks to it, verbatim")


class RequestedName(_Value):
    """A method, dataset, benchmark or baseline that reviewers of near submissions brought up."""

    name: str
    papers: int = Field(ge=1, description="near submissions whose reviewers named it")


class Finding(_Value):
    """One piece of advice and what it rests on."""

    severity: Literal["major", "minor", "strength"]
    claim: str
    reason: str | None = Field(default=None, description="the number behind it, or why the severity is capped")
    quote: str | None = Field(description="the passage of the proposal it is about, verbatim")
    evidence: tuple[str, ...] = Field(description="ids of papers in `evidence`, or of reviewed submissions")
    change: str = Field(description="what to do about it")
    effort: Literal["small", "medium", "large"] | None = Field(default=None, description="what that takes")
    concern: str | None = Field(default=None, description="id of the concern it answers to")


class Run(_Value):
    """One run of a language model over the proposal."""

    rating: float = Field(ge=1, le=10, description="expected rating after the thinking")
    sd: float = Field(ge=0, description="how undecided it was: standard deviation of the rating within the run")
    mass: float = Field(ge=0, le=1, description="probability that the letters of the scale had together")
    tokens: int = Field(ge=0, description="of thinking, drawn")
    estimated: bool = Field(default=False, description="whether `tokens` is a rough count: the server told none")
    budget: int = Field(ge=0, description="of thinking, allowed")
    stop: Literal["closed", "agreed", "undecided", "repetition", "budget", "off"]
    saved: int = Field(ge=0, description="tokens of the budget left when it was stopped: an upper bound of the saving")
    probes: int = Field(ge=0, description="how often the rating was read on the way")
    valid_thinking: float | None = Field(
        ge=0, le=1, description="share of the thinking after which the rating no longer moved; null if not measured"
    )
    steps: tuple[str, ...] = Field(
        description="the most informative steps of the thinking, by entropy; of a server's thinking, the last"
    )


class Reasoning(_Value):
    """How a language model came to its judgement, and what was dropped of what it said."""

    model: str
    prompts_sha256: str
    runs: tuple[Run, ...]
    summary: str = Field(description="the model's own words; not checked")
    rationale: tuple[str, ...] = Field(description="its reasons, each with the ids of the work it cites; not checked")
    dropped: dict[str, int] = Field(description="what was dropped or mended of its answer, by kind")
    spent: str = Field(description="what the model was made to do so far: calls, tokens, and of a server the cost")
    failure: str | None = Field(default=None, description="why there is no written review, only a rating")


class Provenance(_Value):
    """All that is needed to get the same review again."""

    version: str
    schema_version: int = SCHEMA_VERSION
    engine: str
    engine_sha256: str
    encoder: str
    encoder_sha256: str
    rubric_sha256: str
    store: str = Field(description="'starter' or the folder given")
    store_sha256: str = Field(description="content hash of the store")
    store_papers: int
    cutoff: str | None
    near_duplicates_left_out: tuple[str, ...] = Field(description="papers too like the proposal to count as prior work")
    left_out_after_cutoff: int
    sentences_not_tried: int = Field(ge=0, description="sentences past the limit of the leave-one-out analysis")


class Review(_Value):
    """A whole review."""

    proposal: Proposal
    judgement: Judgement
    evidence: tuple[Evidence, ...]
    influences: tuple[Influence, ...] = Field(description="sentences that move P(accept) most, largest first")
    findings: tuple[Finding, ...] = Field(description="what to change, the costliest first; then what stands well")
    concerns: tuple[Concern, ...] = Field(default=(), description="by chance times what they go with in ratings")
    names: tuple[RequestedName, ...] = Field(default=(), description="what reviewers of near submissions asked for")
    reasoning: Reasoning | None = Field(default=None, description="only from engines that are language models")
    provenance: Provenance


def review_schema() -> str:
    """The JSON schema (draft 2020-12) of a review, as the file in docs/ holds it."""
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **Review.model_json_schema(mode="serialization"),
    }
    return json.dumps(schema, indent=1) + "\n"


if __name__ == "__main__":
    import click

    click.echo(review_schema(), nl=False)
