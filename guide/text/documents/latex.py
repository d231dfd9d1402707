"""LaTeX read as a document: title, abstract, sections and plain text, by way of pylatexenc.

Figures, tables, displayed formulas, code and citations are left out and counted; formulas within a line stay as they
are. Other files that the document names are not read. What LaTeX does not set is hidden text (`latex_source`).
"""

from __future__ import annotations

import logging
import re
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

from guide.errors import InputError
from guide.text.blocks import BOLD_LINE, Block
from guide.text.documents.document import Document
from guide.text.documents.latex_macros import brace_pairs, group_at
from guide.text.documents.latex_source import visible_source
from guide.text.sanitise import neutralise

INSTALL = "pip install 'guide-advisor[formats]'"
_HEADINGS = {
    **{"part": 2, "chapter": 2, "section": 2, "subsection": 3, "subsubsection": 4},
    **{"paragraph": BOLD_LINE, "subparagraph": BOLD_LINE},
}
# Macros of which nothing is read, by the arguments they take: "*" a star, "[" one in brackets, "{" one in braces.
_DROPPED = {
    "*[[{": (
        "cite citep citet citealp citealt citeauthor citeyear citeyearpar citenum parencite textcite autocite footcite "
        "footfullcite fullcite smartcite supercite Cite Citep Citet Citealp Citealt Citeauthor Textcite Parencite "
        "Autocite citeA shortcite citeN citetext"
    ),
    "*{": "ref eqref autoref cref Cref vref pageref nameref hyperref label nocite vspace hspace hypersetup crefrange",
    "[{": (
        "author date thanks affiliation affil email address institute institution authornote authornotemark orcid "
        "documentclass usepackage bibliography addbibresource titlerunning authorrunning icmltitlerunning icmlauthor "
        "icmlaffiliation icmlcorrespondingauthor icmlkeywords icmlsetsymbol icmlEqualContribution title icmltitle "
        "includesvg color pagecolor thispagestyle pagestyle bibliographystyle todo ccsdesc input include subfile "
        "pagenumbering newsavebox graphicspath theoremstyle footnotetext setcitestyle"
    ),
    "{{": "setlength addtolength setcounter addtocounter import subimport sbox savebox fontsize footnotemark",
    "{{{": "definecolor colorlet addcontentsline",
    "": (
        "maketitle tableofcontents clearpage newpage noindent centering small footnotesize scriptsize tiny large Large "
        "LARGE huge Huge normalsize bf it em rm sf tt par looseness balance xspace and And AND linenumbers appendix "
        "medskip smallskip bigskip hfill vfill iclrfinalcopy makeatletter makeatother printAffiliationsAndNotice "
        "newblock protect ignorespaces unskip relax null printbibliography raggedright sloppy frenchspacing"
    ),
}
_KEPT = {"href": "{{", "footnote": "[{", "textcolor": "[{{", "colorbox": "[{{", "texorpdfstring": "{{", "abstract": "{"}
_LEFT_OUT_ENVIRONMENTS = {
    **dict.fromkeys(("figure", "figure*", "wrapfigure", "SCfigure", "subfigure", "tikzpicture", "picture"), "figure"),
    **dict.fromkeys(
        ("table", "table*", "wraptable", "tabular", "tabular*", "tabularx", "longtable", "sidewaystable"), "table"
    ),
    **dict.fromkeys(("algorithm", "algorithm*", "algorithmic", "algorithm2e"), "algorithm"),
    **dict.fromkeys(
        ("equation", "align", "gather", "multline", "eqnarray", "displaymath", "flalign", "alignat", "dmath", "split"),
        "displayed formula",
    ),
    **dict.fromkeys(
        ("equation*", "align*", "gather*", "multline*", "eqnarray*", "flalign*", "alignat*", "dmath*", "subequations"),
        "displayed formula",
    ),
    "thebibliography": "reference list",
    "CCSXML": "list of subjects",
}
_TITLE = re.compile(r"\\(?:icml|acl)?title\s*(?:\[[^\[\]]{0,500}\])?\s*(?=\{)")
_INCLUDES = re.compile(r"\\(?:input|include|subfile|import|subimport)(?![A-Za-z@])")
_CITES = re.compile(rf"\\(?:{'|'.join(_DROPPED['*[[{'].split())})(?![A-Za-z@])")
_AUTHORS = re.compile(r"\\(?:author|affiliation|affil|institute|icmlauthor)(?![A-Za-z@])")
_WHITE = re.compile(
    r"\\definecolor\s*\{([^{}]{1,50})\}\s*\{(?:rgb|RGB|gray|HTML)\}\s*\{\s*"
    r"(?:1(?:\.0*)?(?:\s*,\s*1(?:\.0*)?){0,2}|255\s*,\s*255\s*,\s*255|[fF]{6})\s*\}"
)
# Words that mean nothing to LaTeX; the letter behind an accent does.
_RUN = re.compile(r"(?<=\s)(?<!\\[A-Za-z]\s)[^\W_](?:[\w,.;:()/ ](?<!_)){7,}")
_PRIVATE, _STANDS_FOR = 0xF0000, 0xFFFE
_FOREIGN = re.compile(f"[{chr(_PRIVATE)}-{chr(_PRIVATE + _STANDS_FOR - 1)}]")
# Control characters, of which the text has none left, mark what is no paragraph.
_HEAD, _ITEM = "\x01", "\x02"
_HEADING_MARK = re.compile(rf"{_HEAD}(\d){_HEAD}(.*)", re.DOTALL)


