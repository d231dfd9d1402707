"""The page as text: what stands in it, in which order, and that it asks for nothing. How it looks: tests/browser."""

import json
import math
import re
from collections import Counter
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from guide.errors import InputError
from guide.eval.bootstrap import Estimate
from guide.eval.report.page import render_page, write_report
from guide.eval.run import System
from tests.replays import made_run, replaced, without


@pytest.fixture(scope="module")
def run():
    return made_run(resamples=20)


@pytest.fixture(scope="module")
def page(run):
    return render_page([run])


class _Elements(HTMLParser):
    """Every element of a page with its attributes, and all its words."""

    def __init__(self, page):
        super().__init__()
        self.found, self.words = [], []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.words.append(data)

    @property
    def text(self):
        return " ".join(" ".join(self.words).split())


def test_the_page_can_ask_for_nothing(page):
    elements = _Elements(page).found
    assert not {tag for tag, _ in elements} & {"script", "img", "iframe", "object", "embed", "video", "audio", "base"}
    for tag, given in elements:
        assert not any(name in given for name in ("src", "srcset", "style") if tag in ("link", "img", "html", "body"))
        if tag == "link":
            assert given["href"].startswith("data:")
        if tag == "use":
            assert given["href"].startswith("#")
    policy = next(given["content"] for tag, given in elements if given.get("http-equiv") == "Content-Security-Policy")
    assert policy.startswith("default-src 'none';")
    assert not re.findall(r"@import|url\((?!#)", page)


def test_every_link_leads_into_the_page_or_to_openreview(page):
    elements = _Elements(page).found
    ids = {given["id"] for _, given in elements if "id" in given}
    links = [given["href"] for tag, given in elements if tag == "a"]
    outside = [link for link in links if not link.startswith("#")]
    assert {link[1:] for link in links if link.startswith("#")} <= ids
    assert outside
    assert all(re.fullmatch(r"https://openreview\.net/forum\?id=made\d+Xy", link) for link in outside)


def test_no_id_is_given_twice_and_every_reference_to_one_holds(run):
    elements = _Elements(render_page([run, replace(run, name="another")])).found
    ids = Counter(given["id"] for _, given in elements if "id" in given)
    assert not [name for name, times in ids.items() if times > 1]
    for _, given in elements:
        for name in (given.get("aria-labelledby") or "").split():
            assert name in ids


def test_what_a_file_is_called_or_holds_is_text_and_never_markup(run):
    evil = "<script>alert(1)</script>"
    submissions = tuple(
        replace(one, id=f"{evil}{at}", area=f"{evil} & $x_{{") for at, one in enumerate(run.submissions)
    )
    changed = replace(
        run, name=evil, submissions=submissions, notes=(evil,), dropped={evil: 1}, provenance={evil: {evil: [evil]}}
    )
    changed = replaced(changed, "length", note=evil)
    page = render_page([changed])
    assert "<script" not in page
    assert page.count("&lt;script&gt;") > 100


def test_stripped_text_comes_before_raw_and_a_balanced_set_behind_both(run):
    text = _Elements(render_page([replace(run, systems=tuple(reversed(run.systems)))])).text
    names = (
        "Stripped text",
        "Raw text, leaks included",
        "Balanced, stripped text",
        "Balanced, raw text, leaks included",
    )
    order = [text.index(f"{name}: how well it ranks") for name in names]
    assert order == sorted(order)
    assert "No venue accepts one half" in text


def test_who_learnt_from_leaks_and_who_read_the_papers_is_labelled(page):
    text = _Elements(page).text
    assert "trained-on-raw learnt from leaks" in text
    assert "one reviewer read the papers" in text


def test_a_system_without_figures_is_named_with_the_reason(page):
    assert "the same by construction: made-1 reads no prior work" in page


def test_the_figures_of_guides_paper_are_said_to_be_of_other_papers(page):
    text = _Elements(page).text
    assert "Other papers, other text: published in arXiv 2507.08870" in text
    assert "Not comparable line by line" in text
    assert "72.0" in text


def test_what_was_left_out_and_where_figures_come_from_is_there(page):
    text = _Elements(page).text
    for said in (
        "another record has the same text 4",
        "link 41",
        "submissions that found themselves, left out 17",
        "Literature cutoff: 2024-09",
        "store, papers 1000",
        "years 2017, 2018",
    ):
        assert said in text


