import time

import pytest

from guide.errors import GuideError
from guide.prompts import prompt_path, prompt_sha256, read_prompt
from guide.review import Form
from guide.text.proposal import parse_text
from guide.text.rubric import load_rubric, missing_elements, parse_rubric

# One paragraph an element, written so that no other paragraph speaks of it.
COMPLETE_IDEA = {
    "motivation": "Weather stations in the mountains go silent, and forecasters struggle when they do.",
    "novelty": "We propose to fill the silence from the sounds that hikers record; nobody does so.",
    "significance": "If it works, valley towns could plan floods early, which would let them spare dams.",
    "soundness": "A shared encoder turns sound into a wind speed, and a penalty keeps neighbours alike.",
    "evaluation": "The wind speeds are to be judged on held-out stations by their mean absolute deviation.",
    "related-work": "The closest paper, Berg et al. (2021), listens to rain with phones in cities.",
    "limitations": "The main risk is that clothes rub on the phone and drown the wind.",
    "resources": "Two GPUs for a week will do, and all recordings get an open licence.",
}

ELEMENTS = tuple(COMPLETE_IDEA)


def ids(text: str, form: Form = "idea") -> tuple[str, ...]:
    proposal = parse_text(text, source="-", form=form)
    return tuple(element.id for element in missing_elements(proposal, load_rubric()))


def test_the_elements_are_those_a_reviewer_asks_for() -> None:
    assert tuple(element.id for element in load_rubric().elements) == ELEMENTS


@pytest.mark.parametrize("form", ["idea", "draft", "paper"])
def test_a_complete_text_lacks_nothing_and_an_idea_is_not_blamed_for_missing_results(form: Form) -> None:
    assert ids("\n\n".join(COMPLETE_IDEA.values()), form) == ()


@pytest.mark.parametrize("dropped", ELEMENTS)
def test_a_text_lacks_exactly_the_paragraph_that_was_dropped(dropped: str) -> None:
    rest = "\n\n".join(text for name, text in COMPLETE_IDEA.items() if name != dropped)
    assert ids(rest) == (dropped,)


@pytest.mark.parametrize("name", ELEMENTS)
def test_each_paragraph_shows_its_own_element_only(name: str) -> None:
    assert set(ELEMENTS) - set(ids(COMPLETE_IDEA[name])) == {name}


@pytest.mark.parametrize(
    ("element", "sentence"),
    [
        ("motivation", "Training is expensive."),
        ("motivation", "How such models store facts is poorly understood."),
        ("novelty", "Unlike Kim (2020), it needs no labels."),
        ("novelty", "Our main contribution is a bound."),
        ("significance", "This would halve the cost of a query."),
        ("significance", "It enables search on phones."),
        ("soundness", "The model is trained on pairs with a hinge loss."),
        ("soundness", "We minimise the distance between both views."),
        ("soundness", "Under the assumption of smoothness it contracts."),
        ("evaluation", "We will compare it with BM25."),
        ("evaluation", "We measure recall by hand on CIFAR-10."),
        ("related-work", "This is known since [12, 13]."),
        ("related-work", "Existing graph methods ignore time."),
        ("related-work", "It was done before (Lopez, 2019)."),
        ("limitations", "The idea may not transfer to speech."),
        ("limitations", "If the labels turn out to be wrong, we stop."),
        ("limitations", "This is out of scope."),
        ("resources", "We run five seeds on one A100."),
        ("resources", "The code will be released."),
        ("resources", "It takes three weeks."),
    ],
)
def test_the_usual_words_for_an_element_are_known(element: str, sentence: str) -> None:
    assert element not in ids(sentence)


@pytest.mark.parametrize(
    ("element", "sentence"),
    [
        ("limitations", "Existing methods have limitations that we overcome."),
        ("limitations", "Our contribution is a better trade-off."),
        ("resources", "Time series of hours and days are long."),
        ("evaluation", "Sparse keys are a good idea."),
        ("soundness", "We want to make neural networks better for doctors."),
        ("novelty", "Renewal of the newsroom is under way."),
        ("related-work", "Sparse keys are a good idea."),
    ],
)
def test_like_words_for_something_else_are_not_taken_for_it(element: str, sentence: str) -> None:
    assert element in ids(sentence)


