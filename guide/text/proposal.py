"""Reading a proposal: Markdown, text, LaTeX, PDF or JSON, a file or standard input, into modules of clean text."""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from guide.errors import InputError
from guide.review import MODULE_KINDS, Form, ModuleKind, Proposal
from guide.text.authors import without_authors
from guide.text.blocks import Block, split_blocks
from guide.text.documents.document import MAX_BLOCKS, Document
from guide.text.documents.notebook import notebook_text
from guide.text.documents.reader import read_document
from guide.text.documents.record import JSON_KEYS, load_record
from guide.text.documents.webpage import looks_like_html, read_html
from guide.text.form import guess_form
from guide.text.guards import check_readable, split_warnings
from guide.text.language import UNDETERMINED, count_words, guess_language
from guide.text.sanitise import instruction_warnings, neutralise
from guide.text.sections import Sections, sort_sections
from guide.text.source import STANDARD_INPUT
from guide.text.tally import tally

# Under this many words there is less than the shortest abstracts have that engines learn from.
FEW_WORDS = 50

_PLAIN_SUFFIXES = frozenset({".txt", ".text"})
_LATEX_SUFFIXES = frozenset({".tex", ".latex"})
_LATEX = re.compile(r"(?:\s*%[^\n]*\n)*\s*\\documentclass\b")
_FRONT_MATTER = re.compile(r"\s*---[ \t]*\n(.{0,20000}?)\n(?:---|\.\.\.)[ \t]*(?:\n|$)", re.DOTALL)
_HTML_SUFFIXES = frozenset({".html", ".htm", ".xhtml"})
_NAMED_SUFFIXES = frozenset({".md", ".markdown", *_PLAIN_SUFFIXES, *_LATEX_SUFFIXES})
_JSON_OBJECT = re.compile(r'\s*(?:\{\s*(?:"|\})|\[\s*\{\s*")')
_NOTEBOOK = re.compile(r'\s*\{\s*"(?:cells|worksheets)"\s*:\s*\[|\s*\{\s*"metadata"[^\x00]{0,5000}"nbformat"')


def read_proposal(source: str, *, form: Form | None = None, title: str | None = None) -> Proposal:
    """Read a proposal from a file or from standard input.

    Args:
        source: path of a .json file, of LaTeX (.tex), of PDF, of plain text (.txt) or of Markdown; "-" for standard
            input, which may be any but plain text.
        form: what the text is; None to guess (see `guide.text.form`).
        title: takes the place of the title found in the text.

    Raises:
        InputError: the file is no text (see `read_bytes` and `decode`), holds none, or is JSON of another shape; it is
            LaTeX or PDF that cannot be read (see `read_latex` and `read_pdf`).
    """
    document = read_document(source)
    if isinstance(document, Document):
        warnings: list[str] = []
        found, modules = _sort_document(document, warnings, title=title or "")
        return _assemble(found if title is None else title, modules, source, form, warnings)
    text = document
    suffix = "" if source == STANDARD_INPUT else Path(source).suffix.lower()
    return parse_text(text, source=source, suffix=suffix, form=form, title=title)


def parse_text(
    text: str, *, source: str, suffix: str = "", form: Form | None = None, title: str | None = None
) -> Proposal:
    """Make a proposal of a text.

    Args:
        text: Markdown, plain text, LaTeX or JSON.
        source: its name, for messages; the proposal keeps the last part of a path.
        suffix: ".json", ".txt" or ".tex"; any other is Markdown, and "" is JSON, LaTeX or Markdown, by how the text
            begins.
        form: what the text is; None to guess.
        title: takes the place of the title found in the text.

    Raises:
        InputError: there is no text in it, it is JSON of another shape, or LaTeX that cannot be read.
    """
    if not text.strip():
        raise InputError("the input is empty", where=source, fix="Describe the idea in a few sentences.")
    check_readable(text, source)
    warnings: list[str] = []
    if suffix == ".ipynb" or (not suffix and _NOTEBOOK.match(text)):
        text, cells = notebook_text(text, source)
        found, modules = _parse_prose(text, warnings, title=title or "")
        warnings += _left_out(cells, None)
    elif suffix in (".json", ".jsonl") or (not suffix and _JSON_OBJECT.match(text)):
        found, modules = _parse_json(text, source, warnings)
    elif suffix in _HTML_SUFFIXES or (suffix not in _NAMED_SUFFIXES and looks_like_html(text)):
        found, modules = _sort_document(read_html(text), warnings, title=title or "")
    elif suffix in _LATEX_SUFFIXES or (not suffix and _LATEX.match(text)):
        from guide.text.documents.latex import read_latex

        found, modules = _sort_document(read_latex(text, source), warnings, title=title or "")
    else:
        found, modules = _parse_prose(text, warnings, markdown=suffix not in _PLAIN_SUFFIXES, title=title or "")
    return _assemble(found if title is None else title, modules, source, form, warnings)


