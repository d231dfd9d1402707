import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from guide.advice.concerns.names import count_names, find_names
from guide.advice.concerns.neighbours import COMPONENTS, Reviewed, load_reviewed, project, save_reviewed
from guide.errors import ModelError

WIDTH = 160


@pytest.fixture(scope="module")
def units() -> np.ndarray:
    rows = np.random.default_rng(0).normal(size=(200, WIDTH)).astype(np.float32)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


@pytest.fixture(scope="module")
def table(units: np.ndarray) -> Reviewed:
    """Two hundred made-up submissions; the first fifty were asked the only kind and had "FooNet" named."""
    projection, middle, codes = project(units)
    n = len(units)
    named = [[0] if row < 50 else [1] if row < 53 else [] for row in range(n)]
    return Reviewed(
        ids=tuple(f"id{row}" for row in range(n)),
        titles=tuple(f"Title {row}" for row in range(n)),
        venues=("ICLR 2026",) * n,
        names=("FooNet", "BarBench"),
        projection=projection,
        middle=middle,
        codes=codes,
        raised=np.array([[row < 50] for row in range(n)], dtype=np.uint8),
        ratings=np.linspace(2, 8, n).astype(np.float32),
        name_starts=np.cumsum([0, *map(len, named)]).astype(np.uint32),
        name_numbers=np.array([number for own in named for number in own], dtype=np.uint16),
    )


def test_the_nearest_come_first_and_the_text_itself_is_left_out(table, units):
    rows, cosines = table.nearest(units[7], 10)
    assert 7 not in rows
    assert list(cosines) == sorted(cosines, reverse=True)
    exact = np.argsort(-(units - units.mean(axis=0)) @ (units[7] - units.mean(axis=0)))[1:4]
    assert set(exact) & set(rows)


def test_those_asked_are_counted_and_the_nearest_three_named(table):
    count, shown = table.asked(np.array([60, 3, 4, 5, 6]), 0)
    assert count == 4
    assert [paper.id for paper in shown] == ["id3", "id4", "id5"]
    assert shown[0].url.endswith("id3")


def test_a_name_the_text_mentions_or_that_one_paper_had_is_not_asked_for(table, units):
    assert [one.name for one in table.requested(*table.nearest(units[7]), "nothing")][:1] == ["FooNet"]
    assert "FooNet" not in [one.name for one in table.requested(*table.nearest(units[7]), "We use foonet.")]


def test_what_is_saved_is_read_again(table, units, tmp_path):
    save_reviewed(tmp_path, table)
    again = load_reviewed(tmp_path)
    assert again.titles == table.titles
    assert again.nearest(units[7])[0].tolist() == table.nearest(units[7])[0].tolist()


def test_a_missing_table_names_the_command_that_mends_it(tmp_path):
    with pytest.raises(ModelError, match="pip install"):
        load_reviewed(tmp_path / "nowhere")


def test_the_shipped_table_holds_no_line_of_a_review():
    shipped = load_reviewed()
    assert shipped.codes.shape == (len(shipped.ids), COMPONENTS)
    assert len(set(shipped.ids)) == len(shipped.ids) > 13_000
    assert max(map(len, shipped.names)) <= 24


@pytest.mark.data
def test_no_submission_of_the_test_split_is_in_the_shipped_table(data_dir):
    from guide.corpus.jsonl import Skipped, read_jsonl

    lines = read_jsonl(data_dir / "iclr2026.jsonl.zst")
    held = {line[1]["id"] for line in lines if not isinstance(line, Skipped) and line[1]["split"] == "test"}
    assert len(held) == 4_000
    assert not held & set(load_reviewed().ids)


def test_names_are_told_by_their_capitals_and_references_are_none():
    sentences = [
        "Compare with LoRA, GPT-4 and the DPO baseline on MMLU-Pro.",
        "W3: see L152, Fig.2 and LLM-based methods.",
        "[1] Someone et al., FooNet, 2021.",
    ]
    assert find_names(sentences) == {"LoRA", "GPT-4", "DPO", "MMLU-Pro"}


def test_a_name_of_fewer_than_three_papers_is_not_kept():
    assert count_names([{"A1", "B"}, {"B"}, {"B"}]) == {"B": 3}


@given(st.lists(st.text(max_size=80), max_size=5))
def test_every_name_stands_in_the_sentences_it_was_found_in(sentences):
    text = "\n".join(sentences)
    assert all(name in text for name in find_names(sentences))
