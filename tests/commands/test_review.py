import json
from pathlib import Path

import jsonschema
import pytest

ROOT = Path(__file__).parent.parent.parent
IDEA = ROOT / "examples" / "idea.md"
SCHEMA = json.loads((ROOT / "docs" / "review.schema.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def reviewed():
    from guide.advisor import review_idea

    return review_idea(str(IDEA))


def test_the_example_is_reviewed_from_end_to_end(cli):
    result = cli("review", IDEA)
    assert result.exit_code == 0
    for said in ("P(accept)", "at ICLR-2027", "What reviewers will ask", "Do:", "Closest work"):
        assert said in result.output
    assert len(result.output.splitlines()) <= 24


def test_everything_is_shown_when_asked_for(cli):
    result = cli("review", IDEA, "--full")
    assert result.exit_code == 0
    for said in ("All concerns", "What in the text moves the estimate", "similarity", "store starter"):
        assert said in result.output


def test_what_an_edit_answered_is_told_beside_the_review(cli, tmp_path):
    old = tmp_path / "old.md"
    old.write_text(IDEA.read_text(encoding="utf-8"), encoding="utf-8")
    new = tmp_path / "new.md"
    new.write_text(f"{IDEA.read_text(encoding='utf-8')}\n\nWe will release the code.\n", encoding="utf-8")
    result = cli("review", new, "--compare", old)
    assert result.exit_code == 0
    assert result.output.count("P(accept)") == 2
    assert " -> " in result.output
    assert "still open" in result.output


def test_the_review_is_written_as_markdown_and_as_a_page(cli, tmp_path):
    result = cli("review", IDEA, "--markdown", "--html", tmp_path / "review.html")
    assert result.exit_code == 0
    assert result.output.startswith("# ")
    page = (tmp_path / "review.html").read_text(encoding="utf-8")
    assert page.startswith("<!doctype html>") or page.startswith("<!DOCTYPE html>")
    assert "What reviewers will ask" in page


def test_a_history_is_begun_and_then_compared_with(cli, tmp_path):
    history = tmp_path / "history.jsonl"
    assert cli("review", IDEA, "--history", history).exit_code == 0
    assert len(history.read_text(encoding="utf-8").splitlines()) == 1
    again = cli("review", IDEA, "--history", history)
    assert again.exit_code == 0
    assert "unchanged" in again.output.lower()


def test_json_is_valid_against_the_published_schema(cli):
    result = cli("review", IDEA, "--json")
    jsonschema.Draft202012Validator(SCHEMA).validate(json.loads(result.stdout))


def test_all_evidence_stands_in_the_store_word_for_word(reviewed):
    from guide.corpus.starter import starter_path
    from guide.corpus.store import Store

    with Store.open(starter_path()) as store:
        papers = store.papers([item.paper.id for item in reviewed.evidence])
    assert len(reviewed.evidence) == 8
    for item in reviewed.evidence:
        stored = papers[item.paper.id]
        assert (item.paper.title, item.paper.year, item.paper.venue, item.paper.url) == (
            stored.title,
            stored.year,
            stored.venue,
            stored.url,
        )


def test_findings_cite_only_the_evidence(reviewed):
    known = {item.paper.id for item in reviewed.evidence}
    known |= {paper.id for concern in reviewed.concerns for paper in concern.asked}
    assert all(set(finding.evidence) <= known for finding in reviewed.findings)


def test_quotes_stand_in_the_proposal(reviewed):
    text = " ".join(" ".join(reviewed.proposal.modules.values()).split())
    for finding in reviewed.findings:
        assert finding.quote is None or " ".join(finding.quote.split()) in text


def test_the_same_review_twice_is_the_same_to_the_byte(reviewed):
    from guide.advisor import review_idea

    assert review_idea(str(IDEA)).model_dump_json() == reviewed.model_dump_json()


def test_standard_input_is_read(cli):
    result = cli("review", "-", "--json", "--form", "idea", input=IDEA.read_bytes())
    found = json.loads(result.stdout)
    assert found["proposal"]["source"] == "-"
    assert found["proposal"]["form"] == "idea"
    assert found["proposal"]["form_stated"] is True


def test_the_json_form_is_read(cli):
    found = json.loads(cli("review", ROOT / "examples" / "idea.json", "--json").stdout)
    assert found["judgement"]["p_accept"] > 0
    assert set(found["proposal"]["modules"]) >= {"abstract", "method"}


def test_a_cut_off_leaves_later_work_out(cli):
    found = json.loads(cli("review", IDEA, "--cutoff", "2018-12", "--json").stdout)
    assert found["evidence"]
    assert all(item["paper"]["posted"] <= "2018-12" for item in found["evidence"])
    assert found["provenance"]["cutoff"] == "2018-12"


def test_a_venue_changes_the_base_rate_and_says_what_is_not_calibrated(cli):
    found = json.loads(cli("review", IDEA, "--venue", "NeurIPS-2024", "--json").stdout)
    assert found["judgement"]["calibration"]["base_rate"] == 0.258
    assert found["judgement"]["calibration"]["status"] == "not calibrated"
    assert found["judgement"]["p_correct"] is None


def test_three_words_get_an_answer_that_says_what_it_is_worth(cli):
    result = cli("review", "-", input="sparse neural networks")
    assert result.exit_code == 0
    assert "NOT CALIBRATED" in result.output


def test_another_language_gets_an_answer_that_says_what_it_is_worth(cli):
    text = (
        "# Kalibrierung\n\n" + "Wir möchten untersuchen, wann ein Sprachmodell seinen Quellen misstrauen sollte. " * 8
    )
    result = cli("review", "-", input=text)
    assert result.exit_code == 0
    assert "NOT CALIBRATED" in result.output


@pytest.mark.parametrize(
    ("content", "said"),
    [(b"", "empty"), (b"  \n ", "empty"), (b"\x00\x01\x02" * 50, "text"), (b"%PDF-1.7\n", "PDF")],
)
def test_what_cannot_be_read_is_one_clear_line(cli, tmp_path, content, said):
    file = tmp_path / "idea.md"
    file.write_bytes(content)
    result = cli("review", file)
    assert result.exit_code == 2
    assert result.output.startswith("guide: ") and len(result.output.splitlines()) == 1
    assert said in result.output


def test_fifty_megabytes_are_refused_at_once(cli, tmp_path):
    file = tmp_path / "idea.md"
    file.write_bytes(b"word " * 10_000_000)
    result = cli("review", file)
    assert result.exit_code == 2
    assert "MB" in result.output


@pytest.mark.parametrize(
    "arguments", [("--store", "nowhere"), ("--venue", "XYZ"), ("--cutoff", "lately"), ("--engine", "oracle")]
)
def test_an_option_that_cannot_be_used_is_one_clear_line(cli, arguments):
    result = cli("review", IDEA, *arguments)
    assert result.exit_code in (1, 2)
    assert len(result.output.splitlines()) == 1
    assert arguments[1] in result.output


def test_links_are_not_judged(cli):
    text = IDEA.read_text(encoding="utf-8")
    plain = json.loads(cli("review", "-", "--json", input=text).stdout)
    leaky = json.loads(
        cli("review", "-", "--json", input=text + "\n\nCode is available at https://example.org/x.\n").stdout
    )
    assert leaky["judgement"]["p_accept"] == pytest.approx(plain["judgement"]["p_accept"], abs=1e-6)
    assert any("not judged" in warning for warning in leaky["proposal"]["warnings"])
