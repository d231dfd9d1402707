"""Who wrote a text: found and left out, since no submission under review shows it and it must not move a judgement.

What says so by its words (a label, an address, thanks) is left out wherever it stands; a line of names only above the
text itself, where authors write them. What is no name and only looks like one there, a motto say, is lost, and counted.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace

from guide.text.blocks import TEXT, Block
from guide.text.language import count_words
from guide.text.sections import classify_heading

LINE, ADDRESS, THANKS = "line of author names or addresses", "e-mail address", "note of thanks or funding"

_LABEL = re.compile(
    r"[ \t>*_-]{0,6}(?:(?:corresponding |contact |lead |co-?)?authors?(?: names?| list| information)?|by|affiliations?"
    r"|institutions?|(?:e-?)?mails?|contact|correspondence(?: to)?|submitted by|written by|orcid|address)"
    r"[*_]{0,2}\s{0,3}:[*_ \t]{0,4}(?P<rest>[^\n]{0,1000})",
    re.IGNORECASE,
)
_MAIL = re.compile(
    r"<?(?:mailto:)?(?:\{[^{}\n@]{1,200}\}|(?<![\w.+-])[\w.+-]{1,64})\s?@\s?"
    r"[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){1,5}>?"
)
_THANKS = re.compile(
    r"\s*(?:\W{0,3}(?:funding|acknowledge?ments?|grant(?:s| numbers?)?)\W{0,3}[:.]"
    r"|(?:this|the|our) (?:work|research|project|study|paper)(?: of [^.\n]{1,40})? (?:was|is|has been|were) "
    r"(?:partially |partly |in part |generously |kindly |also )?(?:supported|funded|sponsored|financed)\b"
    r"|(?:we|the authors?|i) (?:would like to |gratefully |also |sincerely |want to )*(?:thank|acknowledge)\b"
    r"|(?:partially |partly )?(?:supported|funded) (?:in part )?by\b)",
    re.IGNORECASE,
)
_MAX_THANKS = 120  # words; a longer paragraph that thanks somebody says other things, too
_PLACE = re.compile(
    r"\b(?:universit\w{1,5}|institut\w{0,3}|department|dept|laborator\w{1,4}|labs?|college|school of|faculty|academy"
    r"|centre for"
    r"|center for|inc|ltd|llc|gmbh|corporation|research (?:center|centre|group)|eth|mit|epfl|cnrs|inria|google|deepmind"
    r"|microsoft|meta ai|openai|anthropic|nvidia|ibm|amazon|alibaba|tencent|huawei|bytedance)\b",
    re.IGNORECASE,
)
_NAME_WORD = r"(?:[^\W\d_a-z][\w.'\u2019-]{0,30}|de|van|von|der|den|la|le|di|da|del|bin|al|and|y|et)"
_NAMES = re.compile(
    rf"{_NAME_WORD}(?:[ \t]{_NAME_WORD}){{1,5}}[\d*\u2020\u2021,\s]{{0,6}}"
    rf"(?:(?:,|;|&|\band\b|\u00b7)\s{{0,3}}{_NAME_WORD}(?:[ \t]{_NAME_WORD}){{1,5}}[\d*\u2020\u2021,\s]{{0,6}}){{0,40}}"
    r"(?:\([^()]{1,80}\))?"
)
_INITIALS = re.compile(r"(?:[A-Z]\.[ -]?){1,3}[A-Z][\w'\u2019-]{1,30}")
_MAX_LINE_WORDS = 40
_SECTION = re.compile(r"\W{0,4}(?:abstract|summary|tl;?dr|introduction)\b\W{0,3}[:.\u2014-]", re.IGNORECASE)


def without_authors(blocks: Iterable[Block], left_out: Counter[str], *, titled: bool = False) -> list[Block]:
    """Leave out lines of names, affiliations, e-mail addresses, and notes of thanks.

    Args:
        blocks: a document's, in order.
        left_out: counts what was left out, by name.
        titled: whether the title was found already; else the first line is it, and no name.
    """
    blocks = list(blocks)
    begun = next((at for at, block in enumerate(blocks) if _begins(block)), -1)
    kept: list[Block] = []
    above = True  # the text itself has not begun
    for number, block in enumerate(blocks):
        if block.level == TEXT and _THANKS.match(block.text) and count_words(block.text) <= _MAX_THANKS:
            left_out[THANKS] += 1
            continue
        first = number == 0 and not titled
        if number == begun or (block.level != TEXT and not first and classify_heading(block.text)[0]):
            above = False
        lines = list(_kept_lines(block, left_out, above=above, first=first, alone=begun >= 0))
        text = "\n".join(lines)
        text, mails = _MAIL.subn("", text)
        if mails:
            left_out[ADDRESS] += mails
        if above and block.level == TEXT and count_words(text) > _MAX_LINE_WORDS:
            above = False
        if text.strip():
            kept.append(block if text == block.text else replace(block, text=text.strip()))
    return kept


def _begins(block: Block) -> bool:
    """Whether the text itself begins here: a section's usual name stands on the first line, or before a colon."""
    line = block.text.strip().partition("\n")[0]
    return classify_heading(line.rstrip(":"))[1] or _SECTION.match(line) is not None


def _kept_lines(block: Block, left_out: Counter[str], *, above: bool, first: bool, alone: bool) -> Iterator[str]:
    lines = block.text.split("\n")
    short = count_words(block.text) <= _MAX_LINE_WORDS
    for at, line in enumerate(lines):
        labelled = _LABEL.fullmatch(line)
        by_label = labelled and (above or _MAIL.search(line) or _names_only(labelled["rest"]))
        may_be = above and short and not (first and at == 0) and block.level == TEXT
        if by_label or (may_be and _is_author_line(line, alone=alone)):
            left_out[LINE] += 1
        else:
            yield line


def _is_author_line(line: str, *, alone: bool) -> bool:
    """Whether a line names people or places; `alone` lets a single name count, which two words of a title look like."""
    words = line.split()
    if not words or len(words) > _MAX_LINE_WORDS:
        return False
    bare = _MAIL.sub("", line).strip(" ,;*_")
    if not bare:
        return True
    if bare[-1] in ".!?:" and not _INITIALS.search(bare):
        return False
    return (_names_only(bare) and (alone or _several(bare))) or (
        _PLACE.search(bare) is not None and _mostly_capital(bare)
    )


def _names_only(text: str) -> bool:
    bare = re.sub(r"[*_\u2217\u2020\u2021\u00b9\u00b2\u00b3^$\d{}]+", "", _MAIL.sub("", text)).strip(" ,;.")
    return bool(_NAMES.fullmatch(bare)) and (_several(bare) or len(bare.split()) <= 4)


def _several(text: str) -> bool:
    return "," in text or " and " in text or "&" in text or _INITIALS.search(text) is not None


def _mostly_capital(text: str) -> bool:
    words = [word for word in re.findall(r"[^\W\d_][\w'\u2019-]*", text) if len(word) > 3]
    return bool(words) and sum(word[0].isupper() for word in words) >= 0.7 * len(words)
