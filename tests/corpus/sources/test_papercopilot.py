from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guide.corpus.records import Paper, Skipped
from guide.corpus.sources.papercopilot import Papercopilot
from guide.errors import InputError

RECORD = {
    "id": "AbC123",
    "title": "On bridges",
    "abstract": "We build bridges of ice.",
    "status": "Poster",
    "keywords": "ice; bridges",
    "rating": "6;8;5",
    "site": "https://openreview.net/forum?id=AbC123",
}


def read(folder: Path, records: Any, name: str = "iclr2024.json") -> list[Paper | Skipped]:
    file = folder / name
    file.write_text(json.dumps(records))
    return [one for one in Papercopilot(file).read() if isinstance(one, Paper | Skipped)]


def test_a_submission_is_read_with_decision_and_ratings(tmp_path: Path) -> None:
    (found,) = read(tmp_path, [RECORD])
    assert isinstance(found, Paper)
    assert (found.id, found.venue, found.year) == ("or:AbC123", "ICLR", 2024)
    assert (found.decision, found.ratings, found.keywords) == ("Poster", (6.0, 8.0, 5.0), ("ice", "bridges"))


def test_the_file_names_venue_and_year_where_the_record_does_not(tmp_path: Path) -> None:
    (found,) = read(tmp_path, [{**RECORD, "site": "", "id": 7}], "nips2023.json")
    assert isinstance(found, Paper)
    assert (found.id, found.venue, found.year) == ("neurips2023:7", "NeurIPS", 2023)
    (own,) = read(tmp_path, [{**RECORD, "year": 2020, "venue": "Tiny"}], "list.json")
    assert isinstance(own, Paper)
    assert (own.venue, own.year) == ("Tiny", 2020)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"abstract": ""}, "abstract is empty"),
        ({"title": None}, "title is missing"),
        ({"rating": "good"}, "not a list of numbers"),
        ({"id": None, "site": None}, "id is missing"),
    ],
)
def test_a_broken_record_is_skipped_with_its_number(tmp_path: Path, change: dict[str, Any], reason: str) -> None:
    _, broken, after = read(tmp_path, [RECORD, {**RECORD, **change}, {**RECORD, "site": "openreview.net/forum?id=x"}])
    assert isinstance(broken, Skipped)
    assert broken.where.endswith("iclr2024.json:record 2")
    assert reason in broken.reason
    assert isinstance(after, Paper)


def test_a_record_that_is_no_object_is_skipped(tmp_path: Path) -> None:
    assert [type(one) for one in read(tmp_path, [1, RECORD])] == [Skipped, Paper]


@pytest.mark.parametrize(("text", "what"), [("{}", "no list of papers"), ("[1,", "is not JSON"), ("[" * 99999, "JSON")])
def test_other_json_is_an_error(tmp_path: Path, text: str, what: str) -> None:
    file = tmp_path / "iclr2024.json"
    file.write_text(text)
    with pytest.raises(InputError, match=what):
        list(Papercopilot(file).read())


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(sorted(RECORD)), inner, max_size=4),
    max_leaves=8,
)


@given(st.lists(json_values, max_size=5))
def test_any_list_is_delivered_or_counted(tmp_path_factory: pytest.TempPathFactory, records: list[Any]) -> None:
    assert len(read(tmp_path_factory.mktemp("pc"), records)) == len(records)
