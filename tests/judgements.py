"""Judgements, evidence and whole reviews with the fields a test cares about."""

from __future__ import annotations

from typing import Any

from guide.review import (
    Calibration,
    CitedPaper,
    Evidence,
    Finding,
    Influence,
    Interval,
    Judgement,
    Proposal,
    Provenance,
    Review,
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
