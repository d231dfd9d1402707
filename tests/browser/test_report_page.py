"""The report as people meet it: on a phone, in the dark, on paper, with a keyboard, read aloud."""

from __future__ import annotations

import io
import itertools
import re
from collections import Counter
from pathlib import Path

import pytest
from pypdf import PdfReader

from tests.browser.conftest import DESKTOP, PHONE

FIGURES = 8  # of each of the two runs
WCAG = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"]

# The colours a reader sees, as [r, g, b], of elements and of the strokes and words of figures.
_COLOURS = """selector => [...document.querySelectorAll(selector)].map(one => {
  const style = getComputedStyle(one), parts = text => (text.match(/[\\d.]+/g) || []).slice(0, 3).map(Number);
  return {color: parts(style.color), fill: parts(style.fill), stroke: parts(style.stroke),
          background: parts(style.backgroundColor)};
})"""


def _luminance(colour):
    channels = [part / 255 for part in colour]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def _contrast(one, other):
    """WCAG 2.1's contrast ratio."""
    high, low = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def test_the_contrast_of_black_on_white_is_twenty_one():
    assert _contrast([0, 0, 0], [255, 255, 255]) == pytest.approx(21)
    assert _contrast([119, 119, 119], [255, 255, 255]) == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [PHONE, DESKTOP])
def test_axe_finds_nothing_against_wcag(opened, width, scheme):
    from axe_playwright_python.sync_playwright import Axe

    page = opened(width, scheme)
    # What is folded away is part of the page.
    page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
    # A figure is one image to a reader's aid; its thousand strokes would cost half a minute.
    strokes = {"exclude": [["figure svg > g"], ["figure svg > defs"]]}
    found = Axe().run(page, context=strokes, options={"runOnly": {"type": "tag", "values": WCAG}}).response
    broken = [
        (rule["id"], node["target"], node["failureSummary"]) for rule in found["violations"] for node in rule["nodes"]
    ]
    assert not broken
    assert {"color-contrast", "scrollable-region-focusable", "svg-img-alt"} <= {rule["id"] for rule in found["passes"]}


@pytest.mark.parametrize("width", [320, PHONE, 768, DESKTOP])
def test_the_page_itself_never_scrolls_sideways(opened, width):
    page = opened(width)
    page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_a_wide_table_scrolls_in_a_box_that_the_keyboard_reaches(opened):
    page = opened(PHONE)
    boxes = page.locator(".scroll")
    wide = [box for box in boxes.all() if box.evaluate("one => one.scrollWidth > one.clientWidth")]
    assert wide
    wide[0].focus()
    page.keyboard.press("ArrowRight")
    page.wait_for_timeout(500)  # it glides
    assert page.evaluate("document.activeElement.scrollLeft") > 0


def test_nothing_is_asked_of_any_network(browser, report):
    context = browser.new_context()
    page = context.new_page()
    asked, complaints = [], []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(report.as_uri(), wait_until="networkidle")
    page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
    page.wait_for_timeout(300)
    context.close()
    assert [url for url in asked if not url.startswith("data:")] == [report.as_uri()]
    assert not complaints


def test_dark_mode_changes_the_page_and_the_figures(opened):
    shown = {}
    for scheme in ("light", "dark"):
        page = opened(DESKTOP, scheme)
        shown[scheme] = (
            page.evaluate(_COLOURS, "body")[0]["background"],
            page.evaluate(_COLOURS, "figure.reliability svg text")[0]["fill"],
        )
    (light_paper, light_ink), (dark_paper, dark_ink) = shown["light"], shown["dark"]
    assert _luminance(light_paper) > 0.8 > 0.1 > _luminance(dark_paper)
    assert _luminance(light_ink) < 0.1 < 0.5 < _luminance(dark_ink)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_figures_can_be_read_in_light_and_in_dark(opened, scheme):
    page = opened(DESKTOP, scheme)
    paper = page.evaluate(_COLOURS, "body")[0]["background"]
    words = page.evaluate(_COLOURS, "figure svg text")
    assert len(words) > 100
    assert min(_contrast(word["fill"], paper) for word in words) >= 4.5
    # Of what carries meaning; the grid is meant to be faint.
    names = ("ink", "muted", "first", "second", "third", "fourth")
    values = page.evaluate(
        """names => names.map(name => {
          const probe = document.body.appendChild(document.createElement('span'));
          probe.style.color = `var(--${name})`;
          return getComputedStyle(probe).color.match(/[\\d.]+/g).slice(0, 3).map(Number);
        })""",
        list(names),
    )
    assert all(_contrast(value, paper) >= 3 for value in values), dict(zip(names, values, strict=True))


