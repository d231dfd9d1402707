import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from guide.eval.bootstrap import BIASED_UPWARDS, average, bootstrap, difference
from guide.eval.metrics import METRICS, Prepared, Sample


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
    for name in ("auroc", "top5_precision", "top30_precision", "accept_recall", "accuracy", "f1"):
        # Sums of whole numbers and of halves: equal to the last bit.
        assert weighted[name] == naive[name] or (math.isnan(weighted[name]) and math.isnan(naive[name]))
    for name in ("average_precision", "spearman", "kendall", "brier", "log_loss", "ece", "ece_width"):
        assert weighted[name] == pytest.approx(naive[name], abs=1e-12, nan_ok=True)
    # A root magnifies rounding near 0; fits stop where a step no longer moves a log-odds.
    assert weighted["rms_calibration_error"] == pytest.approx(naive["rms_calibration_error"], abs=1e-7, nan_ok=True)
    for name in ("slope", "intercept"):
        assert weighted[name] == pytest.approx(naive[name], rel=1e-6, abs=1e-6, nan_ok=True)


def test_the_resamples_are_those_of_the_naive_bootstrap():
    sample = _sample(50, ties=True)
    random = np.random.default_rng(3)
    naive = []
    for _ in range(20):
        naive.append(Prepared(_take(sample, random.integers(50, size=50))).evaluate(np.ones(50)))
    found = bootstrap(sample, resamples=20, seed=3).resampled
    assert set(found) == set(METRICS)
    for name, values in found.items():
        assert values == pytest.approx([one[name] for one in naive], abs=1e-7)


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
        estimate = bootstrap(sample, resamples=200, seed=trial, level=0.9, metrics=["auroc"]).estimate("auroc")
        covered += estimate.low <= truth <= estimate.high
    # Nominal 180; five standard deviations of a binomial are 21.
    assert 159 <= covered <= 200
    assert covered < 198


def _calibrated(n, seed):
    random = np.random.default_rng(seed)
    p = random.beta(3, 6, n)
    return Sample(p, random.random(n) < p, p, np.full(n, np.nan))


def test_the_calibration_errors_of_a_calibrated_engine_lie_in_their_own_intervals():
    assert set(BIASED_UPWARDS) == {"ece", "ece_width", "rms_calibration_error"}
    for trial in range(10):
        found = bootstrap(_calibrated(300, trial), resamples=200, seed=trial, metrics=BIASED_UPWARDS).estimates()
        for one in (found["ece"], found["ece_width"]):
            assert 0 <= one.low < one.value < one.high
        debiased = found["rms_calibration_error"]
        assert 0 <= debiased.low <= debiased.value < debiased.high


def test_resampling_adds_to_the_calibration_errors_and_to_nothing_else():
    # The mean of the resamples lies above the value by a good part of what chance alone makes, or next to it.
    samples = [_calibrated(300, seed) for seed in range(30)]
    found = [bootstrap(one, resamples=100) for one in samples]
    for name in set(METRICS) - {"spearman", "kendall"}:
        moved = np.mean([one.resampled[name].mean() - one.values[name] for one in found])
        spread = np.mean([one.resampled[name].std() for one in found])
        assert (moved > 0.5 * spread) == (name in BIASED_UPWARDS), (name, moved, spread)


def test_two_calibrated_engines_are_rarely_said_to_differ_in_calibration():
    called = dict.fromkeys(BIASED_UPWARDS, 0)
    for trial in range(60):
        sides = [_calibrated(300, 1000 + 2 * trial + side) for side in range(2)]
        played = [bootstrap(one, resamples=100, metrics=BIASED_UPWARDS) for one in sides]
        for name in BIASED_UPWARDS:
            called[name] += difference(*played, name).p < 0.05
    assert all(times <= 10 for times in called.values()), called


def test_the_difference_of_two_calibration_errors_is_freed_of_the_bias_of_resampling():
    # One side calibrated, where resampling adds much; one not, where it adds little.
    right = _calibrated(500, 3)
    wrong = Sample(right.scores, right.accepted, np.clip(right.probabilities + 0.2, 0, 1), right.ratings)
    sides = [bootstrap(one, resamples=300, metrics=["ece"]) for one in (wrong, right)]
    gap = difference(*sides, "ece")
    assert gap.low < gap.value < gap.high
    plain = sides[0].resampled["ece"] - sides[1].resampled["ece"]
    assert plain.mean() < gap.value - 0.005
    assert (gap.low + gap.high) / 2 == pytest.approx(gap.value, abs=0.005)


