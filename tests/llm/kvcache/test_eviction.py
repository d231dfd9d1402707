from dataclasses import replace

import pytest
import torch

from guide.errors import InputError
from guide.llm.kvcache.chunkkv import random_chunks, select_chunks
from guide.llm.kvcache.eviction import continue_from, evict, extend
from guide.llm.kvcache.observation import prefill
from guide.llm.kvcache.ratio import Kept
from guide.llm.kvcache.selection import Selection
from guide.llm.kvcache.shotkv import Span, select_units
from guide.llm.model import Sampling

GREEDY = Sampling(temperature=0, max_tokens=16)
LAYERS = 4


def _generated(model, ids, mask, count):
    drawn = model.generate(
        ids, attention_mask=mask, max_new_tokens=count, do_sample=False, pad_token_id=0, eos_token_id=None
    )
    return [tuple(row) for row in drawn[:, ids.shape[1] :].tolist()]


def _tokens(continuation):
    return [sample.tokens for row in continuation.drawn for sample in row]


def _half(observed):
    chosen = select_chunks(
        observed.scores, observed.prefix.mask, Kept(0.5), layers=LAYERS, window=observed.window, chunk=5
    )
    return evict(observed.prefix, chosen)


@pytest.mark.parametrize("way", ["chunks", "lot", "units"])
def test_a_share_of_one_draws_the_tokens_of_generate(model, padded, way):
    ids, mask = padded
    observed = prefill(model, ids, mask, window=8)
    read = observed.prefix.mask
    if way == "chunks":
        chosen = select_chunks(observed.scores, read, Kept(1.0), layers=LAYERS, window=8)
    elif way == "lot":
        chosen = random_chunks(read, Kept(1.0), [0, 1], layers=LAYERS, window=8)
    else:
        spans = [[Span("a", 2, 30)], [Span("b", 5, 9)]]
        chosen = select_units(observed.scores, read, spans, Kept(1.0), layers=LAYERS).selection
    assert chosen.lengths == [64, 41]
    drawn = continue_from(model, evict(observed.prefix, chosen), GREEDY)
    assert _tokens(drawn) == _generated(model, ids, mask, 16)


def test_nothing_evicted_draws_the_tokens_of_generate(model, padded):
    ids, mask = padded
    assert _tokens(continue_from(model, prefill(model, ids, mask).prefix, GREEDY)) == _generated(model, ids, mask, 16)


def test_gathering_every_column_leaves_the_cache_as_it_was(qwen, prompt):
    prefix = prefill(qwen, prompt).prefix
    before = [(layer.keys.clone(), layer.values.clone()) for layer in prefix.cache.layers]
    every = torch.arange(64).expand(2, -1)
    after = evict(prefix, Selection((every,) * LAYERS, torch.ones(2, 64, dtype=torch.bool)))
    for layer, (keys, values) in zip(after.cache.layers, before, strict=True):
        assert torch.equal(layer.keys, keys)
        assert torch.equal(layer.values, values)
    assert after.next_position.tolist() == [64, 64]


def test_an_eviction_keeps_keys_and_values_of_the_columns_chosen_and_frees_the_rest(qwen, prompt):
    observed = prefill(qwen, prompt, window=8)
    whole = observed.prefix.bytes
    assert whole == 2 * LAYERS * 2 * 2 * 8 * 64 * 4
    before = [(layer.keys.clone(), layer.values.clone()) for layer in observed.prefix.cache.layers]
    chosen = select_chunks(observed.scores, observed.prefix.mask, Kept(0.5), layers=LAYERS, window=8, chunk=8)
    after = evict(observed.prefix, chosen)
    assert {tuple(layer.keys.shape) for layer in after.cache.layers} == {(2, 2, 32, 8)}
    assert after.bytes == whole // 2
    assert not torch.equal(chosen.columns[0], chosen.columns[2])
    for layer, (keys, values), columns in zip(after.cache.layers, before, chosen.columns, strict=True):
        for row in range(2):
            assert torch.equal(layer.keys[row], keys[row][:, columns[row]])
            assert torch.equal(layer.values[row], values[row][:, columns[row]])


