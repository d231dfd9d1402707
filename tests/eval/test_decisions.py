import gzip
import json
from collections import defaultdict

import numpy as np
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from guide.errors import InputError
from guide.eval.decisions import Decision, ratings_agree, read_decisions

GOOD = [
    {
        "id": "a",
        "title": "Sparse attention for tides",
        "abstract": "We study tides.",
        "accepted": True,
        "ratings": [6, 8],
    },
    {
        "id": "b",
        "title": "Graphs of rivers",
        "abstract": "We study rivers.",
        "accepted": False,
        "ratings": [3, 5],
        "year": 2024,
    },
]


def _write(path, records):
    lines = [record if isinstance(record, str) else json.dumps(record) for record in records]
    path.write_text("".join(line + "\n" for line in lines), encoding="utf-8")
    return path


def test_a_record_keeps_what_it_says(tmp_path):
    path = _write(tmp_path / "d.jsonl", GOOD)
    found = read_decisions(path)
    assert found.skipped == ()
    assert found.records[1] == Decision(
        id="b",
        title="Graphs of rivers",
        abstract="We study rivers.",
        accepted=False,
        ratings=(3.0, 5.0),
        year=2024,
        where=f"{path}:2",
    )
    assert found.records[0].year is None


def test_compressed_files_are_read_as_plain_ones_are(tmp_path):
    plain = _write(tmp_path / "d.jsonl", GOOD)
    packed, dense = tmp_path / "d.jsonl.gz", tmp_path / "d.jsonl.zst"
    packed.write_bytes(gzip.compress(plain.read_bytes()))
    dense.write_bytes(zstandard.ZstdCompressor().compress(plain.read_bytes()))
    titles = [[one.title for one in read_decisions(path).records] for path in (plain, packed, dense)]
    assert titles[0] == titles[1] == titles[2]


@pytest.mark.parametrize("identifier", [None, "", "  ", True, 1.5, ["x"]])
def test_a_record_without_a_usable_id_is_named_by_its_line(tmp_path, identifier):
    found = read_decisions(_write(tmp_path / "d.jsonl", [GOOD[0], {**GOOD[1], "id": identifier}]))
    assert [one.id for one in found.records] == ["a", "line-2"]


def test_a_number_is_an_id(tmp_path):
    found = read_decisions(_write(tmp_path / "d.jsonl", [{**GOOD[0], "id": 0}, {**GOOD[1], "id": 17}]))
    assert [one.id for one in found.records] == ["0", "17"]


@pytest.mark.parametrize(
    ("fields", "area", "predecision"),
    [
        ({}, "", None),
        ({"primary_area": "generative  models", "area": "other"}, "generative models", None),
        ({"area": "theory", "primary_area": " "}, "theory", None),
        ({"area": ["theory"]}, "", None),
        ({"abstract_predecision": " As it was. "}, "", "As it was."),
        ({"abstract_predecision": "As it was.", "abstract_version": "pre-decision"}, "", "As it was."),
        ({"abstract_version": "pre-decision"}, "", "We study tides."),
        ({"abstract_version": "final", "abstract_predecision": " "}, "", None),
        ({"abstract_predecision": 3}, "", None),
    ],
)
def test_the_area_and_the_abstract_before_the_decision_are_taken(tmp_path, fields, area, predecision):
    record = read_decisions(_write(tmp_path / "d.jsonl", [{**GOOD[0], **fields}, GOOD[1]])).records[0]
    assert (record.area, record.predecision, record.abstract) == (area, predecision, "We study tides.")


OTHER = {"id": "c", "title": "Another", "abstract": "Something else.", "accepted": True}


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        ({**OTHER, "title": " "}, "title is missing"),
        ({**OTHER, "title": 5}, "title is missing"),
        ({**OTHER, "abstract": None}, "abstract is missing"),
        ({**OTHER, "accepted": "yes"}, "accepted is not true or false"),
        ({**OTHER, "accepted": 1}, "accepted is not true or false"),
        ({**OTHER, "accepted": None}, "accepted is not true or false"),
        ({**OTHER, "ratings": [5, "6"]}, "ratings are not numbers from 0 to 10"),
        ({**OTHER, "ratings": [5, 11]}, "ratings are not numbers from 0 to 10"),
        ({**OTHER, "ratings": [-1]}, "ratings are not numbers from 0 to 10"),
        ({**OTHER, "ratings": [True]}, "ratings are not numbers from 0 to 10"),
        ({**OTHER, "ratings": [float("nan")]}, "ratings are not numbers from 0 to 10"),
        ({**OTHER, "ratings": "5,6"}, "ratings are not numbers from 0 to 10"),
        ({**OTHER, "ratings": ""}, "ratings are not numbers from 0 to 10"),
        ({**OTHER, "ratings": 6}, "ratings are not numbers from 0 to 10"),
        ({**OTHER, "id": "a"}, "the id is not unique"),
        ({**OTHER, "title": "GRAPHS of  rivers!", "abstract": "we study\nRivers."}, "another record has the same text"),
        ("{not json", "the line is not JSON"),
        ("[1]", "the line is not a JSON object"),
    ],
)
def test_a_bad_record_is_left_out_with_its_line_and_reason(tmp_path, bad, reason):
    path = _write(tmp_path / "d.jsonl", [*GOOD, bad])
    found = read_decisions(path)
    assert len(found.records) == 2
    (skipped,) = found.skipped
    assert (skipped.where, skipped.reason) == (f"{path}:3", reason)
    assert found.dropped == {reason: 1}


