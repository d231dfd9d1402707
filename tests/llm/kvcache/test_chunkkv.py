import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from guide.errors import InputError
from guide.llm.kvcache.chunkkv import random_chunks, select_chunks
from guide.llm.kvcache.eviction import continue_from, evict
from guide.llm.kvcache.observation import prefill
from guide.llm.kvcache.ratio import Kept
from guide.llm.model import Sampling

GREEDY = Sampling(temperature=0, max_tokens=12)
LAYERS = 4


def _scores(length, seed=0, rows=1):
    source = torch.Generator().manual_seed(seed)
    return {layer: torch.rand(rows, length, generator=source) for layer in range(LAYERS)}


def _mask(length, rows=1):
    return torch.ones(rows, length, dtype=torch.bool)


def test_the_chunks_with_the_largest_sum_stay_with_the_window():
    scores = torch.tensor([[0, 0, 0, 3, 3, 3, 8, 0, 0, 4, 4, 4, 0, 0, 0]], dtype=torch.float)
    chosen = select_chunks({0: scores}, _mask(15), Kept(0.6), layers=1, window=3, chunk=3, reuse=1)
    # 9 of 15 tokens: the window and two chunks; the chunk of one large score comes behind that of three middling ones.
    assert chosen.columns[0].tolist() == [[3, 4, 5, 9, 10, 11, 12, 13, 14]]


@given(
    length=st.integers(1, 120),
    share=st.floats(0.02, 1.0),
    window=st.integers(1, 40),
    chunk=st.integers(1, 25),
    reuse=st.integers(1, 5),
)
def test_every_layer_keeps_equally_many_within_a_chunk_of_the_share(length, share, window, chunk, reuse):
    chosen = select_chunks(
        _scores(length), _mask(length), Kept(share), layers=LAYERS, window=window, chunk=chunk, reuse=reuse
    )
    budget = Kept(share).tokens(length)
    assert {columns.shape for columns in chosen.columns} == {chosen.mask.shape}
    kept = chosen.lengths[0]
    if kept > budget:
        assert kept == min(window, length)
    else:
        assert kept > budget - chunk
    for columns in chosen.columns:
        numbers = columns[0].tolist()
        assert numbers == sorted(set(numbers))
        assert numbers[-min(window, length) :] == list(range(length - min(window, length), length))


@given(st.integers(1, 100), st.integers(1, 40), st.integers(1, 25))
def test_a_share_of_one_keeps_every_token(length, window, chunk):
    chosen = select_chunks(_scores(length), _mask(length), Kept(1.0), layers=LAYERS, window=window, chunk=chunk)
    assert all(columns.tolist() == [list(range(length))] for columns in chosen.columns)


def test_layers_that_share_a_choice_are_identical_and_the_next_ones_choose_anew():
    chosen = select_chunks(_scores(200), _mask(200), Kept(0.3), layers=LAYERS, window=20, reuse=2)
    first, second, third, fourth = chosen.columns
    assert torch.equal(first, second)
    assert torch.equal(third, fourth)
    assert not torch.equal(second, third)


def test_a_choice_reads_only_the_layers_that_make_one():
    scores = _scores(200)
    sparse = {0: scores[0], 2: scores[2]}
    full = select_chunks(scores, _mask(200), Kept(0.3), layers=LAYERS, reuse=2)
    assert torch.equal(
        torch.stack(select_chunks(sparse, _mask(200), Kept(0.3), layers=LAYERS, reuse=2).columns),
        torch.stack(full.columns),
    )
    with pytest.raises(InputError, match="layer 1 was not observed"):
        select_chunks(sparse, _mask(200), Kept(0.3), layers=LAYERS, reuse=1)


def test_rows_of_a_batch_are_chosen_as_they_are_alone(model, padded):
    ids, mask = padded
    observed = prefill(model, ids, mask, window=8)
    options = {"layers": LAYERS, "window": 8, "chunk": 5}
    together = select_chunks(observed.scores, observed.prefix.mask, Kept(0.5), **options)
    assert together.lengths[0] > together.lengths[1]
    drawn = continue_from(model, evict(observed.prefix, together), GREEDY).drawn
    for row, first in ((0, 0), (1, 23)):
        alone = prefill(model, ids[row : row + 1, first:], window=8)
        chosen = select_chunks(alone.scores, alone.prefix.mask, Kept(0.5), **options)
        for shared, own in zip(together.columns, chosen.columns, strict=True):
            assert shared[row][together.mask[row]].tolist() == (own[0] + first).tolist()
        assert continue_from(model, evict(alone.prefix, chosen), GREEDY).drawn[0] == drawn[row]


def test_what_the_rows_keep_depends_on_each_of_them(model, prompt):
    observed = prefill(model, prompt, window=8)
    chosen = select_chunks(observed.scores, observed.prefix.mask, Kept(0.4), layers=LAYERS, window=8, chunk=5)
    assert any(columns[0].tolist() != columns[1].tolist() for columns in chosen.columns)


def test_the_lot_keeps_as_many_tokens_and_other_ones():
    mask = _mask(200, rows=2)
    ranked = select_chunks(_scores(200, rows=2), mask, Kept(0.3), layers=LAYERS, window=20)
    lot = random_chunks(mask, Kept(0.3), [1, 2], layers=LAYERS, window=20)
    assert lot.lengths == ranked.lengths
    assert not torch.equal(lot.columns[0], ranked.columns[0])
    assert lot.columns[0][:, -20:].tolist() == [list(range(180, 200))] * 2
    assert torch.equal(lot.columns[0], lot.columns[1])
    assert not torch.equal(lot.columns[1], lot.columns[2])


def test_the_lot_of_a_row_is_its_seed_s_alone():
    mask = _mask(200, rows=2)
    mask[1, :50] = False
    both = random_chunks(mask, Kept(0.3), [7, 8], layers=LAYERS, window=20)
    alone = random_chunks(_mask(150), Kept(0.3), [8], layers=LAYERS, window=20)
    again = random_chunks(_mask(150), Kept(0.3), [9], layers=LAYERS, window=20)
    assert both.columns[0][1][both.mask[1]].tolist() == (alone.columns[0][0] + 50).tolist()
    assert not torch.equal(alone.columns[0], again.columns[0])
    with pytest.raises(InputError, match="as many seeds"):
        random_chunks(mask, Kept(0.3), [7], layers=LAYERS)


@pytest.mark.parametrize("number", ["layers", "window", "chunk", "reuse"])
def test_numbers_below_one_are_refused(number):
    options = {"layers": LAYERS} | {number: 0}
    with pytest.raises(InputError, match="at least 1"):
        select_chunks(_scores(30), _mask(30), Kept(0.5), **options)
    with pytest.raises(InputError, match="at least 1"):
        random_chunks(_mask(30), Kept(0.5), [0], **options)
