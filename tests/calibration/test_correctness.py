import numpy as np
import pytest

from guide.calibration.correctness import fit_correctness, signals_of
from guide.review import Signals
from tests.judgements import judgement


def judged(p, disagreement=0.1):
    return judgement(p, signals=Signals(disagreement=disagreement, entropy=0.5, coverage=None, distance=None))


def test_a_call_far_from_even_is_likelier_right():
    random = np.random.default_rng(0)
    chances = random.uniform(0.02, 0.98, 2_000)
    found = fit_correctness([judged(p) for p in chances], random.random(2_000) < chances, np.ones(2_000))
    assert found.chance(judged(0.05)) == pytest.approx(0.95, abs=0.05)
    assert found.chance(judged(0.5)) == pytest.approx(0.5, abs=0.1)
    assert found.brier < found.brier_share - 0.02


def test_a_signal_that_tells_wrong_calls_is_used():
    random = np.random.default_rng(1)
    torn = random.random(2_000) < 0.5
    accepted = np.where(torn, random.random(2_000) < 0.5, random.random(2_000) < 0.1)
    found = fit_correctness([judged(0.2, 0.3 if one else 0.05) for one in torn], accepted, np.ones(2_000))
    assert found.chance(judged(0.2, 0.3)) == pytest.approx(0.5, abs=0.06)
    assert found.chance(judged(0.2, 0.05)) == pytest.approx(0.9, abs=0.05)


@pytest.mark.parametrize(("accepted", "low", "high"), [(False, 0.9, 1.0), (True, 0.0, 0.1)])
def test_calls_all_right_or_all_wrong_give_a_chance_short_of_certainty(accepted, low, high):
    found = fit_correctness([judged(0.2)] * 100, np.full(100, accepted), np.ones(100))
    assert low < found.chance(judged(0.2)) < high


def test_certainty_is_the_same_on_either_side_of_even():
    np.testing.assert_allclose(signals_of(judged(0.2)), signals_of(judged(0.8)))


def test_decisions_count_for_what_they_weigh():
    chances = np.full(400, 0.2)
    accepted = np.arange(400) % 2 == 0
    found = fit_correctness([judged(p) for p in chances], accepted, np.where(accepted, 0.1, 0.9))
    assert found.right == pytest.approx(0.9)
    assert found.chance(judged(0.2)) == pytest.approx(0.9, abs=0.01)
