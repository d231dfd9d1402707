"""Which language a text is in, and how many words it has."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from py3langid.langid import LanguageIdentifier

UNDETERMINED = "und"
# Below six words even plain English titles are taken for other languages.
MIN_WORDS = 6
# On titles of ICLR submissions every wrong guess had a probability under 0.5, on abstracts none was wrong.
MIN_PROBABILITY = 0.5
# The beginning tells the language; on very long texts the classifier's probabilities lose their meaning.
_CHARACTERS_READ = 4_000

# Words of no other language written in Latin letters. Where one word in eight is of these the text is English, and the
# classifier, which takes 0.6 s to load, is not asked: of 2,000 ICLR abstracts it calls all of those English too.
_ENGLISH = frozenset(["the", "and", "that", "with", "this", "which", "from", "our", "are", "these", "by", "to", "can"])
_CLEARLY_ENGLISH = 1 / 8
_ENOUGH_WORDS = 20

# Chinese and Japanese put no spaces between words: a character counts as one.
_WORD = re.compile(r"[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff]|\w[\w'\u2019-]*")


def count_words(text: str) -> int:
    """Count words; hyphenated ones count once, and so does every Chinese or Japanese character."""
    return sum(1 for _ in _WORD.finditer(text))


def guess_language(text: str) -> str:
    """Guess the language of a text: by its commonest words, else with `py3langid` (naive Bayes over byte n-grams).

    Returns:
        An ISO 639-1 code, or "und" where the text has fewer than six words or the guess is more likely wrong
        than right.
    """
    beginning = text[:_CHARACTERS_READ]
    words = [match[0].lower() for match in _WORD.finditer(beginning)]
    if len(words) < MIN_WORDS:
        return UNDETERMINED
    if len(words) >= _ENOUGH_WORDS and sum(word in _ENGLISH for word in words) >= _CLEARLY_ENGLISH * len(words):
        return "en"
    language, probability = _identifier().classify(beginning)
    # Codes of three letters are outside ISO 639-1; short technical English is often taken for one of them.
    if len(language) != 2 or float(probability) < MIN_PROBABILITY:
        return UNDETERMINED
    return str(language)


@cache
def _identifier() -> LanguageIdentifier:
    # Loading the model takes 0.6 s.
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
