"""One reader for what is no plain text: the kind of a file is told by how it begins, and its reader imported then."""

from __future__ import annotations

import os
from pathlib import Path

from guide.text.documents.document import Document
from guide.text.links import refuse_link
from guide.text.source import STANDARD_INPUT, decode, is_archive, is_pdf, read_bytes

_LATEX = (".tex", ".latex", ".ltx")


def read_document(source: str) -> Document | str:
    """Read a file or a folder: a document where the format says what is what, else its text.

    Args:
        source: path of a file or of the folder of a LaTeX project; "-" for standard input.

    Raises:
        InputError: see `read_bytes`, `decode` and the readers of the formats.
    """
    path = Path(source)
    if source == STANDARD_INPUT:
        return of_bytes(read_bytes(source), source)
    if not os.path.lexists(source):
        refuse_link(source)
    if os.path.isdir(source):  # noqa: PTH112 - pathlib's raises for a name that no system allows
        from guide.text.documents.latex_project import find_main

        path = find_main(path)
        return _latex_project(path, Path(source))
    if path.suffix.lower() in _LATEX and os.path.isfile(source):  # noqa: PTH113
        read_bytes(source)  # its refusals: too large, not to be read
        return _latex_project(path, path.parent)
    return of_bytes(read_bytes(source), source)


def of_bytes(data: bytes, source: str) -> Document | str:
    """Read the bytes of a file; see `read_document`."""
    if is_pdf(data):
        from guide.text.documents.pdf_layout import read_pdf

        return read_pdf(data, source)
    if is_archive(data):
        from guide.text.documents.opendocument import is_opendocument, read_opendocument
        from guide.text.documents.word import is_word, read_word

        if is_word(data, source):
            return read_word(data, source)
        if is_opendocument(data, source):
            return read_opendocument(data, source)
    return decode(data, source)


def _latex_project(main: Path, folder: Path) -> Document:
    from dataclasses import replace

    from guide.text.documents.latex import read_latex
    from guide.text.documents.latex_project import read_project

    project = read_project(main, folder)
    document = read_latex(project.text, str(main))
    return replace(document, notes=(*document.notes, *project.notes()))
