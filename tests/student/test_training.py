import json

import numpy as np
import pytest

from guide.calibration.measures import auroc
from guide.errors import InputError
from guide.student.training import read_training_set, take
from tests.submissions import submissions


def _write(path, records):
    path.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")
    return path


def test_targets_are_centred_within_each_year(tmp_path):
    data = read_training_set(_write(tmp_path / "d.jsonl", submissions(years=(2018, 2019), a_year=60)), until=2024)
    for year in (2018, 2019):
        assert np.nanmean(data.quality[data.years == year]) == pytest.approx(0, abs=1e-12)
    assert data.shares.sum(axis=1) == pytest.approx(np.ones(120))
    assert auroc(data.quality, data.accepted) > 0.9


def test_leaks_are_stripped_from_the_text(tmp_path):
    records = submissions(years=(2018,), a_year=20)
    records[0]["abstract"] += " Code is available at https://example.org/x."
    data = read_training_set(_write(tmp_path / "d.jsonl", records), until=2024)
    assert not any("example.org" in s.text for s in data.submissions)


def test_what_is_left_out_is_counted_by_reason(tmp_path):
    records = submissions(years=(2018, 2025), a_year=20)
    records = [{**record, "symmetric": True} for record in records]
    del records[0]["symmetric"]
    records[1]["accepted"] = "yes"
    del records[2]["abstract"]
    path = _write(tmp_path / "d.jsonl", records)
    with path.open("a", encoding="utf-8") as file:
        file.write("not json\n")
    data = read_training_set(path, until=2024)
    assert len(data.submissions) == 17
    notes = "\n".join(data.notes)
    for said in (
        "20 records left out: later than 2024",
        "not symmetric",
        "no decision or year",
        "no title",
        "not JSON",
    ):
        assert said in notes


def test_scrambled_ratings_are_found_and_replaced_by_an_estimate(tmp_path):
    records = submissions(years=(2021, 2022, 2023), a_year=200)
    late = [record for record in records if record["year"] == 2023]
    ratings = [record["ratings"] for record in late]
    np.random.default_rng(0).shuffle(ratings)
    for record, shuffled in zip(late, ratings, strict=True):
        record["ratings"] = shuffled
    data = read_training_set(_write(tmp_path / "d.jsonl", records), until=2024)
    rows = data.years == 2023
    assert any("ratings of 2023 contradict" in note for note in data.notes)
    assert np.isnan(data.shares[rows]).all()
    assert auroc(data.quality[rows], data.accepted[rows]) > 0.9


def test_one_class_alone_cannot_be_learnt_from(tmp_path):
    records = [{**record, "accepted": True} for record in submissions(years=(2018,), a_year=20)]
    with pytest.raises(InputError, match="accepted and rejected"):
        read_training_set(_write(tmp_path / "d.jsonl", records), until=2024)


def test_taking_rows_takes_them_everywhere(tmp_path):
    data = read_training_set(_write(tmp_path / "d.jsonl", submissions(years=(2018, 2019), a_year=30)), until=2024)
    part = take(data, data.years == 2019)
    assert {s.year for s in part.submissions} == {2019}
    assert len(part.quality) == len(part.shares) == len(part.subscores["soundness"]) == 30


def test_leaks_stay_where_raw_text_is_asked_for(tmp_path):
    records = submissions(years=(2018,), a_year=20)
    records[0]["abstract"] += " Code is available at https://example.org/x."
    path = _write(tmp_path / "d.jsonl", records)
    raw, stripped = (read_training_set(path, until=2024, stripped=one) for one in (False, True))
    assert raw.submissions[0].text == records[0]["abstract"]
    assert raw.submissions[1:] == stripped.submissions[1:]
    assert np.array_equal(raw.quality, stripped.quality)