def _assemble(
    title: str, modules: Mapping[ModuleKind, str], source: str, form: Form | None, warnings: list[str]
) -> Proposal:
    # Once more: taking mark-up away joins what it had parted, and "&lt;think&gt;" has become a control token.
    title = " ".join(_neutral(title, warnings).split())
    clean = {kind: _neutral(modules[kind], warnings).strip() for kind in MODULE_KINDS if kind in modules}
    clean = {kind: text for kind, text in clean.items() if text}
    if not clean:
        if not title:
            lost = f" ({'; '.join(tally(warnings))})" if warnings else ""
            raise InputError(
                f"there is no text to judge in it{lost}",
                where=source,
                fix="Describe the idea in a few sentences.",
            )
        clean = {"abstract": title}
    body = "\n\n".join(clean.values())
    whole = f"{title}\n\n{body}"
    words = count_words(body)
    language = guess_language(whole)
    form_found = form or guess_form(body)
    warnings += split_warnings(clean, form_found)
    warnings += instruction_warnings(whole)
    if not title:
        warnings.append("no title was found; engines read title and text together: begin with a line '# Title'")
    if words < FEW_WORDS:
        warnings.append(f"{words} word{'s' if words != 1 else ''} of text: too short to judge well")
    if language not in ("en", UNDETERMINED):
        warnings.append(f"the text seems to be in the language {language!r}; the student was trained on English")
    canonical = json.dumps({"title": title, "modules": clean}, sort_keys=True, ensure_ascii=False)
    return Proposal(
        title=title,
        modules=clean,
        form=form_found,
        form_stated=form is not None,
        language=language,
        words=words,
        source=Path(source).name or source,
        sha256=hashlib.sha256(canonical.encode()).hexdigest(),
        warnings=tuple(tally(warnings)),
    )


def _parse_prose(
    text: str, warnings: list[str], *, markdown: bool = True, title: str = ""
) -> tuple[str, dict[ModuleKind, str]]:
    """Return title and modules of Markdown or plain text; a title given takes the place of the text's own."""
    text = _neutral(text, warnings)
    given, text = _take_front_matter(text)
    split = split_blocks(text, markdown=markdown)
    left_out = Counter(split.left_out)
    blocks = without_authors(split.blocks, left_out)
    sections = sort_sections(blocks)
    title = title or given.get("title", "")
    if title and sections.title.casefold() != title.casefold():
        # The text's first heading says something else than its title: it is part of the text.
        sections = sort_sections(blocks, find_title=False)
    warnings += _left_out(left_out, sections)
    modules = dict(sections.modules)
    if given.get("abstract"):
        modules["abstract"] = "\n\n".join(filter(None, (given["abstract"], modules.get("abstract", ""))))
    return title or sections.title, modules


def _sort_document(document: Document, warnings: list[str], *, title: str = "") -> tuple[str, dict[ModuleKind, str]]:
    """Return title and modules of a document; a title given takes the place of its own."""
    # As comments, so that hidden text is counted and quoted in the same words, whatever it was hidden by.
    _neutral("".join(f"<!-- {passage.replace('-->', ' ')} -->" for passage in document.hidden), warnings)
    warnings += document.notes
    left_out = Counter(document.left_out)
    if len(document.blocks) > MAX_BLOCKS:
        warnings.append(f"only the first {MAX_BLOCKS:,} headings and paragraphs were read")
    blocks = [replace(block, text=_neutral(block.text, warnings)) for block in document.blocks[:MAX_BLOCKS]]
    blocks = without_authors(blocks, left_out, titled=bool(document.title))
    found = _neutral(document.title, warnings)
    if title and found and found.casefold() != title.casefold():
        # It is part of the text, as the first heading of a Markdown file then is.
        blocks.insert(0, Block(found, item=True))
    sections = sort_sections(blocks, find_title=not (title or found))
    warnings += _left_out(left_out, sections)
    return title or found or sections.title, dict(sections.modules)


def _left_out(things: Mapping[str, int], sections: Sections | None) -> list[str]:
    named = sections.left_out if sections else {}
    return [
        *(f"left out: {_counted(count, what)}" for what, count in things.items() if count),
        *(f"left out: section {name!r} ({words} words)" for name, words in named.items()),
    ]


def _counted(count: int, what: str) -> str:
    if count == 1:
        return f"1 {what}"
    head = re.match(r".*?(?= (?:of|above|in) |$)", what)
    first = head[0] if head else what
    return f"{count} {first}s{what[len(first) :]}"


def _take_front_matter(text: str) -> tuple[dict[str, str], str]:
    """Return the strings of the YAML block a text begins with, if it has one, and the text without it."""
    found = _FRONT_MATTER.match(text)
    if not found:
        return {}, text
    import yaml

    try:
        # The base loader makes nothing but strings, lists and mappings.
        values = yaml.load(found[1], Loader=yaml.BaseLoader)  # noqa: S506
    except (yaml.YAMLError, RecursionError):
        return {}, text  # two rules with prose between them
    if not isinstance(values, dict):
        return {}, text
    return {key: value for key, value in values.items() if isinstance(value, str)}, text[found.end() :]


def _parse_json(text: str, source: str, warnings: list[str]) -> tuple[str, dict[ModuleKind, str]]:
    """Return title and modules of a JSON object; "text" is Markdown, other values are taken as they are."""
    record = load_record(text, source)
    unknown = [key for key in record if key not in JSON_KEYS]
    if unknown:
        listed = ", ".join(repr(key[:40]) for key in unknown[:8]) + (", …" if len(unknown) > 8 else "")
        warnings.append(_neutral(f"JSON keys not read: {listed}", []))
    for key in JSON_KEYS:
        if not isinstance(record.get(key, ""), str | None):
            kind = {dict: "an object", list: "a list", bool: "true or false"}.get(type(record[key]), "a number")
            raise InputError(f"{key!r} is {kind}", where=source, fix=f"Make {key!r} a string.")
    title = record.get("title") or ""
    modules: dict[ModuleKind, str] = {}
    if record.get("text"):
        title, modules = _parse_prose(record["text"], warnings, title=title)
    for kind in MODULE_KINDS:
        own = _neutral(record.get(kind) or "", warnings)
        parts = [" ".join(part.split()) for part in re.split(r"\n\s*\n", own)] + [modules.get(kind, "")]
        modules[kind] = "\n\n".join(part for part in parts if part)
    return title, modules


def _neutral(text: str, warnings: list[str]) -> str:
    safe = neutralise(text)
    warnings += safe.warnings
    return safe.text
