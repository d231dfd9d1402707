"""Judgements, evidence and whole reviews with the fields a test cares about."""

from __future__ import annotations

from typing import Any

from guide.review import (
    Calibration,
    CitedPaper,
    Concern,
    Evidence,
    Finding,
    Influence,
    Interval,
    Judgement,
    Proposal,
    Provenance,
    RequestedName,
    Review,
    ReviewedPaper,
    Signals,
    Subscore,
)


def judgement(p_accept: float = 0.3, **changed: Any) -> Judgement:
    """A calibrated judgement."""
    plain: dict[str, Any] = {
        "engine": "fake-1",
        "rating": 5.5,
        "ratings": (0, 0, 0.2, 0, 0.3, 0.3, 0, 0.2, 0, 0),
        "p_accept": p_accept,
        "interval": Interval(low=p_accept - 0.1, high=p_accept + 0.1, level=0.9),
        "p_correct": max(p_accept, 1 - p_accept),
        "calibration": calibration(),
        "subscores": {"soundness": Subscore(value=2.6, percentile=55)},
        "signals": Signals(disagreement=0.03, entropy=0.9, coverage=0.5, distance=40),
    }
    return Judgement(**{**plain, **changed})


def calibration(**changed: Any) -> Calibration:
    """What a number rests on."""
    plain: dict[str, Any] = {
        "status": "calibrated",
        "venue": "ICLR-2025",
        "base_rate": 0.319,
        "fitted_on": "ICLR 2022-2024",
        "n": 8251,
        "sha256": "a" * 64,
        "reasons": (),
        "track_record": "Of the 400 held-out submissions given between 28% and 32%, 31% were accepted.",
    }
    return Calibration(**{**plain, **changed})


def evidence(identifier: str = "p1", similarity: float = 0.6, **changed: Any) -> Evidence:
    """One piece of prior work."""
    paper = CitedPaper(
        id=identifier,
        title="Calibrated retrieval [a study]",
        year=2023,
        venue="ICML",
        url="https://example.org/p1",
        posted="2023-02",
        decision=None,
    )
    plain: dict[str, Any] = {
        "paper": paper,
        "module": "abstract",
        "similarity": similarity,
        "shared": ("calibration",),
        "only_proposal": ("zebrafish",),
        "only_paper": ("speech",),
    }
    return Evidence(**{**plain, **changed})


def concern(identifier: str = "baselines", p: float = 0.7, **changed: Any) -> Concern:
    """Something reviewers object to."""
    plain: dict[str, Any] = {
        "id": identifier,
        "name": "Baselines [and more]",
        "aspect": "comparison",
        "question": "What is the strongest rival?",
        "p": p,
        "base_rate": 0.5,
        "association": -0.3,
        "raised": 27,
        "of": 50,
        "asked": (
            ReviewedPaper(
                id="r1", title="Fish <b>that</b> count", venue="ICLR 2026", rating=4.5, url="https://example.org/r1"
            ),
        ),
    }
    return Concern(**{**plain, **changed})


def full_review(**changed: Any) -> Review:
    """A review with something in every part of it: findings, a strength, concerns, names, three papers, influences."""
    sentences = ("We watch zebrafish.", "We count <script>alert(1)</script> stripes.", "It beats every other count.")
    near = evidence("p1", 0.6)
    plain: dict[str, Any] = {
        "proposal": review().proposal.model_copy(
            update={
                "title": "Zebrafish <script>alert(1)</script> [draft]",
                "modules": {"abstract": " ".join(sentences[:2]), "method": sentences[2]},
            }
        ),
        "evidence": (
            near,
            near.model_copy(
                update={
                    "paper": near.paper.model_copy(
                        update={"id": "p2", "title": "A & B", "year": 2021, "decision": "reject", "rating": 4.2}
                    ),
                    "similarity": 0.45,
                    "relation": "both count; only yours watches",
                }
            ),
            near.model_copy(
                update={
                    "paper": near.paper.model_copy(
                        update={"id": "p3", "title": "Counting", "decision": "accept", "url": "javascript:alert(1)"}
                    ),
                    "similarity": 0.44,
                }
            ),
        ),
        "influences": tuple(
            Influence(sentence=sentence, change=change)
            for sentence, change in zip(sentences, (0.04, -0.01, -0.06), strict=True)
        ),
        "findings": (
            Finding(
                severity="major",
                claim="Baselines (70%, usual 50%): What is the strongest rival?",
                reason="27 of the 50 nearest were asked.",
                quote=sentences[2],
                evidence=("r1",),
                change="Name the rival and run it.",
                effort="medium",
                concern="baselines",
            ),
            Finding(severity="minor", claim="No scale", quote=None, evidence=("p1",), change="Say how many fish."),
            Finding(severity="strength", claim="A clear question", quote=sentences[0], evidence=(), change="Keep it."),
        ),
        "concerns": (concern(), concern("cost", 0.2, name="Cost", association=0.2, answered=sentences[1])),
        "names": (RequestedName(name="FishBench", papers=4), RequestedName(name="NLI", papers=2)),
    }
    return review(**{**plain, **changed})


def review(**changed: Any) -> Review:
    """A whole review."""
    plain: dict[str, Any] = {
        "proposal": Proposal(
            title="Zebrafish [draft]",
            modules={"abstract": "We will watch zebrafish."},
            form="idea",
            form_stated=False,
            language="en",
            words=4,
            source="idea.md",
            sha256="b" * 64,
            warnings=("something was neutralised",),
        ),
        "judgement": judgement(),
        "evidence": (evidence(),),
        "influences": (Influence(sentence="We will watch zebrafish.", change=-0.03),),
        "findings": (
            Finding(severity="major", claim="No plan was found", quote=None, evidence=("p1",), change="Add one."),
        ),
        "provenance": Provenance(
            version="0.1.0",
            engine="fake-1",
            engine_sha256="a" * 64,
            encoder="minilm",
            encoder_sha256="c" * 64,
            rubric_sha256="d" * 64,
            store="starter",
            store_sha256="e" * 64,
            store_papers=270,
            cutoff=None,
            near_duplicates_left_out=(),
            left_out_after_cutoff=0,
            sentences_not_tried=0,
        ),
    }
    return Review(**{**plain, **changed})
