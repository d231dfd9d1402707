"""What a revision did: every finding of two reviews with what became of it, and how far the numbers moved.

"Addressed" is never taken on trust: it needs a passage that stands in the new text, word for word, and not in the old
one. What is merely no longer raised is called partly addressed, with the reason.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from guide.advice.passages import NewPassages, new_passages
from guide.review import Finding, Review
from guide.text.rubric import load_rubric

Status = Literal["addressed", "partly", "open", "new", "gone", "kept", "lost"]
ASSUMED_SD = 0.04  # of a forecast between wordings of one text, where the student's card does not say: not measured
_BEYOND = 2.0  # two standard deviations of the difference between two wordings: one rewording in twenty goes further


@dataclass(frozen=True, slots=True)
class Noise:
    """How much rewording alone moves a forecast.

    Attributes:
        p_accept: standard deviation of P(accept) between wordings that say the same.
        concern: the same of a concern's chance.
        source: where the two come from, for the report.
    """

    p_accept: float = ASSUMED_SD
    concern: float = ASSUMED_SD
    source: str = "assumed, not measured"


class _Value(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Move(_Value):
    """How one forecast moved."""

    of: str = Field(description="'p_accept', or the id of a concern")
    name: str
    before: float = Field(ge=0, le=1)
    after: float = Field(ge=0, le=1)
    change: float = Field(ge=-1, le=1, description="after minus before")
    threshold: float = Field(ge=0, description="what two wordings of one text differ by at most, 19 times of 20")
    beyond_noise: bool = Field(description="whether the change is larger than that")


class Change(_Value):
    """What became of one finding."""

    status: Status = Field(
        description="of advice: addressed, partly, open, new, or gone with the passage it was about; of a strength: "
        "new, kept or lost"
    )
    before: Finding | None = Field(description="as the old review has it")
    after: Finding | None = Field(description="as the new review has it")
    quote: str | None = Field(default=None, description="passage of the new text that the old one lacks, verbatim")
    why: str = Field(description="what the status rests on")

    @property
    def finding(self) -> Finding:
        """The finding as it stands now; as it stood, where it no longer does."""
        found = self.after or self.before
        if found is None:
            raise ValueError("a change is of a finding")
        return found


class Revision(_Value):
    """Two reviews compared."""

    unchanged: bool = Field(description="whether the text is the same, by its SHA-256")
    not_comparable: tuple[str, ...] = Field(description="what else differs, so that a move is not the text's alone")
    p_accept: Move
    concerns: tuple[Move, ...] = Field(description="concerns that both reviews forecast, the largest move first")
    changes: tuple[Change, ...] = Field(description="every finding of either review, once")
    noise_source: str = Field(description="where the noise comes from")


def noise_of_student() -> Noise:
    """The noise that the student's card states under `paraphrase_sd`: a number, or {"p_accept", "concern"}.

    `ASSUMED_SD` where the card does not say.

    Raises:
        ModelError: the student cannot be read.
    """
    from guide.student.parameters import load

    stated = load().card.get("paraphrase_sd")
    source = "measured between paraphrases, by the student's card"
    if isinstance(stated, int | float):
        # P(accept) was measured; for concerns the assumption stays.
        return Noise(p_accept=float(stated), source=f"{source}; of concerns assumed")
    if isinstance(stated, Mapping):
        return Noise(
            p_accept=float(stated.get("p_accept", ASSUMED_SD)),
            concern=float(stated.get("concern", ASSUMED_SD)),
            source=source,
        )
    return Noise()


def compare_reviews(old: Review, new: Review, noise: Noise | None = None) -> Revision:
    """Compare the reviews of two versions of a text.

    Findings are matched by the id of their concern, others by claim (numbers aside) and quote.

    Args:
        old: review of the earlier version.
        new: review of the later one.
        noise: what rewording alone does; None for `noise_of_student`.

    Raises:
        ModelError: the noise is to be read from the student, which cannot be read.
    """
    noise = noise or noise_of_student()
    unchanged = old.proposal.sha256 == new.proposal.sha256
    before = {concern.id: concern for concern in old.concerns}
    moves = {
        concern.id: _move(concern.id, concern.name, before[concern.id].p, concern.p, noise.concern)
        for concern in new.concerns
        if concern.id in before
    }
    titles = {item.paper.id: item.paper.title for item in old.evidence}
    likely = frozenset(concern.id for concern in new.concerns if concern.p >= concern.base_rate)
    versions = _Versions(unchanged, new_passages(old.proposal, new.proposal), moves, likely, titles)
    return Revision(
        unchanged=unchanged,
        not_comparable=_differences(old, new),
        p_accept=_move("p_accept", "P(accept)", old.judgement.p_accept, new.judgement.p_accept, noise.p_accept),
        concerns=tuple(sorted(moves.values(), key=lambda move: -abs(move.change))),
        changes=tuple(versions.judge(before, after) for before, after in _pair(old.findings, new.findings)),
        noise_source=noise.source,
    )


def _move(of: str, name: str, before: float, after: float, sd: float) -> Move:
    # Both wordings vary, so their difference does by the root of two more.
    threshold = _BEYOND * math.sqrt(2) * sd
    change = after - before
    return Move(
        of=of,
        name=name,
        before=before,
        after=after,
        change=change,
        threshold=threshold,
        beyond_noise=abs(change) > threshold,
    )


def _differences(old: Review, new: Review) -> tuple[str, ...]:
    """What but the text may have moved a number."""
    one, other = old.provenance, new.provenance
    compared = {
        "engine": ((one.engine, one.engine_sha256), (other.engine, other.engine_sha256)),
        "version of guide": (one.version, other.version),
        "venue": (old.judgement.calibration.venue, new.judgement.calibration.venue),
        "calibration": (old.judgement.calibration.sha256, new.judgement.calibration.sha256),
        "store": (one.store_sha256, other.store_sha256),
        "cut-off": (one.cutoff, other.cutoff),
        "form": (old.proposal.form, new.proposal.form),
        "rubric": (one.rubric_sha256, other.rubric_sha256),
    }
    return tuple(name for name, (first, second) in compared.items() if first != second)


def _pair(old: Sequence[Finding], new: Sequence[Finding]) -> list[tuple[Finding | None, Finding | None]]:
    """Each finding once: matched ones and new ones in the new review's order, then what only the old one has."""
    waiting: dict[tuple[str, ...], list[int]] = {}
    for number, finding in enumerate(old):
        waiting.setdefault(_key(finding), []).append(number)
    pairs: list[tuple[Finding | None, Finding | None]] = []
    for finding in new:
        same = waiting.get(_key(finding))
        pairs.append((old[same.pop(0)] if same else None, finding))
    left = sorted(number for numbers in waiting.values() for number in numbers)
    return [*pairs, *((old[number], None) for number in left)]


