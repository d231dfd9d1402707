"""Whether a drawn PDF page has ink where its letters should stand.

White letters on a white ground have none, nor have letters under a picture or on a ground of their own colour. Drawing
a page of heavy figures takes seconds, so only pages are drawn on which a letter might be unseen: it is light, cut by a
clipping path, or shares its place with something filled. All drawing together has a budget of time; what it did not
suffice for is counted. Letters of a font without shapes, and text under other text, are not told from others.
"""

from __future__ import annotations

import ctypes
import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from guide.text.documents.pdf_letters import Letter

BUDGET = 1.5  # seconds for all pages of a file
LABEL = "label"  # why a letter of what may be a figure's label is not seen

_SCALE = 1.25  # pixels a point
_DRAWN = 1_200  # pixels of a drawn page's longer side, at most
_INK = 24  # grey levels (0-255) between the darkest and the lightest spot of a letter's box: less is not read
_LIGHT = 190  # grey level from which a letter may be lost on a white page
_DARK, _DARK_SHARE = 200, 0.3  # white letters are read on a ground of which so much is darker; text beneath covers less
_SMALLEST = 4.0  # points; what is narrower hides no letter
_MAX_OBJECTS = 20_000
_MAX_SEGMENTS = 20_000  # of a page's paths: pdfium does not let go of one begun, and 90,000 take four seconds
_LABEL_CHARACTERS = 60


@dataclass(slots=True)
class Drawing:
    """What is left of the time for drawing pages, and how many it did not suffice for."""

    seconds: float = BUDGET
    unchecked: int = 0


class _Cover(NamedTuple):
    """Something filled: its box in points, its place in the order of drawing, its grey level (-1: a picture)."""

    left: float
    bottom: float
    right: float
    top: float
    order: int
    grey: int


@dataclass(slots=True)
class _Survey:
    """The objects of a page: what is filled, when each text is drawn, and which texts are clipped."""

    covers: list[_Cover]
    texts: dict[int, int]
    clipped: set[int]
    whole: bool  # False where there were too many
    figure: bool
    segments: int = 0


def mark_without_ink(page: Any, letters: Sequence[Letter], raw: Any, drawing: Drawing) -> None:
    """Mark the runs of letters where the drawn page shows nothing.

    Args:
        page: a page of pypdfium2.
        letters: its own; their `unseen` is set.
        raw: pypdfium2's bindings.
        drawing: the time left, which is used up.
    """
    shown = [letter for letter in letters if not letter.unseen and letter.sign.strip()]
    if not shown:
        return
    survey = _survey(page, raw)
    if not _suspicious(shown, survey):
        return
    grey = None if survey.segments > _MAX_SEGMENTS else _drawn(page, raw, drawing)
    if grey is None:
        drawing.unchecked += 1
        # Not looked at, white letters are not read: they may be a label, and they may be meant for a model alone.
        for letter in letters:
            if letter.white and not letter.unseen:
                letter.unseen = LABEL
        return
    boxes = _pixel_boxes(page, shown, raw, grey.shape)
    unseen = np.array([not _is_seen(grey, box, letter.white) for box, letter in zip(boxes, shown, strict=True)])
    plain = np.array([not letter.white for letter in shown])
    if (unseen & plain).sum() > 0.5 * plain.sum():
        # Not hidden, but in a font that is neither in the file nor on this machine.
        unseen &= ~plain
    for start, end in _runs(shown):
        if unseen[start:end].mean() > 0.6:
            label = survey.figure and shown[start].white and end - start <= _LABEL_CHARACTERS
            for letter in shown[start:end]:
                letter.unseen = LABEL if label else "no ink"
    for before, letter in pairwise(letters):
        if not letter.sign.strip() and not letter.unseen:
            letter.unseen = before.unseen


def _suspicious(letters: Sequence[Letter], survey: _Survey) -> bool:
    if not survey.whole or any(letter.grey >= _LIGHT or letter.owner in survey.clipped for letter in letters):
        return True
    if not survey.covers:
        return False
    covers = np.array(survey.covers, dtype=np.float64)
    boxes = np.array([letter.box for letter in letters], dtype=np.float64)
    x, y = (boxes[:, 0] + boxes[:, 2]) / 2, (boxes[:, 1] + boxes[:, 3]) / 2
    drawn = np.array([survey.texts.get(letter.owner, -1) for letter in letters])
    grey = np.array([letter.grey for letter in letters])
    for left, bottom, right, top, order, ground in covers:
        over = (x > left) & (x < right) & (y > bottom) & (y < top)
        # What is drawn later may lie on the letters; what is drawn before hides those of its own shade.
        if (over & ((order > drawn) | (ground < 0) | (np.abs(grey - ground) < _INK))).any():
            return True
    return False


