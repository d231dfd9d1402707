"""Camera-ready text gives the decision away; these rules take it out.

Public abstracts of accepted papers are mostly post-decision versions, so a link or a code-release sentence predicts
acceptance (69 % of ICLR 2025 abstracts with a link were accepted, against 32 % of all). Nothing learnt from that
helps an author, so training, the stripped replay and every review read text without it. The rules are listed in
docs/leakage.md.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from guide.corpus.sentences import split_sentences

_LINK = (
    r"https?\s?:\s?//|\bwww\.|\\(?:url|href)\b|\bdoi\.org/|"
    r"\b(?:github|gitlab|bitbucket|huggingface|zenodo|4open\.science|google\s?colab|vimeo|youtube)\b(?!\s+(?:issues|copilot|repositories))|"
    r"\b[\w-]+\.(?:github\.io|io|com|org|net|edu|ai|science)/[\w./~-]+"
)
# Code is only ever mentioned as available to say so; "the data is available at training time" says something else,
# so other artefacts must be offered in public.
_CODE = (
    r"(?:(?:source|training|our|all|full)\s+)*"
    r"(?:codes?|code\s?base|implementations?|software|checkpoints?|scripts?|toolkits?|librar(?:y|ies))"
)
_OTHER = r"(?:models?|weights|data(?:\s?sets?)?|benchmarks?|demos?|videos?|visuali[sz]ations?|samples|resources)"
_BEING = r"(?:(?:made|now|also|be|been|being|is|are|was|were|will|has|have|can|fully|all)\s+)*"
_PUBLIC = (
    r"(?:(?:publicly|freely|openly)\s+(?:available|accessible|released|shared)|open[\s-]?sourced|released|published|"
    r"available\s+(?:at\s+(?:\W|our|this|the\s+project|anonymous|http)|on\s+(?:our|request|the\s+project)|online|upon)|found\s+(?:at|on\s+(?:our|the)|here)|made\s+(?:publicly\s+)?(?:available|public)|"
    r"public(?:ly)?)\b"
)
_RELEASE = (
    rf"\b{_CODE}\b[^.;]{{0,60}}?\b(?:is|are|will|can|has|have)\b\s+{_BEING}(?:available|accessible|provided|attached|included|{_PUBLIC})\b|"
    rf"\b{_OTHER}\b[^.;]{{0,40}}?\b(?:is|are|will|can|has|have)\b\s+{_BEING}{_PUBLIC}|"
    rf"\b(?:the|our|all|full|complete)\s+(?:{_CODE}|{_OTHER})\s+(?:publicly\s+)?available\s+(?:at|on|in|upon|online)\b|"
    rf"^\W*(?:the\s+|our\s+)?codes?(?:\s+and\s+\w+)?\s+(?:publicly\s+)?(?:available|released|at|on|in)\b|"
    r"\bwe\s+(?:(?:will|also|further|hereby|publicly|plan\s+to|are|have|\w+\s+and)\s+){0,3}(?:releas(?:e|ed|ing)|open[\s-]?sourc(?:e|ed|ing)|publish)\s|"
    r"\bwe\s+(?:\w+\s+){0,3}?mak(?:e|ing)\s+[^.;]{0,90}?(?:publicly\s+|freely\s+|openly\s+)?(?:available|public|open[\s-]?source)\b|"
    r"\bwe\s+(?:\w+\s+){0,2}?provide\s+(?:\w+\s+){0,3}?(?:code|open[\s-]?source)\b|"
    r"\bupon\s+(?:acceptance|publication)\b|\bwhen\s+the\s+paper\s+is\s+(?:accepted|published)\b|"
    r"\b(?:project|companion|supplementary)\s+(?:page|web\s?page|web\s?site|site)\b|"
    r"\b(?:in|as)\s+(?:the\s+|our\s+)?supplement(?:\b|a(?:ry|l)\s+(?:materials?|files?)\b)"
)
_VENUE = (
    r"\b(?:published|accepted|presented|appeared|appearing|to\s+appear|under\s+review)\s+(?:as\s+(?:an?|the)\s+|at\s+|to\s+|by\s+|in\s+|for\s+)"
    r"(?:the\s+)?(?:conference\s+paper|workshop\s+paper|ICLR|ICML|NeurIPS|NIPS|CVPR|ICCV|ECCV|AAAI|IJCAI|ACL|EMNLP|NAACL|TMLR|JMLR|AISTATS|KDD|UAI)\b|"
    r"\b(?:ICLR|ICML|NeurIPS|CVPR|ICCV|ECCV|AAAI|ACL|EMNLP)\s*(?:20)?[12]\d\s+(?:oral|spotlight|poster|camera)|"
    r"\bcamera[\s-]ready\b"
)

RULES: dict[str, re.Pattern[str]] = {
    "link": re.compile(_LINK, re.IGNORECASE),
    "release": re.compile(_RELEASE, re.IGNORECASE),
    "venue": re.compile(_VENUE, re.IGNORECASE),
}

# A footnote or a bracketed remark is taken out alone, so that the sentence around it stays.
_ASIDE = re.compile(r"\\footnote\s*\{(?:[^{}]|\{[^{}]*\})*\}|\([^()]{0,300}\)|\[[^\[\]]{0,300}\]")


@dataclass(frozen=True, slots=True)
class Removal:
    """One passage taken out, and the rule that took it."""

    rule: str
    passage: str


@dataclass(frozen=True, slots=True)
class Stripped:
    """Text without its leaks, and all that was taken out."""

    text: str
    removals: tuple[Removal, ...]


def strip_leaks(text: str) -> Stripped:
    """Take out links, code- and data-release sentences and venue headers, whole sentences at a time."""
    if not any(pattern.search(text) for pattern in RULES.values()):
        return Stripped(text, ())
    removals: list[Removal] = []

    def judge_aside(match: re.Match[str]) -> str:
        rule = _rule_of(match.group())
        if rule is None:
            return match.group()
        removals.append(Removal(rule, match.group()))
        return " "

    kept = list(_keep(_ASIDE.sub(judge_aside, text), removals))
    return Stripped(" ".join(kept), tuple(removals))


def _keep(text: str, removals: list[Removal]) -> Iterator[str]:
    for sentence in split_sentences(text):
        rule = _rule_of(sentence)
        if rule is None:
            yield sentence
        else:
            removals.append(Removal(rule, sentence))


def _rule_of(passage: str) -> str | None:
    return next((name for name, pattern in RULES.items() if pattern.search(passage)), None)