def test_every_figure_has_a_name_a_description_and_its_numbers(page):
    figures = re.findall(r"<figure.*?</figure>", page, re.DOTALL)
    assert len(figures) == 8
    for figure in figures:
        assert re.search(r"<title id=\S+>[^<]{10,}</title>", figure)
        assert re.search(r"<desc id=\S+>[^<]{30,}</desc>", figure)
        assert re.search(r"<details.*<tbody>\s*<tr><th scope=\"row\">", figure, re.DOTALL)


def test_a_metric_that_nobody_told_the_page_of_is_shown_under_its_own_name(run):
    engine = run.system("guide", "stripped")
    page = render_page([replaced(run, "guide", metrics={**engine.metrics, "new_thing": Estimate(0.123, 0.1, 0.2)})])
    assert "new thing" in page and "0.123" in page


@pytest.mark.parametrize("missing", ["metrics", "probabilities", "confidence", "ratings", "areas", "rivals", "nan"])
def test_a_page_is_made_of_whatever_a_run_has(run, missing):
    few = replace(run, balanced=(), probes=(), retrieval={}, dropped={}, removed={}, notes=())
    if missing == "metrics":
        few = replaced(few, "guide", metrics={"auroc": Estimate(0.7, 0.6, 0.8)})
    elif missing == "probabilities":
        few = replaced(few, "guide", probabilities=None)
    elif missing == "confidence":
        few = replaced(few, "guide", confidence=None, entropy=None)
    elif missing == "ratings":
        few = replace(few, submissions=tuple(replace(one, ratings=()) for one in few.submissions))
    elif missing == "areas":
        few = replace(few, submissions=tuple(replace(one, area="", year=None) for one in few.submissions))
    elif missing == "rivals":
        few = replace(few, systems=tuple(one for one in few.systems if one.name == "guide"))
    else:
        nothing = Estimate(math.nan, math.nan, math.nan)
        few = replaced(few, "guide", metrics=dict.fromkeys(run.systems[0].metrics, nothing))
    text = _Elements(render_page([few])).text
    assert "nan" not in re.split(r"\W+", text.lower())
    assert "Verdict" in text


def test_a_run_without_an_engine_still_has_its_tables(run):
    text = _Elements(render_page([without(run, "guide")])).text
    assert "no engine with scores" in text
    assert "tfidf-logistic" in text


def test_an_engine_that_was_never_scored_is_no_engine(run):
    never = System("guide", "engine", "stripped", "not computed: no model")
    text = _Elements(render_page([replace(without(run, "guide"), systems=(never,))])).text
    assert "not computed: no model" in text


def test_several_runs_are_compared_before_each_has_its_section(run):
    other = replace(run, name="another")
    text = _Elements(render_page([run, other])).text
    assert "Side by side" in text and "Best baseline" in text
    assert text.index("The runs side by side") < text.index("On stripped text")


def test_a_report_is_a_page_its_figures_and_its_numbers_and_the_same_bytes_every_time(run, tmp_path):
    runs = [run, replace(run, name="another")]
    written = write_report(runs, tmp_path / "a" / "one")
    write_report(runs, tmp_path / "two")
    names = sorted(path.relative_to(tmp_path / "two") for path in (tmp_path / "two").rglob("*") if path.is_file())
    assert len(names) == 2 + 2 * 8
    for name in names:
        assert (tmp_path / "a" / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes(), name
    data = json.loads((tmp_path / "two" / "report.json").read_text(), parse_constant=pytest.fail)
    assert data == json.loads(json.dumps(written.data))
    assert data["runs"][0]["verdict"]["verdict"] == written.verdicts[0]
    assert data["runs"][0]["run"]["n"] == 300
    for figure in data["runs"][1]["figures"].values():
        assert (tmp_path / "two" / figure["file"]).is_file()


def test_runs_of_one_name_and_no_run_at_all_are_refused(run, tmp_path):
    with pytest.raises(InputError, match="made-2025"):
        write_report([run, run], tmp_path)
    with pytest.raises(InputError, match="no run"):
        write_report([], tmp_path)
    assert not list(tmp_path.iterdir())
