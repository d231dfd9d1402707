import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guide.errors import InputError
from guide.llm.kvcache.ratio import Kept


def test_every_source_s_ratio_becomes_the_share_that_is_kept():
    assert Kept.from_removed(0.75) == Kept(0.25)
    assert Kept.from_compression(8) == Kept(0.125)
    assert Kept.from_removed(0.0).whole
    assert Kept.from_compression(1).whole
    assert not Kept(0.999).whole


@pytest.mark.parametrize("share", [0.0, -0.1, 1.01, math.nan])
def test_a_share_that_keeps_nothing_or_more_than_all_is_refused(share):
    with pytest.raises(InputError, match="share"):
        Kept(share)


@pytest.mark.parametrize("ratio", [0.9, 0.0, math.inf, math.nan])
def test_a_compression_that_enlarges_is_refused(ratio):
    with pytest.raises(InputError, match="compression"):
        Kept.from_compression(ratio)


def test_hundredths_of_a_hundred_tokens_come_out_whole():
    assert [Kept(percent / 100).tokens(100) for percent in range(1, 101)] == list(range(1, 101))


@given(st.floats(0.001, 1.0), st.integers(0, 100_000))
def test_tokens_are_rounded_down_and_never_more_than_there_are(share, total):
    kept = Kept(share).tokens(total)
    assert 0 <= kept <= total
    assert share * total - 1 < kept <= share * total + 1e-9
