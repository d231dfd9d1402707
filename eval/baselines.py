"""What a replay must beat: rules without learning, and TF-IDF with logistic regression."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from guide.student.features import join_title
from guide.student.training import TrainingSet, texts_of
from guide.text.leaks import RULES

MIN_DOCUMENTS = 3
TFIDF = "tfidf-logistic"

_WORD = re.compile(r"\S+")


@dataclass(frozen=True, slots=True)
class Baseline:
    """A baseline's answer on n submissions.

    Attributes:
        name: of the baseline.
        scores: (n,) higher is better; None if it could not be computed.
        probabilities: (n,) P(accept), None if the scores are not probabilities.
        note: what it does and what it was trained on, or why there are no scores.
    """

    name: str
    scores: NDArray[np.float64] | None
    probabilities: NDArray[np.float64] | None
    note: str


def simple_baselines(texts: Sequence[tuple[str, str]], base_rate: float) -> list[Baseline]:
    """The baselines that learn nothing.

    Args:
        texts: (title, text) pairs to score.
        base_rate: the venue's, which P(accept) is stated for.
    """
    n = len(texts)
    nothing = np.zeros(n)
    length = np.array([len(_WORD.findall(text)) for _, text in texts], dtype=np.float64)
    link = np.array([RULES["link"].search(text) is not None for _, text in texts], dtype=np.float64)
    constant = f"P(accept) = {base_rate:.1%}, the venue's, for all; not trained"
    linked = f"an abstract with a link ({int(link.sum()):,} of {n:,}) beats one without; not trained"
    return [
        Baseline("always-reject", nothing, nothing, "P(accept) = 0 for all; not trained"),
        Baseline("base-rate", nothing, np.full(n, base_rate), constant),
        Baseline("length", length, None, "the more words in the abstract, the better; not trained"),
        Baseline("link", link, None, linked),
    ]


def tfidf_baseline(texts: Sequence[tuple[str, str]], training: TrainingSet, base_rate: float) -> Baseline:
    """TF-IDF of words and word pairs with logistic regression (scikit-learn; min_df 3, sublinear, C = 1).

    Its probabilities are shifted from the training base rate to `base_rate`, as the engine's are.

    Args:
        texts: (title, text) pairs to score.
        training: the decisions to learn, of both classes; its texts are stripped of leaks, as the engine's were.
        base_rate: the venue's, which P(accept) is stated for.
    """
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression

    from guide.calibration.logistic import chance, logit

    learnt = f"{len(training.years):,} decisions of {training.years.min()}-{training.years.max()}, text stripped"
    vectorizer = TfidfVectorizer(ngram_range=(1, 2), min_df=MIN_DOCUMENTS, sublinear_tf=True)
    try:
        features = vectorizer.fit_transform(texts_of(training))
    except ValueError:
        # scikit-learn's one complaint about a list of strings: it was left without a word.
        why = f"not computed: no word stands in {MIN_DOCUMENTS} of the {learnt}; train on a larger file"
        return Baseline(TFIDF, None, None, why)
    model = LogisticRegression(C=1.0, max_iter=1000).fit(features, training.accepted)
    odds = model.decision_function(vectorizer.transform([join_title(*pair) for pair in texts]))
    evidence = np.asarray(odds, dtype=np.float64) - logit(float(training.accepted.mean()))
    p = chance(evidence, base_rate)
    return Baseline(TFIDF, p, p, f"TF-IDF + logistic regression trained on {learnt}")
