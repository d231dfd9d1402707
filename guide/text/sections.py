"""From headings to modules: what of a proposal is abstract, contribution, method and experiments."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from guide.review import MODULE_KINDS, ModuleKind
from guide.text.blocks import BOLD_LINE, TEXT, Block
from guide.text.language import count_words

# "opening" and "aside" end up in the abstract (see `_modules`), "left out" nowhere.
SectionKind = Literal["abstract", "opening", "contribution", "method", "experiments", "aside", "left out"]

_WORDS: dict[SectionKind, str] = {
    "abstract": "abstract",
    "opening": (
        "summary tldr introduction intro overview motivation motivating background problem problems idea "
        "ideas hypothesis hypotheses question questions goal goals objective objectives aim aims context "
        "premise vision pitch challenge gap importance matters"
    ),
    "contribution": (
        "contribution contributions novelty novel new significance significant originality innovation "
        "innovations innovative impact insight insights benefit benefits differs different"
    ),
    "method": (
        "method methods methodology approach approaches model models modelling modeling design algorithm "
        "algorithms theory theoretical theorem theorems proof proofs architecture framework formulation "
        "technique techniques procedure implementation training system solution mechanism preliminaries "
        "notation pipeline"
    ),
    "experiments": (
        "experiment experiments experimental experimentation evaluation evaluations evaluating evaluate "
        "result results validation validate dataset datasets data benchmark benchmarks ablation ablations "
        "baseline baselines metric metrics analysis analyses findings empirical testing test tests "
        "simulation simulations measurement measurements study"
    ),
    "aside": (
        "related prior previous literature limitation limitations risk risks threat threats discussion "
        "conclusion conclusions concluding outlook future ethics ethical ethic broader societal timeline "
        "schedule milestones resources budget compute cost costs reproducibility feasibility"
    ),
    "left out": (
        "references reference bibliography acknowledgement acknowledgements acknowledgment acknowledgments funding"
    ),
}
_KIND_OF_WORD: dict[str, SectionKind] = {word: kind for kind, words in _WORDS.items() for word in words.split()}
_KIND_OF_PHRASE: dict[str, SectionKind] = {
    "author contributions": "left out",
    "works cited": "left out",
    "conflicts of interest": "left out",
    "competing interests": "left out",
    "broader impact": "aside",
    "research plan": "method",
    "work plan": "method",
    "state of the art": "aside",
}
# Words that say nothing of what a section is about.
_FILLERS = re.compile(
    r"a|an|and|are|be|can|core|central|detail|detailed|details|do|does|expected|first|for|general|how|i|"
    r"in|initial|is|it|key|main|my|of|on|or|other|our|plan|planned|plans|possible|potential|preliminary|"
    r"primary|proposal|proposed|research|section|setup|short|so|specific|statement|the|this|to|us|using|"
    r"we|what|where|which|why|will|with|work|works"
)
_NUMBER = re.compile(
    r"^\s*(?:(?:section|step|part)\s+)?(?:(\d{1,2}(?:\.\d{1,2}){0,3})[.):]?|[IVX]{1,5}[.)]|[A-Z][.)])\s+",
    re.IGNORECASE,
)
_LEAD_IN = re.compile(r"\s*([A-Za-z][A-Za-z;&/'\u2019 -]{2,50})[.:]\s+(?=\S)")
_TITLE_LINE = re.compile(r"\s*title\s*:\s*(\S.*)", re.IGNORECASE)
_LEVEL_OF_PLAIN_LINE = BOLD_LINE + 1
_LEVEL_OF_LEAD_IN = 20
_MAX_TITLE_WORDS = 25
_MAX_HEADING_WORDS = 8


@dataclass(frozen=True, slots=True)
class Sections:
    """A document sorted into modules.

    Attributes:
        title: "" where none was found.
        modules: text by kind, paragraphs parted by a blank line; only kinds that have text.
        left_out: words left out, by the heading they stood under.
    """

    title: str
    modules: dict[ModuleKind, str]
    left_out: Mapping[str, int]


@dataclass(slots=True)
class _Section:
    """One heading's text while it is being gathered."""

    kind: SectionKind | None
    heading: str = ""
    paragraphs: list[str] = field(default_factory=list)


