import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from guide.eval.bootstrap import bootstrap, difference
from guide.eval.metrics import Prepared, Sample


def _sample(n, strength=1.0, seed=0, ties=False):
    random = np.random.default_rng(seed)
    accepted = random.random(n) < 0.32
    accepted[:2] = True, False
    p = 1 / (1 + np.exp(1 - strength * accepted - random.normal(size=n)))
    ratings = 5 + accepted + random.normal(size=n)
    ratings[::7] = np.nan
    if ties:
        p, ratings = p.round(1), ratings.round()
    return Sample(p, accepted, p, ratings)


def _take(sample, rows):
    return Sample(sample.scores[rows], sample.accepted[rows], sample.probabilities[rows], sample.ratings[rows])


@pytest.mark.parametrize("ties", [False, True])
@given(counts=arrays.arrays(np.int64, 40, elements=st.integers(0, 4)))
def test_weighting_rows_is_repeating_them(ties, counts):
    sample = _sample(40, ties=ties)
    repeated = _take(sample, np.repeat(np.arange(40), counts))
    weighted = Prepared(sample).evaluate(counts.astype(np.float64))
    naive = Prepared(repeated).evaluate(np.ones(counts.sum()))
    for name in ("auroc", "top5_precision", "top30_precision", "accept_recall"):
        # Sums of whole numbers and of halves: equal to the last bit.
        assert weighted[name] == naive[name] or (math.isnan(weighted[name]) and math.isnan(naive[name]))
    for name in ("spearman", "brier", "ece"):
        assert weighted[name] == pytest.approx(naive[name], abs=1e-12, nan_ok=True)


def test_the_resamples_are_those_of_the_naive_bootstrap():
    sample = _sample(50, ties=True)
    random = np.random.default_rng(3)
    naive = []
    for _ in range(20):
        naive.append(Prepared(_take(sample, random.integers(50, size=50))).evaluate(np.ones(50)))
    found = bootstrap(sample, resamples=20, seed=3).resampled
    for name, values in found.items():
        assert values == pytest.approx([one[name] for one in naive], abs=1e-12)


def test_one_seed_gives_one_answer_and_another_seed_another():
    sample = _sample(100)
    first, again, other = (bootstrap(sample, resamples=50, seed=seed).estimates() for seed in (1, 1, 2))
    assert first == again
    assert first != other
    assert {name: one.value for name, one in first.items()} == {name: one.value for name, one in other.items()}


def test_every_value_lies_in_its_interval_and_a_higher_level_is_wider():
    sample = _sample(300)
    for seed in range(3):
        narrow = bootstrap(sample, resamples=300, seed=seed, level=0.8).estimates()
        wide = bootstrap(sample, resamples=300, seed=seed).estimates()
        for name, one in narrow.items():
            assert wide[name].low <= one.low <= one.value <= one.high <= wide[name].high
            assert wide[name].low < wide[name].high


def test_the_interval_of_auroc_covers_the_truth_about_as_often_as_it_says():
    # Normal scores one deviation apart: AUROC is Phi(1 / sqrt 2).
    truth = 0.5 * (1 + math.erf(0.5))
    random = np.random.default_rng(5)
    covered = 0
    for trial in range(200):
        accepted = np.arange(150) < 50
        scores = random.normal(size=150) + accepted
        sample = Sample(scores, accepted, None, np.full(150, np.nan))
        estimate = bootstrap(sample, resamples=200, seed=trial, level=0.9).estimate("auroc")
        covered += estimate.low <= truth <= estimate.high
    # Nominal 180; five standard deviations of a binomial are 21.
    assert 159 <= covered <= 200
    assert covered < 198


def test_the_ece_of_a_calibrated_engine_lies_in_its_own_interval():
    random = np.random.default_rng(0)
    for trial in range(10):
        p = random.beta(3, 6, 300)
        sample = Sample(p, random.random(300) < p, p, np.full(300, np.nan))
        estimate = bootstrap(sample, resamples=200, seed=trial).estimate("ece")
        assert 0 <= estimate.low < estimate.value < estimate.high


