from guide.advice.views.shading import shade_text
from guide.review import Finding, Influence


def _finding(quote):
    return Finding(severity="minor", claim="c", quote=quote, evidence=(), change="d")


TEXT = {"abstract": "We watch fish. We count\nstripes.", "method": "It is fast. It is cheap."}
MOVES = (
    Influence(sentence="We watch fish.", change=0.05),
    Influence(sentence="We count stripes.", change=-0.02),
    Influence(sentence="It is fast.", change=0.001),
)


def _all(passages):
    return [sentence for passage in passages for sentence in passage.sentences]


def test_shades_follow_the_strongest_sentence_and_tell_the_direction():
    shaded = _all(shade_text(TEXT, MOVES, ()))
    assert [sentence.shade for sentence in shaded] == [2, -1, 0, 0]
    assert shaded[3].change is None


def test_sentences_are_numbered_through_the_parts():
    passages = shade_text(TEXT, (), ())
    assert [passage.heading for passage in passages] == ["abstract", "method"]
    assert [sentence.number for sentence in _all(passages)] == [1, 2, 3, 4]


def test_a_quote_leads_to_its_sentence_whatever_its_white_space():
    quotes = [_finding("count stripes"), _finding("It is fast. It is cheap."), _finding("nowhere"), _finding(None)]
    assert [sentence.findings for sentence in _all(shade_text(TEXT, (), quotes))] == [(), (1,), (2,), ()]


def test_a_text_that_nothing_moves_is_not_shaded():
    weak = (Influence(sentence="We watch fish.", change=0.004),)
    assert {sentence.shade for sentence in _all(shade_text(TEXT, weak, ()))} == {0}


def test_an_empty_part_makes_no_passage():
    assert shade_text({"abstract": " "}, (), ()) == ()
