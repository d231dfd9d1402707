"""A score read from what a model gives each label: its expectation and how undecided the model is.

The expectation is over the labels alone; how much of the probability they hold together is told beside it, because a
model that would rather say something else has given no score.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from guide.errors import InputError, ModelError


@dataclass(frozen=True, slots=True)
class LabelScore:
    """One reading of a score.

    Attributes:
        expected: mean of the labels' values under the model's probabilities.
        sd: standard deviation of the values under them: how undecided the model is within this run.
        entropy: of the labels' probabilities, in bits.
        mass: probability that the labels hold together, of the whole vocabulary.
    """

    expected: float
    sd: float
    entropy: float
    mass: float


@dataclass(frozen=True, slots=True)
class ScoreProbe:
    """How a score is asked for.

    Attributes:
        lead: text between the end of the thinking and the label, such as '{"score": '. Tokenizers that put a space into
            the word behind it want no space at its end.
        labels: each label, one token of the model, and the value it stands for. 10 is two tokens to many models: use
            letters, or 0 to 9.
    """

    lead: str
    labels: Mapping[str, float]

    def __post_init__(self) -> None:
        if len(self.labels) < 2:
            raise InputError("a score needs at least two labels", fix='Give for example {"0": 0, ..., "9": 9}.')
        if not np.isfinite(list(self.labels.values())).all():
            raise InputError("a label stands for no finite number", fix="Give each label a number.")

    def read(self, log_probabilities: NDArray[np.float64]) -> LabelScore:
        """The score in natural log-probabilities (labels,), which stand in the order of the labels.

        Raises:
            ModelError: no label has any probability, or one has none that is a number.
        """
        values = np.array(list(self.labels.values()), dtype=np.float64)
        given = np.asarray(log_probabilities, dtype=np.float64)
        if given.shape != values.shape:
            raise ModelError(f"the model scored {given.size} labels instead of {values.size}")
        top = float(given.max())
        if not np.isfinite(top):  # nan, too: it is the maximum of whatever holds it
            raise ModelError(
                "the model gives no label a probability",
                fix="Load it in bfloat16 or float32; float16 overflows in some models.",
            )
        relative = np.exp(given - top)
        total = float(relative.sum())
        shares = relative / total
        expected = float(shares @ values)
        held = shares[shares > 0]
        return LabelScore(
            expected=expected,
            sd=float(np.sqrt(shares @ (values - expected) ** 2)),
            entropy=max(0.0, float(-(held * np.log2(held)).sum())),
            mass=min(1.0, float(np.exp(top) * total)),
        )
