import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.neighbors import KNeighborsRegressor

from guide.calibration.measures import auroc
from guide.eval.neighbours import CANDIDATES, NEIGHBOURS, count_votes, fit_vote, neighbour_baseline, vote_out_of_year
from guide.student.embedding_cache import CachedEncoder
from guide.student.training import read_training_set, take
from tests.submissions import submissions

WIDTH = 16


def _unit(rows):
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def _training(path, years=(2019, 2020, 2021, 2022), a_year=320):
    records = submissions(years=years, a_year=a_year)
    path.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")
    return read_training_set(path, until=2024)


@pytest.fixture(scope="module")
def training(tmp_path_factory):
    return _training(tmp_path_factory.mktemp("decisions") / "d.jsonl")


def _telling(training, seed=0):
    """Vectors in which accepted submissions lie to one side."""
    random = np.random.default_rng(seed)
    rows = random.normal(size=(len(training.years), WIDTH))
    rows[:, 0] += 1.5 * training.accepted
    return _unit(rows)


@given(st.integers(0, 10_000), st.integers(1, 40))
def test_votes_equal_scikit_learns_neighbours(seed, k):
    random = np.random.default_rng(seed)
    known, queries = (_unit(random.normal(size=(n, WIDTH))) for n in (60, 7))
    outcomes = random.normal(size=60)
    expected = KNeighborsRegressor(k, metric="cosine", algorithm="brute").fit(known, outcomes).predict(queries)
    assert count_votes(queries, known, outcomes, [k])[:, 0] == pytest.approx(expected, abs=1e-6)


def test_more_neighbours_than_there_are_is_all_of_them():
    known = _unit(np.random.default_rng(0).normal(size=(5, WIDTH)))
    outcomes = np.arange(5.0)
    assert count_votes(known[:2], known, outcomes, [3, 50])[:, 1] == pytest.approx([2.0, 2.0])


def test_queries_of_several_blocks_are_answered_in_order():
    random = np.random.default_rng(0)
    known = _unit(random.normal(size=(30, WIDTH)))
    queries = np.tile(known, (40, 1))
    assert (count_votes(queries, known, np.arange(30.0), [1])[:, 0] == np.tile(np.arange(30.0), 40)).all()


def test_only_earlier_years_vote(training):
    unit = _telling(training)
    changed = unit.copy()
    later = training.years > 2021
    changed[later] = _unit(np.random.default_rng(5).normal(size=(int(later.sum()), WIDTH)))
    rows, votes = vote_out_of_year(training, unit, [2021])
    again = vote_out_of_year(training, changed, [2021])[1]
    assert (training.years[rows] == 2021).all()
    assert (votes == again).all()


def test_the_k_chosen_has_the_best_mean_over_the_held_out_years(training):
    vote = fit_vote(training, _telling(training), (2020, 2021))
    assert vote.k in CANDIDATES
    assert vote.held_out[vote.k] == max(vote.held_out.values())
    assert set(vote.by_year) == {2020, 2021}
    rows, votes = vote_out_of_year(training, _telling(training), [2020], [vote.k])
    assert vote.by_year[2020] == pytest.approx(auroc(votes[:, 0], training.accepted[rows]))


def test_the_vote_is_calibrated_where_it_was_fitted(training):
    unit = _telling(training)
    vote = fit_vote(training, unit, (2020, 2021, 2022))
    rows, votes = vote_out_of_year(training, unit, (2020, 2021, 2022), [vote.k])
    rates = training.year_rates[rows]
    p = 1 / (1 + np.exp(-(vote.calibrator.evidence(votes) + np.log(rates / (1 - rates)))))
    # The score equations of a logistic regression: neither the errors nor their products with the vote have a mean.
    assert (p - training.accepted[rows]).mean() == pytest.approx(0, abs=1e-9)
    assert ((p - training.accepted[rows]) * votes[:, 0]).mean() == pytest.approx(0, abs=1e-9)


def test_the_baseline_learns_from_real_embeddings_and_says_what_it_did(training, encoder, tmp_path):
    known = take(training, (training.years == 2020) | (training.years == 2021))
    unseen = take(training, training.years == 2022)
    pairs = [(one.title, one.text) for one in unseen.submissions]
    cached = CachedEncoder(encoder, tmp_path)
    low, high = (neighbour_baseline(pairs, known, rate, cached) for rate in (0.2, 0.5))
    assert low.name == NEIGHBOURS
    assert auroc(low.scores, unseen.accepted) > 0.6
    assert (low.probabilities < high.probabilities).all()
    assert "640 decisions of 2020-2021" in low.note and "calibration from 2021-2021" in low.note


def test_too_few_decisions_to_calibrate_on_are_said(encoder, tmp_path):
    found = neighbour_baseline([("t", "x")], _training(tmp_path / "d.jsonl", a_year=40), 0.3, encoder)
    assert found.scores is None
    assert found.note.startswith("not computed")
