import numpy as np

from guide.advice.influence import MAX_SENTENCES, leave_one_out
from guide.corpus.sentences import split_sentences
from guide.review import Venue

GOOD, BAD, PLAIN = "The proof is complete.", "The sample is tiny.", "We look at data."


class _Engine:
    """Likes one sentence, dislikes another, and remembers what it read."""

    def __init__(self):
        self.asked = []

    def chances_without_each(self, title, text, tried, venue):
        self.asked.append((title, text, tried, venue))
        sentences = split_sentences(text)
        texts = [sentences, *([*sentences[:gone], *sentences[gone + 1 :]] for gone in range(tried))]
        return np.array([0.5 + 0.2 * (GOOD in text) - 0.1 * (BAD in text) for text in texts])


VENUE = Venue("ICLR-2025", 0.319)


def test_each_sentence_gets_the_change_it_makes():
    found = leave_one_out("Title", f"{PLAIN} {BAD} {GOOD}", _Engine(), VENUE)
    assert [(item.sentence, round(item.change, 6)) for item in found.influences] == [
        (GOOD, 0.2),
        (BAD, -0.1),
        (PLAIN, 0.0),
    ]
    assert found.not_tried == 0


def test_a_single_sentence_has_no_influence_to_measure():
    engine = _Engine()
    assert leave_one_out("Title", GOOD, engine, VENUE).influences == ()
    assert engine.asked == []


def test_the_engine_is_asked_once_with_the_title():
    engine = _Engine()
    leave_one_out("Title", f"{PLAIN} {BAD}", engine, VENUE)
    assert engine.asked == [("Title", f"{PLAIN} {BAD}", 2, VENUE)]


def test_sentences_past_the_limit_are_counted():
    text = " ".join(f"Sentence number {n} is here." for n in range(MAX_SENTENCES + 3))
    found = leave_one_out("", text, _Engine(), VENUE)
    assert found.not_tried == 3
    assert len(found.influences) == MAX_SENTENCES
