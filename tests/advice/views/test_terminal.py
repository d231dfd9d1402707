import io
import itertools
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console

from guide.advice.views.terminal import print_review
from guide.review import Concern, Finding, RequestedName, ReviewedPaper
from tests.judgements import calibration, evidence, full_review, judgement, review


def _lines(shown, width=80, *, full=False):
    out = io.StringIO()
    print_review(shown, Console(file=out, width=width, highlight=False), full=full)
    return out.getvalue().splitlines()


def _printed(shown, width=100, *, full=True):
    return " ".join(" ".join(_lines(shown, width, full=full)).split())


def concern(**changed):
    plain = {
        "id": "baselines",
        "name": "Baselines and comparisons",
        "aspect": "comparison",
        "question": "How does it compare?",
        "p": 0.84,
        "base_rate": 0.78,
        "association": -0.3,
        "raised": 41,
        "of": 50,
        "asked": (ReviewedPaper(id="r1", title="Counting fish", venue="ICLR 2026", rating=5.5, url="https://x.org"),),
    }
    return Concern(**{**plain, **changed})


def _long_review():
    words = "a finding that goes on and on " * 12
    findings = [
        Finding(severity="major", claim=f"{number} {words}", quote=words, evidence=(), change=words, effort="large")
        for number in range(9)
    ]
    paper = evidence().paper.model_copy(update={"title": "A title that takes many words " * 6, "rating": 6.25})
    return review(
        findings=tuple(findings),
        evidence=tuple(evidence(paper=paper, shared=("one",) * 6) for _ in range(8)),
        concerns=(concern(),) * 29,
        names=tuple(RequestedName(name=f"Name-{number}-of-many", papers=3) for number in range(5)),
    )


def test_the_verdict_stands_beside_its_interval_and_base_rate():
    text = _printed(review(), full=False)
    for said in ("P(accept) 30% at ICLR-2025", "20% to 40%", "32% of all submissions are accepted there"):
        assert said in text


def test_the_record_of_like_numbers_is_among_the_details():
    assert "Of the 400" in _printed(review())
    assert "Of the 400" not in _printed(review(), full=False)


def test_an_uncalibrated_number_says_so_and_why_on_the_first_screen():
    doubtful = calibration(status="not calibrated", reasons=("the text has 3 words",))
    text = _printed(review(judgement=judgement(calibration=doubtful, p_correct=None)), full=False)
    assert "NOT CALIBRATED: the text has 3 words." in text


def test_the_first_screen_has_24_lines_of_80_columns_whatever_the_texts():
    lines = _lines(_long_review())
    assert len(lines) <= 24
    assert max(map(len, lines)) <= 80


@given(
    st.lists(st.text(alphabet="ab [/]中é\u00adW", max_size=400), min_size=1, max_size=6),
    st.sampled_from(["calibrated", "not calibrated"]),
)
@settings(max_examples=60, deadline=None)
def test_no_text_makes_the_first_screen_longer_or_wider(texts, status):
    turns = itertools.cycle(texts)
    plain = full_review()
    paper = plain.evidence[0].paper.model_copy(update={"title": next(turns), "venue": next(turns)})
    shown = plain.model_copy(
        update={
            "proposal": plain.proposal.model_copy(update={"title": next(turns)}),
            "judgement": judgement(calibration=calibration(status=status, reasons=(next(turns), next(turns)))),
            "findings": tuple(
                plain.findings[0].model_copy(update={"claim": next(turns), "change": next(turns)}) for _ in range(4)
            ),
            "evidence": (plain.evidence[0].model_copy(update={"paper": paper, "relation": next(turns)}),),
            "names": (plain.names[0].model_copy(update={"name": next(turns)}),),
        }
    )
    lines = _lines(shown)
    assert len(lines) <= 24
    assert max(map(cell_len, lines)) <= 80


def test_a_name_is_never_cut_in_its_middle():
    names = tuple(RequestedName(name=f"GPT-{number}omni", papers=2) for number in range(20))
    (line,) = [line for line in _lines(full_review(names=names)) if "asked for" in line]
    assert line.endswith(" ...")
    assert re.fullmatch(r"(GPT-\d+omni \(2\), )*GPT-\d+omni(?: \(2\),)?", line.split(": ")[1].removesuffix(" ..."))


def test_the_first_screen_says_what_it_has_no_room_for():
    assert "--full shows 6 findings, 7 papers, 29 concerns" in _printed(_long_review(), full=False)


def test_all_findings_papers_and_concerns_are_shown_in_full():
    text = _printed(_long_review(), width=200)
    assert text.count("Do: a finding") == 9
    assert text.count("similarity 0.60") == 8
    assert "Baselines and comparisons: 84% (usual 78%); rated 0.3 lower where raised" in text
    assert "asked of 41 of the 50 nearest reviewed submissions, such as Counting fish (ICLR 2026, rated 5.5)" in text


def test_evidence_is_printed_with_link_similarity_and_relation():
    text = _printed(review())
    for said in (
        "Calibrated retrieval [a study] (ICML 2023)",
        "similarity 0.60",
        "https://example.org/p1",
        "zebrafish",
    ):
        assert said in text


def test_a_known_decision_and_rating_are_printed():
    item = evidence()
    paper = item.paper.model_copy(update={"decision": "reject", "rating": 4.25})
    assert "(ICML 2023, reject, rated 4.2)" in _printed(review(evidence=(item.model_copy(update={"paper": paper}),)))


def test_an_empty_store_is_said():
    assert "nothing to show" in _printed(review(evidence=()))


def test_no_findings_are_a_valid_answer_with_its_reason():
    assert "Nothing in this text makes any question likelier" in _printed(review(findings=()))


def test_names_that_reviewers_asked_for_are_printed_with_their_counts():
    names = (RequestedName(name="LoRA", papers=4), RequestedName(name="DPO", papers=2))
    assert "asked for: LoRA (4), DPO (2)" in _printed(review(names=names))


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
