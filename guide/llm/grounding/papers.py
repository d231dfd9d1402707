"""Papers that an answer names: by a key, a title, a year, or in a way that no paper retrieved has.

Titles and years are the store's: "E1" becomes the title and year of that paper; a year beside it, or a title nearly
right, is replaced. What else reads like the name of a paper ("et al.", an arXiv number, a DOI, a link, a title in
quotation marks, a run of capitalised words) is foreign, unless it stands in what was shown.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from guide.llm.grounding.quotations import NormalText
from guide.review import Evidence

TITLE_SIMILARITY = 90.0

_KEY = r"E\d{1,3}"
_MENTION = re.compile(
    rf"[\[(]?\b(?P<key>{_KEY})\b(?:\s*[,;]\s*(?P<more>{_KEY}(?:\s*[,;]\s*{_KEY})*))?[\])]?"
    r"(?P<year>\s*[,(]\s*(?:19|20)\d\d\)?)?"
)
_YEAR = re.compile(r"(?<![\w.,-])(?:19|20)\d\d(?![\w-]|[.,]\d)")
_AUTHORS = r"[A-Z][\w'-]{1,30}(?: (?:and|&) [A-Z][\w'-]{1,30})?"
_CITATION = re.compile(
    rf"(?:{_AUTHORS} )?\bet al\b|{_AUTHORS},? \((?:19|20)\d\d[a-z]?\)|\({_AUTHORS},? (?:19|20)\d\d[a-z]?\)"
    r"|\b(?i:arxiv)\s?:?\s?\d{4}\.\d{4,5}|\b\d{4}\.\d{5}\b|\b10\.\d{4,9}/\S+|https?://\S+|www\.\S+"
    r"|\[\d{1,3}(?:, ?\d{1,3})*\]"
)
_QUOTED = re.compile('[\u201c\u201e\u00ab"]([^\u201c\u201d\u201e\u00ab\u00bb"]{3,300})[\u201d\u201c\u00bb"]')
_TITLED = re.compile(rf"{_QUOTED.pattern.replace('([', '(?P<title>[', 1)}(?:,? ?\(?(?:19|20)\d\d\)?)?")
_TITLE_WORDS = 3
_SMALL = r"(?:a|an|and|as|at|by|for|from|in|is|of|on|or|the|to|via|with|are|not)"
# At least four capitalised words in a row, small words between them.
_CAPITALISED = re.compile(rf"\b[A-Z][\w'-]+:?(?:(?: {_SMALL}){{0,3}} [A-Z][\w'-]+:?){{3,20}}")
_SAYS_KNOWN = re.compile(
    r"\b(?:(?:is|are|was|were|been) (?:already |well[- ]|long )?(?:known|published|anticipated)"
    r"|already (?:been )?(?:done|proposed|shown|explored|studied|introduced|demonstrated|solved|exists?)"
    r"|(?:has|have) been (?:done|proposed|published|shown|explored|studied) (?:before|already|previously|elsewhere)"
    r"|(?:is|are) not (?:new|novel|original)|(?:lacks?|no|without|limited|little) novelty|not the first)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Restored:
    """A text with the store's names in it, the rest of it without them, the keys named and how many names."""

    text: str
    rest: str
    keys: tuple[str, ...]
    count: int


def keys_named(text: str) -> set[str]:
    """The keys of evidence that a text names, given out or not."""
    return {key for mention in _MENTION.finditer(text) for key in _keys(mention)}


def years_named(text: str) -> set[str]:
    """The years in a text."""
    return set(_YEAR.findall(text))


def says_known(text: str) -> bool:
    """Whether a text says that the idea is known already."""
    return _SAYS_KNOWN.search(text) is not None


def restore_names(text: str, evidence: Mapping[str, Evidence]) -> Restored:
    """Put the store's titles and years in the place of keys, of titles nearly right, and of years beside them."""
    names: list[str] = []
    found: list[str] = []

    def name(keys: Sequence[str]) -> str:
        papers = dict.fromkeys(evidence[key].paper for key in keys)
        names.append(" and ".join(f"\u201c{paper.title}\u201d ({paper.year})" for paper in papers))
        found.extend(keys)
        # A stand-in, so that what is put in is not searched again.
        return f"\0{len(names) - 1}\0"

    def titled(quoted: re.Match[str]) -> str:
        key = _key_of_title(quoted["title"], evidence)
        return quoted[0] if key is None else name([key])

    text = _MENTION.sub(lambda mention: name(list(_keys(mention))), _TITLED.sub(titled, text))
    whole = re.sub("\0(\\d+)\0", lambda place: names[int(place[1])], text)
    return Restored(whole, re.sub("\0\\d+\0", "\u2026", text), tuple(found), len(names))


def names_foreign(text: str, allowed: str, proposal: NormalText, *, is_claim: bool) -> bool:
    """Whether a text names as a paper what was neither retrieved nor in what was shown.

    Args:
        text: without the names that `restore_names` put in.
        allowed: all that it may repeat, normalised.
        proposal: what a claim may quote.
        is_claim: whether it is the claim of a finding, and no change.
    """
    named = [match[0] for match in _CITATION.finditer(text)]
    named += [match[0] for match in _CAPITALISED.finditer(text)]
    # A change may well suggest a wording; a quotation in a claim is of the proposal or of a paper.
    named += [
        quoted[1]
        for quoted in _QUOTED.finditer(text)
        if len(quoted[1].split()) >= _TITLE_WORDS
        and (_is_title(quoted[1]) or (is_claim and proposal.find_like(quoted[1]) is None))
    ]
    return not all(_stands_in(name, allowed) for name in named)


def _key_of_title(text: str, evidence: Mapping[str, Evidence]) -> str | None:
    from rapidfuzz import fuzz

    given = NormalText(text).text
    for key, item in evidence.items():
        if fuzz.ratio(given, NormalText(item.paper.title).text) >= TITLE_SIMILARITY:
            return key
    return None


def _keys(mention: re.Match[str]) -> Iterator[str]:
    yield mention["key"]
    yield from re.findall(_KEY, mention["more"] or "")


def _is_title(text: str) -> bool:
    """Tell whether most of the longer words of a quotation are capitalised."""
    words = [word for word in re.findall(r"[^\W\d_][\w'-]*", text) if len(word) > 3]
    return len(words) >= 2 and sum(word[0].isupper() for word in words) * 5 >= len(words) * 3


def _stands_in(name: str, allowed: str) -> bool:
    """Tell whether a name stands in a normalised text, with its first word (which may begin a sentence) or without."""
    wanted = NormalText(name).text.strip(" .,;:()[]")
    return wanted in allowed or (len(wanted.split()) > _TITLE_WORDS and wanted.split(" ", 1)[1] in allowed)
