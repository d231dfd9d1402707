"""PDF files made for tests: what is drawn is decided line by line."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from io import BytesIO
from typing import Any

WIDTH, HEIGHT = 612.0, 792.0
LEFT = 108.0


class Pen:
    """Writes lines down a page with reportlab; y is points from the lower edge."""

    def __init__(self, canvas: Any) -> None:
        self.canvas = canvas
        self.y = HEIGHT - 90

    def line(self, text: str, size: float = 10, *, bold: bool = False, x: float = LEFT, skip: float = 0) -> None:
        self.y -= skip
        self.canvas.setFont("Times-Bold" if bold else "Times-Roman", size)
        self.canvas.drawString(x, self.y, text)
        self.y -= 1.2 * size

    def lines(self, *texts: str, size: float = 10, skip: float = 8) -> None:
        for at, text in enumerate(texts):
            self.line(text, size, skip=0 if at else skip)

    def heading(self, text: str, size: float = 12) -> None:
        self.line(text, size, bold=True, skip=10)


def pdf(*pages: Callable[[Pen], None], title: str | None = None, password: str | None = None) -> bytes:
    """A PDF file with a page for each function that draws one."""
    from reportlab.pdfgen.canvas import Canvas

    file = BytesIO()
    canvas = Canvas(file, pagesize=(WIDTH, HEIGHT), encrypt=password, invariant=1)
    if title is not None:
        canvas.setTitle(title)
    for draw in pages:
        draw(Pen(canvas))
        canvas.showPage()
    canvas.save()
    return file.getvalue()


def text_pages(*pages: Sequence[str]) -> bytes:
    """A PDF file whose pages hold these lines in body type."""
    return pdf(*((lambda pen, lines=lines: pen.lines(*lines)) for lines in pages))


def paper(title: str | None = None) -> bytes:
    """A paper of two pages, as conferences set them."""

    def furniture(pen: Pen, number: int) -> None:
        pen.canvas.setFont("Times-Roman", 9)
        pen.canvas.drawString(LEFT, HEIGHT - 40, "Under review as a conference paper")
        pen.canvas.drawString(WIDTH / 2, 30, str(number))
        for row in range(12):
            pen.canvas.drawString(40, HEIGHT - 100 - 12 * row, f"{number - 1}{row:02d}")

    def first(pen: Pen) -> None:
        furniture(pen, 1)
        pen.line("Caches that forget", 17, bold=True)
        pen.line("what nobody asks for", 17, bold=True)
        pen.lines("A. Writer, B. Writer", "University of Somewhere")
        pen.heading("Abstract")
        pen.lines(
            "Long texts fill the memory of a model. We keep a few keys and for-", "get the others; the first layer"
        )
        pen.line("loses 3 % at an eighth of the cost.")
        pen.heading("1 Introduction")
        pen.lines("Memory is what limits long answers today.")
        pen.heading("2 SparseKey")
        pen.heading("2.1 Scores", 10)
        pen.lines("Each key has a score, the sum of what it was given.")
        pen.line("a label in a figure", 5)

    def second(pen: Pen) -> None:
        furniture(pen, 2)
        pen.lines("This sum is kept beside the cache and costs one number a key.")
        pen.heading("3 Experiments")
        pen.lines("We test it on four tasks.")
        pen.heading("References")
        pen.lines("A. Somebody. Keys and values. 2021.")

    return pdf(first, second, title=title)
