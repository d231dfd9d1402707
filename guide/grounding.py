"""Holding a language model's answer against what it was shown: the proposal's own words and the papers retrieved.

A model cites papers that were not retrieved, remembers other years than the store has, and quotes what nobody wrote.
None of that reaches a review. The rules, each counted (`GroundingCounts`):

- A key of evidence that was not given out is dropped. A finding or sentence that names such a key is not supported.
- Titles and years are the store's. "E1" in a claim or change becomes the title and year of that paper; a year beside
  it, or a title nearly right, is replaced.
- A finding that names anything else as a paper is dropped: "et al.", an arXiv number, a DOI, a link, a title in
  quotation marks, a run of capitalised words; so is one with a year that none of its papers has. What stands in the
  proposal, or in the passages shown, may be named: that is quoting it.
- A finding that says the idea is known must cite a paper that was retrieved, or it is dropped.
- A quotation must stand in the proposal. One of at least five words that is `QUOTE_SIMILARITY` per cent alike, with
  the same numbers and negations, is replaced by the proposal's words; any other is dropped, and the finding stays.

Dropping a finding loses advice; printing a paper that does not exist loses the reader. So doubt drops.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields

from guide.engines.answers import AnsweredFinding, ReviewAnswer
from guide.review import Evidence, Finding
from guide.sanitise import neutralise

# rapidfuzz's normalised similarity (0..100) of a quotation and its passage: about one letter in ten is wrong.
QUOTE_SIMILARITY = 90.0
QUOTE_WORDS = 5  # a shorter quotation must match exactly: nearly the same may mean the opposite
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
_NEGATION = re.compile(r"\b(?:not?|never|without|cannot|nor|none|fails?|lacks?)\b|n't\b")
_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
_ELLIPSIS = re.compile(r"\s*[\[(]?(?:\.{3}|\u2026)[\])]?\s*")
_QUOTE_MARKS = " \t\n\"'\u2018\u2019\u201c\u201d\u201e\u00ab\u00bb\u2039\u203a`"
_ALIKE = str.maketrans(
    "\u2018\u2019\u201c\u201d\u201e\u00ab\u00bb\u2010\u2011\u2012\u2013\u2014\u2212", '\'\'"""""------'
)


@dataclass(frozen=True, slots=True)
class GroundingCounts:
    """What became of an answer.

    Attributes:
        findings: in the answer.
        kept: of them.
        evidence_dropped: keys cited that were not given out, in findings and rationale.
        known_dropped: findings that called the idea known and cited no paper retrieved.
        unretrieved_dropped: findings that named a paper that was not retrieved.
        years_dropped: findings with a year that none of their papers has.
        names_restored: keys, titles and years in findings put as the store has them.
        quotes_exact: quotations that stand in the proposal, but for case, white space and marks.
        quotes_restored: quotations replaced by the proposal's words.
        quotes_dropped: quotations of something else.
        sentences: of the rationale.
        supported: of them, those that cite evidence and nothing but evidence that was given out.
    """

    findings: int = 0
    kept: int = 0
    evidence_dropped: int = 0
    known_dropped: int = 0
    unretrieved_dropped: int = 0
    years_dropped: int = 0
    names_restored: int = 0
    quotes_exact: int = 0
    quotes_restored: int = 0
    quotes_dropped: int = 0
    sentences: int = 0
    supported: int = 0

    @property
    def coverage(self) -> float | None:
        """Share (0..1) of the rationale's sentences that are supported; None where there is no sentence."""
        return self.supported / self.sentences if self.sentences else None


@dataclass(frozen=True, slots=True)
class Grounded:
    """The findings that hold, in the answer's order, and what became of the rest."""

    findings: tuple[Finding, ...]
    counts: GroundingCounts


def key_evidence(evidence: Sequence[Evidence]) -> dict[str, Evidence]:
    """Give each piece of evidence the key it has in a prompt: "E1" is the first."""
    return {f"E{number}": item for number, item in enumerate(evidence, start=1)}


