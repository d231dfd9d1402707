from __future__ import annotations

from guide.text.documents.pdf_layout import read_pdf
from tests.pdfs import LEFT, Pen, pdf


def _title(draw: object) -> str:
    def page(pen: Pen) -> None:
        draw(pen)  # type: ignore[operator]
        pen.y = 600
        pen.heading("Abstract")
        pen.lines("We keep a few keys and forget the others.", "Each of them has a score.")

    return read_pdf(pdf(page), "x.pdf").title


def test_a_superscript_belongs_to_the_title() -> None:
    def draw(pen: Pen) -> None:
        pen.canvas.setFont("Times-Bold", 17)
        pen.canvas.drawString(LEFT, 660, "T")
        pen.canvas.setFont("Times-Bold", 11)
        pen.canvas.drawString(LEFT + 12, 667, "3")
        pen.canvas.setFont("Times-Bold", 17)
        pen.canvas.drawString(LEFT + 18, 660, ": Reducing Thought")

    assert _title(draw) == "T3: Reducing Thought"


def test_a_first_word_set_apart_by_a_logo_is_kept() -> None:
    def draw(pen: Pen) -> None:
        pen.canvas.setFont("Times-Bold", 14)
        pen.canvas.drawString(LEFT, 660, "KeyMix:")
        pen.canvas.setFont("Times-Bold", 17)
        pen.canvas.drawString(LEFT + 120, 660, "Data Recipes for Models")

    assert _title(draw) == "KeyMix: Data Recipes for Models"


def test_a_title_has_two_words_of_letters() -> None:
    def draw(pen: Pen) -> None:
        pen.line("-- - --", 24)
        pen.line("Caches that forget", 17, skip=20)

    assert _title(draw) == "Caches that forget"
    assert _title(lambda pen: pen.line("-- - --", 24)) == ""


def test_a_title_in_capitals_of_the_bodys_size_is_found() -> None:
    assert _title(lambda pen: pen.line("CACHES THAT FORGET KEYS", 10, bold=True)) == "CACHES THAT FORGET KEYS"
