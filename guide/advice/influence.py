"""Which sentences move P(accept): the text is judged again without the words and vectors of each.

The change says what the student reacts to, not what causes reviewers to accept.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from guide.corpus.sentences import split_sentences
from guide.review import Influence

if TYPE_CHECKING:
    from guide.judging import Explains
    from guide.review import Venue

MAX_SENTENCES = 80


@dataclass(frozen=True, slots=True)
class LeaveOneOut:
    """The influences, strongest first, and how many sentences past the limit were not tried."""

    influences: tuple[Influence, ...]
    not_tried: int


def leave_one_out(title: str, text: str, engine: Explains, venue: Venue) -> LeaveOneOut:
    """Judge the text without each of its sentences in turn; a text of one sentence has no influences."""
    sentences = split_sentences(text)
    if len(sentences) < 2:
        return LeaveOneOut((), 0)
    tried = min(len(sentences), MAX_SENTENCES)
    whole, *without = engine.chances_without_each(title, text, tried, venue)
    found = [
        Influence(sentence=sentence, change=float(whole - chance))
        for sentence, chance in zip(sentences[:tried], without, strict=True)
    ]
    ranked = sorted(found, key=lambda influence: -abs(influence.change))
    return LeaveOneOut(tuple(ranked), len(sentences) - tried)
