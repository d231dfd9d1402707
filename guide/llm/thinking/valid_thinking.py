"""How much of the thinking came before the score was settled.

Z. Cheng et al., "Optimizing Length Compression in Large Reasoning Models" (LC-R1), arXiv 2506.14755, call the tokens up
to the first correct answer, over all tokens of thinking, the valid-thinking rate; 57 to 65 % for large reasoning models
on mathematics. An idea has no correct score, so the score that the run itself ends with stands in for it: the rate says
when a run settled, not whether it is right. It is a diagnostic: at about 60 %, stopping early has something to gain, at
95 % nothing.
"""

from __future__ import annotations

from guide.llm.thinking.trace import Trace


def valid_thinking_rate(trace: Trace, epsilon: float = 0.5, final: float | None = None) -> float | None:
    """Share of the tokens up to the first boundary from which the score stays within `epsilon` of the last one.

    Boundaries without a score (before `TrimOptions.least`) cannot be that boundary, so measure on runs that were
    watched and not stopped (`ThinkingOptions.watch`) with `least` 0: a stopped run ends soon after it settled, by
    construction.

    Args:
        trace: with its boundaries.
        epsilon: in points of the score.
        final: the score after the whole thinking; None takes the last boundary's.

    Returns:
        0 to 1; 1 if only the final score is within `epsilon` of itself; None where there is nothing to compare.
    """
    if not trace.tokens or (not trace.boundaries and final is None):
        return None
    last = trace.boundaries[-1].score.expected if final is None else final
    settled = trace.tokens
    for boundary in reversed(trace.boundaries):
        if abs(boundary.score.expected - last) > epsilon:
            break
        settled = boundary.tokens
    return settled / trace.tokens