def ground(
    answer: ReviewAnswer,
    proposal_text: str,
    evidence: Mapping[str, Evidence],
    passages: Mapping[str, str] | None = None,
) -> Grounded:
    """Hold an answer against what its model was shown (the rules: see the module).

    Args:
        answer: as the model gave it.
        proposal_text: all of the proposal that was shown, title included.
        evidence: by the keys of the prompt (see `key_evidence`); two keys may be modules of one paper.
        passages: by the same keys, the text that was shown of each.
    """
    shown = _Shown(proposal_text, evidence, passages or {})
    counted: Counter[str] = Counter(findings=len(answer.findings), sentences=len(answer.rationale))
    findings = [finding for item in answer.findings if (finding := shown.ground(item, counted)) is not None]
    for reason in answer.rationale:
        given_out = [key for key in reason.evidence if key in evidence]
        counted["evidence_dropped"] += len(reason.evidence) - len(given_out)
        named = {key for mention in _MENTION.finditer(reason.sentence) for key in _keys(mention)}
        counted["supported"] += bool(given_out) and len(given_out) == len(reason.evidence) and named <= evidence.keys()
    counted["kept"] = len(findings)
    return Grounded(
        tuple(findings), GroundingCounts(**{field.name: counted[field.name] for field in fields(GroundingCounts)})
    )


class _Shown:
    """What the model was shown, ready to be compared with."""

    def __init__(self, proposal: str, evidence: Mapping[str, Evidence], passages: Mapping[str, str]) -> None:
        self._evidence = evidence
        self._passages = passages
        self._proposal = _Normal(proposal)

    def ground(self, item: AnsweredFinding, counted: Counter[str]) -> Finding | None:
        """The finding as it may be printed, or None; `counted` tells why."""
        keys = [key for key in item.evidence if key in self._evidence]
        counted["evidence_dropped"] += len(item.evidence) - len(keys)
        texts = [" ".join(neutralise(text).text.split()) for text in (item.claim, item.change)]
        named = {key for text in texts for mention in _MENTION.finditer(text) for key in _keys(mention)}
        if not named <= self._evidence.keys():
            counted["unretrieved_dropped"] += 1
            return None
        restored = [self._restore(text) for text in texts]
        # What a claim names, it cites.
        keys = list(dict.fromkeys([*keys, *(key for one in restored for key in one.keys)]))
        if (item.known or _SAYS_KNOWN.search(texts[0])) and not keys:
            counted["known_dropped"] += 1
            return None
        allowed = self._allowed(keys)
        if any(self._foreign(one.rest, allowed, is_claim=one is restored[0]) for one in restored):
            counted["unretrieved_dropped"] += 1
            return None
        years = {match[0] for one in restored for match in _YEAR.finditer(one.rest)}
        known = {str(self._evidence[key].paper.year) for key in keys} | set(_YEAR.findall(allowed))
        if not years <= known:
            counted["years_dropped"] += 1
            return None
        counted["names_restored"] += sum(one.count for one in restored)
        return Finding(
            severity=item.severity,
            claim=restored[0].text,
            quote=self._quote(item.quote, counted),
            evidence=tuple(dict.fromkeys(self._evidence[key].paper.id for key in keys)),
            change=restored[1].text,
        )

    def _allowed(self, keys: Sequence[str]) -> str:
        """All that a finding with these keys may repeat, normalised."""
        cited = [self._evidence[key].paper for key in keys]
        texts = [*(paper.title for paper in cited), *(self._passages.get(key, "") for key in keys)]
        return "\n".join([self._proposal.text, *(_Normal(text).text for text in texts)])

    def _restore(self, text: str) -> _Restored:
        """Put the store's titles and years in the place of keys, of titles nearly right, and of years beside them."""
        names: list[str] = []
        found: list[str] = []

        def name(keys: Sequence[str]) -> str:
            papers = dict.fromkeys(self._evidence[key].paper for key in keys)
            names.append(" and ".join(f"\u201c{paper.title}\u201d ({paper.year})" for paper in papers))
            found.extend(keys)
            # A stand-in, so that what is put in is not searched again.
            return f"\0{len(names) - 1}\0"

        def titled(quoted: re.Match[str]) -> str:
            key = self._key_of_title(quoted["title"])
            return quoted[0] if key is None else name([key])

        text = _MENTION.sub(lambda mention: name(list(_keys(mention))), _TITLED.sub(titled, text))
        whole = re.sub("\0(\\d+)\0", lambda place: names[int(place[1])], text)
        return _Restored(whole, re.sub("\0\\d+\0", "\u2026", text), tuple(found), len(names))

    def _key_of_title(self, text: str) -> str | None:
        from rapidfuzz import fuzz

        given = _Normal(text).text
        for key, item in self._evidence.items():
            if fuzz.ratio(given, _Normal(item.paper.title).text) >= TITLE_SIMILARITY:
                return key
        return None

    def _foreign(self, text: str, allowed: str, *, is_claim: bool) -> bool:
        """Tell whether a text names as a paper what was neither retrieved nor in what was shown."""
        named = [match[0] for match in _CITATION.finditer(text)]
        named += [match[0] for match in _CAPITALISED.finditer(text)]
        # A change may well suggest a wording; a quotation in a claim is of the proposal or of a paper.
        named += [
            quoted[1]
            for quoted in _QUOTED.finditer(text)
            if len(quoted[1].split()) >= _TITLE_WORDS
            and (_is_title(quoted[1]) or (is_claim and self._proposal.find_like(quoted[1]) is None))
        ]
        return not all(_stands_in(name, allowed) for name in named)

    def _quote(self, quote: str, counted: Counter[str]) -> str | None:
        """The proposal's own words for a quotation; None where it has none like it."""
        given = quote.strip(_QUOTE_MARKS)
        if not given:
            return None
        found = self._proposal.find(given)
        if found is not None:
            counted["quotes_exact"] += 1
            return found
        # Of a quotation with an ellipsis the longest part stands for the whole.
        found = self._proposal.find_like(max(_ELLIPSIS.split(given), key=len))
        counted["quotes_dropped" if found is None else "quotes_restored"] += 1
        return found


