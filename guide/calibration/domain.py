"""What the submissions of a calibration were like, and why another text is unlike them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from guide.text.language import UNDETERMINED

_RARE = 0.01  # share of submissions in a language below which it was not calibrated on


@dataclass(frozen=True, slots=True)
class Seen:
    """What the labelled submissions were like.

    Attributes:
        lowest: evidence of the engine; `highest`.
        fewest_words: 1st percentile of their lengths; `most_words`, the 99th.
        farthest: 99th percentile of `Signals.distance`; None where the engine does not tell it.
        languages: ISO 639-1 codes of at least one in a hundred.
    """

    lowest: float
    highest: float
    fewest_words: float
    most_words: float
    farthest: float | None
    languages: tuple[str, ...]

    def doubts(self, *, evidence: float, words: int, language: str, distance: float | None) -> tuple[str, ...]:
        """Reasons why a text's number must not be taken as calibrated; empty when there is none."""
        found = []
        if not self.lowest <= evidence <= self.highest:
            found.append("no labelled submission was given so high or so low a score")
        if words < self.fewest_words:
            found.append(
                f"the text has {words} words; 99 % of the labelled submissions have at least {self.fewest_words:.0f}"
            )
        if words > 3 * self.most_words:
            found.append(
                f"the text has {words} words; 99 % of the labelled submissions have at most {self.most_words:.0f}"
            )
        if language not in (*self.languages, UNDETERMINED):
            found.append(f"the text seems to be in a language ({language}) that the labelled submissions are not in")
        if distance is not None and self.farthest is not None and distance > self.farthest:
            found.append("the text is farther from the training texts than 99 % of the labelled submissions")
        return tuple(found)


def describe(
    evidence: NDArray[np.float64], words: Sequence[int], languages: Sequence[str], distances: Sequence[float | None]
) -> Seen:
    """What n submissions were like: the engine's evidence, lengths, languages, and distances as its signals tell."""
    fewest, most = np.percentile(words, [1, 99])
    told = [distance for distance in distances if distance is not None]
    return Seen(
        lowest=float(evidence.min()),
        highest=float(evidence.max()),
        fewest_words=float(fewest),
        most_words=float(most),
        farthest=float(np.percentile(told, 99)) if told else None,
        languages=tuple(
            sorted(
                language
                for language, count in Counter(languages).items()
                if language != UNDETERMINED and count >= _RARE * len(languages)
            )
        ),
    )
