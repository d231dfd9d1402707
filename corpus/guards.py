"""What a shortened text may not lose: numbers, negations, citation keys.

A reader who is told "improves by 3.2 points" where the paper says "does not improve by 3.2 points" is misled, so these
are looked up in the source and in what is to be stored, by the same rules, and must agree one by one. The rules err on
the side of guarding too much: a false alarm costs a few bytes, a missed one a wrong sentence. `settle` is where every
method of compression ends.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from typing import Literal

from guide.errors import InputError

Kind = Literal["number", "negation", "citation"]

# Digits of any script, and the signs that stand for numbers without one.
_NUMBER = r"[\d²³¹⁰-⁹₀-₉¼½¾⅓⅔]"
_NUMBER_WORDS = (
    "two three four five six seven eight nine ten eleven twelve dozen dozens hundred hundreds thousand thousands "
    "million millions billion billions trillion trillions half halves halved halving twice thrice "
    "double doubles doubled doubling "
    "triple triples tripled tripling twofold threefold fourfold fivefold tenfold manyfold fold percent"
)
_NEGATIONS = (
    "not no non never none nor neither nothing nobody nowhere without cannot unless except only hardly barely scarcely "
    "rarely seldom fail fails failed failing failure failures lack lacks lacked lacking unable absent"
)
_KINDS: dict[str, Kind] = {
    **dict.fromkeys(_NUMBER_WORDS.split(), "number"),
    **dict.fromkeys(_NEGATIONS.split(), "negation"),
}
# A word is bounded by anything but letters, so that "_not_" and "non-convex" are found.
_CONTRACTED = r"(?<=[nN])['\u2019][tT](?![^\W\d_])"
_WORD_OR_DIGIT = re.compile(rf"(?P<digit>{_NUMBER})|[^\W\d_]+(?:{_CONTRACTED})?")
_NUMBER_OR_CONTRACTED = re.compile(rf"{_NUMBER}|{_CONTRACTED}")
_LETTERS = re.compile(r"[^\W\d_]+")
_CITATION = re.compile(
    r"\\(?:no)?[cC]ite[a-zA-Z]*\*?(?:\[[^\]\[]{0,80}\]){0,2}\{[^{}]{1,400}\}"  # \citep[see][]{key, key}
    r"|\[\s?\d{1,4}[a-z]?(?:\s?[,;\u2013-]\s?\d{1,4}[a-z]?){0,40}\s?\]"  # [12], [3, 5-7]
    r"|[\[(][^\[\]()]{0,200}?[^\W\d_][^\[\]()]{0,200}?\b(?:1[89]|20)\d\d[a-z]?\b[^\[\]()]{0,200}[\])]"  # (Roe, 2020)
    r"|\b[^\W\d_][\w'\u2019-]{1,40} (?:et al\.?|(?:and|&) [^\W\d_][\w'\u2019-]{1,40}),? "
    r"[\[(](?:1[89]|20)\d\d[a-z]?[\])]"
    r"|(?<![\w.])@[A-Za-z][\w:./-]{1,80}"  # @key of Pandoc and BibTeX
)
_HAS_CITATION = re.compile(r"[\[(\\@]")
# What stands before a number and belongs to it, as "< 0.05", "at least 3", "minus 2"; after the words of the second
# set one more word counts ("p <", "at least", "more than", "up to").
_SIGN = re.compile(r"[^\w\s]+|\\?\$?\\[a-z]+\$?")
_COMPARING = "about above almost approximately around below by from minus nearly of over plus roughly under within"
_LEADING = frozenset(_COMPARING.split())
_LEADING_PAIR = frozenset(("least", "most", "than", "to"))
_TOKEN = re.compile(r"\w+|[^\w\s]")
_CLOSING = ".,;:!?)]}"
_OUTER = ".,;:!?()[]{}\"'“”\u2018\u2019"


@dataclass(frozen=True, slots=True)
class Guarded:
    """One thing of a text that may not be lost.

    Attributes:
        kind: what it is.
        text: itself with the words it belongs to, white space made single: "p < 0.05", "3.2 points", "not improve".
        start, end: the whole white-space-separated words it touches, as offsets in the text.
    """

    kind: Kind
    text: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Compressed:
    """One text as it is to be stored.

    Attributes:
        text: what to store.
        whole: nothing was dropped, be it that there was nothing to drop or that a guard failed.
        lost: what the shortened text would have lost, as `find_lost` gives it; empty if the guards held.
        tokens_before, tokens_after: by `count_tokens`.
    """

    text: str
    whole: bool
    lost: tuple[str, ...]
    tokens_before: int
    tokens_after: int


def find_guarded(text: str) -> tuple[Guarded, ...]:
    r"""Find the numbers, negations and citation keys of an English text, in order.

    A number is every word with a digit and every spelled number from two on, with the sign or comparison before it and
    with the word after it, whatever that is, since that holds its unit. A negation is a word that denies or limits
    ("not", "no", "non-", "without", "fails", "only", ...; the list is in this module), with the word after it. Neither
    reaches over a punctuation mark. A citation key is "[12]", "[Roe et al., 2020]", "(Roe, 2020)", "Roe et al. (2020)",
    "\cite{key}" or "@key".
    """
    found: list[Guarded] = []
    cited: list[tuple[int, int]] = []
    if _HAS_CITATION.search(text):
        for match in _CITATION.finditer(text):
            start, end = _whole_words(text, match.start(), match.end())
            found.append(Guarded("citation", " ".join(match.group().split()), start, end))
            cited.append(match.span())
    done: dict[Kind, int] = {"number": 0, "negation": 0}  # where the last word of each kind ended
    at = 0  # the first citation that does not end before the match
    for match in _WORD_OR_DIGIT.finditer(text):
        kind: Kind | None = "number" if match.lastgroup else _kind_of(match.group())
        if kind is None or match.start() < done[kind]:
            continue
        while at < len(cited) and cited[at][1] <= match.start():
            at += 1
        if at < len(cited) and cited[at][0] <= match.start():
            continue
        start, end = _whole_words(text, match.start(), match.end())
        done[kind] = end
        if kind == "number":
            start = _reach_back(text, start)
        end = _reach_on(text, end)
        found.append(Guarded(kind, " ".join(text[start:end].strip(_OUTER).split()), start, end))
    found.sort(key=lambda item: (item.start, item.end, item.kind))
    return tuple(found)


def holds_guarded(text: str) -> bool:
    """Tell whether `find_guarded` would find anything."""
    if _NUMBER_OR_CONTRACTED.search(text) or not _KINDS.keys().isdisjoint(_LETTERS.findall(text.lower())):
        return True
    return _HAS_CITATION.search(text) is not None and _CITATION.search(text) is not None


def find_lost(source: str, stored: str) -> tuple[str, ...]:
    """Say what of the source's guarded things `stored` does not hold; empty if the two agree one by one, in order.

    Returns:
        The texts that are missing, in the source's order; then, marked "added: ", those that only `stored` has. If
        the two differ in their order alone, the first that is out of its place.
    """
    if source == stored:
        return ()
    wanted = [item.text for item in find_guarded(source)]
    present = [item.text for item in find_guarded(stored)]
    if wanted == present:
        return ()
    differing = (*_surplus(wanted, present), *(f"added: {one}" for one in _surplus(present, wanted)))
    return differing or (next(one for one, other in zip(wanted, present, strict=True) if one != other),)


def settle(source: str, shortened: str) -> Compressed:
    """Decide between the source and its shortened form: the source wherever the guards fail or nothing was saved."""
    before = count_tokens(source)
    lost = find_lost(source, shortened)
    after = before if lost else count_tokens(shortened)
    if lost or after >= before:
        return Compressed(source, True, lost, before, before)
    return Compressed(shortened, False, (), before, after)


def count_tokens(text: str) -> int:
    """Count words and punctuation marks: runs of letters, digits and "_", and every other sign but white space.

    It stands for no model's tokenizer; it is the same for every method, so that their savings compare.
    """
    return len(_TOKEN.findall(text))


def check_rate(rate: float) -> float:
    """Give the rate back. Raises InputError unless it is above 0 and at most 1."""
    if not 0 < rate <= 1:
        raise InputError(f"the rate is {rate}", fix="It is the share of the tokens to keep: above 0 and at most 1.")
    return rate


def _kind_of(word: str) -> Kind | None:
    if "'" in word or "\u2019" in word:
        return "negation"
    return _KINDS.get(word.lower())


def _surplus(these: list[str], those: list[str]) -> list[str]:
    """What `these` have more often than `those`, in the order of `these`, the last of equal ones."""
    left = Counter(those)
    surplus = []
    for one in these:
        if left[one]:
            left[one] -= 1
        else:
            surplus.append(one)
    return surplus


def _whole_words(text: str, start: int, end: int) -> tuple[int, int]:
    while start > 0 and not text[start - 1].isspace():
        start -= 1
    while end < len(text) and not text[end].isspace():
        end += 1
    return start, end


def _reach_back(text: str, start: int) -> int:
    """The start with the comparison or sign before the number, if there is one."""
    before, word = _word_before(text, start)
    if not word:
        return start
    lowered = word.lower()
    if lowered in _LEADING:
        return before
    if lowered not in _LEADING_PAIR and (word[-1] in _CLOSING or not _SIGN.fullmatch(word)):
        return start
    further, word = _word_before(text, before)
    return further if word and word[-1] not in _CLOSING else before


def _word_before(text: str, start: int) -> tuple[int, str]:
    end = start
    while end > 0 and text[end - 1].isspace():
        end -= 1
    begin = end
    while begin > 0 and not text[begin - 1].isspace():
        begin -= 1
    return begin, text[begin:end]


def _reach_on(text: str, end: int) -> int:
    """The end with the word after it, unless a punctuation mark stands between."""
    if text[end - 1] in _CLOSING:
        return end
    start = end
    while start < len(text) and text[start].isspace():
        start += 1
    return _whole_words(text, start, start + 1)[1] if start < len(text) else end