def test_the_continuation_is_that_of_the_whole_text_with_the_evicted_tokens_masked(model, prompt):
    observed = prefill(model, prompt, window=8)
    chosen = select_chunks(
        observed.scores, observed.prefix.mask, Kept(0.5), layers=LAYERS, window=8, chunk=5, reuse=LAYERS
    )
    more = prompt[:, :7]
    # The oracle: nothing is gathered, and what would be evicted is only hidden from the new tokens.
    hidden = torch.zeros(2, 64, dtype=torch.bool).scatter(1, chosen.columns[0], True)
    with torch.no_grad():
        oracle = model(
            more,
            attention_mask=torch.cat((hidden, torch.ones(2, 7, dtype=torch.bool)), dim=1).long(),
            position_ids=torch.arange(64, 71).expand(2, -1),
            past_key_values=prefill(model, prompt).prefix.cache,
        ).logits[:, -1]
    prefix = evict(observed.prefix, chosen)
    logits = extend(model, prefix, more).logits
    torch.testing.assert_close(logits, oracle, atol=1e-4, rtol=1e-4)

    # And with the length of the cache for a position, as the model would do by itself, it is another continuation.
    short = replace(prefix, next_position=prefix.mask.sum(dim=1))
    assert short.next_position.tolist() != prefix.next_position.tolist()
    assert float((extend(model, short, more).logits - oracle).abs().max()) > 0.05
    assert _tokens(continue_from(model, extend(model, short, more), GREEDY)) != _tokens(
        continue_from(model, extend(model, prefix, more), GREEDY)
    )


def test_reading_on_at_once_or_token_by_token_comes_to_the_same(model, padded):
    ids, mask = padded
    prefix = _half(prefill(model, ids, mask, window=8))
    more = ids[:, -5:]
    at_once = extend(model, prefix, more)
    singly = prefix
    for place in range(5):
        singly = extend(model, singly, more[:, place : place + 1])
    torch.testing.assert_close(at_once.logits, singly.logits, atol=1e-4, rtol=1e-4)
    assert at_once.next_position.tolist() == [69, 46]
    assert at_once.mask.shape == (2, prefix.mask.shape[1] + 5)


def test_a_prefix_can_be_continued_again_and_is_not_changed_by_it(model, padded):
    prefix = _half(prefill(model, *padded, window=8))
    held = prefix.bytes
    first = continue_from(model, prefix, GREEDY)
    continue_from(model, prefix, GREEDY, samples=3)
    extend(model, prefix, padded[0][:, :3])
    assert prefix.bytes == held
    assert continue_from(model, prefix, GREEDY) == first


def test_four_samples_come_from_one_prefix_each_with_its_own_seed(model, padded):
    prefix = _half(prefill(model, *padded, window=8))
    sampling = Sampling(temperature=1.0, top_p=0.95, max_tokens=10, seed=20)
    four = continue_from(model, prefix, sampling, samples=4)
    assert [len(row) for row in four.drawn] == [4, 4]
    assert len(set(_tokens(four))) == 8
    for number in range(4):
        one = continue_from(model, prefix, replace(sampling, seed=20 + number))
        assert [row[0] for row in one.drawn] == [row[number] for row in four.drawn]


def test_the_peak_is_the_cache_after_the_last_token_that_was_read(qwen, prompt):
    prefix = _half(prefill(qwen, prompt, window=8))
    column = 2 * LAYERS * 2 * 8 * 4
    kept = prefix.mask.shape[1]
    assert continue_from(qwen, prefix, GREEDY).peak_cache_bytes == 2 * (kept + 15) * column
    assert continue_from(qwen, prefix, GREEDY, samples=4).peak_cache_bytes == 8 * (kept + 15) * column
    assert continue_from(qwen, prefix, replace(GREEDY, max_tokens=1)).peak_cache_bytes == prefix.bytes


def test_a_row_ends_at_its_own_end_and_the_others_go_on(model, prompt):
    prefix = prefill(model, prompt).prefix
    free = _tokens(continue_from(model, prefix, GREEDY))
    end = next(token for token in free[0] if token not in free[1])
    drawn = continue_from(model, prefix, GREEDY, ends={end}).drawn
    place = free[0].index(end)
    assert (drawn[0][0].tokens, drawn[0][0].finish) == (free[0][: place + 1], "end")
    assert (drawn[1][0].tokens, drawn[1][0].finish) == (free[1], "length")


def test_nothing_is_read_any_more_once_every_row_has_ended(qwen, prompt):
    prefix = prefill(qwen, prompt).prefix
    first = [tokens[0] for tokens in _tokens(continue_from(qwen, prefix, GREEDY))]
    ended = continue_from(qwen, prefix, GREEDY, ends=set(first))
    assert _tokens(ended) == [(token,) for token in first]
    assert ended.peak_cache_bytes == prefix.bytes


def test_a_text_to_stop_at_is_looked_for_in_the_tokens_of_each_row(model, prompt):
    prefix = prefill(model, prompt).prefix
    free = _tokens(continue_from(model, prefix, GREEDY))
    drawn = continue_from(model, prefix, GREEDY, stopped=lambda tokens: len(tokens) == 3).drawn
    assert [(row[0].tokens, row[0].finish) for row in drawn] == [(tokens[:3], "stop") for tokens in free]