@dataclass(frozen=True, slots=True)
class _Restored:
    """A text with the store's names in it, the rest of it without them, the keys named and how many names."""

    text: str
    rest: str
    keys: tuple[str, ...]
    count: int


class _Normal:
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
        wanted = _Normal(quote).text.strip()
        match = re.search(rf"(?<!\w){re.escape(wanted)}(?!\w)", self.text) if wanted else None
        return self._words(match.start(), match.end()) if match else None

    def find_like(self, quote: str) -> str | None:
        """The source's words for a quotation that it nearly has; None where numbers or negations differ."""
        from rapidfuzz import fuzz

        wanted = _Normal(quote).text.strip()
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


def _inside_word(text: str, at: int) -> bool:
    return text[at - 1].isalnum() and text[at].isalnum()


def _telling(text: str) -> tuple[Counter[str], int]:
    """What a nearly right quotation must have in common with the passage: its numbers, and how often it says no."""
    return Counter(_NUMBER.findall(text)), len(_NEGATION.findall(text))


def _keys(mention: re.Match[str]) -> Iterator[str]:
    yield mention["key"]
    yield from re.findall(_KEY, mention["more"] or "")


def _is_title(text: str) -> bool:
    """Tell whether most of the longer words of a quotation are capitalised."""
    words = [word for word in re.findall(r"[^\W\d_][\w'-]*", text) if len(word) > 3]
    return len(words) >= 2 and sum(word[0].isupper() for word in words) * 5 >= len(words) * 3


def _stands_in(name: str, allowed: str) -> bool:
    """Tell whether a name stands in a normalised text, with its first word (which may begin a sentence) or without."""
    wanted = _Normal(name).text.strip(" .,;:()[]")
    return wanted in allowed or (len(wanted.split()) > _TITLE_WORDS and wanted.split(" ", 1)[1] in allowed)
