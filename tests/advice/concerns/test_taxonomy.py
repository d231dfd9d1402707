import pytest

from guide.advice.concerns.labelling import count_raised, label_review, split_review
from guide.advice.concerns.taxonomy import load_kinds, parse_kinds
from guide.errors import GuideError

KINDS = {kind.id: kind for kind in load_kinds()}

SENTENCES = {
    "novelty": "The novelty of the approach is limited.",
    "related-work": "Several recent works are not cited.",
    "baselines": "The paper lacks comparisons with strong recent methods.",
    "ablations": "An ablation of the two losses is missing.",
    "cost": "What is the computational cost at inference time?",
    "theory": "There is no theoretical analysis of the estimator.",
    "assumptions": "Assumption 2 is very strong and may not hold.",
    "significance": "No error bars are shown.",
    "contamination": "The benchmark may suffer from data leakage.",
    "clarity": "The method section is hard to follow.",
    "figures": "The labels of Figure 3 are too small.",
    "limitations": "The limitations are not discussed.",
}


def test_there_are_about_thirty_kinds_over_the_eight_aspects():
    assert 25 <= len(KINDS) <= 32
    assert len({kind.aspect for kind in KINDS.values()}) == 8


@pytest.mark.parametrize("name", SENTENCES)
def test_a_sentence_that_raises_a_concern_is_labelled_with_it(name):
    assert KINDS[name].is_raised_in(SENTENCES[name].lower())


def test_praise_raises_nothing():
    sentence = "i enjoyed reading this; the experiments are thorough and convincing."
    assert not [kind.id for kind in KINDS.values() if kind.is_raised_in(sentence)]


def test_a_pattern_of_unless_takes_a_label_back():
    assert not KINDS["safety"].is_raised_in("the misuse of notation is confusing, and fairness of the comparison too.")


def test_a_review_is_labelled_by_any_of_its_sentences():
    kinds = [KINDS["theory"], KINDS["ablations"], KINDS["figures"]]
    review = f"- {SENTENCES['theory']}\n- {SENTENCES['ablations']}"
    assert label_review(review, kinds).tolist() == [True, True, False]
    assert count_raised([review, SENTENCES["theory"]], kinds).tolist() == [2, 1, 0]
    assert count_raised([], kinds).tolist() == [0, 0, 0]


def test_a_list_is_taken_apart_and_short_pieces_are_no_sentences():
    assert split_review("1.\nThe writing is dense. The\n proofs are long.") == [
        "The writing is dense.", "proofs are long.",
    ]  # fmt: skip


FIELDS = {
    "id": "x", "name": "X", "aspect": "clarity", "question": "q",
    "why": "w", "idea": "i", "paper": "p", "effort": "small",
}  # fmt: skip


def _toml(**changed: str) -> str:
    lines = [f'{name} = "{value}"' for name, value in {**FIELDS, **changed}.items()]
    return "[[concern]]\n" + "\n".join(lines) + "\nsaid = ['x']\nanswers = ['y']\n"


def test_a_kind_is_read_with_its_patterns():
    (kind,) = parse_kinds(_toml())
    assert kind.is_raised_in("an x")
    assert kind.is_answered_in("a y")


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("", "no concerns"),
        ("[[concern", "no TOML"),
        (_toml() + _toml(), "two of one id"),
        (_toml(aspect="mood"), "unknown aspect"),
        (_toml(colour="red"), "colour"),
        (_toml().replace("['x']", "['(']"), "cannot be read"),
        (_toml().replace("['x']", "'x'"), "no list"),
    ],
)
def test_a_faulty_file_is_named_with_what_is_wrong(text, what):
    with pytest.raises(GuideError, match=what):
        parse_kinds(text)
