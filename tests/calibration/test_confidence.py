import numpy as np
import pytest

from guide.calibration.confidence import coverage, doubts, entropy_share, track_record
from guide.calibration.logistic import sigmoid

PERCENTILES = np.linspace(40, 300, 101)


def _doubts(**changed):
    plain = {"language": "en", "words": 150, "word_percentiles": PERCENTILES, "distance": 50.0, "in_domain": True}
    return doubts(**{**plain, **changed})


def test_an_ordinary_abstract_raises_no_doubt():
    assert _doubts() == []


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"language": "de"}, "another language than English (de)"),
        ({"words": 3}, "has 3 words"),
        ({"words": 5000}, "at most"),
        ({"distance": 100.0}, "farther from the training texts"),
        ({"in_domain": False}, "only the base rate was changed"),
        ({"unseen": True}, "no held-out submission"),
    ],
)
def test_each_doubt_is_said(changed, said):
    (reason,) = _doubts(**changed)
    assert said in reason


def test_an_unknown_language_is_no_doubt():
    assert _doubts(language="und") == []


def test_the_track_record_finds_the_nearest_and_their_share():
    evidence = np.linspace(-3, 3, 6001).astype(np.float32)
    accepted = np.arange(6001) % 4 == 0
    record = track_record(0.0, 0.25, evidence, accepted, np.full(6001, 0.25, dtype=np.float32))
    assert record.n == 400
    assert record.accepted == pytest.approx(0.25, abs=0.01)
    assert record.low < 0.25 < record.high
    assert record.interval[0] < 0.25 < record.interval[1]


def test_the_track_record_is_reweighted_to_the_venues_base_rate():
    # Outcomes drawn at a base rate of 1/2 must, re-weighted, show the chance at 1/5.
    random = np.random.default_rng(0)
    evidence = random.normal(size=200_000).astype(np.float32)
    accepted = random.random(200_000) < sigmoid(evidence.astype(float))
    record = track_record(1.0, 0.2, evidence, accepted, np.full(200_000, 0.5, dtype=np.float32))
    assert record.accepted == pytest.approx(sigmoid(1.0 + np.log(0.25)), abs=0.06)


def test_entropy_is_a_share_of_its_maximum():
    assert entropy_share(np.full(10, 0.1)) == pytest.approx(1)
    assert entropy_share(np.eye(10)[3]) == 0
    assert entropy_share(np.array([0.5, 0.5, 0, 0])) == pytest.approx(1)


def test_no_evidence_has_no_coverage():
    assert coverage(()) is None