def test_what_is_undefined_has_no_interval_and_is_null_in_json():
    sample = _sample(50)
    unrated = Sample(sample.scores, sample.accepted, None, np.full(50, np.nan))
    estimates = bootstrap(unrated, resamples=20).estimates()
    for name in ("spearman", "kendall", "brier", "log_loss", *BIASED_UPWARDS, "slope", "intercept"):
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
        played = [bootstrap(one, resamples=100, seed=trial, metrics=["auroc"]) for one in pair]
        called += difference(*played, "auroc").p < 0.05
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


def test_every_metric_has_a_paired_difference():
    one, other = (bootstrap(_sample(150, strength), resamples=100) for strength in (1.5, 0.5))
    for name in METRICS:
        gap = difference(one, other, name)
        assert gap.low <= gap.value <= gap.high, name
        assert gap.value == one.values[name] - other.values[name]
        assert 2 / 101 <= gap.p <= 1


def test_the_metrics_asked_for_are_resampled_as_they_are_among_all():
    sample = _sample(60)
    some, everything = bootstrap(sample, resamples=20, metrics=["kendall", "auroc"]), bootstrap(sample, resamples=20)
    assert list(some.values) == ["kendall", "auroc"]
    for name in some.values:
        assert some.resampled[name].tolist() == everything.resampled[name].tolist()


def test_papers_of_one_row_each_are_the_plain_bootstrap_whatever_their_names():
    sample = _sample(40)
    plain = bootstrap(sample, resamples=20, metrics=["auroc"])
    named = bootstrap(
        sample, resamples=20, metrics=["auroc"], clusters=np.array([f"paper {n}" for n in range(39, -1, -1)])
    )
    assert named.resampled["auroc"].tolist() == plain.resampled["auroc"].tolist()
    assert difference(named, plain, "auroc").p == 1


def test_rows_of_one_paper_are_drawn_together():
    # Three rows a paper, in any order: a resample of the papers, each thrice.
    papers = _sample(30)
    rows = np.random.default_rng(0).permutation(np.repeat(np.arange(30), 3))
    clustered = bootstrap(_take(papers, rows), resamples=50, clusters=rows, metrics=["brier"])
    assert clustered.clusters.max() == 29
    own = (papers.probabilities - papers.accepted) ** 2
    first_seen = list(dict.fromkeys(rows.tolist()))
    random = np.random.default_rng(0)
    naive = [own[first_seen][random.integers(30, size=30)].mean() for _ in range(50)]
    assert clustered.resampled["brier"] == pytest.approx(naive, abs=1e-12)


def test_copies_of_a_paper_narrow_the_interval_only_if_they_are_taken_for_papers():
    papers = _sample(100)
    rows = np.repeat(np.arange(100), 4)
    options = {"resamples": 400, "metrics": ["auroc"]}
    width = {}
    for name, found in (
        ("once", bootstrap(papers, **options)),
        ("clustered", bootstrap(_take(papers, rows), clusters=rows, **options)),
        ("as if independent", bootstrap(_take(papers, rows), **options)),
    ):
        estimate = found.estimate("auroc")
        width[name] = estimate.high - estimate.low
    assert width["clustered"] == pytest.approx(width["once"])
    assert width["as if independent"] == pytest.approx(width["once"] / 2, rel=0.2)


def test_clusters_must_label_every_row_and_be_the_same_on_both_sides():
    sample = _sample(30)
    with pytest.raises(ValueError, match="every row"):
        bootstrap(sample, resamples=5, clusters=np.arange(29))
    plain, paired = (bootstrap(sample, resamples=5, clusters=groups) for groups in (None, np.arange(30) // 2))
    with pytest.raises(ValueError, match="same rows, clusters"):
        difference(plain, paired, "auroc")


def test_an_average_over_draws_is_one_resample_by_resample():
    several = [bootstrap(_sample(50, seed=seed), resamples=10, metrics=["auroc", "spearman"]) for seed in range(3)]
    found = average(several)
    assert found.values["auroc"] == pytest.approx(np.mean([one.values["auroc"] for one in several]))
    assert found.resampled["auroc"][4] == pytest.approx(np.mean([one.resampled["auroc"][4] for one in several]))
    assert average(several[:1]).estimates() == several[0].estimates()


def test_only_what_was_resampled_alike_can_be_averaged():
    one = bootstrap(_sample(30), resamples=10, metrics=["auroc"])
    others = (
        bootstrap(_sample(30), resamples=10, metrics=["auroc"], seed=1),
        bootstrap(_sample(31), resamples=10, metrics=["auroc"]),
        bootstrap(_sample(30), resamples=10, metrics=["brier"]),
        bootstrap(_sample(30), resamples=11, metrics=["auroc"]),
    )
    for other in others:
        with pytest.raises(ValueError, match="same rows"):
            average([one, other])
