import pytest

from guide.advice.concerns.forecast import load_forecast, save_forecast
from guide.advice.concerns.foresight import expected_cost, foresee
from guide.advice.concerns.taxonomy import load_kinds

THEORY = (
    "We prove that gradient descent on two-layer networks converges to a global minimum under a margin assumption. Our "
    "bound on the sample complexity improves the dependence on the dimension, and we show a matching lower bound. The "
    "proof rests on a new concentration inequality for the neural tangent kernel, which may be of interest by itself."
)
JUDGES = (
    "We introduce a benchmark of open-ended writing tasks for language models, scored by a model that acts as a judge. "
    "Twelve models answer nine hundred prompts in four languages. The judge prefers longer answers, and its ranking of "
    "the models changes with the prompt it is given. We release a leaderboard and a set of preference data."
)


@pytest.fixture(scope="module")
def of(encoder):
    def ask(text: str, title: str = "A study"):
        return {concern.id: concern for concern in foresee(encoder, title, text).concerns}

    return ask


def test_every_kind_is_forecast_once_with_a_chance_and_its_base_rate(of):
    found = of(THEORY)
    assert set(found) == {kind.id for kind in load_kinds()}
    assert all(0 < concern.p < 1 and 0 < concern.base_rate < 1 for concern in found.values())


def test_a_theorem_is_asked_for_its_assumptions_and_not_for_ablations(of):
    found = of(THEORY)
    assert found["assumptions"].p > 1.3 * found["assumptions"].base_rate
    assert found["ablations"].p < 0.8 * found["ablations"].base_rate


def test_a_benchmark_with_a_judge_is_asked_who_judged(of):
    found = of(JUDGES)
    assert found["human-evaluation"].p > 2 * found["human-evaluation"].base_rate
    assert found["human-evaluation"].p > of(THEORY)["human-evaluation"].p


def test_the_order_of_sentences_hardly_matters(of):
    sentences = JUDGES.split(". ")
    turned = of(". ".join(reversed([sentence.rstrip(".") for sentence in sentences])) + ".")
    assert max(abs(turned[name].p - concern.p) for name, concern in of(JUDGES).items()) < 0.08


def test_concerns_come_by_expected_cost(encoder):
    costs = [expected_cost(concern) for concern in foresee(encoder, "A study", JUDGES).concerns]
    assert costs == sorted(costs, reverse=True)


def test_names_that_are_asked_for_are_not_the_texts_own(encoder):
    names = foresee(encoder, "A study", f"{JUDGES} We use AlpacaEval.").names
    assert names
    assert "AlpacaEval" not in [one.name for one in names]


def test_a_saved_forecast_is_read_again(tmp_path):
    shipped = load_forecast()
    save_forecast(tmp_path, shipped)
    again = load_forecast(tmp_path)
    assert again.terms == shipped.terms
    assert (again.maps == shipped.maps).all()
