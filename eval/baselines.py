"""What a replay must beat: rules without learning, and TF-IDF with logistic regression."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from guide.features import join_title
from guide.leakage import RULES
from guide.training import TrainingSet, texts_of

_WORD = re.compile(r"\S+")


@dataclass(frozen=True, slots=True)
class Baseline:
    """A baseline's answer on n submissions.

    Attributes:
        name: of the baseline.
        scores: (n,) higher is better; None if it could not be computed.
        probabilities: (n,) P(accept), None if the scores are not probabilities.
        note: what it does, or why there are no scores.
    """

    name: str
    scores: NDArray[np.float64] | None
    probabilities: NDArray[np.float64] | None
    note: str


def simple_baselines(texts: Sequence[tuple[str, str]], base_rate: float) -> list[Baseline]:
    """The baselines that read no training data, on (title, text) pairs; `base_rate` is the venue's, known beforehand."""
    n = len(texts)
    nothing = np.zeros(n)
    length = np.array([len(_WORD.findall(text)) for _, text in texts], dtype=np.float64)
    link = np.array([RULES["link"].search(text) is not None for _, text in texts], dtype=np.float64)
    return [
        Baseline("always-reject", nothing, nothing, "P(accept) = 0 for all"),
        Baseline("base-rate", nothing, np.full(n, base_rate), f"P(accept) = {base_rate:.1%} for all"),
        Baseline("length", length, None, "the longer the abstract, the better"),
        Baseline("link", link, None, "an abstract with a link beats one without"),
    ]


def tfidf_baseline(texts: Sequence[tuple[str, str]], training: TrainingSet, base_rate: float) -> Baseline:
    """TF-IDF of words and word pairs with logistic regression (scikit-learn; min_df 3, sublinear, C = 1).

    Trained on the decisions of `training`, whose texts are stripped; its probabilities are shifted from the training base rate to
    `base_rate`, as the engine's are.
    """
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression

    from guide.calibration import chance, logit

    vectorizer = TfidfVectorizer(ngram_range=(1, 2), min_df=3, sublinear_tf=True)
    known = vectorizer.fit_transform(texts_of(training))
    model = LogisticRegression(C=1.0, max_iter=1000).fit(known, training.accepted)
    odds = model.decision_function(vectorizer.transform([join_title(*pair) for pair in texts]))
    evidence = np.asarray(odds, dtype=np.float64) - logit(float(training.accepted.mean()))
    p = chance(evidence, base_rate)
    years = f"{training.years.min()}-{training.years.max()}"
    return Baseline("tfidf-logistic", p, p, f"TF-IDF + logistic regression trained on {len(training.years):,} of {years}")
