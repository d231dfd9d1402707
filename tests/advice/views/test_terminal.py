import io

import pytest
from rich.console import Console

from guide.advice.views.terminal import print_review
from tests.judgements import calibration, evidence, judgement, review


def _printed(shown, width=100):
    out = io.StringIO()
    print_review(shown, Console(file=out, width=width, highlight=False))
    return " ".join(out.getvalue().split())


def test_the_number_stands_beside_its_base_rate_interval_and_record():
    text = _printed(review())
    for said in (
        "P(accept) 30%",
        "20%-40%",
        "base rate 31.9% at ICLR-2025",
        "Calibrated on 8,251 decisions",
        "Of the 400",
    ):
        assert said in text


def test_an_uncalibrated_number_says_so_and_why():
    doubtful = calibration(status="not calibrated", reasons=("the text has 3 words",))
    text = _printed(review(judgement=judgement(calibration=doubtful, p_correct=None)))
    assert "NOT CALIBRATED: the text has 3 words." in text
    assert "is right: not calibrated" in text
    assert "Of the 400" not in text


def test_evidence_is_printed_with_link_similarity_and_terms():
    text = _printed(review())
    for said in (
        "Calibrated retrieval [a study] (ICML 2023)",
        "similarity 0.60",
        "https://example.org/p1",
        "zebrafish",
        "speech",
    ):
        assert said in text


def test_a_known_decision_is_printed():
    item = evidence()
    decided = item.model_copy(update={"paper": item.paper.model_copy(update={"decision": "reject"})})
    assert "(ICML 2023, reject)" in _printed(review(evidence=(decided,)))


def test_the_starter_store_is_named_as_what_it_is():
    assert "starter store (270 landmark papers)" in _printed(review())
    assert "guide corpus add" in _printed(review())


def test_an_empty_store_is_said():
    assert "nothing to show" in _printed(review(evidence=()))


def test_no_findings_are_a_valid_answer():
    assert "Nothing to remark." in _printed(review(findings=()))


@pytest.mark.parametrize("width", [40, 200])
def test_brackets_in_texts_are_no_markup(width):
    text = _printed(review(), width)
    assert "[draft]" in text
    assert "[a study]" in text


def test_what_was_left_out_is_counted():
    shown = review()
    provenance = shown.provenance.model_copy(
        update={
            "near_duplicates_left_out": ("self",),
            "left_out_after_cutoff": 7,
            "cutoff": "2024-09",
            "sentences_not_tried": 2,
        }
    )
    text = _printed(shown.model_copy(update={"provenance": provenance}))
    for said in ("as the proposal itself: self", "7 left out: later than 2024-09", "2 further sentences"):
        assert said in text
