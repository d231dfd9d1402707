"""Telling terms: what two texts share and where they differ, in words a reader can check."""

from __future__ import annotations

import math
import re
from collections import Counter
from dataclasses import dataclass

from guide.student.features import Vocabulary, terms_of

_SHOWN = 6
# A term in more than 4 % of ICLR abstracts tells no paper from another (smoothed idf 4.2).
_TELLING = 4.2
# A word no training abstract has is telling, but may be a slip: it ranks below the rarest known ones.
_UNKNOWN = 7.0
# Rare in abstracts, yet words of grammar and not of a subject.
_GRAMMAR = frozenset(
    """
    about above across after again against all along already also although always among and another any are
    around asked away because become becomes been before behind being below beside besides best better between
    beyond both but can cannot close come could did does doing done down during each early either else end
    enough even ever every far few find finds first for found from full gap gaps get give given gives goes good
    great had half has have having helping hence here high highly hold holds how however instead into its itself
    just keep keeps know known last late later least less let like likely little long look lot low made mainly
    make makes making many may might more most much must near nearly need needs neither never new next nor not
    nothing now off often old once one ones only onto other others our out over own part per place point put
    quite rather read really same say says second see seen several shall should show shown shows side since some
    something soon still such take taken takes than that the their them then there therefore these they thing
    things third this those though three through throughout thus today together too toward towards turn turns
    two under until unto upon use used uses using very want was way ways well went were what when where whether
    which while who whole whom whose why will with within without word words would yet you your
    """.split()  # noqa: SIM905 - as a list these would be two hundred lines
)
_WORD = re.compile(r"[a-z][a-z0-9-]{2,}")
# Rare enough to pass as terms, yet only manner of speech.
_MANNER = re.compile(r".+ly$")


@dataclass(frozen=True, slots=True)
class TermComparison:
    """Telling terms, the most telling first."""

    shared: tuple[str, ...]
    only_first: tuple[str, ...]
    only_second: tuple[str, ...]


def compare_terms(first: str, second: str, vocabulary: Vocabulary) -> TermComparison:
    """Compare two texts by their rarer words and word pairs; singular and plural count as one."""
    one, other = _weigh(first, vocabulary), _weigh(second, vocabulary)
    mentioned_first, mentioned_second = _stems(first), _stems(second)
    shared = {term: weight + other.get(term, 0) for term, weight in one.items() if _within(term, mentioned_second)}
    return TermComparison(
        _pick(shared),
        _pick({term: weight for term, weight in one.items() if not _within(term, mentioned_second)}),
        _pick({term: weight for term, weight in other.items() if not _within(term, mentioned_first)}),
    )


def _weigh(text: str, vocabulary: Vocabulary) -> dict[str, float]:
    counts = Counter(terms_of(text))
    weights = {}
    for term, count in counts.items():
        idf = vocabulary.idf_of(term)
        words = term.split()
        if idf is None:
            # An unknown pair is mostly chance; an unknown word is mostly a name.
            if len(words) > 1:
                continue
            idf = _UNKNOWN
        if idf < _TELLING or not all(map(_is_subject, words)):
            continue
        if len(words) > 1 and any((vocabulary.idf_of(word) or _UNKNOWN) < 2.0 for word in words):
            continue  # "of attention", "we show": a function word and a term
        weights[term] = idf * (1 + math.log(count)) * len(words) ** 0.5
    return weights


def _is_subject(word: str) -> bool:
    return bool(_WORD.fullmatch(word)) and not _MANNER.fullmatch(word) and word not in _GRAMMAR


def _pick(weights: dict[str, float]) -> tuple[str, ...]:
    chosen: list[str] = []
    for term, _ in sorted(weights.items(), key=lambda item: (-item[1], item[0])):
        stems = {_stem(word) for word in term.split()}
        if any(stems & {_stem(word) for word in earlier.split()} for earlier in chosen):
            continue
        chosen.append(term)
        if len(chosen) == _SHOWN:
            break
    return tuple(chosen)


def _stems(text: str) -> str:
    """The text's words without plural endings, each between spaces, for looking terms up whole."""
    return " " + " ".join(_stem(word) for word in re.findall(r"\b\w\w+\b", text.lower())) + " "


def _within(term: str, stems: str) -> bool:
    return f" {' '.join(_stem(word) for word in term.split())} " in stems


def _stem(word: str) -> str:
    return word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith("ss") else word