def test_a_small_top_p_draws_the_likeliest_token_at_any_temperature(qwen, prompt):
    prefix = prefill(qwen, prompt).prefix
    narrow = Sampling(temperature=5.0, top_p=1e-6, max_tokens=16)
    assert _tokens(continue_from(qwen, prefix, narrow)) == _tokens(continue_from(qwen, prefix, GREEDY))


@pytest.mark.parametrize("temperature", [1.0, 2.0])
def test_draws_follow_the_probabilities_within_top_p(qwen, prompt, temperature):
    prefix = prefill(qwen, prompt[:1]).prefix
    sampling = Sampling(temperature=temperature, top_p=0.6, max_tokens=1)
    drawn = _tokens(continue_from(qwen, prefix, sampling, samples=2000))
    chances, order = (prefix.logits[0] / temperature).softmax(dim=0).sort(descending=True)
    inside = int((chances.cumsum(0) < 0.6).sum()) + 1
    expected = chances[:inside] / chances[:inside].sum()
    seen = torch.tensor([drawn.count((int(token),)) for token in order]) / 2000
    assert not seen[inside:].any()
    assert float((seen[:inside] - expected).abs().max()) < 0.05


def test_drawn_tokens_stay_in_the_cache_unless_a_share_of_them_is_asked_for(model, padded):
    prefix = _half(prefill(model, *padded, window=8))
    longer = replace(GREEDY, max_tokens=30)
    whole = continue_from(model, prefix, longer)
    assert continue_from(model, prefix, longer, decode_share=Kept(1.0)) == whole
    half = continue_from(model, prefix, longer, decode_share=Kept(0.5))
    # 14 of the 28 that had been read by then, and the one that has just come.
    per_column = 2 * 2 * LAYERS * 2 * 8 * 4
    assert half.peak_cache_bytes == prefix.bytes + 15 * per_column
    assert whole.peak_cache_bytes == prefix.bytes + 29 * per_column
    # The last eight are always there: nothing changes before the ninth is read.
    assert [tokens[:9] for tokens in _tokens(half)] == [tokens[:9] for tokens in _tokens(whole)]
    assert all(len(tokens) == 30 for tokens in _tokens(half))
    assert _tokens(half) != _tokens(whole)


def test_rows_whose_drawn_tokens_are_evicted_do_not_depend_on_each_other(model, padded):
    ids, mask = padded
    sampling = replace(GREEDY, max_tokens=60)
    together = continue_from(model, prefill(model, ids, mask).prefix, sampling, decode_share=Kept(0.4))
    for row, first in ((0, 0), (1, 23)):
        alone = prefill(model, ids[row : row + 1, first:]).prefix
        assert continue_from(model, alone, sampling, decode_share=Kept(0.4)).drawn[0] == together.drawn[row]


def test_a_selection_that_does_not_fit_the_cache_is_refused(qwen, prompt):
    prefix = prefill(qwen, prompt).prefix
    columns = torch.arange(5).expand(2, -1)
    fitting = torch.ones(2, 5, dtype=torch.bool)
    with pytest.raises(InputError, match="does not fit"):
        evict(prefix, Selection((columns,) * 3, fitting))
    with pytest.raises(InputError, match="does not fit"):
        evict(prefix, Selection((columns,) * LAYERS, fitting[:1]))


def test_layers_of_unequal_length_are_refused(qwen):
    read = torch.ones(1, 9, dtype=torch.bool)
    with pytest.raises(InputError, match="every layer"):
        Selection.of_tokens([[torch.arange(4)], [torch.arange(5)]], read)
    with pytest.raises(InputError, match="at least one token"):
        Selection.of_tokens([[torch.arange(0)]], read)


def test_text_that_does_not_continue_the_prefix_is_refused(qwen, prompt):
    prefix = prefill(qwen, prompt).prefix
    for wrong in (prompt[:1], prompt[:, :0], prompt[0]):
        with pytest.raises(InputError, match="does not continue"):
            extend(qwen, prefix, wrong)


@pytest.mark.parametrize(
    "sampling",
    [
        Sampling(temperature=-1),
        Sampling(top_p=0.0),
        Sampling(top_p=1.5),
        Sampling(max_tokens=0),
    ],
)
def test_what_cannot_be_drawn_with_is_refused(qwen, prompt, sampling):
    with pytest.raises(InputError):
        continue_from(qwen, prefill(qwen, prompt).prefix, sampling)
    with pytest.raises(InputError, match="at least one sample"):
        continue_from(qwen, prefill(qwen, prompt).prefix, GREEDY, samples=0)
