"""The way of a calibration for one's own venue through the commands, with the real student."""

import json

import pytest

from tests.submissions import submissions


@pytest.fixture(scope="module")
def coast(tmp_path_factory):
    from click.testing import CliRunner

    from guide.commands.calibrate import calibrate

    folder = tmp_path_factory.mktemp("coast")
    rows = [{**one, "abstract": one["abstract"] * 3} for one in submissions((2024, 2025), 150)]
    file = folder / "coast.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    arguments = [str(file), "--venue", "COAST", "--out", str(folder / "coast.json")]
    result = CliRunner().invoke(calibrate, arguments, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return folder / "coast.json", rows


@pytest.fixture
def idea(tmp_path, coast):
    path = tmp_path / "idea.json"
    path.write_text(json.dumps({"title": coast[1][0]["title"], "abstract": coast[1][0]["abstract"]}))
    return path


def review(cli, idea, *options):
    result = cli("review", idea, "--form", "paper", "--json", *options)
    assert result.exit_code == 0, result.stderr
    return json.loads(result.stdout)


def test_a_review_speaks_of_the_venue_it_is_calibrated_for(cli, coast, idea):
    found = review(cli, idea, "--calibration", coast[0])
    told = found["judgement"]["calibration"]
    assert (told["venue"], told["status"]) == ("COAST", "calibrated")
    assert told["base_rate"] == pytest.approx(json.loads(coast[0].read_text())["base_rate"], abs=1e-6)
    assert found["influences"]


def test_another_venue_gets_its_base_rate_and_a_doubt(cli, coast, idea):
    told = review(cli, idea, "--calibration", coast[0], "--venue", "NeurIPS-2024")["judgement"]["calibration"]
    assert (told["venue"], told["base_rate"], told["status"]) == ("NeurIPS-2024", 0.258, "not calibrated")
    assert "decisions of COAST" in told["reasons"][0]


def test_without_a_calibration_the_default_venue_stays(cli, idea):
    assert review(cli, idea)["judgement"]["calibration"]["venue"] == "ICLR-2027"


def test_scores_are_those_of_the_review(cli, coast, idea, tmp_path):
    file, out = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    file.write_text(json.dumps({"id": "a", "title": coast[1][0]["title"], "abstract": coast[1][0]["abstract"]}) + "\n")
    result = cli("score", file, "--out", out, "--calibration", coast[0])
    assert result.exit_code == 0, result.stderr
    scored = json.loads(out.read_text())
    whole = review(cli, idea, "--calibration", coast[0])["judgement"]
    assert scored["p_accept"] == pytest.approx(whole["p_accept"], abs=1e-6)
    assert scored["p_correct"] == pytest.approx(whole["p_correct"], abs=1e-6)
