from __future__ import annotations

import importlib
import re
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from guide.errors import InputError
from guide.text.documents import pdf as module
from guide.text.documents.pdf import read_pages
from tests.pdfs import HEIGHT, LEFT, Pen, pdf, text_pages


def test_lines_come_with_their_place_and_type() -> None:
    def draw(pen: Pen) -> None:
        pen.line("Large and bold", 20, bold=True)
        pen.line("Small and plain", 10)

    large, small = read_pages(pdf(draw), "x.pdf").lines
    assert (large.text, large.size, large.bold, large.page) == ("Large and bold", pytest.approx(20), True, 0)
    assert (small.text, small.size, small.bold) == ("Small and plain", pytest.approx(10), False)
    assert large.bottom > small.top
    assert small.left == pytest.approx(LEFT / 612, abs=0.01)


def test_a_hyphen_at_the_end_of_a_line_is_told_and_one_within_stays() -> None:
    first, second = read_pages(text_pages(["A well-known exam-", "ple."]), "x.pdf").lines
    assert (first.text, first.hyphen) == ("A well-known exam", True)
    assert (second.text, second.hyphen) == ("ple.", False)


def test_ligatures_are_taken_apart() -> None:
    def draw(pen: Pen) -> None:
        from reportlab.pdfbase.pdfmetrics import registerFont
        from reportlab.pdfbase.ttfonts import TTFont

        registerFont(TTFont("Vera", "Vera.ttf"))  # comes with reportlab
        pen.canvas.setFont("Vera", 10)
        pen.canvas.drawString(LEFT, 500, "The \ufb01rst \ufb02oor")

    assert [line.text for line in read_pages(pdf(draw), "x.pdf").lines] == ["The first floor"]


def test_columns_on_one_base_line_are_two_lines() -> None:
    def draw(pen: Pen) -> None:
        pen.canvas.drawString(100, 500, "left column")
        pen.canvas.drawString(400, 500, "right column")

    assert [line.text for line in read_pages(pdf(draw), "x.pdf").lines] == ["left column", "right column"]


def test_turned_lines_are_counted_and_not_read_and_a_page_on_its_side_is() -> None:
    def margin(pen: Pen) -> None:
        pen.lines("The text of the page stands upright.")
        pen.canvas.rotate(90)
        pen.canvas.drawString(300, -30, "arXiv:1234.5678")

    def table(pen: Pen) -> None:
        pen.canvas.rotate(90)
        pen.canvas.drawString(100, -300, "A whole page")
        pen.canvas.drawString(100, -320, "on its side")

    upright = read_pages(pdf(margin), "x.pdf")
    assert ([line.text for line in upright.lines], upright.turned) == (["The text of the page stands upright."], 1)
    sideways = read_pages(pdf(table), "x.pdf")
    assert ([line.text for line in sideways.lines], sideways.turned) == (["A whole page", "on its side"], 0)


def test_pages_past_the_limit_are_not_read_and_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_PAGES", 2)
    pages = read_pages(text_pages(["One."], ["Two."], ["Three."]), "x.pdf")
    assert ([line.text for line in pages.lines], pages.read, pages.pages) == (["One.", "Two."], 2, 3)


def test_a_scan_is_read_by_what_was_recognised_in_it() -> None:
    def scan(pen: Pen) -> None:
        from PIL import Image

        pen.canvas.drawInlineImage(Image.new("L", (60, 80), 200), 0, 0, 612, 792)
        text = pen.canvas.beginText(LEFT, 500)
        text.setTextRenderMode(3)
        text.textLine("Words that a program saw in the picture.")
        pen.canvas.drawText(text)

    pages = read_pages(pdf(scan), "x.pdf")
    assert [line.text for line in pages.lines] == ["Words that a program saw in the picture."]
    assert (pages.scanned, pages.hidden) == (True, ())


def test_a_file_with_a_password_says_how_to_take_it_off() -> None:
    with pytest.raises(InputError, match="asks for a password") as caught:
        read_pages(pdf(lambda pen: pen.lines("Secret."), password="word"), "x.pdf")  # noqa: S106
    assert caught.value.fix is not None and "qpdf --decrypt" in caught.value.fix


def test_a_damaged_file_is_an_input_error() -> None:
    whole = text_pages(["One.", "Two."])
    for broken in (whole[:9], whole[: len(whole) // 3], b"%PDF-1.7\n" + b"x" * 500):
        with pytest.raises(InputError, match="damaged") as caught:
            read_pages(broken, "x.pdf")
        assert caught.value.where == "x.pdf" and caught.value.fix


@settings(max_examples=40)
@given(st.data())
def test_whatever_bytes_are_spoilt_a_file_is_read_or_refused(data: st.DataObject) -> None:
    whole = bytearray(text_pages(["A line of words."], ["Another page."]))
    for at in data.draw(st.lists(st.integers(9, len(whole) - 1), min_size=1, max_size=30)):
        whole[at] = data.draw(st.integers(0, 255))
    try:
        pages = read_pages(bytes(whole), "x.pdf")
    except InputError as error:
        assert re.search("damaged|password", error.what)
    else:
        assert pages.pages >= 1


def test_without_the_package_the_fix_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pypdfium2", None)
    with pytest.raises(InputError, match="pypdfium2") as caught:
        importlib.reload(module).read_pages(text_pages(["One."]), "x.pdf")
    assert caught.value.fix == "pip install 'guide-advisor[formats]'"


def test_a_page_whose_origin_is_elsewhere_is_read_the_same() -> None:
    def draw(pen: Pen) -> None:
        pen.canvas.setCropBox((100, 400, 500, HEIGHT))
        pen.canvas.drawString(150, 600, "Within the crop box.")
        pen.canvas.drawString(150, 100, "Cropped away.")

    pages = read_pages(pdf(draw), "x.pdf")
    (line,) = pages.lines
    assert line.text == "Within the crop box."
    assert (line.left, line.bottom) == (pytest.approx(0.125, abs=0.01), pytest.approx(200 / 392, abs=0.02))
    assert pages.hidden == ("Cropped away.",)
