import csv
import json

import pytest

from tests.scoring.test_judging import STORE

RECORDS = [
    {"id": "a", "title": "Gates for long inputs", "abstract": "We propose a gate. It keeps what later layers ask for."},
    {"id": "b", "title": "Ice on roads", "abstract": "We forecast ice. Experiments on ten roads show that it helps."},
    {"id": "b", "title": "Ice on roads", "abstract": "A second record of one id."},
]


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "in.jsonl"
    path.write_text("".join(json.dumps(record) + "\n" for record in RECORDS), encoding="utf-8")
    return path


def test_a_folder_gets_lines_and_a_table_and_the_rest_is_told(cli, file, tmp_path):
    result = cli("score", file, "--out", tmp_path / "out", "--store", STORE, "-k", "3", "--cutoff", "2017-12")
    assert result.exit_code == 0, result.stderr
    assert "2 judged and 1 not" in result.stderr
    assert "1 not judged: unreadable: the id is not unique" in result.stderr
    assert "later than the cut-off" in result.stderr
    assert result.stdout == ""
    lines = (tmp_path / "out" / "scores.jsonl").read_text(encoding="utf-8").splitlines()
    rows = [json.loads(line) for line in lines]
    assert [row["id"] for row in rows] == ["a", "b", "b"]
    assert sorted(row["rank"] for row in rows[:2]) == [1, 2]
    assert [len(row["prior"]) for row in rows[:2]] == [3, 3]
    with (tmp_path / "out" / "scores.csv").open(encoding="utf-8", newline="") as handle:
        table = list(csv.DictReader(handle))
    assert [float(row["p_accept"]) for row in table[:2]] == [row["p_accept"] for row in rows[:2]]


def test_json_tells_the_run_and_a_second_run_computes_nothing(cli, file, tmp_path):
    first = json.loads(cli("score", file, "--out", tmp_path / "out.jsonl", "--json").stdout)
    assert (first["records"], first["judged"], first["computed"], first["kept"]) == (3, 2, 2, 0)
    again = json.loads(cli("score", file, "--out", tmp_path / "out.jsonl", "--json").stdout)
    assert (again["computed"], again["kept"]) == (0, 2)


def test_a_limit_counts_records_and_a_table_can_be_asked_for_alone(cli, file, tmp_path):
    assert cli("score", file, "--out", tmp_path / "out.csv", "--limit", "1").exit_code == 0
    assert len((tmp_path / "out.csv").read_text(encoding="utf-8").splitlines()) == 2
    assert not (tmp_path / "out.jsonl").exists()


def test_a_table_and_a_folder_of_texts_are_read(cli, tmp_path):
    (tmp_path / "in.csv").write_text("id,title,abstract\na,One,Text one.\n", encoding="utf-8")
    (tmp_path / "drafts").mkdir()
    (tmp_path / "drafts" / "idea.md").write_text("# An idea\n\nWe will try gates.\n", encoding="utf-8")
    for source, name in ((tmp_path / "in.csv", "a"), (tmp_path / "drafts", "idea.md")):
        assert cli("score", source, "--out", tmp_path / "out.jsonl").exit_code == 0
        assert [json.loads(line)["id"] for line in (tmp_path / "out.jsonl").read_text().splitlines()] == [name]


def test_a_dry_run_says_what_there_is_to_do_and_writes_nothing(cli, file, tmp_path):
    before = sorted(tmp_path.iterdir())
    result = cli("score", file, "--out", tmp_path / "out.jsonl", "--dry-run")
    assert result.exit_code == 0, result.stderr
    assert "3 records: 2 texts to judge, 0 judged before, 0 repeats, 1 not readable" in result.stdout
    assert "2 to judge by student" in result.stdout
    told = json.loads(cli("score", file, "--out", tmp_path / "out.jsonl", "--dry-run", "--json").stdout)
    assert (told["pending"], told["forecast"]["requests"]) == (2, 2)
    assert sorted(tmp_path.iterdir()) == before


def test_a_dry_run_of_a_language_model_loads_none_and_asks_no_server(cli, file, tmp_path):
    options = ("--engine", "openai", "--base-url", "http://localhost:1/v1", "--model", "small", "--price-in", "1")
    result = cli("score", file, "--out", tmp_path / "out.jsonl", "--dry-run", *options, "--price-out", "2")
    assert result.exit_code == 0, result.stderr
    assert "cost at most" in result.stdout


def test_a_source_of_two_words_is_a_venue_or_an_error(cli, tmp_path):
    result = cli("score", "one.jsonl", "two.jsonl", "--out", tmp_path / "out.jsonl")
    assert result.exit_code == 2
    assert "openreview VENUE" in result.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_missing_file_leaves_no_database_behind(cli, tmp_path):
    result = cli("score", tmp_path / "none.jsonl", "--out", tmp_path / "out.jsonl")
    assert result.exit_code == 2
    assert list(tmp_path.iterdir()) == []


def test_the_source_is_not_written_over(cli, file):
    before = file.read_bytes()
    assert cli("score", file, "--out", file).exit_code == 2
    assert file.read_bytes() == before


def test_a_source_that_is_not_there_is_named_though_the_output_is(cli, tmp_path):
    (tmp_path / "out").mkdir()
    result = cli("score", tmp_path / "none.jsonl", "--out", tmp_path / "out")
    assert result.exit_code == 2
    assert "there is no such file" in result.output


@pytest.mark.parametrize("name", ["scores.jsonl", "scores.csv"])
def test_a_source_that_a_file_of_the_output_folder_would_replace_is_refused(cli, tmp_path, name):
    source = tmp_path / name
    source.write_text("title,abstract\nOne,Text one.\n" if name.endswith("csv") else json.dumps(RECORDS[0]) + "\n")
    before = source.read_bytes()
    result = cli("score", source, "--out", tmp_path)
    assert result.exit_code == 2
    assert "would take the place of SOURCE" in result.output
    assert source.read_bytes() == before
    assert list(tmp_path.iterdir()) == [source]


@pytest.mark.parametrize("out", [".", "scores", "scores.csv", "deeper/scores.jsonl"])
def test_results_within_the_folder_that_is_judged_are_refused(cli, tmp_path, out):
    (tmp_path / "deeper").mkdir()
    (tmp_path / "idea.md").write_text("# An idea\n\nWe will try gates.\n", encoding="utf-8")
    before = sorted(tmp_path.rglob("*"))
    result = cli("score", tmp_path, "--out", tmp_path / out)
    assert result.exit_code == 2
    assert "--out lies in SOURCE" in result.output
    assert sorted(tmp_path.rglob("*")) == before


def test_of_many_reasons_the_first_are_listed_and_the_rest_counted(cli, tmp_path):
    rows = [",".join(["x"] * cells) for cells in range(4, 30)]
    (tmp_path / "in.csv").write_text("\n".join(["title,abstract", "One,Text one.", *rows]), encoding="utf-8")
    told = cli("score", tmp_path / "in.csv", "--out", tmp_path / "out.jsonl").stderr
    assert told.count("cells, the header 2") == 20
    assert "6 not judged for 6 other reasons" in told


def test_a_dry_run_leaves_an_empty_database_empty(cli, file, tmp_path):
    (tmp_path / "out.db").touch()
    assert cli("score", file, "--out", tmp_path / "out.db", "--dry-run").exit_code == 0
    assert (tmp_path / "out.db").stat().st_size == 0


def test_a_dash_is_not_taken_for_a_folder_to_write_to(cli, file, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert cli("score", file, "--out", "-").exit_code == 2
    assert list(tmp_path.iterdir()) == [file]
