import json

import numpy as np
import pytest

from guide.calibration.base_rates import parse_venue
from guide.errors import InputError, ModelError
from guide.judging import JudgeRequest
from guide.student.distillation import distill
from guide.student.engine import load_student
from guide.student.parameters import load
from tests.submissions import submissions


@pytest.fixture(scope="module")
def decisions(tmp_path_factory):
    path = tmp_path_factory.mktemp("decisions") / "decisions.jsonl"
    records = submissions(years=(2020, 2021, 2022), a_year=320)
    path.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def trained(decisions, tmp_path_factory):
    folder = tmp_path_factory.mktemp("student")
    return distill(decisions, folder / "one", members=3, cache=folder / "cache")


def test_the_student_learns_what_the_words_tell(trained):
    figures = trained.card["time_split"]
    assert [year["year"] for year in figures] == [2021, 2022]
    assert all(year["auroc"] > 0.7 for year in figures)
    assert all(year["spearman"] > 0.4 for year in figures)


def test_the_same_seed_gives_the_same_bytes(trained, decisions):
    again = distill(decisions, trained.folder.parent / "two", members=3, cache=trained.folder.parent / "cache")
    for name in ("student.safetensors", "terms.txt", "student.json"):
        assert (again.folder / name).read_bytes() == (trained.folder / name).read_bytes()


def test_a_trained_student_loads_and_prefers_the_better_text(trained, encoder):
    engine = load_student(trained.folder, encoder=encoder)
    venue = parse_venue("ICLR-2025")
    answers = engine.judge(
        [
            JudgeRequest(
                "good",
                "Study of graph pooling",
                "The proof covers the general case. Results hold on unseen sites.",
                venue,
            ),
            JudgeRequest(
                "bad", "Study of graph pooling", "Only one small dataset was tried. The baseline is an old one.", venue
            ),
        ]
    )
    assert answers["good"].p_accept > answers["bad"].p_accept
    assert answers["good"].rating > answers["bad"].rating
    assert answers["good"].subscores["soundness"].percentile > answers["bad"].subscores["soundness"].percentile


def test_held_out_chances_are_calibrated_on_average(trained):
    parameters = load(trained.folder).parameters
    from guide.calibration.logistic import logit, sigmoid

    p = sigmoid(parameters.heldout_evidence.astype(float) + logit(parameters.heldout_base_rate.astype(float)))
    assert p.mean() == pytest.approx(parameters.heldout_accepted.mean(), abs=1e-4)


def test_the_card_says_what_it_was_trained_on(trained):
    card = json.loads((trained.folder / "student.json").read_text(encoding="utf-8"))
    assert card["years"] == [2020, 2021, 2022]
    assert len(card["data_sha256"]) == 64
    assert set(card["files"]) == {"student.safetensors", "terms.txt"}
    assert card["libraries"]["onnxruntime"]


def test_an_altered_file_is_refused(trained, tmp_path):
    for file in trained.folder.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    (tmp_path / "terms.txt").write_text("other\n", encoding="utf-8")
    with pytest.raises(ModelError, match="does not match the hash"):
        load(tmp_path)


def test_one_year_is_too_little_to_calibrate_on(tmp_path):
    path = tmp_path / "d.jsonl"
    path.write_text("".join(json.dumps(r) + "\n" for r in submissions(years=(2020,), a_year=320)), encoding="utf-8")
    with pytest.raises(InputError, match="two or more years"):
        distill(path, tmp_path / "out")


def test_presentation_is_trained_apart_and_moves_nothing_else(trained, decisions, tmp_path):
    random = np.random.default_rng(0)
    reviews = [
        {
            "id": f"r{n}",
            "venue": "ICLR",
            "year": 2026,
            "title": record["title"],
            "abstract": record["abstract"],
            "reviews": [{"presentation": int(random.integers(1, 5))}],
        }
        for n, record in enumerate(submissions(years=(2026,), a_year=200, seed=1))
    ]
    path = tmp_path / "reviews.jsonl"
    path.write_text("".join(json.dumps(record) + "\n" for record in reviews), encoding="utf-8")
    with_it = distill(decisions, tmp_path / "out", members=3, reviews=path, cache=trained.folder.parent / "cache")
    one, two = load(trained.folder).parameters, load(with_it.folder).parameters
    assert with_it.card["heads"] == [*trained.card["heads"], "presentation"]
    assert np.array_equal(one.dense[:2], two.dense[:2])
    assert np.array_equal(one.calibrator, two.calibrator)
    assert "not an input to rating or P(accept)" in with_it.card["presentation"]
