import json

import pytest

PAPERS = [
    {
        "id": "a",
        "title": "Sparse attention",
        "abstract": "Attention over few positions reads long documents.",
        "year": 2020,
        "venue": "ICML",
        "posted": "2020-02",
    },
    {
        "id": "b",
        "title": "Zebrafish tracking",
        "abstract": "Cameras follow many zebrafish at once.",
        "year": 2022,
        "venue": "CVPR",
        "posted": "2022-03",
    },
    {
        "id": "c",
        "title": "Calibrated forests",
        "abstract": "Random forests that state honest probabilities.",
        "year": 2023,
        "venue": "ICML",
    },
]


@pytest.fixture
def built(tmp_path, cli):
    file = tmp_path / "papers.jsonl"
    file.write_text("".join(json.dumps(paper) + "\n" for paper in PAPERS) + "broken\n", encoding="utf-8")
    result = cli("corpus", "add", file, "--store", tmp_path / "store")
    assert result.exit_code == 0, result.output
    return tmp_path / "store", file, result


def test_adding_counts_what_was_added_and_skipped(built):
    _, _, result = built
    assert "3 added" in result.output
    assert "1 skipped" in result.output
    assert "papers.jsonl:4" in result.output


def test_adding_again_changes_nothing(built, cli):
    store, file, _ = built
    before = {path: path.read_bytes() for path in store.rglob("*") if path.is_file()}
    report = json.loads(cli("corpus", "add", file, "--store", store, "--json").stdout)
    assert (report["added"], report["unchanged"], report["embedded"]) == (0, 3, 0)
    assert {path: path.read_bytes() for path in store.rglob("*") if path.is_file()} == before


def test_search_finds_by_words_and_meaning(built, cli):
    store, _, _ = built
    found = json.loads(cli("corpus", "search", "fish in videos", "--store", store, "-k", "1", "--json").stdout)
    assert [hit["paper"]["id"] for hit in found["hits"]] == ["b"]
    assert "Zebrafish tracking (CVPR 2022)" in cli("corpus", "search", "zebrafish", "--store", store).output


def test_search_says_what_the_cut_off_left_out(built, cli):
    store, _, _ = built
    result = cli("corpus", "search", "zebrafish", "--store", store, "--cutoff", "2021-01")
    assert "Zebrafish" not in result.stdout
    assert "2 left out" in result.output


def test_info_counts_by_venue_and_year(built, cli):
    store, _, _ = built
    facts = json.loads(cli("corpus", "info", "--store", store, "--json").stdout)
    assert facts["papers"] == 3
    assert facts["by_venue"] == {"ICML": 2, "CVPR": 1}
    assert facts["cutoff"] == "2022-03"
    assert "ICML 2" in cli("corpus", "info", "--store", store).output


def test_verify_finds_and_repairs_a_damaged_index(built, cli):
    store, _, _ = built
    assert cli("corpus", "verify", "--store", store).exit_code == 0
    index = next((store / "vectors").glob("abstract-*.faiss"))
    index.write_bytes(index.read_bytes()[:-40])
    assert cli("corpus", "verify", "--store", store).exit_code == 1
    repaired = cli("corpus", "verify", "--store", store, "--repair")
    assert repaired.exit_code == 0, repaired.output
    assert cli("corpus", "search", "zebrafish", "--store", store).exit_code == 0


def test_a_store_that_is_not_there_is_one_clear_line(cli, tmp_path):
    for command in (("search", "x"), ("info",), ("verify",)):
        result = cli("corpus", *command, "--store", tmp_path / "none")
        assert result.exit_code in (1, 2)
        assert len(result.output.splitlines()) == 1


def test_a_review_uses_the_store_it_is_given(built, cli, tmp_path):
    store, _, _ = built
    idea = tmp_path / "idea.md"
    idea.write_text(
        "# Watching fish\n\nWe will track zebrafish with cheap cameras and learn their habits.\n", encoding="utf-8"
    )
    found = json.loads(cli("review", idea, "--store", store, "--json").stdout)
    assert found["provenance"]["store"] == str(store)
    assert found["provenance"]["store_papers"] == 3
    assert {item["paper"]["id"] for item in found["evidence"]} <= {"a", "b", "c"}
    assert "starter store" not in cli("review", idea, "--store", store).output
