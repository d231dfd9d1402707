"""Quotations of the proposal: found word for word, put right, or dropped.

A quotation must stand in the proposal. One of at least five words that is `QUOTE_SIMILARITY` per cent alike, with the
same numbers and negations, is replaced by the proposal's words; any other is dropped.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from dataclasses import dataclass
from typing import Literal

# rapidfuzz's normalised similarity (0..100) of a quotation and its passage: about one letter in ten is wrong.
QUOTE_SIMILARITY = 90.0
QUOTE_WORDS = 5  # a shorter quotation must match exactly: nearly the same may mean the opposite

_NEGATION = re.compile(r"\b(?:not?|never|without|cannot|nor|none|fails?|lacks?)\b|n't\b")
_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
_ELLIPSIS = re.compile(r"\s*[\[(]?(?:\.{3}|\u2026)[\])]?\s*")
_QUOTE_MARKS = " \t\n\"'\u2018\u2019\u201c\u201d\u201e\u00ab\u00bb\u2039\u203a`"
_ALIKE = str.maketrans(
    "\u2018\u2019\u201c\u201d\u201e\u00ab\u00bb\u2010\u2011\u2012\u2013\u2014\u2212", '\'\'"""""------'
)


@dataclass(frozen=True, slots=True)
class Quotation:
    """The proposal's own words for a quotation, None where it has none like it, and whether they are the same."""

    words: str | None
    fate: Literal["exact", "restored", "dropped"]


class NormalText:
    """A text without differences of case, white space, quotation marks and dashes; it finds its way back.

    Attributes:
        text: normalised.
    """

    def __init__(self, source: str) -> None:
        self._source = source
        letters: list[str] = []
        # Where in the source each normalised character comes from.
        self._at: list[int] = []
        for at, sign in enumerate(source):
            for letter in unicodedata.normalize("NFKC", sign).casefold().translate(_ALIKE):
                if letter.isspace():
                    if not letters or letters[-1] == " ":
                        continue
                    letter = " "
                letters.append(letter)
                self._at.append(at)
        self.text = "".join(letters)

    def find(self, quote: str) -> str | None:
        """The source's words for a quotation that it has exactly, whole words only."""
        wanted = NormalText(quote).text.strip()
        match = re.search(rf"(?<!\w){re.escape(wanted)}(?!\w)", self.text) if wanted else None
        return self._words(match.start(), match.end()) if match else None

    def find_like(self, quote: str) -> str | None:
        """The source's words for a quotation that it nearly has; None where numbers or negations differ."""
        from rapidfuzz import fuzz

        wanted = NormalText(quote).text.strip()
        if len(wanted.split()) < QUOTE_WORDS or len(wanted) > len(self.text):
            return None
        near = fuzz.partial_ratio_alignment(wanted, self.text, score_cutoff=QUOTE_SIMILARITY)
        if near is None:
            return None
        start, end = near.dest_start, near.dest_end
        while start > 0 and _inside_word(self.text, start):
            start -= 1
        while end < len(self.text) and _inside_word(self.text, end):
            end += 1
        found = self.text[start:end].strip()
        if fuzz.ratio(wanted, found) < QUOTE_SIMILARITY or _telling(wanted) != _telling(found):
            return None
        return self._words(start, end)

    def _words(self, start: int, end: int) -> str:
        return " ".join(self._source[self._at[start] : self._at[end - 1] + 1].split())


def hold_quotation(quote: str, proposal: NormalText) -> Quotation | None:
    """What the proposal has of a quotation; None where nothing is quoted."""
    given = quote.strip(_QUOTE_MARKS)
    if not given:
        return None
    found = proposal.find(given)
    if found is not None:
        return Quotation(found, "exact")
    # Of a quotation with an ellipsis the longest part stands for the whole.
    found = proposal.find_like(max(_ELLIPSIS.split(given), key=len))
    return Quotation(found, "dropped" if found is None else "restored")


def _inside_word(text: str, at: int) -> bool:
    return text[at - 1].isalnum() and text[at].isalnum()


def _telling(text: str) -> tuple[Counter[str], int]:
    """What a nearly right quotation must have in common with the passage: its numbers, and how often it says no."""
    return Counter(_NUMBER.findall(text)), len(_NEGATION.findall(text))
