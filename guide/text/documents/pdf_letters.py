"""The letters of a PDF page, and what of how they are drawn decides whether its reader sees them.

Size, place, transparency and render mode are told here; whether the drawn page has ink for a letter, in `pdf_ink`.
"""

from __future__ import annotations

import ctypes
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

HYPHEN = "\x02"  # what pdfium makes of a hyphen at the end of a line
UNKNOWN = "\ufffd"  # a letter that the file gives no character for

_SMALLEST = 2.0  # points; what is smaller nobody reads
_NEARLY_WHITE = 240
_UNSEEN_MODES = (3, 7)  # neither filled nor stroked; the second only clips
_BOLD = re.compile(r"bold|black|heavy|semib|cmbx|medi\b|-b$", re.IGNORECASE)
_LIGATURES = dict(zip(range(0xFB00, 0xFB07), ("ff", "fi", "fl", "ffi", "ffl", "st", "st"), strict=True))
_UNMAPPED = frozenset({0, 0xFFFE, 0xFFFF, 0xFFFD})


@dataclass(slots=True)
class Letter:
    """One character of a page; the box is in points."""

    sign: str
    size: float
    bold: bool
    turned: bool
    grey: int  # of its colour, 0 black to 255 white
    white: bool
    unseen: str  # why nobody sees it, "" if one may
    owner: int  # the text object it belongs to
    box: tuple[float, float, float, float]
    ends_line: bool = False
    generated: bool = False


def letters_of(page: Any, raw: Any) -> list[Letter]:
    """All characters of a page in the file's order, with what decides whether they are seen."""
    text = page.get_textpage()
    colour = [ctypes.c_uint() for _ in range(4)]
    edges = [ctypes.c_double() for _ in range(4)]
    matrix = raw.FS_MATRIX()
    name = ctypes.create_string_buffer(128)
    flags = ctypes.c_int()
    left, bottom, right, top = page_box(page)
    letters: list[Letter] = []
    owner = size = grey = 0
    bold = turned = white = False
    unseen = ""
    for at in range(text.count_chars()):
        code = raw.FPDFText_GetUnicode(text, at)
        thing = raw.FPDFText_GetTextObject(text, at)
        if not thing:  # pdfium's own spaces and ends of lines
            if letters and chr(code) in "\r\n":
                letters[-1].ends_line = True
            elif letters:
                letters.append(
                    Letter(" ", size, bold, turned, grey, white, unseen, owner, letters[-1].box, generated=True)
                )
            continue
        address = ctypes.addressof(thing.contents)
        if address != owner:
            owner = address
            raw.FPDFText_GetMatrix(text, at, matrix)
            size = raw.FPDFText_GetFontSize(text, at) * math.hypot(matrix.c, matrix.d)
            turned = abs(matrix.b) > 0.2 * abs(matrix.a)
            raw.FPDFText_GetFillColor(text, at, *colour)
            grey = round(sum(channel.value for channel in colour[:3]) / 3)
            white = min(channel.value for channel in colour[:3]) >= _NEARLY_WHITE
            raw.FPDFText_GetFontInfo(text, at, name, len(name), flags)
            bold = _BOLD.search(name.value.decode("utf-8", "replace")) is not None
            unseen = ""
            if raw.FPDFTextObj_GetTextRenderMode(thing) in _UNSEEN_MODES:
                unseen = "mode"
            elif size < _SMALLEST:
                unseen = "size"
            elif colour[3].value < 13:
                unseen = "transparent"
        raw.FPDFText_GetCharBox(text, at, edges[0], edges[1], edges[2], edges[3])
        box = (edges[0].value, edges[2].value, edges[1].value, edges[3].value)
        beside = box[2] <= left or box[0] >= right or box[3] <= bottom or box[1] >= top
        sign = UNKNOWN if code in _UNMAPPED else chr(code).translate(_LIGATURES)
        letters.append(Letter(sign, size, bold, turned, grey, white, "beside" if beside else unseen, owner, box))
        if sign == HYPHEN:
            letters[-1].ends_line = True
    text.close()
    return letters


def page_box(page: Any) -> tuple[float, float, float, float]:
    """What of the page's plane is shown, in points: left, bottom, right, top."""
    crop, media = page.get_cropbox(), page.get_mediabox()
    return (max(crop[0], media[0]), max(crop[1], media[1]), min(crop[2], media[2]), min(crop[3], media[3]))


def is_scan(page: Any, letters: Sequence[Letter], raw: Any) -> bool:
    """Whether a page is a picture and all of its text of the kind that text recognition lays over it."""
    if not letters or sum(letter.unseen == "mode" for letter in letters) < 0.95 * len(letters):
        return False
    return any(True for _ in page.get_objects(filter=[raw.FPDF_PAGEOBJ_IMAGE], max_depth=3))
