import numpy as np

from guide.calibration.domain import describe

SEEN = describe(
    np.array([-1.0, 0.0, 2.0] * 100),
    list(range(101, 401)),
    ["en"] * 290 + ["de"] * 8 + ["fr"] * 2,
    [50.0] * 297 + [99.0] * 3,
)
PLAIN = {"evidence": 0.0, "words": 200, "language": "en", "distance": 50.0}


def test_a_text_like_the_others_raises_no_doubt():
    assert SEEN.doubts(**PLAIN) == ()
    assert SEEN.doubts(**{**PLAIN, "language": "de"}) == ()
    assert SEEN.doubts(**{**PLAIN, "language": "und", "distance": None}) == ()


def test_every_way_to_be_unlike_them_is_said():
    found = SEEN.doubts(evidence=3.0, words=50, language="fr", distance=99.5)
    assert len(found) == 4
    assert "50 words; 99 % of the labelled submissions have at least 104" in found[1]
    assert "at most 397" in SEEN.doubts(**{**PLAIN, "words": 3_000})[0]


def test_where_no_distance_is_told_there_is_none_to_doubt():
    without = describe(np.array([0.0, 1.0]), [100, 200], ["en", "en"], [None, None])
    assert without.farthest is None
    assert without.doubts(evidence=0.5, words=150, language="en", distance=100.0) == ()
