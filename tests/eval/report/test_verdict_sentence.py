"""The verdict follows from the figures, by rule; these are made-up figures on either side of each rule."""

from dataclasses import replace

import pytest

from guide.eval.bootstrap import Difference, Estimate
from guide.eval.report.verdict_sentence import conclude, main_system, rivals_of
from guide.eval.run import Decided, Probe, Run, System

N = 40
P = tuple(0.2 + 0.3 * (at % 2) for at in range(N))


def _run(*systems, notes=(), probes=()):
    submissions = tuple(Decided(f"x{at}", at % 3 == 0, (5.0,), 2025) for at in range(N))
    return Run("made", submissions, systems, (), probes, {}, {}, {}, notes, {})


def _engine(low=0.55, value=0.6, high=0.65, text="stripped", **more):
    metrics = {"auroc": Estimate(value, low, high), **more}
    return System("guide", "engine", text, "", scores=P, probabilities=P, metrics=metrics)


def _rival(name, low, high, *, auroc=0.58, p=0.01, **changed):
    return replace(
        System(name, "baseline", "stripped", "", scores=P, metrics={"auroc": Estimate(auroc, 0.5, 0.6)}),
        beyond={"auroc": Difference((low + high) / 2, low, high, p)},
        **changed,
    )


@pytest.mark.parametrize(
    ("low", "value", "high", "said"),
    [
        (0.45, 0.55, 0.65, "is not shown to rank accepted submissions better than chance"),
        (0.30, 0.40, 0.49, "ranks accepted submissions lower than the others"),
        (0.52, 0.65, 0.72, "weakly"),
        (0.61, 0.65, 0.72, "modestly"),
        (0.71, 0.75, 0.79, "fairly well"),
        (0.81, 0.85, 0.89, "others well"),
    ],
)
def test_how_good_it_is_called_follows_from_the_lower_end_of_the_interval(low, value, high, said):
    verdict = conclude(_run(_engine(low, value, high)))
    assert said in verdict.ranking
    assert "40 submissions, 35.0 % accepted" in verdict.ranking


def test_a_baseline_is_beaten_only_where_the_interval_of_the_difference_leaves_out_zero():
    run = _run(_engine(), _rival("words", -0.01, 0.05, auroc=0.59, p=0.2), _rival("length", 0.01, 0.09, auroc=0.5))
    said = conclude(run).rivals
    open_, _, beaten = said.partition("; ")
    assert "not shown to be better than words" in open_
    assert "p = 0.200" in open_
    assert "shown to be better than length" in beaten


def test_a_baseline_that_is_ahead_is_said_first():
    run = _run(_engine(), _rival("words", -0.09, -0.01), _rival("length", 0.01, 0.09, auroc=0.5))
    assert conclude(run).rivals.startswith("It is shown to be worse than words")


def test_a_rival_that_learnt_from_leaks_is_none():
    run = _run(_engine(), _rival("words", 0.01, 0.05), _rival("leaky", -0.2, -0.1, auroc=0.8, leak_exposed=True))
    assert "leaky" not in conclude(run).text
    assert [one.name for one in rivals_of(run, main_system(run))] == ["words"]


def test_the_verdict_is_on_stripped_text_and_raw_text_is_told_with_its_leaks():
    raw = _engine(0.75, 0.8, 0.85, text="raw")
    probes = (Probe("link", "raw", Estimate(0.62, 0.6, 0.65), ""), Probe("length", "raw", Estimate(0.55, 0.5, 0.6), ""))
    verdict = conclude(_run(raw, _engine(), probes=probes))
    assert "AUROC 0.600" in verdict.ranking
    assert verdict.leaks == ("On raw text it reaches 0.800, where leaks (link) reach 0.620 without a word of the idea.")


def test_what_learning_from_leaks_buys_stands_beside_what_was_published():
    shares = {"top5_precision": 0.8, "top30_precision": 0.5, "accept_recall": 0.47}
    metrics = {name: Estimate(value, 0.1, 0.9) for name, value in {"auroc": 0.7, **shares}.items()}
    leaky = System("leaky", "baseline", "raw", "", scores=P, metrics=metrics, leak_exposed=True)
    run = _run(_engine(), _engine(text="raw"), leaky)
    said = conclude(run).leaks
    assert "80.0 / 50.0 / 47.0; GUIDE-7B published 72.0 / 51.3 / 48.3, on other papers." in said
    commoner = replace(
        run, submissions=tuple(replace(one, accepted=n % 2 == 0) for n, one in enumerate(run.submissions))
    )
    assert "published" not in conclude(commoner).leaks


@pytest.mark.parametrize(
    ("metric", "low", "high", "said"),
    [
        ("slope", 0.7, 1.2, ""),
        ("slope", 0.4, 0.8, "too extreme"),
        ("slope", 1.4, 1.8, "too timid"),
        ("intercept", -0.2, 0.1, ""),
        ("intercept", -0.4, -0.1, "too high"),
        ("intercept", 0.1, 0.4, "too low"),
        ("rms_calibration_error", 0.0, 0.05, ""),
        ("rms_calibration_error", 0.01, 0.05, "error beyond chance"),
        # Its interval leaves out 0 for calibrated chances too.
        ("ece", 0.03, 0.09, ""),
    ],
)
def test_calibration_is_called_wrong_only_where_an_interval_that_can_be_read_says_so(metric, low, high, said):
    shown = {"ece": Estimate(0.06, 0.03, 0.09), metric: Estimate((low + high) / 2, low, high)}
    verdict = conclude(_run(_engine(**shown))).calibration
    assert verdict.startswith("It is miscalibrated" if said else "Its chances are not shown to be miscalibrated")
    assert said in verdict
    assert "where chance alone would give" in verdict


def test_calibration_that_was_not_measured_or_cannot_be_is_not_judged():
    assert conclude(_run(_engine())).calibration == "Its calibration was not measured."
    assert "no probabilities" in conclude(_run(replace(_engine(), probabilities=None))).calibration


def test_one_reviewer_is_the_human_that_is_named():
    people = [
        System(name, "human", "stripped", "", metrics={"auroc": Estimate(value, value - 0.02, value + 0.02)})
        for name, value in (("all reviewers", 0.95), ("one reviewer", 0.82))
    ]
    said = conclude(_run(_engine(), *people)).human
    assert "one reviewer" in said and "0.820" in said and "all reviewers" not in said


def test_a_replay_that_is_no_test_says_so_before_anything_else():
    note = "NOT A TEST: the engine was trained on decisions up to 2025"
    assert conclude(_run(_engine(), notes=(note, "another"))).sentences[0] == note + "."


def test_a_run_without_an_engine_shows_nothing():
    assert "shows nothing" in conclude(_run(_rival("words", 0, 0))).text


def test_nothing_is_claimed_where_there_was_no_comparison():
    verdict = conclude(_run(_engine()))
    assert verdict.rivals == "It was compared with no baseline."
    assert verdict.human == "No human line was computed."
    assert verdict.leaks == ""
