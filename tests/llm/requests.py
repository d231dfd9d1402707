"""Requests that the tests make."""

from __future__ import annotations

from guide.calibration.base_rates import parse_venue
from guide.corpus.budget import Passage
from guide.judging import JudgeRequest
from guide.review import CitedPaper, Evidence


def request_about(title: str, text: str, *, name: str = "one", papers: int = 2) -> JudgeRequest:
    """A request with made-up prior work: one abstract a paper."""
    evidence = tuple(
        Evidence(
            paper=CitedPaper(
                id=f"made:{number}", title=f"Earlier work {number}", year=2020 + number, venue="MADE", url=None,
                posted=None, decision=None,
            ),
            module="abstract", similarity=0.5, shared=(), only_proposal=(), only_paper=(),
        )
        for number in range(papers)
    )  # fmt: skip
    passages = tuple(
        Passage(f"made:{number}", "abstract", f"Work {number} compresses papers before it reads them.", 9)
        for number in range(papers)
    )
    return JudgeRequest(name, title, text, parse_venue("ICLR-2025"), "idea", evidence, passages)
