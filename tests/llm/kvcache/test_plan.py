from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guide.errors import InputError
from guide.llm.kvcache.plan import RUNS, THINKING, bytes_needed, plan
from guide.llm.kvcache.ratio import Kept
from guide.llm.kvcache.shape import CacheShape

# The layers and heads of a 1.5B Qwen2, in bfloat16.
SHAPE = CacheShape(layers=28, key_heads=2, head_dim=128, dtype="bfloat16", itemsize=2, context=131_072)
GIB = 2**30


def _bytes(**changed: Any) -> int:
    usual = {"runs": 4, "thinking_tokens": 1024, "prompt_tokens": 3000, "shared_prompt_tokens": 2000, "batch": 3}
    return bytes_needed(SHAPE, **(usual | changed))


def test_a_prompt_is_paid_once_where_it_is_shared_and_once_a_run_where_it_is_not():
    assert SHAPE.bytes_per_token == 28 * 1024
    assert _bytes() == 3 * (2000 + 4 * (1000 + 1024)) * 28 * 1024
    assert _bytes(shared_prompt_tokens=3000) == 3 * (3000 + 4 * 1024) * 28 * 1024
    assert _bytes(shared_prompt_tokens=0) == 3 * 4 * (3000 + 1024) * 28 * 1024


def test_eviction_lessens_the_prompt_but_not_the_thinking_and_not_the_reading():
    assert _bytes(shared_prompt_tokens=3000, kept=Kept(0.1)) == 3 * (300 + 4 * 1024) * 28 * 1024
    # While the prompts are read, all of them are there.
    assert _bytes(runs=1, thinking_tokens=10, shared_prompt_tokens=3000, kept=Kept(0.1)) == 3 * 3000 * 28 * 1024


@given(
    runs=st.integers(1, 16),
    thinking=st.integers(1, 9000),
    prompt=st.integers(1, 9000),
    batch=st.integers(1, 9),
    share=st.floats(0.05, 1.0),
    data=st.data(),
)
def test_no_more_runs_tokens_proposals_or_share_take_fewer_bytes(runs, thinking, prompt, batch, share, data):
    shared = data.draw(st.integers(0, prompt))
    asked = {
        "runs": runs,
        "thinking_tokens": thinking,
        "prompt_tokens": prompt,
        "shared_prompt_tokens": shared,
        "batch": batch,
        "kept": Kept(share),
    }
    needed = _bytes(**asked)
    assert _bytes(**(asked | {"runs": runs + 1})) >= needed
    assert _bytes(**(asked | {"runs": runs + 1, "kept": Kept()})) > _bytes(**(asked | {"kept": Kept()}))
    assert _bytes(**(asked | {"batch": batch + 1})) > needed
    assert _bytes(**(asked | {"kept": Kept()})) >= needed
    assert _bytes(**(asked | {"thinking_tokens": thinking + 50})) >= needed
    assert _bytes(**(asked | {"prompt_tokens": prompt + 50})) >= needed
    # Sharing saves; with roundings of the share, never a token more than without.
    assert _bytes(**(asked | {"shared_prompt_tokens": 0})) >= needed


@given(
    memory=st.integers(1, 64 * GIB),
    more=st.integers(0, 64 * GIB),
    prompt=st.integers(1, 60_000),
    share=st.floats(0.05, 1.0),
    data=st.data(),
)
def test_more_memory_never_means_less_of_anything_and_no_plan_exceeds_it(memory, more, prompt, share, data):
    shared = data.draw(st.integers(0, prompt))
    try:
        small = plan(SHAPE, memory, prompt, shared, kept=Kept(share))
    except InputError:
        assert memory < (prompt + 512) * SHAPE.bytes_per_token
        return
    large = plan(SHAPE, memory + more, prompt, shared, kept=Kept(share))
    assert (large.runs, large.thinking_tokens, large.batch) >= (small.runs, small.thinking_tokens, small.batch)
    assert large.runs >= small.runs
    assert large.thinking_tokens >= small.thinking_tokens
    assert large.batch >= small.batch
    assert small.bytes_used <= memory
    asked = {"runs": small.runs, "thinking_tokens": small.thinking_tokens, "batch": small.batch, "kept": Kept(share)}
    assert small.bytes_used == bytes_needed(SHAPE, prompt_tokens=prompt, shared_prompt_tokens=shared, **asked)


