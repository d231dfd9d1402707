from typing import Any

from guide.advice.concerns.taxonomy import load_kinds
from guide.advice.findings import MOST, VERY_CLOSE, advise, in_order
from guide.review import Concern, Influence, Proposal, RequestedName, ReviewedPaper
from guide.text.rubric import load_rubric
from tests.judgements import evidence


def proposal(form: str = "idea", *modules: str) -> Proposal:
    return Proposal(
        title="Zebrafish",
        modules=dict.fromkeys(modules or ("abstract", "method"), "We will watch zebrafish."),
        form=form,
        form_stated=True,
        language="en",
        words=4,
        source="idea.md",
        sha256="b" * 64,
    )


def concern(name: str = "baselines", p: float = 0.84, base_rate: float = 0.78, **changed: Any) -> Concern:
    kind = {kind.id: kind for kind in load_kinds()}[name]
    plain: dict[str, Any] = {
        "id": name,
        "name": kind.name,
        "aspect": kind.aspect,
        "question": kind.question,
        "p": p,
        "base_rate": base_rate,
        "association": -0.3,
        "raised": 41,
        "of": 50,
        "asked": (ReviewedPaper(id="r1", title="Counting fish", venue="ICLR 2026", rating=5.5, url="https://x.org"),),
    }
    return Concern(**{**plain, **changed})


def test_nothing_to_say_is_an_empty_list():
    assert advise(proposal(), [], [evidence(similarity=0.3)], []) == ()


def test_very_close_work_is_a_major_finding_that_names_it_and_the_difference():
    (finding,) = advise(proposal(), [], [evidence(similarity=VERY_CLOSE)], [])
    assert finding.severity == "major"
    assert finding.evidence == ("p1",)
    assert "Calibrated retrieval" in finding.claim
    assert "zebrafish" in finding.change


def test_a_missing_element_is_asked_for_in_the_rubrics_words():
    element = load_rubric().elements[0]
    (finding,) = advise(proposal(), [element], [], [])
    assert element.question in finding.claim
    assert finding.change == element.advice


def test_only_a_sentence_that_lowers_the_estimate_by_two_points_is_remarked_on():
    found = advise(proposal(), [], [], [Influence(sentence="A.", change=-0.03), Influence(sentence="B.", change=-0.01)])
    assert [finding.quote for finding in found] == ["A."]


def test_a_concern_at_its_base_rate_or_above_becomes_a_finding_with_its_number():
    (finding,) = advise(proposal(), [], [], [], [concern(), concern("cost", p=0.5, base_rate=0.55)])
    assert finding.concern == "baselines"
    assert "84%" in finding.claim
    assert "41 of the 50" in (finding.reason or "")
    assert "not an effect" in (finding.reason or "")
    assert finding.evidence == ("r1",)
    assert finding.effort == "medium"


def test_an_idea_and_a_paper_are_told_different_things():
    (idea,) = advise(proposal("idea"), [], [], [], [concern()])
    (paper,) = advise(proposal("paper"), [], [], [], [concern()])
    assert idea.change != paper.change


def test_the_severity_is_capped_where_only_an_abstract_was_read_and_the_reason_says_so():
    (whole,) = advise(proposal("paper", "abstract", "method"), [], [], [], [concern()])
    (capped,) = advise(proposal("paper", "abstract"), [], [], [], [concern()])
    assert whole.severity == "major"
    assert capped.severity == "minor"
    assert "Only an abstract was read" in (capped.reason or "")


def test_baselines_are_named_where_reviewers_named_them():
    (finding,) = advise(proposal(), [], [], [], [concern()], [RequestedName(name="DPO", papers=4)])
    assert finding.change.endswith("named DPO.")


def test_a_concern_raised_much_less_often_is_a_strength_and_stands_last():
    found = advise(proposal(), [], [], [], [concern("ablations", p=0.2, base_rate=0.5), concern()])
    assert [finding.severity for finding in found] == ["major", "strength"]


def test_no_more_concerns_than_are_worth_reading_are_made_into_findings():
    kinds = [kind.id for kind in load_kinds()]
    found = advise(proposal(), [], [], [], [concern(name) for name in kinds])
    assert len(found) == MOST


def test_findings_of_several_sources_are_put_in_one_order():
    minor = advise(proposal("paper", "abstract"), [], [], [], [concern()])
    major = advise(proposal(), [], [evidence(similarity=0.9)], [])
    assert in_order((*minor, *major)) == (*major, *minor)
