"""When to stop thinking: the rule of TrimR, fed with scores.

W. Lin et al., "TrimR: Verifier-based Training-Free Thinking Compression for Efficient Test-Time Scaling", arXiv
2505.17155. A 7B model there decides whether two consecutive segments give the same answer. Here the answer is a score,
so two segments agree if their expected scores differ by no more than epsilon, and no second model is needed.

What is known to be wrong with it:
- One segment that differs sets the count back to nothing. A, B, A, B and A, A, B, A, A never agree, however many of the
  segments say A; only the rule for the undecided ends them.
- Each score is held against the one before, not against the first of the row: a score that creeps by epsilon at each
  boundary counts as agreed, `running` epsilons away from where the row began.
- Scores of one run are not independent of each other. That they agree says nothing of whether they are right, and
  runs that are stopped early may differ less from each other than finished ones: agreement between runs must be
  calibrated with the options it is used with.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from guide.errors import InputError
from guide.llm.thinking.trace import Boundary

Verdict = Literal["keep", "agreed", "undecided"]


@dataclass(frozen=True, slots=True)
class TrimOptions:
    """Thresholds of the rule; M, R and N are the paper's, epsilon and least are ours and not tuned.

    Attributes:
        agreed: stop over-thinking.
        undecided: stop under-thinking.
        epsilon: scores that differ by no more than this agree; 0.5 suits a scale of ten points.
        running: M: how many times running a score must agree with the one before. 2 means three equal scores.
        share: R: past this share of the budget without agreement a run is undecided.
        segments: N: after this many segments without agreement a run is undecided.
        least: tokens before which no score is read and none stops a run. Where it is more than `share` of the budget,
            a run is undecided at the first boundary past it.
    """

    agreed: bool = True
    undecided: bool = True
    epsilon: float = 0.5
    running: int = 2
    share: float = 0.5
    segments: int = 20
    least: int = 256

    def __post_init__(self) -> None:
        if not (math.isfinite(self.epsilon) and self.epsilon >= 0):
            raise InputError(f"epsilon is {self.epsilon}", fix="Give a number that is not below 0.")
        if self.running < 1 or self.segments < 1 or self.least < 0:
            raise InputError(
                f"running, segments and least are {self.running}, {self.segments} and {self.least}",
                fix="Give at least 1, 1 and 0.",
            )
        if not 0 <= self.share <= 1:
            raise InputError(f"share is {self.share}", fix="Give a share of the budget, 0 to 1.")


class Trimmer:
    """The rule for one run: fed at every boundary, it says whether to go on. Once it has stopped, it stays so.

    Args:
        options: the same for all runs that are to be compared.
        budget: tokens that the run may draw.
    """

    def __init__(self, options: TrimOptions, budget: int) -> None:
        self._options = options
        self._budget = budget
        self._last: float | None = None
        self._running = 0
        self._settled = False
        self._segments = 0
        self._verdict: Verdict = "keep"

    def wants(self, tokens: int) -> bool:
        """Whether a score is of use at a boundary after so many tokens."""
        return tokens >= self._options.least

    def feed(self, score: float | None, tokens: int) -> Verdict:
        """Take the expected score at a boundary, None where it was not read, and the tokens drawn up to there."""
        if self._verdict != "keep":
            return self._verdict
        self._segments += 1
        if score is not None:
            near = self._last is not None and abs(score - self._last) <= self._options.epsilon
            self._running = self._running + 1 if near else 0
            self._last = score
            self._settled = self._settled or self._running >= self._options.running
        if self.wants(tokens):
            self._verdict = self._judge(tokens)
        return self._verdict

    def _judge(self, tokens: int) -> Verdict:
        options = self._options
        if self._settled:  # with `agreed` off, a run whose score has settled is still not undecided
            return "agreed" if options.agreed else "keep"
        late = tokens > options.share * self._budget or self._segments >= options.segments
        return "undecided" if options.undecided and late else "keep"


def replay(boundaries: Iterable[Boundary], options: TrimOptions, budget: int) -> tuple[Boundary, Verdict] | None:
    """Where, and why, a finished run would have been stopped; None if nowhere.

    For tuning the thresholds on runs that were watched and left alone (`ThinkingOptions.watch`). Boundaries without a
    score are not in a trace, so runs to be replayed are best watched with `least` 0: `options.least` is applied here.
    """
    trimmer = Trimmer(options, budget)
    for boundary in boundaries:
        score = boundary.score.expected if trimmer.wants(boundary.tokens) else None
        verdict = trimmer.feed(score, boundary.tokens)
        if verdict != "keep":
            return boundary, verdict
    return None
