"""Guessing what a text is: an idea, a draft or a paper.

The rules, in order:

1. A text of at least 800 words that reports results of its own, more of them than it has plans, is a paper.
2. A text that reports no results and speaks of plans, or has under 300 words, is an idea.
3. Anything else is a draft.

A result is a phrase in which the authors found or measured something; phrases that say of any method that it
does better or reaches a number count from two on, since one alone may be about somebody else's work.
"""

from __future__ import annotations

import re

from guide.review import Form
from guide.text.language import count_words

PAPER_WORDS = 800
IDEA_WORDS = 300

_ADVERB = r"(?:also |further |then |thus |therefore |[a-z]{3,12}ly )?"
_OWN_RESULT = re.compile(
    rf"\b(?:we|i) {_ADVERB}(?:show|showed|find|found|demonstrate|demonstrated|observe|observed|achieve"
    r"|achieved|obtain|obtained|prove|proved|established|validated|verified|outperform|outperformed|improved"
    r"|evaluated|measured|trained|tested|compared|reduced)\b"
    r"|\bour (?:\w{1,20} ){0,3}(?:results?|experiments?|findings|evaluations?|analysis|method|model"
    r"|approach|framework|algorithm) (?:on [^.\n]{1,40} )?(?:also |further |[a-z]{3,12}ly )?"
    r"(?:shows?|showed|demonstrates?|demonstrated|confirms?|confirmed|suggests?|indicates?|reveals?|revealed"
    r"|outperforms?|outperformed|achieves?|achieved|reaches|reached|improves?|improved|reduces?|reduced"
    r"|surpasses|surpassed)\b"
    r"|\b(?:experiments?|results|evaluations?|simulations)"
    r" (?:(?!will|would|should|could|may|might)[\w-]{1,20} ){0,8}(?:show|showed|demonstrate|demonstrated"
    r"|reveal|revealed|prove|proved|confirm|confirmed|verify|validate|indicate)\b"
    r"|\bwe (?:conduct|conducted|perform|performed|carried out) (?:\w{1,20} ){0,3}"
    r"(?:experiments|evaluations?|ablations)\b"
    r"|\b(?:is|are) (?:experimentally |empirically )?(?:shown|demonstrated) to\b",
    re.IGNORECASE,
)
_RESULT = re.compile(
    r"\b(?:outperforms|outperformed|outperforming|surpasses|surpassed|surpassing)\b"
    r"|\b(?:achieves|achieved|achieving|obtains|obtained|obtaining|sets?) (?:a )?(?:\w{1,20} ){0,2}"
    r"(?:state[- ]of[- ]the[- ]art|gains|improvements)\b"
    r"|\b(?:achieves|achieved|reaches|reached|attains|attained|obtains|obtained|yields|yielded|improves|improved"
    r"|reduces|reduced|increases|increased|gains|gained)\b[^.\n]{0,80}?\d(?:[\d.,]{0,8}\d)?\s?"
    r"(?:%|\\%|percent|points?|x\b|\u00d7|times|bleu|f1|map\b|accuracy)"
    r"|\b(?:table|figure|fig\.) \d{1,2} (?:shows|reports|compares|summari[sz]es|presents)\b",
    re.IGNORECASE,
)
_PLAN = re.compile(
    r"\b(?:we|i)(?:'ll|\u2019ll| will| shall| would| plan| intend| aim| hope| want| expect| hypothesi[sz]e"
    r"| propose to| are going to| am going to| conjecture)\b"
    r"|\b(?:this|the) (?:project|proposal|study|work|thesis) (?:will|would|aims|plans)\b"
    r"|\b(?:will|shall|is to|are to|should|would) be (?:\w{1,12} )?"
    r"(?:evaluated|tested|compared|trained|measured|released|built|run|collected|used)\b"
    r"|\b(?:research question|hypothesis|hypotheses|planned (?:experiments?|evaluation)|proposed experiments?"
    r"|evaluation plan|expected (?:results?|outcomes?|contributions?)|success criteri(?:on|a)"
    r"|the idea (?:is|of))\b"
    r"|\b(?:could|might) we\b|\bwhat if\b",
    re.IGNORECASE,
)


def guess_form(text: str) -> Form:
    """Guess the form of a text by the rules above; they know English phrases only.

    Args:
        text: all of it, headings included where they are kept.
    """
    words = count_words(text)
    own = len(_OWN_RESULT.findall(text))
    results = own + len(_RESULT.findall(text))
    plans = len(_PLAN.findall(text))
    reports = own >= 1 or results >= 2
    if reports and results > plans and words >= PAPER_WORDS:
        return "paper"
    if not reports and (plans or words < IDEA_WORDS):
        return "idea"
    return "draft"
