import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from guide.advice.views.markdown import render_markdown
from tests.judgements import full_review, review

READER = MarkdownIt("commonmark", {"html": True}).enable("table").enable("strikethrough")


def _words(tokens):
    return "".join(
        child.content for token in tokens if token.type == "inline" for child in token.children if child.type == "text"
    )


def _headings(text):
    tokens = READER.parse(text)
    return [tokens[at + 1].content for at, token in enumerate(tokens) if token.type == "heading_open"]


def test_every_part_has_its_heading():
    assert _headings(render_markdown(full_review()))[1:] == [
        "What reviewers will ask, and what to change",
        "What stands well",
        "Closest work",
        "All concerns",
        "What in the text moves the estimate",
    ]


def test_a_finding_has_number_severity_reason_quote_change_and_effort():
    html = READER.render(render_markdown(full_review()))
    first = html[html.index("<ol>") : html.index("</ol>")]
    for said in (
        "<strong>major</strong>: Baselines (70%, usual 50%)",
        "Why: 27 of the 50 nearest were asked.",
        "Your text: “It beats every other count.”",
        "Do: Name the rival and run it. (medium effort)",
        "<strong>minor</strong>: No scale",
    ):
        assert said in first


def test_concerns_are_a_table_with_a_row_each():
    html = READER.render(render_markdown(full_review()))
    assert html.count("<tr>") == 1 + 2
    assert "<td>Baselines [and more]</td>" in html


def test_only_addresses_of_the_web_are_links():
    html = READER.render(render_markdown(full_review()))
    assert set(re.findall(r'href="([^"]*)"', html)) == {"https://example.org/p1"}


def test_an_address_cannot_end_its_link():
    item = full_review().evidence[0]
    odd = item.model_copy(update={"paper": item.paper.model_copy(update={"url": "https://example.org/a)(b c<d>"})})
    html = READER.render(render_markdown(full_review(evidence=(odd,))))
    assert 'href="https://example.org/a%29%28b%20c%3Cd%3E"' in html


def test_no_html_of_a_title_gets_through():
    html = READER.render(render_markdown(full_review()))
    assert "<script" not in html
    assert "&lt;script&gt;" in html


def test_a_review_with_nothing_found_says_so():
    text = render_markdown(review(findings=(), evidence=(), influences=()))
    assert "Nothing in this text makes any question likelier" in text
    assert "The literature has nothing to show" in text


signs = st.text(alphabet="ab1 #*_-+=.()[]<>`|~!&;$\\\n\t\"'/:@", min_size=1, max_size=40).filter(
    lambda one: one.strip()
)


@pytest.mark.parametrize("place", ["title", "sentence"])
@given(signs)
@settings(max_examples=150, deadline=None)
def test_any_text_is_printed_as_it_stands(place, written):
    plain = review(findings=(), evidence=(), influences=())
    if place == "title":
        shown = plain.model_copy(update={"proposal": plain.proposal.model_copy(update={"title": written})})
    else:
        shown = review(
            influences=(review().influences[0].model_copy(update={"sentence": written}),), findings=(), evidence=()
        )
    tokens = READER.parse(render_markdown(shown))
    inlines = [token for token in tokens if token.type == "inline"]
    wanted = " ".join(written.split())
    if place == "sentence":
        wanted = f"-3.0 points: {wanted}"
    found = [token for token in inlines if _words([token]) == wanted]
    assert found
    assert {child.type for child in found[0].children} <= {"text", "text_special"}
