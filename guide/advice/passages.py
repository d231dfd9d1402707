"""Passages that a new version of a text has and the old one lacks, and which of them speak to a question."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from guide.advice.concerns.taxonomy import load_kinds
from guide.corpus.sentences import split_sentences
from guide.review import Proposal
from guide.text.instructions import without_instructions
from guide.text.rubric import RubricElement

_WORD = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class NewPassages:
    """What is new in a text.

    Attributes:
        text: the whole new text, with single spaces.
        sentences: those of its sentences that the old text lacks, in order, each verbatim in `text`.
    """

    text: str
    sentences: tuple[str, ...]

    def stands(self, quote: str) -> bool:
        """Whether a passage stands in the new text, white space aside."""
        return " ".join(quote.split()) in self.text

    def on_concern(self, identifier: str) -> str | None:
        """The first new sentence that speaks to a concern; None where none does, or the concern is unknown."""
        kind = next((kind for kind in load_kinds() if kind.id == identifier), None)
        if kind is None:
            return None
        return next((sentence for sentence in self.sentences if kind.is_answered_in(sentence.lower())), None)

    def on_element(self, element: RubricElement) -> str | None:
        """The first new sentence with a cue of a rubric's element."""
        return next((sentence for sentence in self.sentences if element.find_cue(sentence) is not None), None)

    def naming(self, titles: Sequence[str]) -> str | None:
        """The first new sentence that names one of some papers by its title, or by the part before a colon."""
        names = [_bare(title) for title in titles]
        # One short word before the colon ("DPO: ...") is in too many sentences to be a name without its case.
        names += [_bare(title.split(":")[0]) for title in titles if len(title.split(":")[0].split()) > 1]
        return next((said for said in self.sentences if any(name and name in _bare(said) for name in names)), None)


def new_passages(old: Proposal, new: Proposal) -> NewPassages:
    """Find what is new in a text.

    A sentence is new if its words, in their order, stand nowhere in the old text: other commas or capitals make none.
    What speaks to the reviewer is left out, as it is from what is judged.
    """
    had = _bare(_whole(old))
    text = _whole(new)
    found = []
    for paragraph in (new.title, *new.modules.values()):
        for sentence in split_sentences(" ".join(without_instructions(paragraph).text.split())):
            words = _bare(sentence)
            if words.strip() and words not in had and sentence in text:
                found.append(sentence)
    return NewPassages(text, tuple(found))


def _whole(proposal: Proposal) -> str:
    return " ".join(" ".join((proposal.title, *proposal.modules.values())).split())


def _bare(text: str) -> str:
    """The words alone, with a space at both ends, so that a run of them is found only at their borders."""
    words = _WORD.findall(text.casefold())
    return f" {' '.join(words)} " if words else ""
