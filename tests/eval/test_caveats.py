from guide.eval.caveats import state_caveats
from guide.eval.decisions import Decision
from guide.judging import UNKNOWN_YEAR
from tests.fakes import FakeEngine


def _engine(last):
    engine = FakeEngine()
    engine.last_training_year = last
    return engine


def _records(years=(2025,), ratings=True, shift=0):
    return [
        Decision(f"r{n}", "t", "a", n % 3 == 0, (8.0 if (n + shift) % 3 == 0 else 3.0,) if ratings else (), year, "")
        for year in years
        for n in range(30)
    ]


def test_later_decisions_with_their_own_ratings_need_no_caveat():
    assert state_caveats(_records(), _engine(2024)) == []


def test_decisions_of_the_training_years_are_no_test():
    (note,) = state_caveats(_records((2023, 2025)), _engine(2024))
    assert note.startswith("NOT A TEST")
    assert "records of 2023" in note


def test_a_model_of_unknown_training_is_no_test():
    assert "nobody knows" in state_caveats(_records(), _engine(UNKNOWN_YEAR))[0]


def test_records_without_a_year_are_said():
    assert "do not state their year" in state_caveats(_records((None,)), _engine(2024))[0]


def test_missing_ratings_are_counted():
    assert "no ratings" in state_caveats(_records(ratings=False), _engine(2024))[0]
    mixed = [*_records(), Decision("x", "t", "a", True, (), 2025, "")]
    assert state_caveats(mixed, _engine(2024)) == ["Spearman and Kendall rest on the 30 records with ratings"]


def test_one_bad_year_is_not_hidden_by_a_good_one():
    (note,) = state_caveats([*_records((2025,)), *_records((2026,), shift=1)], _engine(2024))
    assert "ratings of 2026 hardly agree with the decisions" in note


def test_a_stated_cutoff_does_not_hide_what_the_engine_was_trained_on():
    (note,) = state_caveats(_records((2023,)), _engine(2024), "2020-01")
    assert note.startswith("NOT A TEST: the engine was trained on decisions up to 2024")
    assert state_caveats(_records((2025,)), _engine(UNKNOWN_YEAR), "2024-06") == []
