"""Splitting prose into sentences, for quoting and for the leave-one-sentence-out analysis."""

from __future__ import annotations

import re

# The splitter's English list lacks the abbreviations of papers. Its cut is undone:
# after these always,
_NEVER_LAST = re.compile(
    r"(?:^|[\s(\[])(?:approx|c\.f|cf|dr|e\.g|eqns|eqs|figs|i\.e|incl|mrs?|prof|refs|resp|secs|thms|viz|vs|w\.r\.t)\.$",
    re.IGNORECASE,
)
# after these if a number or a letter follows that they refer to ("Sec. 3", "App. B", "Eq. (4)"),
_REFERRING = re.compile(
    r"(?:^|[\s(\[])(?:algs?|app|ch|cor|def|eqn?|exp|fig|lem|no|nos|obs|pp?|props?|ref|rem|sect?|tabs?|thm|vol)\.$",
    re.IGNORECASE,
)
_REFERENCE = re.compile(r"\s*\(?(?:\d|[A-Z](?![A-Za-z]))")
# and after these if the next word is not capitalised.
_SELDOM_LAST = re.compile(r"(?:^|[\s(\[])(?:a\.k\.a|al|etc|i\.i\.d)\.[)\]]?$", re.IGNORECASE)
_LONGEST_ABBREVIATION = 12

_LETTER_OR_DIGIT = re.compile(r"[^\W_]")


def split_sentences(text: str) -> list[str]:
    """Split English text into its sentences, in order.

    The splitting is that of the library `sentencex`; pieces it cuts after an abbreviation, and pieces without
    a letter or a digit, are joined to a neighbour again. No letter or digit of the text is lost.

    Returns:
        Sentences without surrounding white space; none is empty. White space inside one is as in the text.
    """
    from sentencex import segment

    # The library is written in Rust, whose strings cannot hold half a surrogate pair.
    pieces: list[str] = segment("en", text.encode("utf-8", "replace").decode("utf-8"))
    sentences: list[list[str]] = []
    speaks = True  # whether the last sentence has a letter or a digit yet
    for piece in pieces:
        has_letter = _LETTER_OR_DIGIT.search(piece) is not None
        if sentences and (not has_letter or not speaks or _is_cut_short(sentences[-1][-1], piece)):
            sentences[-1].append(piece)
            speaks = speaks or has_letter
        else:
            sentences.append([piece])
            speaks = has_letter
    stripped = ("".join(parts).strip() for parts in sentences)
    return [sentence for sentence in stripped if sentence]


def span_sentences(text: str) -> list[tuple[int, int]]:
    """Character ranges of the sentences that `split_sentences` gives, in order."""
    # The splitter replaces half a surrogate pair by one "?", so the offsets hold.
    searched = text.encode("utf-8", "replace").decode("utf-8")
    spans: list[tuple[int, int]] = []
    at = 0
    for sentence in split_sentences(text):
        start = searched.index(sentence, at)
        at = start + len(sentence)
        spans.append((start, at))
    return spans


def _is_cut_short(before: str, after: str) -> bool:
    """Tell whether the splitter cut a sentence after an abbreviation."""
    if before.endswith("\n\n") or after.startswith("\n\n"):
        return False
    # Looking at the last few characters only keeps this independent of the sentence's length.
    end = before.rstrip()[-_LONGEST_ABBREVIATION:]
    if _NEVER_LAST.search(end):
        return True
    if _REFERRING.search(end):
        return _REFERENCE.match(after) is not None
    return _SELDOM_LAST.search(end) is not None and not after.lstrip()[:1].isupper()
