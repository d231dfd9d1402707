from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guide.llm.answers import AnsweredFinding, Reason, ReviewAnswer
from guide.llm.grounding.findings import GroundingCounts, ground, key_evidence
from guide.review import CitedPaper, Evidence, Finding
from tests.judgements import evidence

PROPOSAL = (
    "Ageing Caches. We drop cache entries that a predictor can rebuild, and we do not retrain the model. "
    "On four tasks the memory shrinks by 33 % at the same \u201caccuracy\u201d. Unlike Moreno et al. (2018), whose "
    "Adaptive Ring Buffer Scheme keeps all entries, we rebuild them on demand."
)


def _evidence(number: int, title: str, year: int) -> Evidence:
    item = evidence(f"p{number}")
    return item.model_copy(update={"paper": CitedPaper(**{**item.paper.model_dump(), "title": title, "year": year})})


RETRIEVED = key_evidence([_evidence(1, "Rebuilding Evicted Entries", 2021), _evidence(2, "Caches that Forget", 2023)])


def _finding(**changed: Any) -> AnsweredFinding:
    plain: dict[str, Any] = {
        "severity": "major",
        "element": "novelty",
        "claim": "The predictor is not compared with anything.",
        "quote": "",
        "evidence": (),
        "known": False,
        "change": "Compare it with a random one.",
    }
    return AnsweredFinding(**{**plain, **changed})


def _ground(*findings: AnsweredFinding, reasons: tuple[Reason, ...] = ()) -> tuple[list[Finding], GroundingCounts]:
    grounded = ground(ReviewAnswer(summary="", findings=findings, rationale=reasons), PROPOSAL, RETRIEVED)
    assert grounded.counts.findings == len(findings)
    assert grounded.counts.kept == len(grounded.findings)
    return list(grounded.findings), grounded.counts


def test_a_finding_that_cites_nothing_stays_as_it_is() -> None:
    (finding,), counts = _ground(_finding())
    assert finding.claim == "The predictor is not compared with anything."
    assert (finding.severity, finding.quote, finding.evidence) == ("major", None, ())
    assert counts == GroundingCounts(findings=1, kept=1)


def test_evidence_that_was_not_retrieved_is_dropped_and_counted() -> None:
    (finding,), counts = _ground(_finding(evidence=("E1", "E9", "E2")))
    assert finding.evidence == ("p1", "p2")
    assert counts.evidence_dropped == 1


def test_two_modules_of_one_paper_are_one_piece_of_evidence() -> None:
    both = {"E1": RETRIEVED["E1"], "E2": RETRIEVED["E1"]}
    answer = ReviewAnswer(summary="", findings=(_finding(evidence=("E1", "E2")),), rationale=())
    assert ground(answer, PROPOSAL, both).findings[0].evidence == ("p1",)


@pytest.mark.parametrize("keys", [(), ("E7",)])
def test_what_is_said_to_be_known_must_be_known_from_a_paper_retrieved(keys: tuple[str, ...]) -> None:
    found, counts = _ground(_finding(known=True, evidence=keys))
    assert found == []
    assert counts.known_dropped == 1


@pytest.mark.parametrize(
    "claim",
    ["This has already been done.", "The idea is not new.", "It lacks novelty.", "The bound is well-known."],
)
def test_a_claim_in_words_that_the_idea_is_known_counts_as_one(claim: str) -> None:
    assert _ground(_finding(claim=claim))[1].known_dropped == 1
    assert _ground(_finding(claim=claim, evidence=("E1",)))[1].kept == 1


@pytest.mark.parametrize(
    ("claim", "printed"),
    [
        ("E1 does this.", "\u201cRebuilding Evicted Entries\u201d (2021) does this."),
        ("[E1] does this.", "\u201cRebuilding Evicted Entries\u201d (2021) does this."),
        ("E1 (2019) does this.", "\u201cRebuilding Evicted Entries\u201d (2021) does this."),
        (
            "[E1, E2] do this.",
            "\u201cRebuilding Evicted Entries\u201d (2021) and \u201cCaches that Forget\u201d (2023) do this.",
        ),
        ('"Caches That Forgets" (2020) does this.', "\u201cCaches that Forget\u201d (2023) does this."),
        ("\u201ccaches that forget\u201d does this.", "\u201cCaches that Forget\u201d (2023) does this."),
    ],
)
def test_titles_and_years_are_those_of_the_store(claim: str, printed: str) -> None:
    (finding,), counts = _ground(_finding(claim=claim))
    assert finding.claim == printed
    assert counts.names_restored == 1
    assert finding.evidence


@pytest.mark.parametrize(
    "claim",
    [
        "E9 does this.",
        "Vaswani et al. do this.",
        "It follows Vaswani (2017).",
        "It was done before (Lee and Park, 2020).",
        "See arXiv:2101.00001.",
        "See 10.1145/1234.5678.",
        "See https://example.org/paper.",
        "Reference [12] does this.",
        "\u201cMemory Trees for Speech\u201d does this.",
        '"attention is what you need" does this.',
        "It repeats Deep Memory Trees for Speech Recognition.",
    ],
)
def test_a_finding_that_names_a_paper_that_was_not_retrieved_is_dropped(claim: str) -> None:
    found, counts = _ground(_finding(claim=claim, evidence=("E1",)))
    assert found == []
    assert counts.unretrieved_dropped == 1
    assert _ground(_finding(change=claim.replace("attention is what", "Attention Is What")))[1].kept == 0


