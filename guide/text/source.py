"""Reading a file or standard input into bytes and text: what is not text, and why, is said in one line."""

from __future__ import annotations

import codecs
import shlex
import stat
import sys
import unicodedata
from pathlib import Path
from typing import BinaryIO

from guide.errors import InputError

STANDARD_INPUT = "-"
MAX_BYTES = 2_000_000
MAX_DOCUMENT_BYTES = 50_000_000  # of formats that hold pictures: PDF, office documents, notebooks

_AS_TEXT = "Save its text as .md or .txt and pass that."
_BLANK = b" \t\r\n"
_PDF = b"%PDF"
_ZIP = b"PK\x03\x04"
_SIGNATURES: tuple[tuple[bytes, str, str], ...] = (
    (_PDF, "this is a PDF file, and text was expected", "Pass the file by itself: guide review FILE.pdf"),
    (_ZIP, "this is a zip archive, and not a Word or OpenDocument text", "Pass the file in it that holds the idea."),
    (b"\xd0\xcf\x11\xe0", "this is an office document (.doc), which is not read", _AS_TEXT),
    (b"{\\rtf", "this is rich text (.rtf), which is not read", _AS_TEXT),
    (b"\x1f\x8b", "this is a gzip archive", "Unpack it first: gunzip."),
    (b"\x28\xb5\x2f\xfd", "this is a Zstandard archive", "Unpack it first: unzstd."),
)
_BYTE_ORDER_MARKS: tuple[tuple[bytes, str], ...] = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # before UTF-16, whose mark it begins with
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


def read_bytes(source: str) -> bytes:
    """Read at most `MAX_BYTES`, of a PDF file, an office document or a notebook `MAX_DOCUMENT_BYTES`, no more.

    Args:
        source: path of a file; "-" for standard input.

    Raises:
        InputError: the file is missing, unreadable or too large.
    """
    return _read_standard_input() if source == STANDARD_INPUT else _read_file(Path(source))


def is_pdf(data: bytes) -> bool:
    """Whether the bytes begin as a PDF file does."""
    return data.lstrip(_BLANK).startswith(_PDF)


def is_archive(data: bytes) -> bool:
    """Whether the bytes begin as a zip archive does, which office documents are."""
    return data.startswith(_ZIP)


def _read_file(path: Path) -> bytes:
    try:
        _check_regular(path)
        with path.open("rb") as file:
            return _within_limit(file, str(path))
    except FileNotFoundError:
        fix = "Check the path; '-' reads standard input."
        raise InputError("there is no such file", where=path, fix=fix) from None
    except IsADirectoryError:
        raise InputError("this is a folder", where=path, fix="Name the file in it that holds the idea.") from None
    except PermissionError:
        raise InputError("you may not read this file", where=path, fix="Change its permissions.") from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise InputError(f"the file cannot be read: {reason}", where=path, fix="Check the path.") from None


def _check_regular(path: Path) -> None:
    """Refuse what may never end or never begin; a pipe that a shell put in a file's place is fine."""
    mode = path.stat().st_mode
    piped = stat.S_ISFIFO(mode) and str(path).startswith(("/dev/", "/proc/self/fd/"))
    if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode) or piped):
        raise InputError(
            "this is no regular file", where=path, fix="Pass what it gives on standard input: guide review -"
        )


def _read_standard_input() -> bytes:
    if sys.stdin is None:
        raise InputError("there is no standard input", fix="Pass the path of a file.")
    return _within_limit(sys.stdin.buffer, STANDARD_INPUT)


def _within_limit(file: BinaryIO, source: str) -> bytes:
    data = file.read(MAX_BYTES + 1)
    if is_pdf(data) or is_archive(data) or source.lower().endswith(".ipynb"):
        data += file.read(MAX_DOCUMENT_BYTES + 1 - len(data))
        if len(data) > MAX_DOCUMENT_BYTES:
            kind, fix = "document", "Save its text as .md and pass that."
            if is_pdf(data):
                kind, fix = "PDF file", f"Make it smaller (gs -sDEVICE=pdfwrite -o small.pdf FILE), or: {fix}"
            raise InputError(f"a {kind} larger than {MAX_DOCUMENT_BYTES // 1_000_000} MB", where=source, fix=fix)
    elif len(data) > MAX_BYTES:
        raise InputError(
            f"larger than {MAX_BYTES // 1_000_000} MB, too large for one proposal",
            where=source,
            fix="Pass its abstract, or a file with less text; for many records use: guide score.",
        )
    return data


def decode(data: bytes, source: str) -> str:
    """Make text of a file's bytes.

    Args:
        data: in UTF-8, or UTF-16 or UTF-32 with a byte-order mark.
        source: where they are from, for messages.

    Returns:
        The text in composed characters (NFC), so that an accent typed in two ways is one.

    Raises:
        InputError: it is not text, or of another encoding.
    """
    for signature, what, fix in _SIGNATURES:
        if data.lstrip(_BLANK).startswith(signature):
            raise InputError(what, where=source, fix=fix)
    mark, encoding = next((pair for pair in _BYTE_ORDER_MARKS if data.startswith(pair[0])), (b"", "utf-8"))
    if not mark and b"\0" in data:
        raise InputError(
            f"this is not a text file: byte {data.index(0)} is zero",
            where=source,
            fix="Save the text as UTF-8 (.md or .txt) and pass that.",
        )
    try:
        text = data[len(mark) :].decode(encoding)
    except UnicodeDecodeError as error:
        place = "-" if source == STANDARD_INPUT else shlex.quote(source)
        raise InputError(
            f"not {encoding.upper()}: byte {len(mark) + error.start} cannot be decoded",
            where=source,
            fix=f"If it is Latin-1: iconv -f latin1 -t utf-8 {place} > utf8.txt",
        ) from None
    return unicodedata.normalize("NFC", text)
