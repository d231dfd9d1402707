import re
import xml.etree.ElementTree as ET

import matplotlib as mpl
import pytest

from guide.eval.report.drawing import FIRST, PALETTE, Figure, add_key, draw

PNG = b"\x89PNG\r\n\x1a\n"


def _paint(canvas):
    axes = canvas.subplots()
    axes.plot([0, 1, 2], [0, 0.5, 0.2], color=FIRST, label="a <line> & $more")
    axes.scatter([0.1234567, 1], [0.2, 0.3], color=PALETTE["second"], label="points")
    axes.set(xlabel="x", ylabel="share of $x_{")
    add_key(canvas, axes)


FIGURE = Figure("made", "A <made> figure", "How to read it", "A line & points", ("x", "y"), (("1", "2"),), _paint)


def _parse(svg):
    return ET.fromstring(svg)  # noqa: S314 - we drew it


def test_a_figure_is_a_png_and_an_svg_that_says_what_it_shows():
    drawing = draw(FIGURE, "one")
    assert drawing.png.startswith(PNG)
    svg = _parse(drawing.svg)
    assert svg.get("role") == "img"
    title, desc = svg.find("title"), svg.find("desc")
    assert (title.text, desc.text) == ("A <made> figure", "A line & points")
    assert svg.get("aria-labelledby").split() == [title.get("id"), desc.get("id")]


def test_every_colour_of_the_svg_is_one_that_the_page_can_change():
    svg = draw(FIGURE, "one").svg
    assert "var(--first)" in svg
    assert not re.findall(r"#[0-9a-f]{6}\b|rgb\(", svg)
    assert "<style" not in svg


def test_the_colours_of_the_palette_can_be_told_apart():
    assert len(set(PALETTE.values())) == len(PALETTE)


def test_text_stays_text_in_the_font_of_the_page_whatever_signs_it_has():
    svg = _parse(draw(FIGURE, "one").svg)
    words = [text.text for text in svg.iter("text")]
    assert "share of $x_{" in words
    assert "a <line> & $more" in words
    assert all("font-family" not in text.get("style", "") for text in svg.iter("text"))


def test_two_figures_on_one_page_share_no_id_and_refer_to_their_own():
    first, second = draw(FIGURE, "one").svg, draw(FIGURE, "two").svg
    ids = [set(re.findall(r' id="([^"]+)"', svg)) for svg in (first, second)]
    assert ids[0] and not ids[0] & ids[1]
    for svg, own in zip((first, second), ids, strict=True):
        used = set(re.findall(r'href="#([^"]+)"', svg)) | set(re.findall(r"url\(#([^)]+)\)", svg))
        assert used and used <= own


def test_a_figure_drawn_twice_has_the_same_bytes_and_leaves_the_users_settings_alone():
    with mpl.rc_context({"font.size": 31, "axes.facecolor": "yellow"}):
        before = dict(mpl.rcParams)
        first = draw(FIGURE, "one")
        assert dict(mpl.rcParams) == before
    assert draw(FIGURE, "one") == first


def test_a_figure_fits_a_phone_at_the_size_it_was_drawn_in():
    width = float(_parse(draw(FIGURE, "one").svg).get("viewBox").split()[2])
    assert width <= 345


def test_without_matplotlib_the_error_names_the_extra(monkeypatch):
    from guide.errors import GuideError

    monkeypatch.setitem(__import__("sys").modules, "matplotlib.figure", None)
    with pytest.raises(GuideError, match=r"guide-advisor\[report\]"):
        draw(FIGURE, "one")