@given(st.integers(1, 16), st.integers(1, 40_000), st.integers(0, 20_000))
def test_a_longer_prompt_never_means_more_runs_or_thinking(gigabytes, prompt, longer):
    shape = CacheShape(28, 2, 128, "bfloat16", 2)
    short = plan(shape, gigabytes * 2 * GIB, prompt, prompt)
    long = plan(shape, gigabytes * 2 * GIB, prompt + longer, prompt + longer)
    assert long.runs <= short.runs
    assert long.thinking_tokens <= short.thinking_tokens
    assert long.batch <= short.batch


def test_runs_and_thinking_grow_by_turns_and_the_batch_once_both_are_at_their_largest():
    megabytes = (50, 60, 90, 120, 200, 400, 800, 1800, 2500, 8000)
    sizes = [plan(SHAPE, size * 2**20, 1000, 1000) for size in megabytes]
    assert [(way.runs, way.thinking_tokens, way.batch) for way in sizes] == [
        (1, 512, 1),
        (2, 512, 1),
        (2, 1024, 1),
        (2, 1024, 1),
        (4, 1024, 1),
        (4, 2048, 1),
        (8, 2048, 1),
        (8, 4096, 1),
        (8, 8192, 1),
        (8, 8192, 4),
    ]


def test_choices_far_apart_leave_the_batch_at_one_rather_than_take_it_back_later():
    one, all_runs = (1000 + 512) * SHAPE.bytes_per_token, (1000 + 16 * 512) * SHAPE.bytes_per_token
    small, large = (plan(SHAPE, size, 1000, 1000, runs=(1, 16), thinking=(512,)) for size in (all_runs - 1, all_runs))
    assert (small.runs, small.batch, small.bytes_used) == (1, 1, one)
    assert (large.runs, large.batch, large.bytes_used) == (16, 1, all_runs)
    assert small.alternatives[0].batch == 6


def test_every_way_that_was_considered_is_told():
    chosen = plan(SHAPE, 1 * GIB, 4000, 4000)
    assert {(way.runs, way.thinking_tokens) for way in chosen.alternatives} == {(k, t) for k in RUNS for t in THINKING}
    for way in chosen.alternatives:
        one = way.bytes_used // max(1, way.batch)
        assert one == (4000 + way.runs * way.thinking_tokens) * SHAPE.bytes_per_token
        assert way.batch == min(64, GIB // one)
    assert any(way.batch == 0 for way in chosen.alternatives)
    assert (chosen.runs, chosen.thinking_tokens) in {
        (w.runs, w.thinking_tokens) for w in chosen.alternatives if w.batch
    }


def test_what_the_context_does_not_hold_is_not_considered():
    short = CacheShape(28, 2, 128, "bfloat16", 2, context=4096)
    chosen = plan(short, 64 * GIB, 2000, 2000)
    assert {way.thinking_tokens for way in chosen.alternatives} == {512, 1024, 2048}
    assert (chosen.runs, chosen.thinking_tokens) == (8, 2048)
    with pytest.raises(InputError, match="leaves no 512 of the model's 4,096"):
        plan(short, 64 * GIB, 3600, 3600)


def test_a_batch_is_no_larger_than_asked_for():
    assert plan(SHAPE, 64 * GIB, 1000, 1000, max_batch=5).batch == 5


def test_a_memory_too_small_for_one_run_says_what_one_takes():
    needed = (1000 + 512) * SHAPE.bytes_per_token
    assert plan(SHAPE, needed, 1000, 1000).bytes_used == needed
    with pytest.raises(InputError, match=f"which takes {needed:,}"):
        plan(SHAPE, needed - 1, 1000, 1000)


@pytest.mark.parametrize(
    ("changed", "complaint"),
    [
        ({"memory_bytes": 0}, "needs memory"),
        ({"prompt_tokens": 0, "shared_prompt_tokens": 0}, "needs memory"),
        ({"shared_prompt_tokens": 1001}, "no more of it shared"),
        ({"shared_prompt_tokens": -1}, "no more of it shared"),
        ({"max_batch": 0}, "needs memory"),
        ({"runs": ()}, "ascending"),
        ({"runs": (0, 1)}, "ascending"),
        ({"thinking": (1024, 512)}, "ascending"),
    ],
)
def test_numbers_that_make_no_sense_are_refused(changed, complaint):
    asked = {"memory_bytes": GIB, "prompt_tokens": 1000, "shared_prompt_tokens": 1000} | changed
    with pytest.raises(InputError, match=complaint):
        plan(SHAPE, **asked)
