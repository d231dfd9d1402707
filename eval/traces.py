"""What the leakage audit counts in a text: traces of how it was written and published, none of what it says."""

from __future__ import annotations

import math
import re
import sys
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from guide.corpus.sentences import split_sentences
from guide.text.leaks import RULES

_MARKS = {
    "TeX": r"[\\$^_{}]",
    "round brackets": r"[()]",
    "square brackets": r"[\[\]]",
    "quotes": r"[\"'`\u2018-\u201f]",
    "per cent": "%",
    "digits": "[0-9]",
    "capitals": "[A-Z]",
    "commas": ",",
    "semicolons": ";",
    "colons": ":",
    "hyphens": "-",
    "dashes": "[\u2013\u2014]|---?",
    "exclamations": "[!?]",
    "slashes": "/",
    "asterisks": r"\*",
    "ampersands": "&",
    "tildes": "~",
}
_VENUES = {
    "rule": RULES["venue"].pattern,
    "venue with year": r"\b(?:ICLR|ICML|NeurIPS|NIPS|CVPR|ICCV|ECCV|AAAI|IJCAI|ACL|EMNLP|NAACL|TMLR|JMLR|AISTATS|KDD"
    r"|UAI)\W{0,2}(?:20)?[12]\d\b",
    "of a paper": r"\b(?:conference|workshop|journal) (?:paper|version|track)\b|\bpreprint\b|\barXiv\b",
    "review": r"\bunder (?:double[- ]blind )?review\b|\bcamera[- ]ready\b|\breviewers?\b",
    "prizes": r"\b(?:oral|spotlight|poster)\b|\bbest paper\b|\bwinn(?:er|ing) (?:of|solution)\b",
}
_AUTHORS = {
    "emails": r"[\w.+-]{1,64}@[\w-]{1,64}\.[\w.]{2,64}",
    "affiliations": r"\b(?:Universit[yàé]|Institut[eo]?|Department|Laborator(?:y|ies)|College|Academy|Inc|Ltd|GmbH)\b",
    "anonymous": r"\banonym(?:ous|ized|ised)\b",
    "contribution": r"\bequal(?:ly)? contribut|\bcorresponding author|\bwork done (?:while|during|at)\b",
    "daggers": r"[\u2020\u2021\u2217\u00b6]",
    "thanks": r"\backnowledg|\bwe (?:are )?(?:thank|grateful)|\bsupported by (?:the|a) \w+ (?:grant|foundation)",
}
_SOURCES = {
    "TeX commands": r"\\[a-zA-Z]{1,40}",
    "TeX escapes": r"\\[%&$#_{}\"'`^~]",
    "TeX quotes": r"``|''",
    "TeX dashes": r"(?<=\w)---?(?=\w)",
    "mathematics": r"\$[^$]{1,200}\$",
    "curly quotes": "[\u2018\u2019\u201c\u201d]",
    "straight quotes": "[\"']",
    "ligatures": "[\ufb00-\ufb06]",
    "other letters": "[^\x00-\x7f]",
    "double spaces": r"(?<=\S)[ \t\xa0]{2,}(?=\S)",
    "line breaks": r"\n",
    "paragraphs": r"\n\s{0,40}\n",
    "hyphenation": r"[a-z]- [a-z]",
    "space before a mark": r"\w [.,;](?:\s|$)",
    "no space after a mark": r"[a-z][.,;][A-Z]",
    "Markdown": r"\*\*|(?m:^#{1,6} )|\]\(",
}
_PER_CHARACTERS = 1000  # marks are counted in so many characters, so that length is a leak of its own only


def _patterns(given: dict[str, str], flags: re.RegexFlag = re.NOFLAG) -> tuple[re.Pattern[str], ...]:
    return tuple(re.compile(one, flags) for one in given.values())


_COUNTED = {
    "links": tuple(RULES[name] for name in ("link", "release")),
    "venue headers": _patterns(_VENUES, re.IGNORECASE),
    "author blocks": _patterns(_AUTHORS),
    "punctuation": _patterns(_MARKS),
    "text source": _patterns(_SOURCES),
}
# The audit's kinds of leak, in the order in which they are printed.
FAMILIES = ("links", "length", "punctuation", "venue headers", "author blocks", "text source")
_DENSITIES = ("punctuation", "text source")


def count_traces(texts: Sequence[str]) -> dict[str, NDArray[np.float64]]:
    """By family, (n, its features): how often, how long. Logarithms of one more than the count tame the long tails."""
    from tqdm import tqdm

    bar = tqdm(texts, desc="leak audit", unit="text", delay=2, disable=None, file=sys.stderr)
    rows = [[_of(family, text) for family in FAMILIES] for text in bar]
    widths = [len(_of(family, "")) for family in FAMILIES]
    return {
        family: np.array([row[at] for row in rows], dtype=np.float64).reshape(len(texts), widths[at])
        for at, family in enumerate(FAMILIES)
    }


def _of(family: str, text: str) -> list[float]:
    if family == "length":
        words = text.split()
        sentences = [one for one in split_sentences(text) if one.strip()]
        sizes = [math.log1p(len(text)), math.log1p(len(words)), math.log1p(len(sentences))]
        return [*sizes, len(text) / max(len(words), 1), len(words) / max(len(sentences), 1)]
    scale = _PER_CHARACTERS / max(len(text), 1) if family in _DENSITIES else 1.0
    return [math.log1p(scale * len(pattern.findall(text))) for pattern in _COUNTED[family]]