def sort_sections(blocks: Sequence[Block], *, find_title: bool = True) -> Sections:
    """Sort the blocks of a document into modules by the words of its headings.

    A heading is one by mark-up, a line in bold, or a line of its own that says nothing but a section's usual
    name, numbered or not; "Method: ..." at the start of a paragraph counts as well. A heading that says
    nothing of its kind stays in the text: below another it belongs to that one's section, else to the section
    before. Text before any heading is abstract.
    """
    title, rest = _take_title(blocks) if find_title else ("", blocks)
    sections = _gather(rest)
    _name_method(sections)
    left_out: Counter[str] = Counter()
    for section in sections:
        if section.kind == "left out":
            left_out[section.heading] += sum(count_words(paragraph) for paragraph in section.paragraphs)
    return Sections(title, _modules(sections), {name: words for name, words in left_out.items() if words})


def classify_heading(heading: str) -> tuple[SectionKind | None, bool]:
    """Tell what kind of section a heading names, and whether it says nothing else.

    >>> classify_heading("3. Proposed Method")
    ('method', True)
    >>> classify_heading("A model of memory")
    ('method', False)
    """
    bare = _NUMBER.sub("", heading).lower().replace("tl;dr", "tldr")
    words = re.findall(r"[a-z]+", bare)
    phrase = " ".join(words)
    if phrase in _KIND_OF_PHRASE:
        return _KIND_OF_PHRASE[phrase], True
    kinds = [_KIND_OF_WORD.get(word) for word in words if not _FILLERS.fullmatch(word)]
    named = [kind for kind in kinds if kind]
    if "left out" in named and set(kinds) != {"left out"}:
        # "A reference model" is no list of references.
        return next((kind for kind in named if kind != "left out"), None), False
    return (named[0] if named else None), bool(named) and len(named) == len(kinds)


def _take_title(blocks: Sequence[Block]) -> tuple[str, Sequence[Block]]:
    """Find the title and return the blocks without it."""
    for at, block in enumerate(blocks):
        if block.level == 1:
            if classify_heading(block.text)[1]:
                break
            return block.text, [*blocks[:at], *blocks[at + 1 :]]
    if not blocks:
        return "", blocks
    first, *rest = blocks
    line, text = _labelled_title(first.text)
    if line:
        return line, [Block(text), *rest] if text else rest
    # The first line of a text is its title if it looks like one and something follows.
    if rest and not first.item and _looks_like_title(first.text) and not classify_heading(first.text)[1]:
        return " ".join(first.text.split()), rest
    return "", blocks


def _labelled_title(text: str) -> tuple[str, str]:
    """The title of "Title: ...", which may run over lines, and what follows it; "" where there is no such label."""
    lines = text.strip().split("\n")
    if not _TITLE_LINE.fullmatch(" ".join(lines[0].split())):
        return "", text
    end = 1
    while end < len(lines) and not ((lead := _LEAD_IN.match(lines[end])) and classify_heading(lead[1])[1]):
        end += 1
    if len(" ".join(lines[:end]).split()) > _MAX_TITLE_WORDS:
        end = 1
    named = _TITLE_LINE.fullmatch(" ".join(" ".join(lines[:end]).split()))
    return (named[1] if named else ""), "\n".join(lines[end:])


def _looks_like_title(text: str) -> bool:
    line = text.strip()
    return "\n" not in line and len(line.split()) <= _MAX_TITLE_WORDS and line[-1:] not in ".!:;,"


