import json

import pytest

from tests.replays import made_run


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    folder = tmp_path_factory.mktemp("run") / "run-2025"
    made_run(120, resamples=20).save(folder)
    return folder


def test_a_report_is_written_and_its_verdict_printed(cli, saved, tmp_path):
    done = cli("report", saved, "--out", tmp_path / "report")
    assert done.exit_code == 0, done.output
    assert done.stdout.startswith("On stripped text (120 submissions")
    assert "index.html" in done.stderr
    assert (tmp_path / "report" / "index.html").read_text().startswith("<!doctype html>")
    assert len(list((tmp_path / "report" / "figures").glob("*.png"))) == 8


def test_the_numbers_of_a_report_can_be_had_as_json(cli, saved, tmp_path):
    done = cli("report", saved, "--out", tmp_path, "--json")
    assert json.loads(done.stdout) == json.loads((tmp_path / "report.json").read_text())


def test_what_is_no_run_is_refused_in_one_line_that_says_how_to_make_one(cli, tmp_path):
    done = cli("report", tmp_path, "--out", tmp_path / "report")
    assert done.exit_code == 2
    assert "guide replay" in done.stderr
    assert not (tmp_path / "report").exists()
