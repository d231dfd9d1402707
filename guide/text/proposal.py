"""Reading a proposal: Markdown, text, LaTeX, PDF or JSON, a file or standard input, into modules of clean text."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from guide.errors import InputError
from guide.review import MODULE_KINDS, Form, ModuleKind, Proposal
from guide.text.blocks import Block, split_blocks
from guide.text.documents.document import Document
from guide.text.form import guess_form
from guide.text.language import UNDETERMINED, count_words, guess_language
from guide.text.sanitise import instruction_warnings, neutralise
from guide.text.sections import Sections, sort_sections
from guide.text.source import STANDARD_INPUT, decode, is_pdf, read_bytes

# Under this many words there is less than the shortest abstracts have that engines learn from.
FEW_WORDS = 50

_JSON_KEYS = ("title", *MODULE_KINDS, "text")
_PLAIN_SUFFIXES = frozenset({".txt", ".text"})
_LATEX_SUFFIXES = frozenset({".tex", ".latex"})
_LATEX = re.compile(r"(?:\s*%[^\n]*\n)*\s*\\documentclass\b")
_FRONT_MATTER = re.compile(r"\s*---[ \t]*\n(.{0,20000}?)\n(?:---|\.\.\.)[ \t]*(?:\n|$)", re.DOTALL)
_JSON_OBJECT = re.compile(r'\s*\{\s*(?:"|\})')


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
    data = read_bytes(source)
    if is_pdf(data):
        from guide.text.documents.pdf_layout import read_pdf

        warnings: list[str] = []
        found, modules = _sort_document(read_pdf(data, source), warnings, title=title or "")
        return _assemble(found if title is None else title, modules, source, form, warnings)
    text = decode(data, source)
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
    warnings: list[str] = []
    if suffix in (".json", ".jsonl") or (not suffix and _JSON_OBJECT.match(text)):
        found, modules = _parse_json(text, source, warnings)
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
            lost = f" ({'; '.join(_unique(warnings))})" if warnings else ""
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
        form=form or guess_form(body),
        form_stated=form is not None,
        language=language,
        words=words,
        source=Path(source).name or source,
        sha256=hashlib.sha256(canonical.encode()).hexdigest(),
        warnings=tuple(_unique(warnings)),
    )


def _parse_prose(
    text: str, warnings: list[str], *, markdown: bool = True, title: str = ""
) -> tuple[str, dict[ModuleKind, str]]:
    """Return title and modules of Markdown or plain text; a title given takes the place of the text's own."""
    text = _neutral(text, warnings)
    given, text = _take_front_matter(text)
    split = split_blocks(text, markdown=markdown)
    sections = sort_sections(split.blocks)
    title = title or given.get("title", "")
    if title and sections.title.casefold() != title.casefold():
        # The text's first heading says something else than its title: it is part of the text.
        sections = sort_sections(split.blocks, find_title=False)
    warnings += _left_out(split.left_out, sections)
    modules = dict(sections.modules)
    if given.get("abstract"):
        modules["abstract"] = "\n\n".join(filter(None, (given["abstract"], modules.get("abstract", ""))))
    return title or sections.title, modules


def _sort_document(document: Document, warnings: list[str], *, title: str = "") -> tuple[str, dict[ModuleKind, str]]:
    """Return title and modules of a document; a title given takes the place of its own."""
    # As comments, so that hidden text is counted and quoted in the same words, whatever it was hidden by.
    _neutral("".join(f"<!-- {passage.replace('-->', ' ')} -->" for passage in document.hidden), warnings)
    warnings += document.notes
    blocks = [replace(block, text=_neutral(block.text, warnings)) for block in document.blocks]
    found = _neutral(document.title, warnings)
    if title and found and found.casefold() != title.casefold():
        # It is part of the text, as the first heading of a Markdown file then is.
        blocks.insert(0, Block(found, item=True))
    sections = sort_sections(blocks, find_title=not (title or found))
    warnings += _left_out(document.left_out, sections)
    return title or found or sections.title, dict(sections.modules)


def _left_out(things: Mapping[str, int], sections: Sections) -> list[str]:
    return [
        *(f"left out: {count} {what}{'s' if count > 1 else ''}" for what, count in things.items()),
        *(f"left out: section {name!r} ({words} words)" for name, words in sections.left_out.items()),
    ]


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
    record = _load_object(text, source)
    unknown = [key for key in record if key not in _JSON_KEYS]
    if unknown:
        listed = ", ".join(repr(key[:40]) for key in unknown[:8]) + (", …" if len(unknown) > 8 else "")
        warnings.append(_neutral(f"JSON keys not read: {listed}", []))
    for key in _JSON_KEYS:
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


def _load_object(text: str, source: str) -> dict[str, Any]:
    try:
        record = json.loads(text)
    except json.JSONDecodeError as error:
        many = " For many records in one file use: guide score." if error.msg == "Extra data" else ""
        raise InputError(
            f"not valid JSON: {error.msg}",
            where=f"{source}:{error.lineno}:{error.colno}",
            fix=f"Mend that place, or pass the text as .md or .txt.{many}",
        ) from None
    except (RecursionError, ValueError):
        raise InputError(
            "JSON nested too deeply, or with a number too long",
            where=source,
            fix=f"Pass an object of strings: {', '.join(_JSON_KEYS)}.",
        ) from None
    if not isinstance(record, dict):
        kind = "a list" if isinstance(record, list) else "a single value"
        raise InputError(
            f"the JSON is {kind}, not an object",
            where=source,
            fix='Pass one object such as {"title": "...", "abstract": "..."}; for many use: guide score.',
        )
    if not any(isinstance(record.get(key), str) and record[key].strip() for key in _JSON_KEYS):
        wrong = [key for key in _JSON_KEYS if not isinstance(record.get(key, ""), str | None)]
        if not wrong:
            raise InputError("the JSON object has no text", where=source, fix='Give it at least "abstract" or "text".')
    return record


def _neutral(text: str, warnings: list[str]) -> str:
    safe = neutralise(text)
    warnings += safe.warnings
    return safe.text


def _unique(warnings: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(warnings))