@pytest.mark.parametrize(
    "claim",
    [
        "Moreno et al. (2018) are cited and not compared with.",
        "The Adaptive Ring Buffer Scheme is no baseline of 2018.",
        "\u201ca predictor can rebuild\u201d is left open.",
        "The text says \u201cthat the predictor can rebuild, and we do not retrain\u201d and no more.",
    ],
)
def test_what_stands_in_the_proposal_may_be_named(claim: str) -> None:
    assert _ground(_finding(claim=claim))[1].kept == 1


def test_a_wording_may_be_suggested_in_a_change() -> None:
    change = "Write: \u201cwe compare with a random predictor\u201d."
    assert _ground(_finding(change=change))[0][0].change == change


def test_a_passage_that_was_shown_may_be_quoted_where_its_paper_is_cited() -> None:
    answer = ReviewAnswer(
        summary="",
        findings=(_finding(claim="It says \u201centries grow back at night\u201d.", evidence=("E1",)),),
        rationale=(),
    )
    assert ground(answer, PROPOSAL, RETRIEVED).findings == ()
    shown = ground(answer, PROPOSAL, RETRIEVED, {"E1": "Entries grow back at night."})
    assert len(shown.findings) == 1


def test_a_year_that_no_cited_paper_has_drops_the_finding() -> None:
    found, counts = _ground(_finding(claim="This was shown in 2019.", evidence=("E1",)))
    assert found == []
    assert counts.years_dropped == 1
    assert _ground(_finding(claim="This was shown in 2021.", evidence=("E1",)))[1].kept == 1
    assert _ground(_finding(claim="This was shown in 2021.", evidence=("E2",)))[1].years_dropped == 1


@pytest.mark.parametrize(
    ("quote", "printed"),
    [
        ("a predictor can rebuild", "a predictor can rebuild"),
        ("\u201cA  PREDICTOR\ncan rebuild\u201d", "a predictor can rebuild"),
        ('at the same "accuracy"', "at the same \u201caccuracy"),
        ("Caches", "Caches"),
    ],
)
def test_a_quotation_is_printed_in_the_proposals_own_letters(quote: str, printed: str) -> None:
    (finding,), counts = _ground(_finding(quote=quote))
    assert finding.quote == printed
    assert counts.quotes_exact == 1


@pytest.mark.parametrize(
    ("quote", "printed"),
    [
        ("We drop cache entrys that a predictor can rebuild", "We drop cache entries that a predictor can rebuild"),
        ("entries that the predictor can rebuild, and we", "entries that a predictor can rebuild, and we"),
        ("On four tasks ... the memory shrinks by 33 % at the same", "the memory shrinks by 33 % at the same"),
    ],
)
def test_a_quotation_nearly_right_is_replaced_by_the_proposals_words(quote: str, printed: str) -> None:
    (finding,), counts = _ground(_finding(quote=quote))
    assert finding.quote == printed
    assert counts.quotes_restored == 1


@pytest.mark.parametrize(
    "quote",
    [
        "We grow cache entries in a greenhouse",
        "the memory shrinks by 83 % at the same",
        "a predictor can rebuild, and we do retrain the model",
        "the cachet",
        "predict",
        "predictor can rebuilt",
    ],
)
def test_a_quotation_of_something_else_is_dropped_and_the_finding_stays(quote: str) -> None:
    (finding,), counts = _ground(_finding(quote=quote))
    assert finding.quote is None
    assert counts.quotes_dropped == 1


def test_coverage_is_the_share_of_sentences_whose_citations_all_resolve() -> None:
    reasons = (
        Reason(sentence="E1 rebuilds.", evidence=("E1",)),
        Reason(sentence="Both forget.", evidence=("E1", "E9")),
        Reason(sentence="Nothing is cited.", evidence=()),
        Reason(sentence="As E8 shows.", evidence=("E2",)),
    )
    counts = _ground(reasons=reasons)[1]
    assert (counts.sentences, counts.supported, counts.coverage) == (4, 1, 0.25)
    assert counts.evidence_dropped == 1
    assert _ground()[1].coverage is None


def test_marks_of_a_prompt_in_a_claim_are_made_harmless() -> None:
    (finding,), _ = _ground(_finding(claim="It is <think>fine</think>\x1b[31m."))
    assert finding.claim == "It is \u2039think\u203afine\u2039/think\u203a."


@given(
    st.text("Ea1 ,.\u201c\u201d\"()[]2\u20390\n'", max_size=60),
    st.text("abcdeWr op", max_size=40),
    st.lists(st.sampled_from(["E1", "E2", "E3", ""]), max_size=3).map(tuple),
)
def test_whatever_is_answered_only_retrieved_papers_and_the_proposals_words_come_out(
    claim: str, quote: str, keys: tuple[str, ...]
) -> None:
    findings, counts = _ground(_finding(claim=claim, quote=quote, evidence=keys))
    dropped = counts.known_dropped + counts.unretrieved_dropped + counts.years_dropped
    assert counts.kept + dropped == 1
    for finding in findings:
        assert set(finding.evidence) <= {"p1", "p2"}
        assert finding.quote is None or finding.quote in PROPOSAL
