import json

import numpy as np
import pytest

from guide.eval.baselines import simple_baselines, tfidf_baseline
from guide.eval.metrics import Prepared, Sample
from guide.student.training import read_training_set, take
from tests.submissions import submissions

TEXTS = [
    ("Short", "Three words here."),
    ("Linked", "We study sparse attention. See https://example.org/x for more."),
    ("Long", "We study sparse attention at great length, and then we study it once more, and say so twice."),
]


@pytest.fixture
def training(tmp_path):
    path = tmp_path / "d.jsonl"
    records = submissions(years=(2018, 2019, 2020), a_year=150)
    path.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")
    return read_training_set(path, until=2024)


def _pairs(data):
    return [(one.title, one.text) for one in data.submissions]


def _auroc(scores, accepted):
    return Prepared(Sample(scores, accepted, None, np.full(len(scores), np.nan))).auroc(np.ones(len(scores)))


def test_every_simple_baseline_is_there_and_says_that_it_is_not_trained():
    found = simple_baselines(TEXTS, 0.319)
    assert [one.name for one in found] == ["always-reject", "base-rate", "length", "link"]
    assert all("not trained" in one.note for one in found)
    assert all(len(one.scores) == len(TEXTS) for one in found)


def test_the_constants_are_probabilities_and_the_rules_are_not():
    reject, constant, length, link = simple_baselines(TEXTS, 0.319)
    assert reject.probabilities.tolist() == [0, 0, 0]
    assert constant.probabilities.tolist() == [0.319] * 3
    assert length.probabilities is None and link.probabilities is None


def test_the_brier_score_of_the_base_rate_is_its_variance():
    accepted = np.array([True] + [False] * 3)
    for one, expected in zip(simple_baselines([("t", "x")] * 4, 0.25)[:2], (0.25, 0.25 * 0.75), strict=True):
        sample = Sample(one.scores, accepted, one.probabilities, np.full(4, np.nan))
        assert Prepared(sample).brier(np.ones(4)) == pytest.approx(expected)


def test_more_words_score_higher_and_so_does_a_link():
    _, _, length, link = simple_baselines(TEXTS, 0.3)
    assert length.scores.tolist() == [3, 8, 18]
    assert link.scores.tolist() == [0, 1, 0]
    assert "1 of 3" in link.note


def test_no_submissions_are_no_error():
    assert all(len(one.scores) == 0 for one in simple_baselines([], 0.3))


def test_tfidf_learns_what_the_words_tell(training):
    known, unseen = take(training, training.years < 2020), take(training, training.years == 2020)
    found = tfidf_baseline(_pairs(unseen), known, 0.3)
    assert _auroc(found.scores, unseen.accepted) > 0.7
    assert "300 decisions of 2018-2019" in found.note


def test_tfidf_states_its_probabilities_for_the_base_rate_asked(training):
    pairs = _pairs(training)
    low, high = (tfidf_baseline(pairs, training, rate).probabilities for rate in (0.1, 0.6))
    assert (low < high).all()
    # The evidence is the same: the log-odds are one constant apart.
    shift = np.log(high / (1 - high)) - np.log(low / (1 - low))
    assert shift == pytest.approx(np.log(0.6 / 0.4) - np.log(0.1 / 0.9))


def test_at_the_training_base_rate_tfidf_accepts_as_many_as_the_training_years_did(training):
    rate = float(training.accepted.mean())
    found = tfidf_baseline(_pairs(training), training, rate)
    # A logistic regression's own fit has the mean of its outcomes, its intercept being free.
    assert found.probabilities.mean() == pytest.approx(rate, abs=1e-3)


def test_tfidf_is_the_same_every_time(training):
    first, again = (tfidf_baseline(_pairs(training), training, 0.3) for _ in range(2))
    assert (first.scores == again.scores).all()


def test_too_few_texts_to_learn_words_from_are_reported_and_not_left_out(training):
    rows = np.zeros(len(training.years), dtype=bool)
    rows[[np.flatnonzero(training.accepted)[0], np.flatnonzero(~training.accepted)[0]]] = True
    found = tfidf_baseline(TEXTS, take(training, rows), 0.3)
    assert found.scores is None and found.probabilities is None
    assert found.note.startswith("not computed: ") and "larger file" in found.note
