"""BibTeX and BibLaTeX files."""

from __future__ import annotations

import hashlib
import logging
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from guide.corpus.records import Paper, Skipped, parse_paper
from guide.corpus.sources import Mark
from guide.corpus.sources.references import check_letters, identify, keywords_of, month_of, year_of
from guide.corpus.sources.text import lines_of
from guide.errors import InputError

if TYPE_CHECKING:
    from bibtexparser.middlewares import LatexDecodingMiddleware
    from bibtexparser.model import Block, Entry

__all__ = ["INSTALL", "Bibtex"]

INSTALL = "pip install 'guide-advisor[formats]'"
# Where bibtexparser, too, gives up an entry that is still open and begins a new one.
START = re.compile(r"\s*@\w*[ \t]*[{(]")
ENTRY_LIKE = re.compile(r"^[ \t]*@\w+", re.MULTILINE)
# Signs that shape an expression of values; one after a backslash is text, as bibtexparser sees it.
SHAPE = re.compile(r'(?<!\\)[{}"#]')
LATEX = re.compile(r"[\\{}$~]|``|''")
# LaTeX reads these as a comment, a column, a parameter and a tie. In BibTeX, and where no tie can stand, they are text:
# while LaTeX is decoded, signs for private use stand for them.
BARE = {"%": "\ue000", "&": "\ue001", "#": "\ue002", "~": "\ue003"}
BARE_SIGN = re.compile(r"(?<!\\)[%&#]|(?<![\\\w.,)}])~")
ESCAPED = re.compile(r"\\([_%&#~])")
# Strings made of strings can double with every line.
MAX_JOINED_CHARACTERS = 200_000
VENUES = ("journal", "journaltitle", "booktitle")
PROSE = ("title", "abstract", *VENUES, "keywords", "keyword")
USED = {*PROSE, "year", "date", "month", "doi", "eprint", "eprinttype", "archiveprefix", "url"}


@dataclass(slots=True)
class Bibtex:
    """The entries of a BibTeX file; those without an abstract or a year are skipped.

    Attributes:
        path: the file, UTF-8.
    """

    path: Path

    @property
    def name(self) -> str:
        """Names the format and the file."""
        return f"bibtex {self.path}"

    def read(self, state: Mapping[str, Any] | None = None) -> Iterator[Paper | Skipped | Mark]:
        """Deliver the papers in the file's order and one mark at the end; any state starts from the beginning.

        One entry at a time is in memory. Where a key stands in the file twice, for different papers, a hash of the
        title and year follows it in the later one's id.

        Raises:
            InputError: the file cannot be read or holds no BibTeX, or the package bibtexparser is missing.
        """
        try:
            from bibtexparser.model import DuplicateFieldKeyBlock, Entry, ImplicitComment, ParsingFailedBlock, String

            decoder = _decoder()
        except ImportError as error:
            raise InputError("the package bibtexparser is missing", fix=INSTALL) from error
        strings: dict[str, str] = {}
        keys: dict[str, str] = {}
        blocks = words = 0
        for start, chunk in _chunks(lines_of(self.path)):
            for block in _split(chunk):
                place = start + (block.start_line or 0)
                if isinstance(block, ImplicitComment):
                    words += 1
                    for found in ENTRY_LIKE.finditer(block.comment):
                        blocks += 1
                        line = place + block.comment.count("\n", 0, found.start())
                        yield Skipped(f"{self.path}:{line}", f"{found[0].strip()} is followed by no opening brace")
                    continue
                blocks += 1
                # A field that stands twice matters only if it is one that is used; _fields looks.
                entry = block.ignore_error_block if isinstance(block, DuplicateFieldKeyBlock) else block
                try:
                    if isinstance(entry, String):
                        strings[entry.key.lower()] = _value(entry.value, strings)
                    elif isinstance(entry, Entry):
                        yield _with_own_id(_paper(entry, strings, decoder), keys)
                    elif isinstance(entry, ParsingFailedBlock):
                        reason = getattr(entry.error, "abort_reason", "") or str(entry.error)
                        raise ValueError(f"the entry is broken: {' '.join(reason.split())}")
                except ValueError as error:
                    yield Skipped(f"{self.path}:{place}", str(error))
        if words and not blocks:
            raise InputError("holds no BibTeX entry", where=self.path)
        yield Mark(None)


def _paper(entry: Entry, strings: Mapping[str, str], decoder: LatexDecodingMiddleware) -> Paper:
    fields = _fields(entry, strings)
    check_letters({"key": entry.key, **fields})
    plain = {name: ESCAPED.sub(r"\1", value) for name, value in fields.items() if name not in PROSE}
    prose = _decoded({name: value for name, value in fields.items() if name in PROSE}, decoder)
    year = year_of(plain.get("year", "") or plain.get("date", ""))
    posted = month_of(plain.get("month", ""), year) or month_of(plain.get("date", ""), year)
    url = plain.get("url", "").removeprefix(r"\url{").removesuffix("}")
    on_arxiv = (plain.get("archiveprefix") or plain.get("eprinttype") or "arxiv").lower() == "arxiv"
    eprint, doi = plain.get("eprint", "") if on_arxiv else "", plain.get("doi", "")
    venue = next((prose[name] for name in VENUES if prose.get(name)), "")
    record = {
        "id": identify((url, venue), eprint=eprint, doi=doi) or f"bibtex:{entry.key}",
        "title": prose.get("title"),
        "abstract": prose.get("abstract"),
        "year": year,
        "venue": venue,
        "posted": posted,
        "url": url or None,
        "keywords": keywords_of(prose.get("keywords") or prose.get("keyword") or ""),
    }
    if not entry.key and record["id"] == "bibtex:":
        raise ValueError("key is missing")
    return parse_paper(record)


