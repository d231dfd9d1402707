from dataclasses import replace

import pytest

from guide.eval.report.findings import find
from guide.eval.report.tables import (
    balanced_tables,
    compare_runs,
    difference_tables,
    leak_table,
    provenance_table,
    published_table,
    removed_table,
    system_notes,
    system_tables,
)
from tests.replays import made_run, without


@pytest.fixture(scope="module")
def run():
    return made_run(120, resamples=20)


def _cells(table):
    return {row[0].text: dict(zip(table.head[1:], row[1:], strict=True)) for row in table.rows}


def test_every_measured_system_has_a_row_with_its_own_figures(run):
    ranks, chances, *raw = system_tables(run)
    assert [row[0].text for row in ranks.rows] == [
        "guide", "always-reject", "base-rate", "length", "tfidf-logistic", "one reviewer",
    ]  # fmt: skip
    own = run.system("tfidf-logistic", "stripped").metrics["auroc"]
    cell = _cells(ranks)["tfidf-logistic"]["AUROC"]
    assert (cell.text, cell.small) == (f"{own.value:.3f}", f"{own.low:.3f} to {own.high:.3f}")
    assert _cells(chances)["length"]["Brier"].text == "-"
    assert len(raw) == 2
    assert ranks.strong == {0}


def test_no_table_is_wider_than_ten_columns(run):
    tables = [*system_tables(run), *balanced_tables(run), *difference_tables(run)]
    assert max(len(table.head) for table in tables) <= 10


def test_a_difference_shows_its_interval_and_its_p(run):
    stripped, _ = difference_tables(run)
    gap = run.system("length", "stripped").beyond["auroc"]
    cell = _cells(stripped)["length"]["AUROC"]
    assert cell.text == f"{gap.value:+.3f}".replace("-", "\u2212")
    assert cell.small.splitlines()[1] == f"p = {gap.p:.3f}"


def test_each_leak_is_told_on_each_reading_beside_the_engine(run):
    table = _cells(leak_table(run))
    assert table["link"]["AUROC, raw text"].text == "0.610"
    assert (
        table["the engine"]["AUROC, stripped text"].text
        == f"{run.system('guide', 'stripped').metrics['auroc'].value:.3f}"
    )
    assert leak_table(replace(run, probes=())) is None


def test_the_comparison_names_the_best_rival_that_learnt_from_no_leak(run):
    bare = replace(without(run, "guide"), name="no engine")
    table = _cells(compare_runs([find(run), find(bare)]))
    assert table[run.name]["Best baseline"].text == "tfidf-logistic"
    assert table["no engine"]["Text"].text == "no engine with scores"


def test_published_figures_have_the_interval_that_their_papers_leave():
    cell = _cells(published_table())["GUIDE-7B"]["Top-30 % precision"]
    assert cell.text == "51.3"
    assert cell.small.splitlines() == ["45.7 to 56.9 over 300 papers", "\u00b1 0.4 over trials"]


def test_what_nests_in_the_provenance_is_flattened_and_nothing_is_lost(run):
    rows = {row[0].text: row[1].text for row in provenance_table(run).rows}
    assert rows["store, papers"] == "1000"
    assert rows["years"] == "2017, 2018"
    assert len(rows) == 9


def test_a_note_that_two_readings_share_is_said_once(run):
    notes = system_notes(run)
    assert len(notes) == len(set(notes))
    assert dict(notes)["without-retrieval"].startswith("the same by construction")


def test_nothing_removed_is_no_table(run):
    assert removed_table(replace(run, removed={"raw": {}})) is None
    assert _cells(removed_table(run))["link"]["Stripped text"].text == "41"
