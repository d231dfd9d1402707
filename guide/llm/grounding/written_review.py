"""What holds of a review that a language model wrote, and what was dropped or mended of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from guide.llm.answers import ParsedAnswer
from guide.llm.grounding.findings import ground
from guide.text.sanitise import neutralise

if TYPE_CHECKING:
    from guide.judging import JudgeRequest
    from guide.llm.prompt import Prompt
    from guide.review import Finding

# Counts of the grounding that tell of something dropped or put right; the others are totals.
_TOTALS = frozenset({"findings", "kept", "quotes_exact", "sentences", "supported"})


@dataclass(frozen=True, slots=True)
class Written:
    """A review as it may be printed.

    Attributes:
        findings: those that hold (see `guide.llm.grounding.findings`).
        citations: share of the rationale's sentences that cite what was retrieved and nothing else; None without any.
        summary: the model's words.
        rationale: its reasons, each with the ids of the papers it cites.
        dropped: what was dropped or mended, by kind.
    """

    findings: tuple[Finding, ...]
    citations: float | None
    summary: str
    rationale: tuple[str, ...]
    dropped: Mapping[str, int]


def check_written(parsed: ParsedAnswer, request: JudgeRequest, prompt: Prompt) -> Written:
    """Hold an answer against the request it answers and the prompt that showed it."""
    papers = {item.paper.id: item for item in request.evidence}
    evidence = {key: papers[paper] for key, paper in prompt.keys.items()}
    passages = {
        key: "\n\n".join(passage.text for passage in request.passages if passage.paper_id == paper)
        for key, paper in prompt.keys.items()
    }
    grounded = ground(parsed.answer, f"{request.title}\n\n{request.text}", evidence, passages)
    counts = {name.replace("_", " "): n for name, n in asdict(grounded.counts).items() if n and name not in _TOTALS}
    rationale = []
    for reason in parsed.answer.rationale:
        ids = [prompt.keys[key] for key in dict.fromkeys(reason.evidence) if key in prompt.keys]
        rationale.append(_plain(reason.sentence) + (f" [{', '.join(ids)}]" if ids else ""))
    return Written(
        findings=grounded.findings,
        citations=grounded.counts.coverage,
        summary=_plain(parsed.answer.summary),
        rationale=tuple(rationale),
        dropped=dict(Counter(counts) + Counter({f"mended: {kind}": n for kind, n in parsed.repairs.items()})),
    )


def _plain(text: str) -> str:
    return " ".join(neutralise(text).text.split())
