"""What reviewers will ask of a text: the forecast, the neighbours' reviewers, and the text's own words on it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from guide.advice.concerns.forecast import load_forecast
from guide.advice.concerns.neighbours import NEAREST, load_reviewed
from guide.advice.concerns.taxonomy import Kind, load_kinds
from guide.corpus.sentences import split_sentences
from guide.review import Concern, RequestedName
from guide.student.features import join_title

if TYPE_CHECKING:
    from guide.student.features import Pools


@dataclass(frozen=True, slots=True)
class Foresight:
    """What reviewers will ask.

    Attributes:
        concerns: all kinds, by the chance times what they go with in ratings, the costliest first.
        names: methods, datasets and the like that reviewers of near submissions asked for.
    """

    concerns: tuple[Concern, ...]
    names: tuple[RequestedName, ...]


def foresee(encoder: Pools, title: str, text: str) -> Foresight:
    """Forecast the concerns of a text.

    The encoder's pass is the student's own, which it remembers.

    Raises:
        ModelError: the shipped numbers cannot be read.
    """
    forecast, table, kinds = load_forecast(), load_reviewed(), load_kinds()
    joined = join_title(title, text)
    layers = encoder.pool([joined]).layers
    chances = forecast.chances(layers.reshape(1, -1), forecast.vocabulary().weigh([joined]))[0]
    unit = layers[0, -1] / max(float(np.linalg.norm(layers[0, -1])), 1e-12)
    rows, cosines = table.nearest(unit)
    sentences = split_sentences(text)
    concerns = []
    for number, kind in enumerate(kinds):
        raised, asked = table.asked(rows[:NEAREST], number)
        concerns.append(
            Concern(
                id=kind.id,
                name=kind.name,
                aspect=kind.aspect,
                question=kind.question,
                p=round(float(chances[number]), 4),
                base_rate=round(float(forecast.base_rates[number]), 4),
                association=round(float(forecast.associations[number]), 3),
                raised=raised,
                of=len(rows[:NEAREST]),
                asked=asked,
                answered=_answer(kind, sentences),
            )
        )
    return Foresight(tuple(sorted(concerns, key=expected_cost, reverse=True)), table.requested(rows, cosines, joined))


def expected_cost(concern: Concern) -> float:
    """The chance that it is raised times the rating that goes with it; 0 where ratings are higher with it."""
    return concern.p * max(0.0, -concern.association)


def _answer(kind: Kind, sentences: Sequence[str]) -> str | None:
    """The first sentence that speaks to the kind's question; how clearly a text is written no sentence of it says."""
    if kind.aspect == "clarity":
        return None
    return next((sentence for sentence in sentences if kind.is_answered_in(sentence.lower())), None)
