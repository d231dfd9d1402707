import numpy as np

from guide.influence import MAX_SENTENCES, leave_one_out

GOOD, BAD, PLAIN = "The proof is complete.", "The sample is tiny.", "We look at data."


def _chances(texts):
    return np.array([0.5 + 0.2 * (GOOD in text) - 0.1 * (BAD in text) for _, text in texts])


def test_each_sentence_gets_the_change_it_makes():
    found = leave_one_out("Title", f"{PLAIN} {BAD} {GOOD}", _chances)
    assert [(item.sentence, round(item.change, 6)) for item in found.influences] == [
        (GOOD, 0.2),
        (BAD, -0.1),
        (PLAIN, 0.0),
    ]
    assert found.not_tried == 0


def test_a_single_sentence_has_no_influence_to_measure():
    assert leave_one_out("Title", GOOD, _chances).influences == ()


def test_the_title_stays_in_every_variant():
    seen = []

    def chances(texts):
        seen.extend(texts)
        return np.zeros(len(texts))

    leave_one_out("Title", f"{PLAIN} {BAD}", chances)
    assert seen == [("Title", f"{PLAIN} {BAD}"), ("Title", BAD), ("Title", PLAIN)]


def test_sentences_past_the_limit_are_counted():
    text = " ".join(f"Sentence number {n} is here." for n in range(MAX_SENTENCES + 3))
    found = leave_one_out("", text, _chances)
    assert found.not_tried == 3
    assert len(found.influences) == MAX_SENTENCES