@pytest.mark.parametrize("ratings", [None, []])
def test_a_record_without_ratings_stays(tmp_path, ratings):
    found = read_decisions(_write(tmp_path / "d.jsonl", [*GOOD, {**OTHER, "ratings": ratings}]))
    assert found.records[2].ratings == ()


def test_a_title_may_come_twice_with_another_abstract(tmp_path):
    found = read_decisions(_write(tmp_path / "d.jsonl", [*GOOD, {**OTHER, "title": GOOD[0]["title"]}]))
    assert len(found.records) == 3


def test_a_limit_counts_usable_records(tmp_path):
    path = _write(tmp_path / "d.jsonl", ["{not json", *GOOD, OTHER, "{not json"])
    found = read_decisions(path, limit=2)
    assert [one.id for one in found.records] == ["a", "b"]
    assert [item.where for item in found.skipped] == [f"{path}:1"]


@pytest.mark.parametrize(
    ("records", "message"),
    [
        ([], "holds no records"),
        (["{not json", {"title": "x"}], "none of 2 records can be used; the first: the line is not JSON"),
        ([GOOD[0]], "all 1 usable records are accepted"),
        ([GOOD[1], {**GOOD[1], "id": "c", "title": "Lakes"}], "all 2 usable records are not accepted"),
    ],
)
def test_a_file_that_cannot_be_replayed_is_an_error_that_names_it(tmp_path, records, message):
    path = _write(tmp_path / "d.jsonl", records)
    with pytest.raises(InputError, match=message) as error:
        read_decisions(path)
    assert error.value.where == str(path)
    assert error.value.fix


def test_a_missing_file_is_an_error(tmp_path):
    with pytest.raises(InputError, match="cannot be read"):
        read_decisions(tmp_path / "none.jsonl")


values = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.lists(st.integers(0, 10))
FIELDS = (
    *("id", "title", "abstract", "accepted", "ratings", "year", "area"),
    *("primary_area", "abstract_predecision", "abstract_version"),
)


@given(st.lists(st.dictionaries(st.sampled_from(FIELDS), values), max_size=8))
def test_whatever_the_records_hold_each_is_used_or_counted(tmp_path_factory, records):
    path = _write(tmp_path_factory.mktemp("any") / "d.jsonl", [*GOOD, *records])
    found = read_decisions(path)
    assert len(found.records) + len(found.skipped) == len(records) + 2
    assert len({one.id for one in found.records}) == len(found.records)
    assert all(0 <= rating <= 10 for one in found.records for rating in one.ratings)


def _decisions(ratings, accepted):
    pairs = enumerate(zip(ratings, accepted, strict=True))
    return [Decision(str(row), "t", "x", took, tuple(given), None, f"d.jsonl:{row}") for row, (given, took) in pairs]


def test_ratings_that_decide_agree_and_scrambled_ones_do_not():
    random = np.random.default_rng(0)
    ratings = random.integers(1, 11, size=(300, 3)).astype(float)
    accepted = ratings.mean(axis=1) + 0.3 * random.normal(size=300) > 6
    assert ratings_agree(_decisions(ratings, accepted.tolist())) > 0.95
    scrambled = ratings_agree(_decisions(random.permutation(ratings), accepted.tolist()))
    assert 0.4 < scrambled < 0.6


def test_records_without_ratings_take_no_part_in_the_agreement():
    assert ratings_agree(_decisions([[8], [], [3]], [True, False, False])) == 1
    assert ratings_agree(_decisions([[], []], [True, False])) is None
    assert ratings_agree(_decisions([[5], [6]], [True, True])) is None
    assert ratings_agree([]) is None


@pytest.mark.data
def test_of_the_real_records_only_the_ratings_of_2023_are_scrambled(data_dir):
    from guide.corpus.jsonl import Skipped, read_jsonl

    years = defaultdict(list)
    for line in read_jsonl(data_dir / "iclr-decisions.jsonl.zst"):
        assert not isinstance(line, Skipped)
        number, record = line
        if record.get("symmetric"):
            rated = tuple(record.get("ratings") or ())
            years[record["year"]].append(Decision(str(number), "t", "x", record["accepted"], rated, None, "d"))
    agreement = {year: ratings_agree(records) for year, records in years.items()}
    scrambled = {year for year, found in agreement.items() if found is not None and found < 0.8}
    assert scrambled == {2023}


@pytest.mark.data
def test_the_real_replay_file_is_read_whole(data_dir):
    found = read_decisions(data_dir / "iclr2025-replay.jsonl")
    assert (len(found.records), len(found.skipped)) == (513, 0)
    assert np.mean([one.accepted for one in found.records]) == pytest.approx(0.32, abs=0.001)
    assert ratings_agree(found.records) > 0.9
