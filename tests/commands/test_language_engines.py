"""Language models behind the commands: a real one run by transformers, and one behind a local server."""

import json
from pathlib import Path

import jsonschema
import pytest

from guide.corpus.starter import starter_path
from tests.llm.llm_server import serve
from tests.llm.test_reasoner import REVIEW
from tests.llm.tiny_models import make_qwen2

ROOT = Path(__file__).parent.parent.parent
IDEA = ROOT / "examples" / "idea.md"
SCHEMA = json.loads((ROOT / "docs" / "review.schema.json").read_text(encoding="utf-8"))
KEY = "sk-of-the-tests-0123456789"


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    return make_qwen2(tmp_path_factory.mktemp("qwen2"), context=16_384)


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setenv("GUIDE_API_KEY", KEY)
    with serve(ignores=("logprobs",)) as served:
        served.answer = lambda prompt, seed: json.dumps({"rating": "EFG"[seed % 3], **REVIEW})
        yield served


def test_a_model_run_by_transformers_reviews_the_example(cli, tiny):
    options = ("--engine", "transformers", "--model", tiny, "--device", "cpu", "--runs", "2", "--thinking", "24")
    result = cli("review", IDEA, *options, "--json")
    assert result.exit_code == 0, result.stderr
    review = json.loads(result.stdout)
    jsonschema.Draft202012Validator(SCHEMA).validate(review)
    assert [run["budget"] for run in review["reasoning"]["runs"]] == [24, 24]
    assert review["judgement"]["p_correct"] is None
    shown = cli("review", IDEA, *options)
    assert "NOT CALIBRATED" in shown.stdout
    assert "How the model came to it" in shown.stdout


def test_a_server_reviews_the_example_and_its_key_is_shown_nowhere(cli, server):
    options = ("--engine", "openai", "--base-url", server.url, "--model", "small")
    result = cli("review", IDEA, *options, "--json")
    assert result.exit_code == 0, result.stderr
    review = json.loads(result.stdout)
    assert review["judgement"]["rating"] == pytest.approx(6.0)
    claims = [finding["claim"] for finding in review["findings"] if "compresses papers, too" in finding["claim"]]
    assert len(claims) == 1
    assert review["reasoning"]["dropped"] == {"evidence dropped": 1, "names restored": 1, "quotes dropped": 1}
    assert set(server.authorizations) == {f"Bearer {KEY}"}
    assert KEY not in result.stdout + result.stderr


def test_scores_of_a_server_stand_under_their_own_ids(cli, server, tmp_path):
    server.answer = lambda prompt, seed: json.dumps({"rating": "B" if "ice" in prompt else "I"})
    records = [{"id": name, "title": "T", "abstract": f"On {name} and roads."} for name in ("ice", "snow", "iceberg")]
    (tmp_path / "in.jsonl").write_text("".join(json.dumps(record) + "\n" for record in records))
    out = tmp_path / "out.jsonl"
    options = ("--engine", "openai", "--base-url", server.url, "--model", "small")
    result = cli("score", tmp_path / "in.jsonl", "--out", out, *options, "--price-in", "1000000", "--price-out", "0")
    assert result.exit_code == 0
    read = sum(len(message["content"].split()) for one in server.requests for message in one["messages"])
    assert f"{len(server.requests)} calls, {read:,} tokens read" in result.stderr
    assert f"cost {format(read, '.4g')}" in result.stderr
    assert "cost unknown" in cli("score", tmp_path / "in.jsonl", "--out", out, *options).stderr
    rows = [json.loads(line) for line in out.read_text().splitlines()]
    assert [(row["id"], row["rating"]) for row in rows] == [("ice", 2.0), ("snow", 9.0), ("iceberg", 2.0)]


def test_a_replay_of_a_model_that_reads_prior_work_also_plays_it_without_and_with_anothers(
    cli, tiny, tmp_path, monkeypatch
):
    monkeypatch.delenv("GUIDE_DATA", raising=False)
    topics = ("ice", "snow", "roads", "attention", "proteins", "graphs", "speech", "planning")
    records = [
        {"id": name, "title": f"On {name}", "abstract": f"We study {name} with a new method.", "accepted": n % 3 == 0}
        | {"year": 2025, "ratings": [6 + n % 2, 5]}
        for n, name in enumerate(topics)
    ]
    (tmp_path / "in.jsonl").write_text("".join(json.dumps(record) + "\n" for record in records))
    model = ("--engine", "transformers", "--model", tiny, "--device", "cpu", "--runs", "1", "--thinking", "0")
    words = ("--store", starter_path(), "--knowledge-cutoff", "2024-06", "--resamples", "100", "--json")
    result = cli("replay", tmp_path / "in.jsonl", *model, *words)
    assert result.exit_code == 0, result.stderr
    found = json.loads(result.stdout)
    systems = {system["name"]: system for system in found["systems"]}
    assert systems["without-retrieval"]["metrics"] and systems["random-evidence"]["metrics"]
    assert systems["random-evidence"]["beyond"]["auroc"]["value"] is not None
    assert found["provenance"]["cutoff"] == "2024-09"
    assert not any(note.startswith("NOT A TEST") for note in found["notes"])
    assert any(
        note.startswith("NOT A TEST")
        for note in json.loads(
            cli(
                "replay", tmp_path / "in.jsonl", *model, "--knowledge-cutoff", "2025-06", "--resamples", "100", "--json"
            ).stdout
        )["notes"]
    )


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (("--engine", "transformers"), "needs a model"),
        (("--engine", "openai", "--model", "small"), "needs an address"),
        (("--model", "small"), "the student is one model"),
        (("--engine", "transformers", "--model", "nowhere/at/all"), "cannot be loaded"),
        (("--engine", "vllm", "--model", "m", "--base-url", "http://localhost:1/v1"), "runs here"),
        (("--engine", "transformers", "--model", "m", "--keep-cache", "0.5"), "go together"),
        (("--keep-cache", "0.5", "--evict", "shotkv"), "the engine student keeps the whole cache"),
    ],
)
def test_settings_that_do_not_go_together_are_one_line(cli, options, complaint):
    if complaint == "cannot be loaded":
        pytest.importorskip("transformers", reason="torch is not installed: make test-all brings it")
    result = cli("review", IDEA, *options)
    assert result.exit_code in (1, 2)
    assert complaint in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1