def _key(finding: Finding) -> tuple[str, ...]:
    if finding.concern is not None:
        return ("concern", finding.concern)
    # Percentages and similarities move from review to review; the rest of the claim says what kind it is.
    claim = re.sub(r"\d+(?:\.\d+)?", "#", " ".join(finding.claim.split()))
    return ("claim", claim, *sorted(finding.evidence), " ".join((finding.quote or "").split()))


@dataclass(frozen=True, slots=True)
class _Versions:
    """What the status of a finding is judged by.

    Attributes:
        unchanged: whether both texts are the same.
        passages: what the new text has and the old one lacks.
        moves: how each concern's chance moved, by its id.
        likely: ids of the concerns that are at least as likely as usual for the new text, listed or not.
        titles: of the prior work that the old review names, by id.
    """

    unchanged: bool
    passages: NewPassages
    moves: Mapping[str, Move]
    likely: frozenset[str]
    titles: Mapping[str, str]

    def judge(self, before: Finding | None, after: Finding | None) -> Change:
        """Say what became of one finding."""
        quote = None
        status: Status
        if before is None or (after is not None and before.severity == "strength" != after.severity):
            # A strength that turned into advice is news, too.
            status = "new"
            why = "the text is the same; the review is not" if self.unchanged else "the earlier review did not raise it"
        elif before.severity == "strength":
            status, why = ("kept", "still a strength") if after else ("lost", "no longer among the strengths")
        elif after is not None and after.severity != "strength":
            status, why, quote = self._still_raised(before, after)
        elif self.unchanged:
            status, why = "open", "the text is the same, though this review does not raise it"
        else:
            status, why, quote = self._not_raised(before)
        return Change(status=status, before=before, after=after, quote=quote, why=why)

    def _still_raised(self, before: Finding, after: Finding) -> tuple[Status, str, str | None]:
        if quote := self._answer(before):
            return "partly", "the new text speaks to it; still raised", quote
        move = self.moves.get(before.concern or "")
        if move is not None and move.beyond_noise and move.change < 0:
            return "partly", "less likely by more than rewording explains; still raised", None
        if move is None and before.severity == "major" and after.severity == "minor":
            return "partly", "no longer major; still raised", None
        return "open", "still raised", None

    def _not_raised(self, before: Finding) -> tuple[Status, str, str | None]:
        # The quote of a concern is the author's answer to it, not what is objected to.
        if before.concern is None and before.quote and not self.passages.stands(before.quote):
            return "gone", "the passage it was about no longer stands", None
        quote = self._answer(before)
        if before.concern in self.likely:
            why = "still at least as likely as usual, though others now cost more"
            return ("partly" if quote else "open"), why, quote
        if quote:
            return "addressed", "the new text speaks to it; no longer raised", quote
        move = self.moves.get(before.concern or "")
        if move is not None and not move.beyond_noise:
            return "partly", "no longer raised, but no new passage speaks to it and rewording explains the move", None
        return "partly", "no longer raised, but no new passage speaks to it", None

    def _answer(self, finding: Finding) -> str | None:
        """The passage of the new text, and not of the old one, that speaks to a finding."""
        if finding.concern is not None:
            return self.passages.on_concern(finding.concern)
        element = next((one for one in load_rubric().elements if finding.claim.startswith(f"{one.title} was ")), None)
        if element is not None:
            return self.passages.on_element(element)
        cited = [self.titles[identifier] for identifier in finding.evidence if identifier in self.titles]
        return self.passages.naming(cited) if cited else None
