"""What a sampled answer is worth when it should be right and short: the reward of the recipe grpo-length.

    reward = format + accuracy + alpha * length + gamma * compress

after LC-R1 (see `lengths.py`), with two changes. A proposal has no correct rating: one within `tolerance`
of the mean of people's counts as correct. And LC-R1 pays `compress` only at the token that closes the thinking, which
TRL's trainer has no place for: here it is paid for the whole answer.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from guide.errors import InputError
from guide.llm.chat_reasoner import read_rating
from guide.llm.finetune.lengths import Schedule, compress_reward, length_rewards
from guide.llm.prompt import rating_scale
from guide.llm.thinking.trace import CLOSE

Mode = Literal["short", "long"]

_SENTENCE_END = re.compile(r"[.!?\n](?=\s|$)")


@dataclass(frozen=True, slots=True)
class LengthOptions:
    """What counts how much.

    Attributes:
        length: alpha, 1 in LC-R1.
        compress: gamma. LC-R1 has 1; 0 here, since thinking about a proposal seldom names its rating, and a right
            answer whose thinking does not is paid -1.
        tolerance: points that a correct rating may be away from the mean of people's.
        schedule: budget that an answer must fit into to count (SIRI); None counts whatever was drawn.
    """

    length: float = 1.0
    compress: float = 0.0
    tolerance: float = 1.0
    schedule: Schedule | None = None

    def __post_init__(self) -> None:
        if self.length < 0 or self.compress < 0 or self.tolerance < 0:
            raise InputError("a negative weight or tolerance", fix="Give 0 or more.")


@dataclass(frozen=True, slots=True)
class Drawn:
    """One answer, as the reward sees it.

    Attributes:
        place: of its proposal; the answers of one place are a group.
        mode: "long" if it was to think.
        tokens: their ids.
        wanted: mean of people's ratings.
    """

    place: int
    mode: Mode
    tokens: Sequence[int]
    wanted: float


@dataclass(frozen=True, slots=True)
class Worth:
    """What one answer is worth, and why."""

    mode: Mode
    tokens: int
    rated: bool
    correct: bool
    total: float


def score_answers(
    drawn: Sequence[Drawn], decode: Callable[[Sequence[int]], str], options: LengthOptions, *, step: int
) -> list[Worth]:
    """What each answer is worth, in their order.

    Args:
        drawn: all answers of a step; those of one proposal and mode are held against each other.
        decode: from token ids to text.
        options: what counts how much.
        step: of the training so far, for the budget.
    """
    limit = options.schedule.budget(step) if options.schedule else None
    texts = [decode(one.tokens[:limit]) for one in drawn]
    ratings = [_rating(text, one.mode) for one, text in zip(drawn, texts, strict=True)]
    right = [
        rating is not None and abs(rating - one.wanted) <= options.tolerance
        for one, rating in zip(drawn, ratings, strict=True)
    ]
    groups: dict[tuple[int, Mode], list[int]] = defaultdict(list)
    for number, one in enumerate(drawn):
        groups[one.place, one.mode].append(number)
    shorter = [0.0] * len(drawn)
    for members in groups.values():
        found = length_rewards([len(drawn[n].tokens) for n in members], [right[n] for n in members])
        for number, reward in zip(members, found, strict=True):
            shorter[number] = reward
    worths = []
    for one, text, rating, correct, length in zip(drawn, texts, ratings, right, shorter, strict=True):
        total = float(rating is not None) + float(correct) + options.length * length
        if options.compress and one.mode == "long":
            total += options.compress * compress_reward(*_thought(text, rating), correct=correct)
        worths.append(Worth(one.mode, len(one.tokens), rating is not None, correct, total))
    return worths


def first_mention(thinking: str, rating: float) -> int | None:
    """Where, in characters, the first sentence ends that names a rating, by its number or its letter; None without one.

    The number or the letter must stand behind "rating", "rate" or "score": both occur for other reasons.
    """
    letter = next(label for label, value in rating_scale().items() if value == rating)
    named = re.search(
        rf"\b(?:ratings?|rate[ds]?|scores?d?)\b[^.!?\n]{{0,40}}?\b(?:{letter}|{rating:g})(?![\w.]\w|\w)", thinking, re.I
    )
    if named is None:
        return None
    end = _SENTENCE_END.search(thinking, named.end())
    return end.end() if end else len(thinking)


def _rating(text: str, mode: Mode) -> float | None:
    """The rating that an answer gives behind its thinking; None where the thinking never ends."""
    if mode == "long":
        _, mark, text = text.rpartition(CLOSE)
        if not mark:
            return None
    return read_rating(text)


def _thought(text: str, rating: float | None) -> tuple[int | None, int]:
    """How far into the thinking the rating is first named, and how long the thinking is, in characters."""
    thinking = text.rpartition(CLOSE)[0].strip()
    return (None if rating is None else first_mention(thinking, rating)), len(thinking)
