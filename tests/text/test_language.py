import pytest
from hypothesis import given
from hypothesis import strategies as st

from guide.text.language import count_words, guess_language


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("We train a small network to tell one bird from another by its song.", "en"),
        ("Nous entraînons un petit réseau qui distingue les oiseaux par leur chant.", "fr"),
        ("Wir bringen einem kleinen Netz bei, Vögel an ihrem Gesang zu erkennen.", "de"),
        ("Entrenamos una red pequeña para distinguir las aves por su canto.", "es"),
        ("我们训练一个小型网络来通过鸟鸣区分不同的鸟类。", "zh"),
    ],
)
def test_common_languages_are_told_apart(text: str, language: str) -> None:
    assert guess_language(text) == language


@pytest.mark.parametrize("text", ["", "Sparse keys", "Sparse keys for long caches", "1 2 3 4 5 6 7", "$x$ + $y$"])
def test_too_little_text_is_undetermined(text: str) -> None:
    assert guess_language(text) == "und"


def test_a_long_english_text_stays_english() -> None:
    assert guess_language("We train a small network on songs of birds. " * 20_000) == "en"


def test_words_are_counted_as_a_reader_would() -> None:
    assert count_words("Self-supervised nets don't lie, 3 times.") == 6
    assert count_words("鸟鸣") == 2
    assert count_words(" -- ... ") == 0


@given(st.text(max_size=200))
def test_any_text_gets_two_letters_or_und(text: str) -> None:
    language = guess_language(text)
    assert language == "und" or (len(language) == 2 and language.isalpha())
