import pytest
from scipy.stats import binomtest

from guide.eval.metrics import METRICS
from guide.eval.published import GUIDE_TABLE

CELLS = ("top5_precision", "top30_precision", "accept_recall")


def test_the_figures_carry_the_names_of_our_metrics():
    assert set(CELLS) <= set(METRICS)


@pytest.mark.parametrize("row", GUIDE_TABLE.rows, ids=lambda row: row.system)
def test_recall_follows_from_the_precision_as_it_must_at_this_prevalence(row):
    expected = row.top30_precision.value * 300 / GUIDE_TABLE.accepted
    assert row.accept_recall.value == pytest.approx(expected, abs=0.11)


@pytest.mark.parametrize("name", CELLS)
@pytest.mark.parametrize("row", GUIDE_TABLE.rows, ids=lambda row: row.system)
def test_the_interval_over_papers_equals_scipys(row, name):
    figure = getattr(row, name)
    low, high = figure.over_papers()
    assert low < figure.value < high
    # scipy takes whole successes only, so the interval lies between those of the whole numbers on either side.
    below, above = (
        binomtest(count, figure.of).proportion_ci(0.95, method="wilson")
        for count in (int(figure.value / 100 * figure.of), int(figure.value / 100 * figure.of) + 1)
    )
    assert 100 * below.low - 0.01 <= low <= 100 * above.low + 0.01
    assert 100 * below.high - 0.01 <= high <= 100 * above.high + 0.01


def test_no_rival_lies_outside_the_interval_of_guide_over_papers():
    best = GUIDE_TABLE.rows[0]
    for row in GUIDE_TABLE.rows[1:]:
        for name in CELLS:
            low, high = getattr(best, name).over_papers()
            assert low < getattr(row, name).value < high
