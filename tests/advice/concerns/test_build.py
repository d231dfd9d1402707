import json

import numpy as np
import pytest

from guide.advice.concerns import build
from guide.advice.concerns.forecast import load_forecast
from guide.advice.concerns.neighbours import load_reviewed
from guide.advice.concerns.records import read_submissions
from guide.advice.concerns.taxonomy import load_kinds
from guide.errors import InputError

COST, ABLATIONS = "The training time is not reported anywhere.", "An ablation study is missing for the second module."


def write_lines(path, records):
    path.write_text("".join(f"{json.dumps(record)}\n" for record in records), encoding="utf-8")
    return path


@pytest.fixture
def files(tmp_path):
    """Eighty made-up submissions, the last twenty held out; those with an odd number are asked about cost."""
    reviews = [
        {
            "id": f"paper{number}",
            "venue": "ICLR",
            "year": 2026 if number % 4 < 2 else 2025,
            "title": f"Submission  {number}",
            "abstract": "We study large networks. " if number % 2 else "We study bounds for small graphs.",
            "reviews": [
                {"rating": 5 - number % 2, "weaknesses": f"{COST if number % 2 else ABLATIONS} Compare with FooNet-2."},
                *({"rating": 6, "weaknesses": ABLATIONS if number % 8 == 1 else COST if number % 8 == 2 else "Good."},)
                * 3,
            ],
        }
        for number in range(80)
    ]
    splits = [{"id": f"paper{number}", "split": "test" if number >= 60 else "train"} for number in range(80)]
    return write_lines(tmp_path / "reviews.jsonl", reviews), write_lines(tmp_path / "submissions.jsonl", splits)


@pytest.fixture
def two_kinds(monkeypatch):
    kinds = tuple(kind for kind in load_kinds() if kind.id in ("ablations", "cost"))
    monkeypatch.setattr(build, "load_kinds", lambda: kinds)
    return [kind.id for kind in kinds]


def test_held_out_submissions_are_read_only_when_asked_for(files):
    assert [paper.id for paper in read_submissions(*files, "train")] == [f"paper{number}" for number in range(60)]
    assert [paper.id for paper in read_submissions(*files, "test")] == [f"paper{number}" for number in range(60, 80)]


def test_without_a_held_out_submission_nothing_is_read(files, tmp_path):
    unsplit = write_lines(tmp_path / "unsplit.jsonl", [{"id": "paper0", "split": "train"}])
    with pytest.raises(InputError, match="no submission has the split `test`"):
        read_submissions(files[0], unsplit, "train")


def test_a_name_that_the_submission_itself_has_is_no_request(files):
    paper = read_submissions(*files, "train")[0]
    assert paper.named() == {"FooNet-2"}
    assert (
        type(paper)(
            **{name: getattr(paper, name) for name in ("id", "venue", "weaknesses", "rating")},
            title="FooNet-2 revisited",
            abstract="More.",
        ).named()
        == set()
    )


def test_the_same_files_give_the_same_bytes_and_the_test_split_is_in_none(files, two_kinds, tmp_path):
    for folder in ("one", "two"):
        built = build.build_concerns(*files, tmp_path / folder)
    assert (built.submissions, built.names, built.newest) == (60, 1, "ICLR 2026")
    written = sorted(path.name for path in (tmp_path / "one").iterdir())
    assert len(written) == 4
    for name in written:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()
    assert set(load_reviewed(tmp_path / "one").ids) == {f"paper{number}" for number in range(60)}


def test_what_is_learnt_tells_the_made_up_submissions_apart(files, two_kinds, tmp_path):
    build.build_concerns(*files, tmp_path / "out")
    forecast, table = load_forecast(tmp_path / "out"), load_reviewed(tmp_path / "out")
    cost = two_kinds.index("cost")
    # Of eight submissions the four odd ones and one even one are asked about cost; half of each are of 2026.
    assert forecast.base_rates[cost] == pytest.approx(
        np.mean([number % 2 or number % 8 == 2 for number in range(60) if number % 4 < 2])
    )
    assert table.raised[1, cost] == 1
    assert table.raised[0, cost] == 0
