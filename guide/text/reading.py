"""What of a proposal an engine judges, and how a store is asked about it; the same for one review and for a batch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from guide.corpus.records import Paper, Section
from guide.errors import InputError
from guide.review import MODULE_KINDS, Form, ModuleKind
from guide.text.instructions import without_instructions
from guide.text.leaks import strip_leaks

if TYPE_CHECKING:
    from guide.text.submissions import Submission

MAX_WORDS = 2_000  # of a proposal that are judged; more is a paper, of which the abstract should be given


class Written(Protocol):
    """A proposal in modules of clean text, as `Proposal` is one."""

    @property
    def title(self) -> str:
        """May be empty."""

    @property
    def modules(self) -> Mapping[ModuleKind, str]:
        """Text by kind."""

    @property
    def form(self) -> Form:
        """What the text is."""

    @property
    def source(self) -> str:
        """Where it stands, for messages."""


@dataclass(frozen=True, slots=True)
class Reading:
    """A submission as a proposal in modules; its text was cleaned when it was read."""

    title: str
    modules: Mapping[ModuleKind, str]
    form: Form
    source: str


def reading_of(submission: Submission, form: Form | None = None) -> Reading:
    """A submission in modules; its form is the one given, its own, or a paper."""
    given = submission.modules or {"abstract": submission.text}
    modules: dict[ModuleKind, str] = {kind: given[kind] for kind in MODULE_KINDS if given.get(kind)}
    return Reading(submission.title, modules, form or submission.form or "paper", submission.where)


def as_paper(proposal: Written) -> Paper:
    """The proposal as the store's papers are, so that it is split and embedded like them.

    Its abstract stands for the whole, and all of an idea, or of what has no abstract; every other module is a section.
    """
    modules = {kind: " ".join(proposal.modules[kind].split()) for kind in MODULE_KINDS if kind in proposal.modules}
    if proposal.form == "idea" or "abstract" not in modules:
        sections = tuple(Section(kind, text) for kind, text in modules.items())
        abstract = " ".join(modules.values())
    else:
        sections = tuple(Section(kind, text) for kind, text in modules.items() if kind != "abstract")
        abstract = modules["abstract"]
    return Paper(
        id="proposal", title=proposal.title, abstract=abstract or proposal.title, year=0, venue="", sections=sections
    )


def judged_text(proposal: Written) -> tuple[str, list[str]]:
    """The text an engine judges, and what was left out of it.

    A draft or paper with an abstract is judged by it, as the submissions were that the student learnt from; anything
    else by all its modules in order. Links and release sentences are taken out: nothing learnt from them helps an
    author. So is what speaks to the reviewer: it must not move the judgement.

    Raises:
        InputError: nothing is left.
    """
    warnings = []
    headed = len(proposal.modules) > 1 and "abstract" in proposal.modules and proposal.form != "idea"
    parts: list[ModuleKind] = ["abstract"] if headed else [kind for kind in MODULE_KINDS if kind in proposal.modules]
    cleared = without_instructions("\n\n".join(proposal.modules[kind] for kind in parts))
    if cleared.left_out:
        count = len(cleared.left_out)
        warnings.append(
            f"{count} passage{'s' if count > 1 else ''} that speak{'' if count > 1 else 's'} to the reviewer not judged"
        )
    if cleared.alike:
        plural = "s" if cleared.alike > 1 else ""
        warnings.append(f"look-alike letters of other alphabets judged as Latin ones ({cleared.alike} word{plural})")
    stripped = strip_leaks(cleared.text)
    if stripped.removals:
        count = len(stripped.removals)
        warnings.append(f"{count} passage{'s' if count > 1 else ''} with links or release notes not judged")
    words = stripped.text.split()
    if len(words) > MAX_WORDS:
        warnings.append(f"judged by its first {MAX_WORDS:,} of {len(words):,} words")
    if not words and not judged_title(proposal):
        raise InputError("nothing is left to judge", where=proposal.source, fix="Describe the idea in a few sentences.")
    return " ".join(words[:MAX_WORDS]), warnings


def judged_title(proposal: Written) -> str:
    """The title an engine judges: without what speaks to the reviewer."""
    cleared = without_instructions(proposal.title)
    title = " ".join(cleared.text.split())
    # What stood before a passage was closed for its sake.
    return title.rstrip(" .:;,") if cleared.left_out else title
