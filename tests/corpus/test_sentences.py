from hypothesis import given
from hypothesis import strategies as st

from guide.corpus.sentences import split_sentences

PIECES = [
    "Eq. ",
    "et al. ",
    "We go. ",
    "\n",
    "\n\n",
    ". ",
    "(",
    '"',
    "e.g. ",
    "x",
    "4",
    "\u3002",
    "No. ",
    "!",
    "\r\n",
]


def letters(text: str) -> list[str]:
    return [character for character in text if character.isalnum()]


def test_sentences_come_in_order_without_white_space_around_them() -> None:
    text = "  Caches grow. Do they shrink?\n\nNever!  "
    assert split_sentences(text) == ["Caches grow.", "Do they shrink?", "Never!"]


def test_a_line_break_inside_a_sentence_does_not_end_it() -> None:
    assert split_sentences("Caches grow\nwithout end. They stop.") == [
        "Caches grow\nwithout end.",
        "They stop.",
    ]


def test_abbreviations_do_not_end_a_sentence() -> None:
    for sentence in (
        "See Eq. 4 and Sec. 2 of the appendix.",
        "We use Eq. (4) here.",
        "Thm. 2 holds, see App. B for it.",
        "Approx. 30 users came.",
        "Dr. Smith sleeps, i.e. he rests.",
        "Lee et al. show it, cf. Alg. 1 there.",
        "Refs. 3-5 differ w.r.t. speed.",
        "Bits, bytes, etc. are counted.",
        "It has 3.5 points on v0.2.1.",
    ):
        assert split_sentences(f"{sentence} Then we go.") == [sentence, "Then we go."]


def test_words_that_look_like_abbreviations_end_a_sentence() -> None:
    assert split_sentences("It takes 5 ms. We wait.") == ["It takes 5 ms.", "We wait."]
    assert split_sentences("They are on par. We wait.") == ["They are on par.", "We wait."]
    assert split_sentences("Use the app. We wait.") == ["Use the app.", "We wait."]
    assert split_sentences("Take the matrix A. We wait.") == ["Take the matrix A.", "We wait."]


def test_a_paragraph_ends_a_sentence_even_after_an_abbreviation() -> None:
    assert split_sentences("as in Eq.\n\n4 caches grow.") == ["as in Eq.", "4 caches grow."]


def test_there_is_nothing_in_nothing() -> None:
    assert split_sentences("") == []
    assert split_sentences(" \n\n ") == []


@given(st.one_of(st.text(max_size=80), st.lists(st.sampled_from(PIECES), max_size=25).map("".join)))
def test_no_letter_is_lost_or_moved(text: str) -> None:
    sentences = split_sentences(text)
    assert letters("".join(sentences)) == letters(text.encode("utf-8", "replace").decode())
    assert all(sentence and sentence == sentence.strip() for sentence in sentences)
