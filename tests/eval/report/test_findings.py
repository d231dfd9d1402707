import json
from dataclasses import replace

import pytest

from guide.eval.metrics import ece_if_calibrated
from guide.eval.report.findings import find
from guide.eval.run import load_run
from tests.replays import made_run, replaced, without


@pytest.fixture(scope="module")
def run():
    return made_run(120, resamples=20)


def test_the_curves_are_the_engines_its_best_rivals_and_the_engines_on_raw_text(run):
    assert list(find(run).scored.precision) == ["guide, stripped text", "tfidf-logistic", "guide, raw text"]


def test_a_constant_is_no_rival_in_a_curve(run):
    few = without(run, "tfidf-logistic", "length")
    assert list(find(few).scored.precision) == ["guide, stripped text", "guide, raw text"]


def test_chance_is_told_for_the_very_engine(run):
    scored = find(run).scored
    assert scored.ece_by_chance == ece_if_calibrated(run.sample(run.system("guide", "stripped")))


def test_a_saved_run_has_the_same_findings(run, tmp_path):
    run.save(tmp_path)
    assert find(load_run(tmp_path)).to_json() == find(run).to_json()


def test_the_json_has_no_number_that_json_lacks(run):
    # One area has one kind of decision only, and so no AUROC.
    submissions = tuple(replace(one, area="lucky" if one.accepted else "others") for one in run.submissions)
    found = find(replace(run, submissions=submissions)).to_json()
    json.dumps(found, allow_nan=False)
    assert found["engine"]["areas"][0]["auroc"]["value"] is None


def test_a_run_without_an_engine_has_a_verdict_and_nothing_scored(run):
    found = find(without(run, "guide"))
    assert found.scored is None
    assert found.to_json()["engine"] is None


def test_scores_that_are_no_probabilities_have_no_reliability(run):
    found = find(replaced(run, "guide", probabilities=None)).to_json()["engine"]
    assert found["reliability"] == []
    assert found["ece_by_chance"] is None
    assert found["mistakes"]["ranks"]
