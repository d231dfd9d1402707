"""The student fitted anew on fewer years, or on raw text: its two heads and its calibrator, nothing else.

Heads and calibrator are those of `guide.student.distillation`: heads fitted on all years there are, a logistic on
out-of-year scores of the last three with each year's base rate as an offset. Interval, rating distribution and
sub-scores are not fitted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from guide.calibration.logistic import LogisticFit, chance, fit_logistic
from guide.errors import InputError
from guide.eval.baselines import Baseline
from guide.student.features import Pools, Vocabulary, join_title
from guide.student.heads import Heads, fit_heads, fit_vocabulary
from guide.student.timesplit import predict_held_out, targets_of, weigh_terms
from guide.student.training import TrainingSet, texts_of

RAW_STUDENT = "trained-on-raw"
CALIBRATION_YEARS = 3
MIN_YEAR = 300  # decisions that a year needs to calibrate on, as in `guide.student.distillation`


@dataclass(frozen=True, slots=True)
class Retrained:
    """A student for P(accept) alone.

    Attributes:
        heads: of the rating and of the decision.
        vocabulary: of the training texts.
        calibrator: from the two scores to evidence.
        calibrated_on: the years behind it, each scored by heads fitted on earlier years only.
        years: first and last year of the training texts.
        n: how many these are.
    """

    heads: Heads
    vocabulary: Vocabulary
    calibrator: LogisticFit
    calibrated_on: tuple[int, ...]
    years: tuple[int, int]
    n: int

    def evidence(self, texts: Sequence[tuple[str, str]], dense: NDArray[np.float32]) -> NDArray[np.float64]:
        """Log likelihood ratios (n,) of (title, text) pairs; `dense` (n, D) is what `embed_texts` gives, flattened."""
        words = weigh_terms(self.vocabulary, [join_title(*pair) for pair in texts])
        return self.calibrator.evidence(self.heads.score(dense, words))

    def chances(
        self, texts: Sequence[tuple[str, str]], base_rate: float, encoder: Pools, *, progress: bool = False
    ) -> NDArray[np.float64]:
        """P(accept) (n,) of (title, text) pairs, read as the training texts were, at a base rate."""
        layers = embed_texts(encoder, texts, progress=progress)
        return chance(self.evidence(texts, layers.reshape(len(layers), -1)), base_rate)


def embed_texts(encoder: Pools, texts: Sequence[tuple[str, str]], *, progress: bool = False) -> NDArray[np.float32]:
    """Averaged encoder layers (n, layers, width) of (title, text) pairs, cut into windows as the student cuts them."""
    return encoder.pool([join_title(*pair) for pair in texts], progress=progress).layers


def embed_training(encoder: Pools, training: TrainingSet, *, progress: bool = False) -> NDArray[np.float32]:
    """The same (n, layers, width) of the training texts."""
    return embed_texts(encoder, [(one.title, one.text) for one in training.submissions], progress=progress)


def calibration_years(training: TrainingSet, before: int | None = None) -> tuple[int, ...]:
    """The last three years (before a year) with enough decisions, the file's first year never among them.

    That one has no earlier year whose heads could score it.
    """
    sizes = {int(year): int((training.years == year).sum()) for year in np.unique(training.years)}
    years = [year for year in sorted(sizes)[1:] if sizes[year] >= MIN_YEAR and (before is None or year < before)]
    return tuple(years[-CALIBRATION_YEARS:])


def fit_student(training: TrainingSet, layers: NDArray[np.float32]) -> Retrained:
    """Fit on all of `training`; take its rows up to year Y for a student of year Y.

    Args:
        training: stripped or raw; what it is asked about must be read the same way.
        layers: of the same texts (see `embed_training`).

    Raises:
        InputError: no year but the first has enough decisions to calibrate on.
    """
    held = calibration_years(training)
    if not held:
        raise InputError(
            f"no year after the first has {MIN_YEAR} decisions to calibrate on",
            fix="Give decisions of two years or more: --train FILE.",
        )
    dense = layers.reshape(len(layers), -1)
    out = predict_held_out(training, dense, held)
    fit = fit_logistic(out.pair, training.accepted[out.rows], training.year_rates[out.rows])
    vocabulary = Vocabulary(*fit_vocabulary(texts_of(training)))
    targets = targets_of(training)
    heads = fit_heads(
        dense,
        weigh_terms(vocabulary, texts_of(training)),
        np.column_stack([targets["rating"], targets["accept"]]),
    )
    years = (int(training.years.min()), int(training.years.max()))
    return Retrained(heads, vocabulary, fit, held, years, len(training.years))


def raw_baseline(
    texts: Sequence[tuple[str, str]],
    training: TrainingSet,
    base_rate: float,
    encoder: Pools,
    *,
    progress: bool = False,
) -> Baseline:
    """The student trained on text with its leaks, as published predictors were: no rival, but a ruler for their tables.

    Args:
        texts: (title, text) pairs to score, raw.
        training: read with `stripped=False`.
        base_rate: the venue's, which P(accept) is stated for.
        encoder: best a `guide.student.embedding_cache.CachedEncoder`, because every training text is embedded.
        progress: show bars on stderr.

    Raises:
        InputError: see `fit_student`.
    """
    student = fit_student(training, embed_training(encoder, training, progress=progress))
    p = student.chances(texts, base_rate, encoder, progress=progress)
    note = (
        f"LEAK-EXPOSED: the student trained on {student.n:,} decisions of {student.years[0]}-{student.years[1]}, links "
        f"and code-release sentences left in; calibrated on {student.calibrated_on[0]}-{student.calibrated_on[-1]}; "
        "for comparison with published tables only"
    )
    return Baseline(RAW_STUDENT, p, p, note)
