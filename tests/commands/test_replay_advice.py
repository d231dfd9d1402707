import json

from tests.advice.concerns.test_build import files  # noqa: F401 - a fixture


def test_a_replay_measures_the_held_out_submissions_alone(cli, files):  # noqa: F811
    result = cli("replay-advice", *files, "--resamples", "100", "--json")
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert (found["n"], found["rated"], len(found["kinds"])) == (20, 20, 29)
    cost = next(kind for kind in found["kinds"] if kind["id"] == "cost")
    assert 0.5 < cost["base_rate"] < 0.7  # every odd submission and each eighth


def test_files_without_a_held_out_submission_are_an_error_of_one_line(cli, files):  # noqa: F811
    result = cli("replay-advice", files[0], files[0])
    assert result.exit_code == 2
    assert "no submission has the split `test`" in result.output
