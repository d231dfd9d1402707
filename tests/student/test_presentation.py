import json

import pytest

from guide.errors import InputError
from guide.student.presentation import in_training_half, read_presentation


def _write(path, records):
    path.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")
    return path


def _record(number, **changed):
    return {
        "id": f"r{number}",
        "venue": "ICLR",
        "year": 2026,
        "title": "A  title",
        "abstract": "We test it. Code is at https://example.org.",
        "reviews": [{"presentation": 2}, {"presentation": 4}, {"rating": 6}],
        **changed,
    }


def test_only_one_half_of_the_submissions_is_read(tmp_path):
    found = read_presentation(_write(tmp_path / "r.jsonl", [_record(n) for n in range(200)]))
    kept = sum(in_training_half(f"r{n}") for n in range(200))
    assert len(found.texts) == kept
    assert 70 < kept < 130


def test_scores_are_averaged_and_texts_stripped(tmp_path):
    found = read_presentation(_write(tmp_path / "r.jsonl", [_record(n) for n in range(20)]))
    assert set(found.scores) == {3.0}
    assert set(found.texts) == {("A title", "We test it.")}
    assert found.description.startswith("ICLR 2026 reviews")


def test_reviews_without_presentation_are_refused(tmp_path):
    records = [_record(n, reviews=[{"rating": 5}]) for n in range(20)]
    with pytest.raises(InputError, match="no reviews with `presentation`"):
        read_presentation(_write(tmp_path / "r.jsonl", records))