def _with_own_id(paper: Paper, keys: dict[str, str]) -> Paper:
    """Keep apart different papers under one key; equal ones stay equal, and the store counts them as repeats."""
    if not paper.id.startswith("bibtex:"):
        return paper
    digest = hashlib.sha256(f"{paper.title}\0{paper.year}".encode()).hexdigest()[:16]
    return paper if keys.setdefault(paper.id, digest) == digest else replace(paper, id=f"{paper.id}-{digest[:8]}")


def _fields(entry: Entry, strings: Mapping[str, str]) -> dict[str, str]:
    """The fields that are used, under their names in small letters, whitespace drawn together as BibTeX does."""
    fields: dict[str, str] = {}
    for field in entry.fields:
        name = field.key.lower()
        if name not in USED:
            continue
        value = " ".join(_value(field.value, strings).split())
        if value and fields.setdefault(name, value) != value:
            raise ValueError(f"{name} stands twice, with different values")
    return fields


def _value(expression: str, strings: Mapping[str, str]) -> str:
    """What `{a} # b # "c"` says, without the enclosing; bibtexparser leaves joined values as they stand."""
    parts, last, depth, quoted = [], 0, 0, False
    for sign in SHAPE.finditer(expression):
        if sign[0] in "{}":
            depth += 1 if sign[0] == "{" else -1
        elif depth == 0 and sign[0] == '"':
            quoted = not quoted
        elif depth == 0 and not quoted:
            parts.append(expression[last : sign.start()])
            last = sign.end()
    parts.append(expression[last:])
    said = ""
    for part in (one.strip() for one in parts):
        enclosed = len(part) > 1 and (part[0], part[-1]) in (("{", "}"), ('"', '"'))
        said += part[1:-1] if enclosed else strings.get(part.lower(), part)
        if len(parts) > 1 and len(said) > MAX_JOINED_CHARACTERS:
            raise ValueError(f"a joined value is longer than {MAX_JOINED_CHARACTERS:,} characters")
    return said


def _decoded(fields: dict[str, str], decoder: LatexDecodingMiddleware) -> dict[str, str]:
    """LaTeX as Unicode text, mathematics left alone; a text that cannot be decoded stays as it is."""
    from bibtexparser.library import Library
    from bibtexparser.model import Entry, Field

    with_latex = {
        name: value for name, value in fields.items() if LATEX.search(value) and not set(BARE.values()) & set(value)
    }
    if not with_latex:
        return fields
    hidden = [Field(name, BARE_SIGN.sub(lambda sign: BARE[sign[0]], value)) for name, value in with_latex.items()]
    entry = Entry("", "", hidden)
    # Its complaints about odd LaTeX would be lines on the standard error stream that name no entry.
    logging.getLogger("pylatexenc").setLevel(logging.ERROR)
    decoder.transform_entry(entry, Library())
    back = str.maketrans({private: sign for sign, private in BARE.items()} | {"\xa0": " "})
    return fields | {field.key: " ".join(field.value.translate(back).split()) for field in entry.fields}


def _decoder() -> LatexDecodingMiddleware:
    """The decoder of bibtexparser, made to keep the names of macros it does not know where it would drop them."""
    from bibtexparser.middlewares import LatexDecodingMiddleware
    from pylatexenc.latex2text import (  # type: ignore[import-untyped, unused-ignore]
        LatexNodes2Text,
        MacroTextSpec,
        get_default_latex_context_db,
    )

    def unknown(node: Any, l2tobj: Any) -> str:  # pylatexenc passes its arguments by these names
        inside = [one for one in (node.nodeargd.argnlist or () if node.nodeargd else ()) if one is not None]
        return str(l2tobj.nodelist_to_text(inside)) if inside else f"\\{node.macroname}{node.macro_post_space}"

    context = get_default_latex_context_db()
    context.add_context_category("addresses", prepend=True, macros=[MacroTextSpec("url", simplify_repl="%s")])
    context.set_unknown_macro_spec(MacroTextSpec("", simplify_repl=unknown))
    return LatexDecodingMiddleware(decoder=LatexNodes2Text(latex_context=context, math_mode="verbatim"))


def _chunks(lines: Iterable[str]) -> Iterator[tuple[int, str]]:
    """Cut the file before every line that begins a block; the number is that of the chunk's first line."""
    chunk: list[str] = []
    start = 1
    for number, line in enumerate(lines, 1):
        if chunk and START.match(line):
            yield start, "".join(chunk)
            chunk, start = [], number
        chunk.append(line)
    if chunk:
        yield start, "".join(chunk)


def _split(chunk: str) -> list[Block]:
    from bibtexparser.entrypoint import parse_string
    from bibtexparser.model import DuplicateBlockKeyBlock

    # It says on the standard error stream what comes back as a Skipped.
    logging.getLogger("bibtexparser.splitter").setLevel(logging.ERROR)
    blocks = parse_string(chunk, parse_stack=[]).blocks
    unwrapped = (block.ignore_error_block if isinstance(block, DuplicateBlockKeyBlock) else block for block in blocks)
    return [block for block in unwrapped if block is not None]