def test_what_is_undefined_has_no_interval_and_is_null_in_json():
    sample = _sample(50)
    unrated = Sample(sample.scores, sample.accepted, None, np.full(50, np.nan))
    estimates = bootstrap(unrated, resamples=20).estimates()
    for name in ("spearman", "brier", "ece"):
        assert estimates[name].to_json() == {"value": None, "low": None, "high": None}
    assert set(estimates["auroc"].to_json()) == {"value", "low", "high"}
    assert all(isinstance(part, float) for part in estimates["auroc"].to_json().values())


def test_resamples_without_one_class_are_left_out():
    accepted = np.array([True] + [False] * 5)
    sample = Sample(np.arange(6.0), accepted, None, np.full(6, np.nan))
    found = bootstrap(sample, resamples=200)
    assert np.isnan(found.resampled["auroc"]).any()
    estimate = found.estimate("auroc")
    assert (estimate.value, estimate.low, estimate.high) == (0, 0, 0)


def test_no_rows_give_no_estimate():
    none = np.array([], dtype=np.float64)
    estimates = bootstrap(Sample(none, none.astype(bool), none, none), resamples=5).estimates()
    assert all(math.isnan(one.value) and math.isnan(one.low) for one in estimates.values())


def test_a_system_does_not_differ_from_itself():
    found = bootstrap(_sample(100), resamples=100)
    gap = difference(found, found, "auroc")
    assert (gap.value, gap.low, gap.high, gap.p) == (0, 0, 0, 1)


def test_a_difference_changes_sign_with_its_sides():
    strong, weak = (bootstrap(_sample(200, strength), resamples=200) for strength in (1.5, 0.8))
    one, other = difference(strong, weak, "auroc"), difference(weak, strong, "auroc")
    assert (one.value, one.low, one.high) == pytest.approx((-other.value, -other.high, -other.low))
    assert one.p == other.p


def test_pairing_finds_a_difference_that_the_separate_intervals_hide():
    # One system sees the other's score plus a little more of the truth: they err together.
    random = np.random.default_rng(1)
    accepted = random.random(300) < 0.32
    common = random.normal(size=300) + 0.8 * accepted
    nan = np.full(300, np.nan)
    weak = bootstrap(Sample(common, accepted, None, nan), resamples=400)
    strong = bootstrap(Sample(common + 0.3 * accepted, accepted, None, nan), resamples=400)
    assert strong.estimate("auroc").low < weak.estimate("auroc").high
    gap = difference(strong, weak, "auroc")
    assert gap.low > 0
    assert gap.p == pytest.approx(2 / 401)


def test_a_difference_of_equals_is_rarely_called_one():
    random = np.random.default_rng(2)
    accepted = np.arange(100) < 40
    nan = np.full(100, np.nan)
    called = 0
    for trial in range(60):
        pair = [Sample(random.normal(size=100) + accepted, accepted, None, nan) for _ in range(2)]
        called += difference(*(bootstrap(one, resamples=100, seed=trial) for one in pair), "auroc").p < 0.05
    assert called <= 10


def test_a_difference_of_what_is_undefined_is_undefined():
    sample = _sample(50)
    bare = Sample(sample.scores, sample.accepted, None, sample.ratings)
    gap = difference(bootstrap(sample, resamples=10), bootstrap(bare, resamples=10), "brier")
    assert math.isnan(gap.value) and math.isnan(gap.p)


@pytest.mark.parametrize("changed", [{"seed": 1}, {"resamples": 11}])
def test_only_what_was_resampled_alike_can_be_compared(changed):
    sample = _sample(30)
    plain = {"seed": 0, "resamples": 10}
    with pytest.raises(ValueError, match="same rows"):
        difference(bootstrap(sample, **plain), bootstrap(sample, **{**plain, **changed}), "auroc")
    with pytest.raises(ValueError, match="same rows"):
        difference(bootstrap(sample, **plain), bootstrap(_sample(31), **plain), "auroc")
