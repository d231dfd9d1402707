import math
from dataclasses import replace

import pytest

from guide.eval import metrics as measured
from guide.eval.bootstrap import Difference, Estimate
from guide.eval.labels import METRICS, metric_of, metrics_in, name_reading, readings_in, write_list, write_p
from tests.replays import made_run


def test_every_metric_that_is_measured_has_a_name_for_readers():
    assert {metric.name for metric in METRICS} == set(measured.METRICS)


def test_a_metric_nobody_has_named_is_shown_behind_the_known_ones():
    run = made_run(60, resamples=5)
    odd = replace(run.systems[0], metrics={"odd_one": Estimate(1, 1, 1), **run.systems[0].metrics})
    names = [metric.name for metric in metrics_in(replace(run, systems=(odd, *run.systems[1:])))]
    assert names[0] == "auroc"
    assert names[-1] == "odd_one"
    assert metric_of("odd_one").label == "odd one"


@pytest.mark.parametrize(
    ("name", "value", "signed", "said"),
    [
        ("auroc", 0.6456, False, "0.646"),
        ("top5_precision", 0.4615, False, "46.2"),
        ("auroc", -0.03, True, "\u22120.030"),
        ("top5_precision", 0.01, True, "+1.0"),
        ("auroc", math.nan, False, "-"),
    ],
)
def test_shares_are_in_per_cent_differences_have_a_sign_and_what_is_undefined_a_dash(name, value, signed, said):
    assert metric_of(name).write(value, signed=signed) == said


def test_an_interval_has_two_ends_or_is_not_shown():
    assert metric_of("auroc").span(Estimate(0.5, 0.4, 0.6)) == "0.400 to 0.600"
    assert metric_of("auroc").span(Difference(0, -0.1, 0.1, 1), signed=True) == "\u22120.100 to +0.100"
    assert metric_of("auroc").span(Estimate(0.5, math.nan, math.nan)) == ""


def test_stripped_comes_first_and_raw_after_what_was_read_before_the_decision():
    run = made_run(60, resamples=5)
    systems = [replace(run.systems[0], text=text) for text in ("odd", "raw", "pre-decision", "stripped")]
    assert readings_in(replace(run, systems=tuple(systems))) == ["stripped", "pre-decision", "raw", "odd"]
    assert name_reading("odd") == "odd"


def test_p_values_and_lists_are_written_as_people_write_them():
    assert [write_p(p) for p in (0.0004, 0.02, math.nan)] == ["< 0.001", "0.020", "-"]
    assert write_list(["a"]) == "a"
    assert write_list(["a", "b", "c"]) == "a, b and c"
