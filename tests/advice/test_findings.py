from guide.advice.findings import VERY_CLOSE, advise
from guide.review import Influence
from guide.text.rubric import load_rubric
from tests.judgements import evidence, review

PROPOSAL = review().proposal


def test_nothing_to_say_is_a_valid_answer():
    assert advise(PROPOSAL, (), (evidence(similarity=0.4),), (Influence(sentence="x", change=0.05),)) == ()


def test_very_close_work_is_named_with_its_id():
    (finding,) = advise(PROPOSAL, (), (evidence("p9", VERY_CLOSE), evidence("far", VERY_CLOSE - 0.01)), ())
    assert finding.evidence == ("p9",)
    assert finding.severity == "major"
    assert "Calibrated retrieval [a study] (ICML 2023)" in finding.claim
    assert "zebrafish" in finding.change


def test_a_sentence_that_costs_much_is_quoted():
    influences = (Influence(sentence="It costs.", change=-0.05), Influence(sentence="Hardly.", change=-0.01))
    (finding,) = advise(PROPOSAL, (), (), influences)
    assert finding.quote == "It costs."
    assert "5% higher" in finding.claim


def test_a_missing_element_brings_its_own_advice():
    element = load_rubric().elements[0]
    (finding,) = advise(PROPOSAL, (element,), (), ())
    assert finding.change == element.advice
    assert finding.severity == element.severity_for("idea")


def test_major_findings_come_first():
    influences = (Influence(sentence="It costs.", change=-0.05),)
    findings = advise(PROPOSAL, (), (evidence(similarity=0.9),), influences)
    assert [finding.severity for finding in findings] == ["major", "minor"]
