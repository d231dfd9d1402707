import re
from html.parser import HTMLParser

from guide.advice.views.page import render_page
from tests.judgements import calibration, full_review, judgement, review


class _Tags(HTMLParser):
    def __init__(self):
        super().__init__()
        self.tags, self.ids, self.links, self.words = [], [], [], []

    def handle_starttag(self, tag, attrs):
        values = dict(attrs)
        self.tags.append((tag, values))
        self.ids += [values["id"]] if "id" in values else []
        self.links += [values["href"]] if "href" in values else []

    def handle_data(self, data):
        self.words.append(data)


def _read(text):
    parsed = _Tags()
    parsed.feed(text)
    return parsed


def test_every_link_within_the_page_has_its_place_and_ids_are_unique():
    page = _read(render_page(full_review()))
    assert len(page.ids) == len(set(page.ids))
    within = {link[1:] for link in page.links if link.startswith("#")}
    assert within <= set(page.ids)
    assert {"finding-1", "sentence-3"} <= within


def test_other_links_lead_to_the_web_only():
    page = _read(render_page(full_review()))
    outside = {link for link in page.links if not link.startswith("#")}
    assert outside == {"https://example.org/p1", "https://example.org/r1"}


def test_there_is_no_script_and_nothing_is_loaded():
    page = _read(render_page(full_review()))
    assert not {tag for tag, _ in page.tags} & {"script", "img", "link", "iframe", "object", "embed"}
    assert not [name for _, values in page.tags for name in values if name.startswith("on") or name in ("src", "style")]


def test_a_finding_shows_what_it_rests_on():
    words = " ".join(" ".join(_read(render_page(full_review())).words).split())
    for said in (
        "1 major",
        "What is the strongest rival?",
        "Name the rival and run it.",
        "(medium effort)",
        "27 of the",
    ):
        assert said in words


def test_the_text_given_is_the_one_that_is_shaded():
    text = render_page(full_review(), {"idea": "It beats every other count. Other words."})
    prose = re.findall(r'<p class="prose">(.*?)</p>', text, re.DOTALL)
    assert len(prose) == 1
    assert "Other words." in prose[0] and 'href="#finding-1"' in prose[0]
    assert "We watch zebrafish." not in prose[0]


def test_an_uncalibrated_number_says_so():
    doubtful = calibration(status="not calibrated", reasons=("the text has 3 words",))
    text = render_page(review(judgement=judgement(calibration=doubtful)))
    assert "NOT CALIBRATED: the text has 3 words." in text
    assert "Of the 400" not in text


def test_a_review_with_nothing_found_says_so():
    text = render_page(review(findings=(), evidence=(), influences=()))
    assert "Nothing in this text makes any question likelier" in text
    assert "The literature has nothing to show" in text
    assert "BibTeX" not in text


def test_the_same_review_gives_the_same_page():
    assert render_page(full_review()) == render_page(full_review())


def test_the_page_is_small():
    style = re.search("<style>(.*?)</style>", render_page(full_review()), re.DOTALL)[1]
    assert len(style) < 12_000
