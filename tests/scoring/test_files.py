import csv
import json
import os
import threading

import pytest

from guide.errors import InputError
from guide.scoring.files import resolve_outputs, write_csv, write_jsonl

ROW = {
    "id": "a", "title": 'A "title", with commas', "rating": 5.5, "p_accept": 0.1, "p_correct": None, "status": "ok",
    "rank": 1, "interval_low": 0.05, "interval_high": 0.2, "interval_level": 0.9, "ratings": [0.5, 0.5],
    "calibration": "calibrated", "doubts": [], "prior": [{"id": "p1", "similarity": 0.5}],
    "self_excluded": ["p2"], "after_cutoff": 2,
    "signals": {"disagreement": 0.1, "entropy": 0.2, "coverage": None, "distance": 4.0, "citations": None},
}  # fmt: skip
FAILED = dict.fromkeys(ROW) | {"id": "b", "title": "Zoë\u2028", "status": "failed: no answer"}


@pytest.mark.parametrize(
    ("out", "expected"),
    [
        ("scores", ("scores/scores.db", "scores/scores.jsonl", "scores/scores.csv")),
        ("s.jsonl", ("s.db", "s.jsonl", None)),
        ("s.txt", ("s.db", "s.txt", None)),
        ("s.csv", ("s.db", None, "s.csv")),
        ("s.db", ("s.db", None, None)),
    ],
)
def test_the_name_says_what_is_written(tmp_path, out, expected):
    with resolve_outputs(tmp_path / out) as found:
        assert [path and str(path.relative_to(tmp_path)) for path in (found.database, found.jsonl, found.csv)] == list(
            expected
        )
        assert all(str(path.relative_to(tmp_path)) in expected for path in found.written)


def test_a_folder_with_a_point_in_its_name_is_a_folder(tmp_path):
    (tmp_path / "v1.0").mkdir()
    with resolve_outputs(tmp_path / "v1.0") as found:
        assert found.csv == tmp_path / "v1.0" / "scores.csv"


def test_a_missing_folder_is_said(tmp_path):
    with pytest.raises(InputError, match="mkdir -p"), resolve_outputs(tmp_path / "no" / "out.jsonl"):
        pass


def test_a_pipe_gets_its_lines_and_no_database_beside_it(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    got = []
    reader = threading.Thread(target=lambda: got.append(pipe.read_text(encoding="utf-8")))
    reader.start()
    with resolve_outputs(pipe) as found:
        assert found.database.parent != tmp_path
        write_jsonl(found.jsonl, [ROW])
    reader.join()
    assert json.loads(got[0])["id"] == "a"
    assert list(tmp_path.iterdir()) == [pipe]


def test_a_line_of_json_begins_as_it_always_did_and_holds_the_rest(tmp_path):
    write_jsonl(tmp_path / "out.jsonl", [ROW, FAILED])
    lines = (tmp_path / "out.jsonl").read_text(encoding="utf-8").split("\n")
    first, second = json.loads(lines[0]), json.loads(lines[1])
    assert list(first)[:6] == ["id", "title", "rating", "p_accept", "p_correct", "status"]
    assert first["interval"] == {"low": 0.05, "high": 0.2, "level": 0.9}
    assert (first["rank"], first["prior"]) == (1, [{"id": "p1", "similarity": 0.5}])
    assert (second["title"], second["interval"], second["rating"]) == ("Zoë\u2028", None, None)
    assert lines[2:] == [""]


def test_a_table_has_a_row_a_record_and_lists_as_json(tmp_path):
    write_csv(tmp_path / "out.csv", [ROW, FAILED])
    with (tmp_path / "out.csv").open(encoding="utf-8", newline="") as handle:
        first, second = csv.DictReader(handle)
    assert (first["title"], first["p_accept"], first["p_correct"]) == ('A "title", with commas', "0.1", "")
    assert (json.loads(first["prior"]), json.loads(first["ratings"])) == (ROW["prior"], [0.5, 0.5])
    assert (first["disagreement"], first["coverage"], first["after_cutoff"]) == ("0.1", "", "2")
    assert (second["status"], second["prior"], second["title"]) == ("failed: no answer", "", "Zoë\u2028")