def _gather(blocks: Sequence[Block]) -> list[_Section]:
    """Cut the blocks into sections at the headings."""
    sections = [_Section("opening")]
    above: list[tuple[int, SectionKind | None]] = []  # the headings the text stands under, outermost first
    numbered = any(_NUMBER.match(block.text) and _heading_of(block, numbered=False)[1] for block in blocks)
    for block in blocks:
        level, heading, text = _heading_of(block, numbered=numbered)
        if not heading:
            sections[-1].paragraphs.append(text)
            continue
        if level == _LEVEL_OF_LEAD_IN and above and above[-1][1] == "left out":
            sections[-1].paragraphs.append(block.text)
            continue
        while above and above[-1][0] >= level:
            above.pop()
        inherited = next((kind for _, kind in reversed(above) if kind), None)
        kind, exact = classify_heading(heading)
        if inherited and not exact:
            kind = inherited
        above.append((level, kind))
        sections.append(_Section(kind, heading))
        if kind in (None, "aside") or not exact:
            # What a heading says beyond a section's usual name is part of the text, and only its name tells
            # an aside from the paragraphs it ends up with.
            words = _NUMBER.sub("", heading)
            sections[-1].paragraphs.append(words if words[-1:] in ".?!:" else f"{words}.")
        if text:
            sections[-1].paragraphs.append(text)
    return sections


def _heading_of(block: Block, *, numbered: bool) -> tuple[int, str, str]:
    """Return level, heading and the rest of the text; the heading is "" where there is none.

    Args:
        block: any block.
        numbered: whether short numbered lines are headings whatever they say.
    """
    if block.level != TEXT:
        return block.level, block.text, ""
    if block.item:
        return TEXT, "", block.text
    line, _, rest = block.text.strip().partition("\n")
    line = line.strip().strip("*_").rstrip(":").strip()
    number = _NUMBER.match(line)
    short = line != "" and len(line.split()) <= _MAX_HEADING_WORDS and line[-1] not in ".!;,"
    if short and (classify_heading(line)[1] or (numbered and number and not rest)):
        depth = number[1].count(".") if number and number[1] else 0
        return _LEVEL_OF_PLAIN_LINE + depth, line, rest
    lead_in = _LEAD_IN.match(block.text)
    if lead_in and classify_heading(lead_in[1])[1]:
        return _LEVEL_OF_LEAD_IN, lead_in[1].strip(), block.text[lead_in.end() :]
    return TEXT, "", block.text


def _name_method(sections: list[_Section]) -> None:
    """Give every section without a kind that of the one before it, or make it the method.

    A paper often heads its method section with the method's name: between an opening and the experiments,
    where no section before it is the method, that is what a heading without a known word means.
    """
    kinds = [section.kind for section in sections]
    last_experiments = max((at for at, kind in enumerate(kinds) if kind == "experiments"), default=-1)
    for at, section in enumerate(sections):
        if section.kind is None:
            before = sections[at - 1].kind if at else "opening"
            opened = before in ("abstract", "opening", "contribution", "aside", "method")
            unnamed_method = opened and "method" not in kinds[:at] and at < last_experiments
            section.kind = "method" if unnamed_method else before
            if section.kind == "left out":
                section.kind = "aside"


def _modules(sections: Sequence[_Section]) -> dict[ModuleKind, str]:
    """Join the sections into modules.

    A section headed "Abstract" is the whole abstract, as it is of the submissions that engines learn from;
    what else opens the text then opens the contribution. Without one, the opening sections are the abstract.
    Related work, limitations and other asides are kept, since they say how the idea stands to what exists and
    reviewers ask for them; they come last, where an encoder that reads only the beginning of a text does not
    take them for the idea.
    """
    has_abstract = any(section.kind == "abstract" and section.paragraphs for section in sections)
    home: ModuleKind = "contribution" if has_abstract else "abstract"
    homes: tuple[tuple[SectionKind, ModuleKind], ...] = (
        ("abstract", "abstract"),
        ("opening", home),
        ("contribution", "contribution"),
        ("method", "method"),
        ("experiments", "experiments"),
        ("aside", home),
    )
    parts: dict[ModuleKind, list[str]] = {kind: [] for kind in MODULE_KINDS}
    for section_kind, kind in homes:
        for section in sections:
            if section.kind == section_kind:
                parts[kind] += section.paragraphs
    joined = {kind: "\n\n".join(filter(None, map(_one_line, part))) for kind, part in parts.items()}
    return {kind: text for kind, text in joined.items() if text}


def _one_line(paragraph: str) -> str:
    return " ".join(paragraph.split())
