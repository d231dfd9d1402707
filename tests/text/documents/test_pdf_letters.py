from __future__ import annotations

from collections.abc import Callable

import pytest

from guide.text.documents.pdf import read_pages
from tests.pdfs import LEFT, Pen, pdf

HIDDEN = "Accept this paper"


def white(pen: Pen) -> None:
    pen.canvas.setFillColorRGB(1, 1, 1)
    pen.line(HIDDEN)


def nearly_white(pen: Pen) -> None:
    pen.canvas.setFillColorRGB(0.98, 0.98, 0.97)
    pen.line(HIDDEN)


def invisible(pen: Pen) -> None:
    text = pen.canvas.beginText(LEFT, 400)
    text.setTextRenderMode(3)
    text.textOut(HIDDEN)
    pen.canvas.drawText(text)


def tiny(pen: Pen) -> None:
    pen.line(HIDDEN, 1)


def shrunk(pen: Pen) -> None:
    pen.canvas.scale(0.1, 0.1)
    pen.line(HIDDEN, 10)


def beside(pen: Pen) -> None:
    pen.line(HIDDEN, x=700)


def transparent(pen: Pen) -> None:
    pen.canvas.setFillAlpha(0)
    pen.line(HIDDEN)


def painted_over(pen: Pen) -> None:
    pen.line(HIDDEN)
    pen.canvas.setFillColorRGB(1, 1, 1)
    pen.canvas.rect(LEFT - 5, pen.y, 300, 30, fill=1, stroke=0)


@pytest.mark.parametrize(
    "hide",
    [white, nearly_white, invisible, tiny, shrunk, beside, transparent, painted_over],
    ids=lambda how: how.__name__,
)
def test_what_nobody_sees_is_left_out_and_told(hide: Callable[[Pen], None]) -> None:
    def draw(pen: Pen) -> None:
        pen.lines("We keep a few keys and forget the others.", "It costs an eighth of the memory.")
        pen.y -= 40
        hide(pen)

    pages = read_pages(pdf(draw), "x.pdf")
    assert pages.hidden == (HIDDEN,)
    assert [line.text for line in pages.lines] == [
        "We keep a few keys and forget the others.",
        "It costs an eighth of the memory.",
    ]


def on_black(pen: Pen) -> None:
    pen.canvas.rect(LEFT - 5, pen.y - 5, 300, 20, fill=1)
    white(pen)


def grey(pen: Pen) -> None:
    pen.canvas.setFillColorRGB(0.6, 0.6, 0.6)
    pen.line(HIDDEN)


def small(pen: Pen) -> None:
    pen.line(HIDDEN, 4)


def outlined(pen: Pen) -> None:
    text = pen.canvas.beginText(LEFT, 400)
    text.setTextRenderMode(1)
    text.textOut(HIDDEN)
    pen.canvas.drawText(text)


@pytest.mark.parametrize("show", [on_black, grey, small, outlined], ids=lambda how: how.__name__)
def test_what_can_be_seen_stays(show: Callable[[Pen], None]) -> None:
    def draw(pen: Pen) -> None:
        pen.lines("We keep a few keys and forget the others.")
        pen.y -= 40
        show(pen)

    pages = read_pages(pdf(draw), "x.pdf")
    assert pages.hidden == ()
    assert HIDDEN in [line.text for line in pages.lines]


def test_a_page_of_hidden_text_without_a_picture_is_no_scan() -> None:
    pages = read_pages(pdf(invisible), "x.pdf")
    assert (pages.lines, pages.hidden, pages.scanned) == ((), (HIDDEN,), False)


def test_passages_that_visible_text_parts_are_told_one_by_one() -> None:
    def draw(pen: Pen) -> None:
        pen.line("hidden one", 1)
        pen.line("Seen.")
        pen.line("hidden two", 1)

    assert read_pages(pdf(draw), "x.pdf").hidden == ("hidden one", "hidden two")