def test_the_words_of_a_figure_are_large_enough_on_a_phone(opened):
    page = opened(PHONE)
    sizes = page.evaluate(
        """() => [...document.querySelectorAll('figure svg text')].map(text => {
          const scale = text.ownerSVGElement.getBoundingClientRect().width / text.ownerSVGElement.viewBox.baseVal.width;
          return parseFloat(getComputedStyle(text).fontSize) * scale;
        })"""
    )
    assert min(sizes) >= 8.5


def test_no_word_of_a_figure_is_cut_off(opened):
    page = opened(DESKTOP)
    outside = page.evaluate(
        """() => [...document.querySelectorAll('figure svg text')].filter(text => {
          const word = text.getBoundingClientRect(), frame = text.ownerSVGElement.getBoundingClientRect();
          return word.left < frame.left - 2 || word.right > frame.right + 2 || word.top < frame.top - 2
            || word.bottom > frame.bottom + 2;
        }).map(text => text.textContent)"""
    )
    assert outside == []


def test_every_figure_has_a_name_and_a_description_for_those_who_do_not_see_it(opened):
    page = opened(DESKTOP)
    images = page.get_by_role("img").all()
    assert len(images) == 2 * FIGURES
    for image in images:
        told = image.evaluate(
            "one => one.getAttribute('aria-labelledby').split(' ').map(id => document.getElementById(id).textContent)"
        )
        assert len(told) == 2
        assert all(len(text) > 10 for text in told)


def test_headings_go_down_one_step_at_a_time(opened):
    levels = [
        int(name[1]) for name in opened().evaluate("[...document.querySelectorAll('h1,h2,h3,h4')].map(h => h.tagName)")
    ]
    assert levels[0] == 1 and Counter(levels)[1] == 1
    assert all(later <= earlier + 1 for earlier, later in itertools.pairwise(levels))


def test_on_paper_the_figures_are_there_and_what_was_folded_is_open(opened):
    page = opened(DESKTOP, "dark")
    paper = PdfReader(io.BytesIO(page.pdf(prefer_css_page_size=True)))
    width, height = (round(float(side) / 72 * 25.4) for side in paper.pages[0].mediabox[2:])
    assert (width, height) == (210, 297)
    text = " ".join("\n".join(sheet.extract_text() for sheet in paper.pages).split())
    for words in ("the best ... % of the ranking", "tenth of the ranking", "reviewers' mean rating"):
        assert text.count(words) >= 2, words  # words of the figures' axes, once a run
    assert re.search(r"made-\d+ (not )?accepted", text)  # the mistakes, folded on the screen
    assert "made-1, parameters 0123456789ab" in text
    page.emulate_media(media="print")
    assert _luminance(page.evaluate(_COLOURS, "body")[0]["background"]) in (0, 1)  # transparent or white
    assert _luminance(page.evaluate(_COLOURS, "figure svg text")[0]["fill"]) < 0.1
    heights = page.evaluate(
        "[...document.querySelectorAll('figure svg')].map(one => one.getBoundingClientRect().height)"
    )
    assert len(heights) == 2 * FIGURES and min(heights) > 50


def test_on_paper_no_table_is_cut_off(opened):
    page = opened(680)  # the width of what A4 leaves between the margins, in CSS pixels
    page.emulate_media(media="print")
    wide = page.evaluate(
        "[...document.querySelectorAll('table')].filter(one => one.getBoundingClientRect().right > 690)"
        ".map(one => one.parentElement.getAttribute('aria-labelledby') || one.getAttribute('aria-label'))"
    )
    assert wide == []


def test_the_page_is_one_file(report: Path, browser, tmp_path):
    alone = tmp_path / "alone.html"
    alone.write_bytes(report.read_bytes())
    context = browser.new_context(offline=True)
    page = context.new_page()
    page.goto(alone.as_uri())
    assert page.locator("figure svg").count() == 2 * FIGURES
    assert page.evaluate("getComputedStyle(document.querySelector('.verdict')).borderLeftWidth") == "4px"
    context.close()