def read_latex(text: str, where: str) -> Document:
    """Read a LaTeX document, or a part of one.

    Args:
        text: the source.
        where: its name, for messages.

    Raises:
        InputError: pylatexenc is not installed, all text is in other files, or the source nests too deeply.
    """
    source = visible_source(text, _known())
    for colour in set(_WHITE.findall(source.preamble + source.body)):
        source.body = source.body.replace(f"{{{colour}}}", "{white}")
    safe = neutralise(source.body)
    left_out = Counter(source.left_out)
    for pattern, what in ((_INCLUDES, r"\input file"), (_CITES, "citation"), (_AUTHORS, "author mark")):
        if count := len(pattern.findall(safe.text)):
            left_out[what] += count
    title = _title(safe.text) or _title(neutralise(source.preamble).text)
    try:
        body = _converted(safe.text, left_out, where)
        # A link or a mark of thanks is no part of a title.
        title = " ".join(_converted(title, Counter(), where, footnotes=False).split())
    except RecursionError:
        raise InputError(
            "this LaTeX nests too deeply to be read", where=where, fix="Save its text as .md and pass that."
        ) from None
    blocks = tuple(_blocks(body))
    if not blocks and (files := left_out[r"\input file"]):
        raise InputError(
            rf"its text is in {files} other file{'s' if files > 1 else ''}, and \input is not followed",
            where=where,
            fix="Join them first: latexpand FILE > whole.tex",
        )
    return Document(title, blocks, dict(left_out), tuple(source.hidden), (*source.notes, *safe.warnings))


def _known() -> frozenset[str]:
    names = {name for listed in _DROPPED.values() for name in listed.split()}
    return frozenset({*names, *_KEPT, *_HEADINGS, "item", "begin", "end"})


def _title(text: str) -> str:
    """The source of the last title set in a text, "" without one."""
    pairs = brace_pairs(text)
    groups = [group_at(text, match.end(), pairs) for match in _TITLE.finditer(text)]
    found = [group[0] for group in groups if group is not None]
    return found[-1] if found else ""


def _blocks(text: str) -> Iterator[Block]:
    for paragraph in re.split(r"\n\s*\n", text):
        heading = _HEADING_MARK.match(paragraph.strip())
        item = paragraph.lstrip().startswith(_ITEM)
        words = " ".join((heading[2] if heading else paragraph).replace(_ITEM, " ").replace(_HEAD, " ").split())
        # What is left of a list of citations says nothing.
        words = re.sub(r"\([\s,;]*\)|\[[\s,;]*\]", "", words)
        words = " ".join(re.sub(r"\s+([.,;:!?)])", r"\1", words).split())
        if not words:
            continue
        level = int(heading[1]) if heading else 0
        if level == BOLD_LINE:
            # "\paragraph{Data.} We use ..." reads "Data: We use ...".
            words = words.rstrip(".:")
        yield Block(words, level=level, item=item)