def test_a_section_of_its_own_shows_an_element_without_any_cue() -> None:
    assert "evaluation" in ids("Rhubarb is sour, we ask children.")
    assert "evaluation" not in ids("# Fruit\n\n## Planned experiments\n\nRhubarb is sour, we ask children.")
    assert "limitations" not in ids("# Fruit\n\nRhubarb.\n\n## Limitations\n\nChildren dislike it.")


def test_cues_are_found_whatever_the_case_and_the_line_breaks() -> None:
    assert "related-work" not in ids("STATE\nOF\nTHE  ART")


def test_weights_rise_from_idea_to_paper() -> None:
    elements = {element.id: element for element in load_rubric().elements}
    assert elements["limitations"].severity_for("idea") == "minor"
    assert elements["limitations"].severity_for("paper") == "major"
    assert elements["limitations"].stages == ("idea", "draft", "paper")


def test_every_element_reads_well_in_a_finding() -> None:
    for element in load_rubric().elements:
        assert element.question[0].islower() and element.question.endswith("?")
        assert element.title[0].isupper() and element.title[-1] not in ".?!"
        assert element.advice.endswith(".")
        assert 12 <= len(element.cues) <= 25


@pytest.mark.parametrize("unit", ["a", "a ", "(", "first, ", "lorem ipsum ", "prior a-a-a-", "on a a a a "])
def test_a_line_of_a_million_characters_takes_no_longer_than_its_length_warrants(unit: str) -> None:
    line = unit * (1_000_000 // len(unit))
    start = time.perf_counter()
    for element in load_rubric().elements:
        element.find_cue(line)
    assert time.perf_counter() - start < 5  # 1 s on the machine it was written on


def test_the_hash_is_that_of_the_file() -> None:
    assert load_rubric().sha256 == prompt_sha256("rubric.toml")
    assert parse_rubric(read_prompt("rubric.toml") + b"\n", where="x").sha256 != load_rubric().sha256


GOOD = """[[element]]
id = "a"
title = "A"
question = "a?"
advice = "A."
severity = { idea = "minor" }
cues = ['a']
"""


def test_an_element_may_apply_to_some_forms_only() -> None:
    rubric = parse_rubric(GOOD.encode(), where="x")
    assert rubric.elements[0].stages == ("idea",)
    text = "Nothing of it here."
    assert missing_elements(parse_text(text, source="-", form="idea"), rubric) == rubric.elements
    assert missing_elements(parse_text(text, source="-", form="paper"), rubric) == ()


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('id = "a"', "id = ", "TOML"),
        ("[[element]]", "[[other]]", "no [[element]]"),
        ('advice = "A."\n', "", "advice"),
        ('advice = "A."\n', 'advice = "A."\nmore = 1\n', "more"),
        ('title = "A"', 'title = ""', "title"),
        ('idea = "minor"', 'poem = "minor"', "severity"),
        ('idea = "minor"', 'idea = "huge"', "severity"),
        ("['a']", "[]", "cues"),
        ("['a']", "['(']", "no regular expression"),
        ("['a']", "['A']", "lower case"),
        ("['a']", r"['\w+ b']", "without a bound"),
        ("['a']", "['a{2,}']", "without a bound"),
        ("cues", 'module = "poem"\ncues', "module"),
    ],
)
def test_a_damaged_rubric_is_named(old: str, new: str, message: str) -> None:
    with pytest.raises(GuideError) as caught:
        parse_rubric(GOOD.replace(old, new).encode(), where="rubric.toml")
    assert message in str(caught.value)
    assert "rubric.toml" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_two_elements_of_one_id_are_refused() -> None:
    with pytest.raises(GuideError, match="'a'"):
        parse_rubric((GOOD + GOOD).encode(), where="x")


@pytest.mark.parametrize("name", ["nothing.toml", "../pyproject.toml", "", "/etc/passwd"])
def test_a_prompt_that_does_not_ship_is_an_error(name: str) -> None:
    with pytest.raises(GuideError, match="ships no prompt"):
        prompt_path(name)
