"""The letters of a PDF page, and whether its reader sees them.

What decides is how a letter is drawn (size, place, transparency, render mode) and whether the rendered page has ink
where it should stand: white letters on a white ground have none, nor have letters under a picture. Text under other
text is not told from it.
"""

from __future__ import annotations

import ctypes
import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

HYPHEN = "\x02"  # what pdfium makes of a hyphen at the end of a line
UNKNOWN = "\ufffd"  # a letter that the file gives no character for

_SMALLEST = 2.0  # points; what is smaller nobody reads
_RENDERED = 1_600  # pixels of a rendered page's longer side, at most
_SCALE = 2.0  # pixels a point
_INK = 24  # grey levels (0-255) between the darkest and the lightest spot of a letter's box: less is not read
_NEARLY_WHITE = 240
_DARK = 190.0  # mean grey level of a ground on which white letters can be read
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
    owner = size = 0
    bold = turned = white = False
    unseen = ""
    for at in range(text.count_chars()):
        code = raw.FPDFText_GetUnicode(text, at)
        thing = raw.FPDFText_GetTextObject(text, at)
        if not thing:  # pdfium's own spaces and ends of lines
            if letters and chr(code) in "\r\n":
                letters[-1].ends_line = True
            elif letters:
                letters.append(Letter(" ", size, bold, turned, white, unseen, owner, letters[-1].box, generated=True))
            continue
        address = ctypes.addressof(thing.contents)
        if address != owner:
            owner = address
            raw.FPDFText_GetMatrix(text, at, matrix)
            size = raw.FPDFText_GetFontSize(text, at) * math.hypot(matrix.c, matrix.d)
            turned = abs(matrix.b) > 0.2 * abs(matrix.a)
            raw.FPDFText_GetFillColor(text, at, *colour)
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
        letters.append(Letter(sign, size, bold, turned, white, "beside" if beside else unseen, owner, box))
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


def mark_without_ink(page: Any, letters: Sequence[Letter], raw: Any) -> None:
    """Mark the runs of letters where the rendered page shows nothing, or white letters on a light ground."""
    shown = [letter for letter in letters if not letter.unseen and letter.sign.strip()]
    if not shown:
        return
    width, height = page.get_size()
    scale = min(_SCALE, _RENDERED / max(width, height, 1.0))
    bitmap = page.render(scale=scale, grayscale=True)
    grey = np.asarray(bitmap.to_numpy()).reshape(bitmap.height, bitmap.width, -1)[:, :, 0].copy()
    bitmap.close()
    boxes = _pixel_boxes(page, shown, raw, grey.shape)
    unseen = np.array([not _is_seen(grey, box, letter.white) for box, letter in zip(boxes, shown, strict=True)])
    plain = np.array([not letter.white for letter in shown])
    if (unseen & plain).sum() > 0.5 * plain.sum():
        # Not hidden, but in a font that is neither in the file nor on this machine.
        unseen &= ~plain
    for start, end in _runs(shown):
        if unseen[start:end].mean() > 0.6:
            for letter in shown[start:end]:
                letter.unseen = "no ink"
    for before, letter in pairwise(letters):
        if not letter.sign.strip() and not letter.unseen:
            letter.unseen = before.unseen


def _pixel_boxes(page: Any, letters: Sequence[Letter], raw: Any, shape: tuple[int, ...]) -> list[tuple[int, ...]]:
    """The letters' boxes on the bitmap: left, top, right, bottom in pixels, at least one pixel large."""
    height, width = shape[0], shape[1]
    x, y = ctypes.c_int(), ctypes.c_int()
    boxes: list[tuple[int, ...]] = []
    for letter in letters:
        raw.FPDF_PageToDevice(page, 0, 0, width, height, 0, letter.box[0], letter.box[1], x, y)
        x0, y0 = x.value, y.value
        raw.FPDF_PageToDevice(page, 0, 0, width, height, 0, letter.box[2], letter.box[3], x, y)
        left, top = min(max(min(x0, x.value), 0), width - 1), min(max(min(y0, y.value), 0), height - 1)
        boxes.append(
            (
                left,
                top,
                max(min(max(x0, x.value) + 1, width), left + 1),
                max(min(max(y0, y.value) + 1, height), top + 1),
            )
        )
    return boxes


def _is_seen(grey: NDArray[np.uint8], box: Sequence[int], white: bool) -> bool:
    """Whether the bitmap shows a letter in a box (left, top, right, bottom in pixels)."""
    left, top, right, bottom = box
    ground = grey[top:bottom, left:right]
    if white:
        return float(ground.mean()) <= _DARK
    return int(ground.max()) - int(ground.min()) >= _INK


def _runs(letters: Sequence[Letter]) -> Iterator[tuple[int, int]]:
    """Spans of letters that belong to one text object: they are drawn alike."""
    start = 0
    for at in range(1, len(letters) + 1):
        if at == len(letters) or letters[at].owner != letters[start].owner:
            yield start, at
            start = at
