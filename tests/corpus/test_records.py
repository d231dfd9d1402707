from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guide.corpus.records import Paper, PeerReview, Section, Skipped, parse_paper, read_records, storable
from tests.corpus.fakes import paper

GOOD: dict[str, Any] = {"id": "x:1", "title": "On tests", "abstract": "They can fail.", "year": 2020}


def write(path: Path, *records: object) -> Path:
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    return path


def test_a_full_record_keeps_every_field(tmp_path: Path) -> None:
    record = {
        **GOOD,
        "venue": "ICLR",
        "posted": "2019-09",
        "url": "https://example.org",
        "keywords": ["a", "b"],
        "decision": "Accept (poster)",
        "ratings": [6, 8.5],
        "status": "unknown keys do no harm",
    }
    (found,) = read_records(write(tmp_path / "a.jsonl", record))
    expected = Paper("x:1", "On tests", "They can fail.", 2020, "ICLR", "2019-09", "https://example.org")
    assert found == replace(expected, keywords=("a", "b"), decision="Accept (poster)", ratings=(6.0, 8.5))


def test_the_smallest_record_gets_defaults(tmp_path: Path) -> None:
    (found,) = read_records(write(tmp_path / "a.jsonl", {**GOOD, "title": " On \n tests ", "posted": None}))
    assert found == Paper("x:1", "On tests", "They can fail.", 2020, "")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"id": None}, "id is missing"),
        ({"id": "  "}, "id is empty"),
        ({"title": 7}, "title is not a text"),
        ({"abstract": ""}, "abstract is empty"),
        ({"abstract": "a\0b"}, "abstract holds a NUL character"),
        ({"abstract": "\ud800"}, "abstract holds half of a surrogate pair"),
        ({"abstract": "x" * 100_001}, "abstract is longer than 100,000 characters"),
        ({"year": None}, "year is missing"),
        ({"year": "2020"}, "year is not a whole number"),
        ({"year": True}, "year is not a whole number"),
        ({"year": 20200}, "year is outside 1900-2100"),
        ({"posted": "2020-13"}, "posted is not a month written YYYY-MM"),
        ({"posted": "2020-1"}, "posted is not a month written YYYY-MM"),
        ({"posted": "2020-01\n2"}, "posted is not a month written YYYY-MM"),
        ({"venue": ["ICLR"]}, "venue is not a text"),
        ({"keywords": "a, b"}, "keywords is not a list"),
        ({"keywords": [1]}, "keywords holds something that is not a text"),
        ({"ratings": ["6"]}, "ratings holds something that is not a number"),
        ({"ratings": [float("nan")]}, "ratings holds a number that is not finite"),
        ({"ratings": [10**400]}, "ratings holds a number that is not finite"),
    ],
)
def test_a_bad_field_skips_the_record_and_says_why(tmp_path: Path, change: dict[str, Any], reason: str) -> None:
    path = write(tmp_path / "a.jsonl", {**GOOD, **change}, GOOD)
    skipped, kept = read_records(path)
    assert skipped == Skipped(f"{path}:1", reason)
    assert isinstance(kept, Paper)


def test_the_limit_counts_papers_not_lines(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", {}, {**GOOD, "id": "1"}, {}, {**GOOD, "id": "2"}, {**GOOD, "id": "3"})
    found = list(read_records(path, limit=2))
    assert [one.id for one in found if isinstance(one, Paper)] == ["1", "2"]
    assert len(found) == 4


def test_the_text_is_title_and_abstract() -> None:
    assert parse_paper(GOOD).text == "On tests. They can fail."


def test_the_hash_moves_with_every_field() -> None:
    first = paper(1, decision="Accept", ratings=(5.0,))
    changes: dict[str, Any] = {
        "id": "y", "title": "y", "abstract": "y", "year": 1999, "venue": "y", "posted": None, "url": None,
        "keywords": ("y",), "decision": None, "ratings": (1.0,),
        "sections": (Section("y", "y"),), "reviews": (PeerReview(rating=1.0),),
    }  # fmt: skip
    assert set(changes) == set(asdict(first))
    hashes = {replace(first, **{field: value}).content_hash for field, value in changes.items()}
    assert len(hashes | {first.content_hash}) == len(changes) + 1


def test_sections_and_reviews_are_read_and_checked() -> None:
    full = {
        **GOOD,
        "sections": [{"heading": "Method", "text": "We do."}],
        "reviews": [{"rating": 6, "strengths": "Clear."}],
    }
    read = parse_paper(full)
    assert read.sections == (Section("Method", "We do."),)
    assert read.reviews == (PeerReview(rating=6.0, strengths="Clear."),)
    for broken in ({"sections": ["x"]}, {"sections": [{"heading": "x"}]}, {"reviews": [{"rating": "six"}]}):
        with pytest.raises(ValueError):
            parse_paper({**GOOD, **broken})


texts = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0"), min_size=1).filter(str.strip)


@given(
    record=st.fixed_dictionaries(
        {"id": texts, "title": texts, "abstract": texts, "year": st.integers(1900, 2100)},
        optional={
            "venue": texts,
            "posted": st.from_regex(r"[0-9]{4}-(0[1-9]|1[0-2])", fullmatch=True).filter(str.isascii),
            "keywords": st.lists(texts),
            "ratings": st.lists(st.integers(1, 10) | st.floats(allow_nan=False, allow_infinity=False)),
        },
    )
)
def test_a_paper_comes_back_the_same_from_json(record: dict[str, Any]) -> None:
    first = parse_paper(record)
    again = parse_paper(json.loads(json.dumps(asdict(first))))
    assert again == first
    assert again.content_hash == first.content_hash
    assert storable(first) == first


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@given(record=st.fixed_dictionaries({}, optional=dict.fromkeys(asdict(paper(1)), json_values)))
def test_any_object_is_a_paper_or_a_reason(record: dict[str, Any]) -> None:
    try:
        assert isinstance(parse_paper(record), Paper)
    except ValueError as error:
        assert str(error)
