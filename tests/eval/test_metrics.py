import math

import numpy as np
import pytest

from guide.eval.metrics import METRICS, Prepared, Sample, ece_if_calibrated, reliability

UNSTATED = {"brier", "log_loss", "ece", "ece_width", "rms_calibration_error", "slope", "intercept"}
UNRATED = {"spearman", "kendall"}


def _prepared(scores, accepted, ratings=None, probabilities=None):
    scores = np.asarray(scores, dtype=np.float64)
    ratings = np.full(len(scores), np.nan) if ratings is None else np.asarray(ratings, dtype=np.float64)
    if probabilities is not None:
        probabilities = np.asarray(probabilities, dtype=np.float64)
    return Prepared(Sample(scores, np.asarray(accepted, dtype=np.bool_), probabilities, ratings))


def _ones(prepared):
    return np.ones(len(prepared.sample.accepted))


def _overlapping():
    random = np.random.default_rng(0)
    accepted = random.random(200) < 0.3
    p = 1 / (1 + np.exp(1 - accepted - random.normal(size=200)))
    return Sample(p, accepted, p, 5 + accepted + random.normal(size=200))


def test_every_metric_has_the_name_of_what_computes_it():
    sample = _overlapping()
    prepared, ones = Prepared(sample), np.ones(200)
    tally, forecasts = prepared.ranking.tally(ones), prepared.forecasts
    assert prepared.evaluate(ones) == {
        "auroc": tally.auroc(),
        "average_precision": tally.average_precision(),
        "top5_precision": tally.top_precision(0.05),
        "top30_precision": tally.top_precision(0.3),
        "accept_recall": tally.accept_recall(0.3),
        "accuracy": tally.accuracy(0.3),
        "f1": tally.f1(0.3),
        "spearman": prepared.agreement.spearman(ones),
        "kendall": prepared.agreement.kendall(ones),
        "brier": forecasts.brier(ones),
        "log_loss": forecasts.log_loss(ones),
        "ece": forecasts.binned(ones, binning="mass").ece(),
        "ece_width": forecasts.binned(ones, binning="width").ece(),
        "rms_calibration_error": forecasts.binned(ones).rms_calibration_error(),
        "slope": forecasts.slope(ones),
        "intercept": forecasts.intercept(ones),
    }
    assert prepared.auroc(ones) == tally.auroc()
    assert prepared.brier(ones) == forecasts.brier(ones)


def test_only_the_metrics_asked_for_are_computed_and_an_unknown_one_is_refused():
    prepared = Prepared(_overlapping())
    assert list(prepared.evaluate(np.ones(200), ["brier", "auroc"])) == ["brier", "auroc"]
    with pytest.raises(ValueError, match="no metric 'roc'; there are auroc,"):
        prepared.evaluate(np.ones(200), ["roc"])


def test_correlations_leave_out_the_rows_without_ratings():
    nan = math.nan
    prepared = _prepared([1, 9, 2, 8, 3], [True] * 5, [4.0, nan, 5.0, nan, 6.0])
    found = prepared.evaluate(_ones(prepared))
    assert (found["spearman"], found["kendall"]) == (1.0, 1.0)


@pytest.mark.parametrize(
    ("scores", "accepted", "p", "ratings", "undefined"),
    [
        ([1, 2, 3], [True] * 3, [0.1, 0.2, 0.3], [1, 2, 3], {"auroc", "slope", "intercept"}),
        (
            [1, 2, 3],
            [False] * 3,
            [0.1, 0.2, 0.3],
            [1, 2, 3],
            {"auroc", "average_precision", "accept_recall", "slope", "intercept"},
        ),
        ([1, 1, 1], [True, False, False], [0.3] * 3, [1, 2, 3], {*UNRATED, "slope"}),
        ([1, 2, 3], [True, False, True], [0.1, 0.2, 0.3], [5, 5, 5], UNRATED),
        ([1, 2, 3], [True, False, True], [0.1, 0.2, 0.3], None, UNRATED),
        ([1, 2, 3], [True, False, True], [0.1, 0.2, 0.3], [5, math.nan, math.nan], UNRATED),
        ([1, 2, 3], [True, False, False], [0.1, 0.2, 0.3], [1, 2, 3], {"slope"}),
        ([1, 2, 3], [True, False, False], None, [1, 2, 3], UNSTATED),
        ([], [], [], None, set(METRICS)),
    ],
)
def test_what_a_sample_leaves_undefined_is_nan_and_nothing_else_is(scores, accepted, p, ratings, undefined):
    prepared = _prepared(scores, accepted, ratings, p)
    found = prepared.evaluate(_ones(prepared))
    assert tuple(sorted(found)) == tuple(sorted(METRICS))
    assert {name for name, value in found.items() if math.isnan(value)} == undefined


def test_the_reliability_table_and_chances_own_ece_are_of_the_samples_probabilities():
    sample = _overlapping()
    for binning in ("mass", "width"):
        table = reliability(sample, binning=binning)
        ece = sum(row.n * abs(row.predicted - row.observed) for row in table) / 200
        name = "ece" if binning == "mass" else "ece_width"
        assert Prepared(sample).evaluate(np.ones(200))[name] == pytest.approx(ece)
    floors = [ece_if_calibrated(sample, draws=200, binning=binning) for binning in ("mass", "width")]
    assert all(0.02 < floor < 0.12 for floor in floors)
    assert floors[0] != floors[1]


def test_scores_that_are_no_probabilities_have_no_reliability():
    sample = _prepared([1, 2, 3], [True, False, True]).sample
    assert reliability(sample) == ()
    assert math.isnan(ece_if_calibrated(sample))


@pytest.mark.parametrize(
    ("scores", "accepted", "p", "message"),
    [
        ([1, 2], [True], None, "one length"),
        ([1, math.nan], [True, False], None, "nan"),
        ([1, 2], [True, False], [0.5, 1.5], "0 to 1"),
        ([1, 2], [True, False], [0.5, math.nan], "0 to 1"),
    ],
)
def test_a_sample_that_makes_no_sense_is_refused(scores, accepted, p, message):
    with pytest.raises(ValueError, match=message):
        _prepared(scores, accepted, np.zeros(len(scores)), p)
