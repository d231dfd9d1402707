"""The page of a review as people meet it: on a phone, in the dark, on paper, with a keyboard, read aloud."""

from __future__ import annotations

import pytest

from guide.advice.views.page import render_page
from tests.browser.conftest import DESKTOP, PHONE
from tests.judgements import full_review

WCAG = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"]


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    path = tmp_path_factory.mktemp("review") / "review.html"
    path.write_text(render_page(full_review()), encoding="utf-8")
    return path


@pytest.fixture
def shown(browser, written):
    """Open the page: `shown(width, "dark")`."""
    contexts = []

    def open_page(width=DESKTOP, scheme="light"):
        context = browser.new_context(viewport={"width": width, "height": 800}, color_scheme=scheme, offline=True)
        contexts.append(context)
        page = context.new_page()
        page.goto(written.as_uri())
        page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
        return page

    yield open_page
    for context in contexts:
        context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [PHONE, DESKTOP])
def test_axe_finds_nothing_against_wcag(shown, width, scheme):
    from axe_playwright_python.sync_playwright import Axe

    found = Axe().run(shown(width, scheme), options={"runOnly": {"type": "tag", "values": WCAG}}).response
    assert not [
        (rule["id"], node["target"], node["failureSummary"]) for rule in found["violations"] for node in rule["nodes"]
    ]
    assert {"color-contrast", "svg-img-alt"} <= {rule["id"] for rule in found["passes"]}


@pytest.mark.parametrize("width", [320, PHONE, 768, DESKTOP])
def test_the_page_itself_never_scrolls_sideways(shown, width):
    assert shown(width).evaluate("document.documentElement.scrollWidth") <= width


def test_nothing_is_asked_of_any_network_and_nothing_complained_of(browser, written):
    context = browser.new_context()
    page = context.new_page()
    asked, complaints = [], []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("dialog", lambda dialog: complaints.append(dialog.message))
    page.goto(written.as_uri(), wait_until="networkidle")
    context.close()
    assert asked == [written.as_uri()]
    assert not complaints


def test_a_script_in_a_title_is_words_and_does_not_run(shown):
    page = shown()
    assert page.locator("script").count() == 0
    assert page.locator("h1").inner_text() == "Zebrafish <script>alert(1)</script> [draft]"
    assert page.locator("a[href^='javascript']").count() == 0


def test_the_policy_lets_no_script_run_even_if_one_got_in(browser, written, tmp_path):
    broken = tmp_path / "broken.html"
    page_text = written.read_text(encoding="utf-8")
    broken.write_text(page_text.replace("</main>", "<script>document.title = 'ran'</script></main>"), encoding="utf-8")
    context = browser.new_context(offline=True)
    page = context.new_page()
    page.goto(broken.as_uri())
    assert page.title().startswith("Review:")
    context.close()


def test_the_style_is_let_in_by_the_policy(shown):
    assert shown().evaluate("getComputedStyle(document.querySelector('.verdict')).borderLeftWidth") == "4px"


def test_a_finding_leads_to_its_sentence_and_back_with_the_keyboard(shown):
    page = shown()
    page.locator("#finding-1 blockquote a").focus()
    page.keyboard.press("Enter")
    sentence = page.locator("span:target")
    assert "It beats every other count." in sentence.inner_text()
    sentence.locator("a.note").focus()
    page.keyboard.press("Enter")
    assert page.locator("li:target").get_attribute("id") == "finding-1"


def test_influence_is_shown_by_a_mark_and_not_by_colour_alone(shown):
    page = shown()
    assert page.locator(".prose .raises-much .mark").inner_text() == "▲▲"
    assert page.locator(".prose .lowers-much .mark").inner_text() == "▼▼"
    colours = page.evaluate(
        "['.raises-much', '.lowers-much', '.lowers'].map(one => "
        "getComputedStyle(document.querySelector('.prose ' + one)).backgroundColor)"
    )
    assert len(set(colours)) == 3


def test_dark_mode_turns_the_page_dark(shown):
    backgrounds = {
        scheme: shown(DESKTOP, scheme).evaluate("getComputedStyle(document.body).backgroundColor")
        for scheme in ("light", "dark")
    }
    assert backgrounds == {"light": "rgb(255, 255, 255)", "dark": "rgb(15, 20, 25)"}


def test_no_word_of_a_figure_is_cut_off_or_too_small(shown):
    for width in (PHONE, DESKTOP):
        page = shown(width)
        bad = page.evaluate(
            """() => [...document.querySelectorAll('figure svg text')].filter(text => {
              const svg = text.ownerSVGElement;
              const word = text.getBoundingClientRect(), frame = svg.getBoundingClientRect();
              const size = parseFloat(getComputedStyle(text).fontSize) * frame.width / svg.viewBox.baseVal.width;
              return size < 8.5 || word.left < frame.left - 2 || word.right > frame.right + 2
                || word.top < frame.top - 2 || word.bottom > frame.bottom + 2;
            }).map(text => text.textContent)"""
        )
        assert bad == []


def test_on_paper_the_page_is_light_and_its_figures_are_there(shown):
    page = shown(680, "dark")
    page.emulate_media(media="print", color_scheme="dark")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    heights = page.evaluate("[...document.querySelectorAll('svg')].map(one => one.getBoundingClientRect().height)")
    assert len(heights) == 3 and min(heights) > 50
