r"""A LaTeX project: its main file, with the files that \input, \include and \subfile name put in.

Only files inside the project's folder are opened: no absolute path, no `..`, no link that leads out. Depth, number and
size are bounded, and a file that comes back to itself is put in once.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from pathlib import Path

from guide.errors import InputError

MAX_DEPTH = 10
MAX_FILES = 200
MAX_CHARACTERS = 2_000_000
_MAX_LISTED = 2_000  # entries of a folder that are looked at

_BEGIN = re.compile(r"^[^%\n]{0,1000}\\begin\s{0,3}\{document\}", re.MULTILINE)
_CLASS = re.compile(r"^[^%\n]{0,1000}\\documentclass", re.MULTILINE)
_STANDALONE = re.compile(
    r"^[^%\n]{0,200}\\documentclass(?:\s{0,3}\[[^\]]{0,300}\])?\s{0,3}\{(?:subfiles|standalone)\}", re.MULTILINE
)
_BODY = re.compile(r"\\begin\s{0,3}\{document\}(?P<body>.*?)(?:\\end\s{0,3}\{document\}|\Z)", re.DOTALL)
# A comment first, so that what it names is not opened.
_NAMED = re.compile(
    r"(?<!\\)%[^\n]*"
    r"|\\(?P<macro>input|include|subfile|subfileinclude)(?![A-Za-z@])\s{0,3}"
    r"(?:\{\s{0,9}(?P<braced>[^{}\n%]{1,300}?)\s{0,9}\}|(?P<bare>[^\s{}\\%]{1,300}))"
    r"|\\(?P<from>import|subimport|includefrom|subincludefrom)\*?\s{0,3}\{(?P<folder>[^{}\n%]{0,300})\}\s{0,3}"
    r"\{(?P<file>[^{}\n%]{1,300})\}"
)


@dataclass(slots=True)
class Project:
    """A project read whole.

    Attributes:
        text: the main file with the others put in.
        main: the main file's place.
        read: the other files, within the folder, in the order they were put in.
        refused: what was named and not put in, with the reason.
    """

    text: str
    main: Path
    read: list[str] = field(default_factory=list)
    refused: dict[str, str] = field(default_factory=dict)

    def notes(self) -> list[str]:
        """What was read and what was not, one clause each."""
        said = []
        if self.read:
            shown = ", ".join(self.read[:8]) + (f", … ({len(self.read)} files)" if len(self.read) > 8 else "")
            said.append(f"read with {self.main.name}: {shown}")
        reasons: dict[str, list[str]] = {}
        for name, reason in self.refused.items():
            reasons.setdefault(reason, []).append(name)
        for reason, names in reasons.items():
            more = ", …" if len(names) > 5 else ""
            said.append(f"not read, {reason}: {', '.join(names[:5])}{more}")
        return said


def find_main(folder: Path) -> Path:
    r"""The file of a folder in which the document begins.

    Of several, one named as its author would (main, paper, ms, the folder's own name), else the longest. Parts that
    can be set by themselves (\documentclass{subfiles}) come last.

    Raises:
        InputError: none of its .tex files begins a document.
    """
    files = sorted(path for path in _listed(folder) if path.suffix.lower() in (".tex", ".ltx", ".latex"))
    texts = {path: _read(path) for path in files}
    begun = [path for path in files if _BEGIN.search(texts[path])]
    # A file that inputs its preamble has no class of its own; one that has is the surer.
    whole = [path for path in begun if not _STANDALONE.search(texts[path])] or begun
    if not whole:
        raise InputError(
            r"no .tex file in this folder begins a document (\begin{document})"
            if files
            else "there is no .tex file in this folder",
            where=folder,
            fix="Name the file that holds the idea.",
        )
    usual = ("main", "paper", "ms", "article", "manuscript", "root", "thesis", folder.resolve().name.lower())

    def rank(path: Path) -> tuple[bool, bool, int]:
        return path.stem.lower() not in usual, _CLASS.search(texts[path]) is None, -len(texts[path])

    return min(whole, key=rank)


def read_project(main: Path, root: Path | None = None) -> Project:
    """Read a main file and put in the files it names.

    Args:
        main: the main file.
        root: the folder outside which nothing is opened; the main file's own by default.
    """
    folder = (root or main.parent).resolve()
    project = Project("", main)
    open_files = [main.resolve()]
    project.text = _filled(_read(main)[:MAX_CHARACTERS], folder, folder, project, open_files)[:MAX_CHARACTERS]
    return project


def _filled(text: str, folder: Path, here: Path, project: Project, above: list[Path]) -> str:
    """A text with the files put in that it names.

    Args:
        text: of the last file of `above`.
        folder: the project's.
        here: where names are looked up first; the project's folder comes second.
        project: takes note of what is read and what is not.
        above: the files that the text stands in, outermost first.
    """
    pieces: list[str] = []
    at = 0
    for match in _NAMED.finditer(text):
        name = match["braced"] or match["bare"] or match["file"]
        if not name:
            continue
        base = here / match["folder"] if match["folder"] else here
        found = None if _leads_out(match["folder"] or "", project) else _inside(name, base, folder, project)
        if found is None or not _may_open(found, name, project, above):
            continue
        pieces.append(text[at : match.start()])
        at = match.end()
        project.read.append(str(found.relative_to(folder)))
        part = _read(found)
        body = _BODY.search(part)
        part = body["body"] if body else part
        inner = found.parent if match["from"] or match["macro"] in ("subfile", "subfileinclude") else here
        pieces.append("\n" + _filled(part, folder, inner, project, [*above, found]) + "\n")
        if sum(map(len, pieces)) > MAX_CHARACTERS:
            project.refused[name] = f"past {MAX_CHARACTERS:,} characters"
            break
    return "".join([*pieces, text[at:]])[: 2 * MAX_CHARACTERS]


def _leads_out(name: str, project: Project) -> bool:
    if name.startswith(("/", "~", "|", "\\")) or re.match(r"[A-Za-z]:", name) or ".." in re.split(r"[/\\]", name):
        project.refused[name] = "outside the project's folder"
        return True
    return False


def _inside(name: str, here: Path, folder: Path, project: Project) -> Path | None:
    """The file of a name, None where there is none inside the folder."""
    name = name.strip().strip('"')
    if _leads_out(name, project):
        return None
    for base in dict.fromkeys((here, folder)):
        for candidate in (base / f"{name}.tex", base / name):
            try:
                real = candidate.resolve()
                there = real.is_file()
            except (OSError, ValueError, RuntimeError):
                continue
            if not there:
                continue
            if not real.is_relative_to(folder):
                project.refused[name] = "outside the project's folder"
                return None
            if real.suffix.lower() not in (".tex", ".ltx", ".latex", ".bbl", ".txt", ".def", ".sty", ".tikz", ""):
                project.refused[name] = "not LaTeX"
                return None
            return real
    project.refused[name] = "not found"
    return None


def _may_open(found: Path, name: str, project: Project, above: list[Path]) -> bool:
    if found in above:
        project.refused[name] = "it holds itself"
    elif len(above) > MAX_DEPTH:
        project.refused[name] = f"more than {MAX_DEPTH} files deep"
    elif len(project.read) >= MAX_FILES:
        project.refused[name] = f"past {MAX_FILES} files"
    else:
        return True
    return False


def _listed(folder: Path) -> list[Path]:
    """Regular files of a folder and of the folders in it, links and hidden ones left out."""
    found: list[Path] = []
    for place, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))[:50]
        depth = len(Path(place).relative_to(folder).parts)
        if depth >= 3:
            folders.clear()
        for name in sorted(names):
            path = Path(place, name)
            if not name.startswith(".") and path.is_file() and not path.is_symlink():
                found.append(path)
        if len(found) > _MAX_LISTED:
            break
    return found[:_MAX_LISTED]


def _read(path: Path) -> str:
    try:
        with path.open("rb") as file:
            data = file.read(MAX_CHARACTERS)
    except OSError as error:
        raise InputError(
            f"the file cannot be read: {error.strerror}", where=path, fix="Check its permissions."
        ) from None
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        # Older projects are in Latin-1, which every byte is a letter of.
        text = data.decode("latin-1")
    return text.replace("\0", "")