def _converted(text: str, left_out: Counter[str], where: str, *, footnotes: bool = True) -> str:
    """Plain text with marked headings and items; counts what is left out of it."""
    try:
        from pylatexenc.latex2text import LatexNodes2Text  # type: ignore[import-untyped, unused-ignore]
        from pylatexenc.latexwalker import LatexWalker  # type: ignore[import-untyped, unused-ignore]
    except ModuleNotFoundError as error:
        raise InputError(
            f"LaTeX is read through the package pylatexenc, and {error.name} is missing", where=where, fix=INSTALL
        ) from error
    # Its complaints about odd LaTeX would be lines on the standard error stream that name no place.
    logging.getLogger("pylatexenc").setLevel(logging.ERROR)
    grammar, writing = _contexts(left_out, footnotes)

    class Writer(LatexNodes2Text):  # type: ignore[misc, unused-ignore]
        def math_node_to_text(self, node: Any) -> str:
            if node.displaytype == "display":
                left_out["displayed formula"] += 1
                return " "
            opening, closing = node.delimiters
            return f"${node.latex_verbatim()[len(opening) : -len(closing)]}$"

    # pylatexenc looks at each letter by itself. A sign for private use stands for a run of plain words meanwhile.
    runs: list[str] = []

    def shorten(run: re.Match[str]) -> str:
        if len(runs) >= _STANDS_FOR:
            return run[0]
        runs.append(run[0])
        return chr(_PRIVATE + len(runs) - 1)

    text = _FOREIGN.sub("", text).replace(r"\verb", " ")  # one that never ends
    nodes, _, _ = LatexWalker(_RUN.sub(shorten, text), latex_context=grammar, tolerant_parsing=True).get_latex_nodes()
    written = str(Writer(latex_context=writing, math_mode="verbatim").nodelist_to_text(nodes))
    return _FOREIGN.sub(lambda sign: runs[ord(sign[0]) - _PRIVATE], written)


def _contexts(left_out: Counter[str], footnotes: bool) -> tuple[Any, Any]:
    """What pylatexenc is told of the arguments of macros, and of how they are written."""
    from pylatexenc.latex2text import EnvironmentTextSpec, MacroTextSpec, get_default_latex_context_db
    from pylatexenc.latexwalker import get_default_latex_context_db as get_default_grammar
    from pylatexenc.macrospec import MacroSpec  # type: ignore[import-untyped, unused-ignore]

    def last(node: Any, l2tobj: Any) -> str:
        arguments = [one for one in node.nodeargd.argnlist if one is not None] if node.nodeargd else []
        return str(l2tobj.nodelist_to_text([arguments[-1]])) if arguments else ""

    def heading(level: int) -> Callable[..., str]:
        def write(node: Any, l2tobj: Any) -> str:
            return f"\n\n{_HEAD}{level}{_HEAD}{' '.join(last(node, l2tobj).split())}\n\n"

        return write

    def drop(what: str = "") -> Callable[..., str]:
        def write(node: Any, l2tobj: Any) -> str:
            if what:
                left_out[what] += 1
            return " "

        return write

    def footnote(node: Any, l2tobj: Any) -> str:
        return f" [{last(node, l2tobj)}]" if footnotes else ""

    def link(node: Any, l2tobj: Any) -> str:
        # The address is read as well: that there is one gives a decision away, and `guide.text.leaks` takes it out.
        return last(node, l2tobj)

    def abstract(node: Any, l2tobj: Any) -> str:
        inside = last(node, l2tobj) if hasattr(node, "macroname") else l2tobj.nodelist_to_text(node.nodelist)
        return f"\n\n{_HEAD}2{_HEAD}Abstract\n\n{inside}\n\n"

    def item(node: Any, l2tobj: Any) -> str:
        return f"\n\n{_ITEM} {last(node, l2tobj)} "

    specs = [
        *((name, "*[{", heading(level)) for name, level in _HEADINGS.items()),
        *((name, given, drop()) for given, names in _DROPPED.items() for name in names.split()),
        *((name, given, last) for name, given in _KEPT.items()),
        ("href", "{{", link),
        ("footnote", "[{", footnote),
        ("abstract", "{", abstract),
        ("item", "[", item),
        ("includegraphics", "*[[{", drop("image")),
        ("texorpdfstring", "{{", lambda node, l2tobj: l2tobj.nodelist_to_text([node.nodeargd.argnlist[0]])),
    ]
    latest = {name: (name, given, write) for name, given, write in specs}
    grammar, writing = get_default_grammar(), get_default_latex_context_db()
    grammar.add_context_category(
        "guide", prepend=True, macros=[MacroSpec(name, given) for name, given, _ in latest.values()]
    )
    writing.add_context_category(
        "guide",
        prepend=True,
        macros=[MacroTextSpec(name, simplify_repl=write) for name, _, write in latest.values()],
        environments=[
            EnvironmentTextSpec("abstract", simplify_repl=abstract),
            *(EnvironmentTextSpec(name, simplify_repl=drop(what)) for name, what in _LEFT_OUT_ENVIRONMENTS.items()),
        ],
    )
    return grammar, writing
