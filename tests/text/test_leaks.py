import pytest
from hypothesis import given
from hypothesis import strategies as st

from guide.text.leaks import strip_leaks

KEPT = "We calibrate a retriever under shift."


@pytest.mark.parametrize(
    ("leak", "rule"),
    [
        ("Code is available at https://example.org/calib.", "link"),
        ("See www.example.org for videos.", "link"),
        (r"Our project lives at \url{example.org/x}.", "link"),
        ("The code is on GitHub.", "link"),
        ("Our code will be released.", "release"),
        ("Code and models are publicly available.", "release"),
        ("We will release our dataset upon acceptance.", "release"),
        ("We make all of our data, models and scripts publicly available.", "release"),
        ("We open-source the simulator.", "release"),
        ("More results are on the project page.", "release"),
        ("Videos can be found in the supplementary material.", "release"),
        ("Published as a conference paper at ICLR 2025.", "venue"),
        ("This work was accepted to NeurIPS.", "venue"),
        ("ICLR 2025 Oral.", "venue"),
    ],
)
def test_a_leak_is_taken_out_with_its_sentence(leak, rule):
    stripped = strip_leaks(f"{KEPT} {leak}")
    assert stripped.text == KEPT
    assert [removal.rule for removal in stripped.removals] == [rule]


@pytest.mark.parametrize(
    "sentence",
    [
        "Only a small amount of data is available for minority classes.",
        "We assume that source datasets are available at training time.",
        "The model generates code from a description.",
        "We study open-source language models trained on public data.",
        "Results are released by the valve after 3 s.",
        "Our method accepts new tasks, as published rules allow.",
    ],
)
def test_what_only_sounds_like_a_leak_stays(sentence):
    assert strip_leaks(f"{KEPT} {sentence}").text == f"{KEPT} {sentence}"


def test_a_bracketed_link_goes_without_its_sentence():
    stripped = strip_leaks("We train Calib (https://example.org/c) on five tasks. It works.")
    assert stripped.text.split() == ["We", "train", "Calib", "on", "five", "tasks.", "It", "works."]


def test_a_footnote_goes_without_its_sentence():
    stripped = strip_leaks(r"Calib wins\footnote{Code: \url{example.org}} on five tasks.")
    assert stripped.text.split() == ["Calib", "wins", "on", "five", "tasks."]


def test_a_text_of_leaks_only_becomes_empty():
    assert strip_leaks("Code will be released.").text == ""


@given(st.text())
def test_stripping_twice_takes_out_no_more(text):
    once = strip_leaks(text).text
    assert strip_leaks(once).text == once


def test_a_long_line_takes_no_time():
    # Quadratic back-tracking would take minutes.
    strip_leaks("code data we release make " * 40_000)