def _survey(page: Any, raw: Any) -> _Survey:
    survey = _Survey([], {}, set(), whole=True, figure=False)
    edges = [ctypes.c_float() for _ in range(4)]
    colour = [ctypes.c_uint() for _ in range(4)]
    width = ctypes.c_float()
    mode, stroked = ctypes.c_int(), ctypes.c_int()
    order = 0
    paths = 0
    for thing, matrix in _objects(page, raw):
        order += 1
        if order > _MAX_OBJECTS:
            survey.whole, survey.figure = False, True
            break
        kind = raw.FPDFPageObj_GetType(thing)
        if kind == raw.FPDF_PAGEOBJ_TEXT:
            address = ctypes.addressof(thing.contents)
            survey.texts[address] = order
            clip = raw.FPDFPageObj_GetClipPath(thing)
            if clip and raw.FPDFClipPath_CountPaths(clip) > 0:
                survey.clipped.add(address)
            continue
        if kind == raw.FPDF_PAGEOBJ_FORM:
            survey.figure = True
            continue
        if kind == raw.FPDF_PAGEOBJ_PATH:
            paths += 1
            survey.segments += max(0, raw.FPDFPath_CountSegments(thing))
        if not raw.FPDFPageObj_GetBounds(thing, *edges):
            continue
        box = _placed([edge.value for edge in edges], matrix)
        survey.figure |= kind != raw.FPDF_PAGEOBJ_PATH or paths > 30
        if box[2] - box[0] < _SMALLEST or box[3] - box[1] < _SMALLEST:
            continue
        grey = -1
        if kind == raw.FPDF_PAGEOBJ_PATH:
            raw.FPDFPath_GetDrawMode(thing, mode, stroked)
            thick = bool(stroked.value) and raw.FPDFPageObj_GetStrokeWidth(thing, width) and width.value >= _SMALLEST
            if mode.value:
                raw.FPDFPageObj_GetFillColor(thing, *colour)
            elif thick:
                raw.FPDFPageObj_GetStrokeColor(thing, *colour)
            else:
                continue
            if not colour[3].value:
                continue
            grey = round(sum(channel.value for channel in colour[:3]) / 3)
            survey.figure |= grey < _DARK
        survey.covers.append(_Cover(*box, order, grey))
    return survey


Matrix = tuple[float, float, float, float, float, float]
_SAME: Matrix = (1.0, 0.0, 0.0, 1.0, 0.0, 0.0)


def _objects(page: Any, raw: Any) -> Iterator[tuple[Any, Matrix]]:
    """Objects in the order of drawing, those within forms behind their form, each with what places it on the page."""
    own = raw.FS_MATRIX()
    waiting: list[tuple[Any, Matrix, int]] = [
        (raw.FPDFPage_GetObject(page, at), _SAME, 0)
        for at in reversed(range(min(raw.FPDFPage_CountObjects(page), 2 * _MAX_OBJECTS)))
    ]
    while waiting:
        thing, matrix, depth = waiting.pop()
        yield thing, matrix
        if depth < 8 and raw.FPDFPageObj_GetType(thing) == raw.FPDF_PAGEOBJ_FORM:
            raw.FPDFPageObj_GetMatrix(thing, own)
            inner = _times((own.a, own.b, own.c, own.d, own.e, own.f), matrix)
            count = min(raw.FPDFFormObj_CountObjects(thing), 2 * _MAX_OBJECTS)
            waiting += [(raw.FPDFFormObj_GetObject(thing, at), inner, depth + 1) for at in reversed(range(count))]


def _times(first: Matrix, second: Matrix) -> Matrix:
    a, b, c, d, e, f = first
    g, h, i, j, k, m = second
    return (a * g + b * i, a * h + b * j, c * g + d * i, c * h + d * j, e * g + f * i + k, e * h + f * j + m)


def _placed(edges: Sequence[float], matrix: Matrix) -> tuple[float, float, float, float]:
    left, bottom, right, top = edges
    a, b, c, d, e, f = matrix
    xs = [a * x + c * y + e for x in (left, right) for y in (bottom, top)]
    ys = [b * x + d * y + f for x in (left, right) for y in (bottom, top)]
    return min(xs), min(ys), max(xs), max(ys)


def _drawn(page: Any, raw: Any, drawing: Drawing) -> NDArray[np.uint8] | None:
    """The page in grey, None where the time did not suffice."""
    from pypdfium2 import PdfBitmap  # type: ignore[import-untyped, unused-ignore]

    if drawing.seconds <= 0:
        return None
    start = time.monotonic()
    width, height = page.get_size()
    scale = min(_SCALE, _DRAWN / max(width, height, 1.0))
    pixels = (max(1, math.ceil(width * scale)), max(1, math.ceil(height * scale)))
    bitmap = PdfBitmap.new_native(*pixels, raw.FPDFBitmap_Gray)
    raw.FPDFBitmap_FillRect(bitmap, 0, 0, bitmap.width, bitmap.height, 0xFFFFFFFF)
    end = start + drawing.seconds

    def late(_: Any) -> int:
        return int(time.monotonic() > end)

    pause = raw.IFSDK_PAUSE(version=1)
    raw_pause = type(pause.NeedToPauseNow)(late)
    pause.NeedToPauseNow = raw_pause
    flags = raw.FPDF_GRAYSCALE | raw.FPDF_ANNOT
    status = raw.FPDF_RenderPageBitmap_Start(bitmap, page, 0, 0, bitmap.width, bitmap.height, 0, flags, pause)
    raw.FPDF_RenderPage_Close(page)
    grey = np.asarray(bitmap.to_numpy()).reshape(bitmap.height, bitmap.width, -1)[:, :, 0].copy()
    bitmap.close()
    drawing.seconds -= time.monotonic() - start
    return grey if status == raw.FPDF_RENDER_DONE else None


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
        right, bottom = min(max(x0, x.value) + 1, width), min(max(y0, y.value) + 1, height)
        boxes.append((left, top, max(right, left + 1), max(bottom, top + 1)))
    return boxes


def _is_seen(grey: NDArray[np.uint8], box: Sequence[int], white: bool) -> bool:
    """Whether the bitmap shows a letter in a box (left, top, right, bottom in pixels)."""
    left, top, right, bottom = box
    ground = grey[top:bottom, left:right]
    if white:
        return float((ground < _DARK).mean()) >= _DARK_SHARE
    return int(ground.max()) - int(ground.min()) >= _INK


def _runs(letters: Sequence[Letter]) -> Iterator[tuple[int, int]]:
    """Spans of letters that belong to one text object: they are drawn alike."""
    start = 0
    for at in range(1, len(letters) + 1):
        if at == len(letters) or letters[at].owner != letters[start].owner:
            yield start, at
            start = at
