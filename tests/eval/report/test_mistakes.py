import numpy as np
import pytest

from guide.eval.report.mistakes import MISTAKES, find_mistakes, page_url
from guide.eval.report.verdict_sentence import main_system
from tests.replays import made_run, replaced


@pytest.fixture(scope="module")
def run():
    return made_run(resamples=5)


def test_mistakes_are_decisions_given_less_than_one_half_the_least_likely_first(run):
    system = main_system(run)
    found = find_mistakes(run, system)
    given = [p if one.accepted else 1 - p for one, p in zip(run.submissions, system.probabilities, strict=True)]
    wrong = sorted((chance, one.id) for chance, one in zip(given, run.submissions, strict=True) if chance < 0.5)
    assert [(one.given, one.id) for one in found.shown] == wrong[:MISTAKES]
    assert found.missed + found.overrated == len(wrong)
    assert found.missed == sum(one.accepted for one in found.shown) if len(wrong) <= MISTAKES else True


def test_no_more_are_shown_than_asked_for_and_the_others_are_counted(run):
    found = find_mistakes(run, main_system(run), limit=7)
    assert len(found.shown) == 7
    assert found.missed + found.overrated > 7


def test_each_mistake_keeps_its_own_decision_and_ratings(run):
    by_id = {one.id: one for one in run.submissions}
    for mistake in find_mistakes(run, main_system(run)).shown:
        own = by_id[mistake.id]
        assert (mistake.accepted, mistake.ratings, mistake.area, mistake.year) == (
            own.accepted, own.ratings, own.area, own.year,
        )  # fmt: skip


def test_ranks_stand_in_where_scores_are_no_probabilities(run):
    scored = replaced(run, "guide", probabilities=None, scores=tuple(np.linspace(-5, 90, len(run.submissions))))
    found = find_mistakes(scored, main_system(scored))
    assert found.ranks
    assert all(0 < one.p_accept < 1 and one.given < 0.5 for one in found.shown)


@pytest.mark.parametrize(
    ("name", "url"),
    [
        ("or:AbC_1-23xyz", "https://openreview.net/forum?id=AbC_1-23xyz"),
        ("https://openreview.net/forum?id=AbC_1-23xyz", "https://openreview.net/forum?id=AbC_1-23xyz"),
        ("arXiv:2410.01234", "https://arxiv.org/abs/2410.01234"),
        ("arXiv:2410.01234/evil", ""),
        ("naid-540805", ""),
        ("line-12", ""),
        ("or:AbC\"onclick='x'", ""),
        ("https://openreview.net.example/forum?id=AbC_1-23xyz", ""),
        ("javascript:alert(1)", ""),
    ],
)
def test_only_identifiers_of_openreview_and_arxiv_lead_to_their_pages(name, url):
    assert page_url(name) == url
