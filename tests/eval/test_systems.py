from types import SimpleNamespace

import numpy as np
import pytest

from guide.errors import GuideError
from guide.eval.baselines import Baseline
from guide.eval.decisions import Decision
from guide.eval.readings import read_texts
from guide.eval.systems import NO_RETRIEVAL, RANDOM_EVIDENCE, Bench
from guide.judging import Failure
from guide.review import Venue
from tests.fakes import FakeEngine
from tests.judgements import judgement

VENUE = Venue("ICLR-2025", 0.319)
RECORDS = [
    Decision(f"r{n}", f"Study {n}", f"We study case {n}.", n % 3 == 0, (8.0,) if n % 3 == 0 else (3.0,), 2025, "")
    for n in range(30)
]


def _bench() -> Bench:
    return Bench(read_texts(RECORDS, "stripped"), RECORDS, 100, 0)


def _perfect():
    return [judgement(0.9 if record.accepted else 0.1) for record in RECORDS]


def test_a_perfect_engine_is_beyond_a_constant_by_half():
    bench = _bench()
    engine = bench.engine(FakeEngine(*_perfect()), VENUE, None)
    constant = bench.measure(Baseline("constant", np.zeros(30), None, "all alike"))
    assert (engine.name, engine.kind, engine.metrics["auroc"].value) == ("guide", "engine", 1)
    assert engine.beyond == {}
    assert constant.beyond["auroc"].value == 0.5
    assert constant.beyond["auroc"].p < 0.05


def test_scores_confidence_and_entropy_are_kept_row_by_row():
    engine = _bench().engine(FakeEngine(*_perfect()), VENUE, None)
    assert engine.scores[:3] == (0.9, 0.1, 0.1)
    assert engine.confidence[:2] == (0.9, 0.9)
    assert engine.entropy == (0.9,) * 30


def test_what_an_engine_cannot_judge_counts_at_the_base_rate():
    answers = _perfect()
    answers[0] = Failure("cut off")
    engine = _bench().engine(FakeEngine(*answers), VENUE, None)
    assert engine.scores[0] == VENUE.base_rate
    assert engine.metrics["auroc"].value == 1  # 0.319 still outranks every rejected one
    assert "no judgement on 1 of 30" in engine.note


def test_an_engine_without_any_judgement_is_an_error():
    with pytest.raises(GuideError, match="no judgement on any of 30 submissions; the first: cut off"):
        _bench().engine(FakeEngine(*[Failure("cut off")] * 30), VENUE, None)


def test_an_engine_that_reads_no_prior_work_is_the_same_without_it():
    found = _bench().without_evidence(FakeEngine(), VENUE, None, 0)
    assert [one.name for one in found] == [NO_RETRIEVAL, RANDOM_EVIDENCE]
    assert all("the same by construction" in one.note and one.scores is None for one in found)


class _Reader(FakeEngine):
    """An engine that reads prior work."""

    def examine(self, requests):
        raise AssertionError("a replay needs judgements only")


def test_an_engine_that_reads_is_asked_without_and_with_anothers_evidence():
    class _Prior:
        def __init__(self, name):
            self.evidence, self.passages = (name,), ()
            self.found = SimpleNamespace(dropped_self=(), hits=())

    class _Evidence:
        priors = {record.id: _Prior(record.id) for record in RECORDS}  # noqa: RUF012
        left_out, store, sha256, papers, cutoff = {}, "s", "0", 1, "2024-09"

    bench, engine = _bench(), _Reader(*_perfect(), *_perfect(), *_perfect())
    bench.engine(engine, VENUE, _Evidence())
    none, lot = bench.without_evidence(engine, VENUE, _Evidence(), 0)
    assert [request.evidence for request in engine.history[:2]] == [("r0",), ("r1",)]
    assert {request.evidence for request in engine.history[30:60]} == {()}
    assert all(request.evidence != (request.id,) for request in engine.history[60:])
    assert (none.kind, lot.kind) == ("baseline", "baseline")
    assert none.beyond["auroc"].value == 0


def test_a_reader_without_a_store_says_what_was_not_computed():
    found = _bench().without_evidence(_Reader(), VENUE, None, 0)
    assert all("--store" in one.note for one in found)


def test_a_baseline_that_could_not_be_computed_keeps_its_reason():
    found = _bench().measure(Baseline("tfidf-logistic", None, None, "not computed: no file"), leak_exposed=True)
    assert (found.metrics, found.scores, found.leak_exposed) == ({}, None, True)
    assert found.note == "not computed: no file"


def test_a_balanced_set_is_half_accepted_and_its_chances_are_moved():
    bench = _bench()
    rate = sum(record.accepted for record in RECORDS) / len(RECORDS)
    base = bench.measure(Baseline("base-rate", np.zeros(30), np.full(30, rate), "the base rate for all"))
    found = bench.balance(base)
    assert found.note == "20 submissions, half of them accepted"
    assert found.metrics["brier"].value == pytest.approx(0.25)
    assert found.metrics["top30_precision"].value == 0.5
    assert (found.scores, found.beyond) == (None, {})


def test_sure_chances_stay_sure_when_balanced():
    bench = _bench()
    reject = bench.measure(Baseline("always-reject", np.zeros(30), np.zeros(30), ""))
    assert bench.balance(reject).metrics["brier"].value == pytest.approx(0.5)
