from __future__ import annotations

import subprocess
import sys
from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from guide.errors import InputError
from guide.llm.thinking.repetition import LoopOptions, LoopWatch, loops

SHORT = LoopOptions(words=4, times=3)


def counted(words: list[str], options: LoopOptions) -> bool:
    """The same question answered by counting the n-grams themselves."""
    grams = [tuple(words[at : at + options.words]) for at in range(len(words) - options.words + 1)]
    return any(grams.count(gram) >= options.times for gram in grams)


def test_a_cycle_is_a_loop() -> None:
    assert loops("the ice holds and then again " * 10)
    assert LoopWatch(SHORT).feed_tokens([1, 2, 3] * 5)


def test_a_hundred_distinct_words_are_none() -> None:
    assert not loops(" ".join(f"w{number}" for number in range(100)), LoopOptions(words=1, times=2))
    assert not LoopWatch(LoopOptions(words=1, times=2)).feed_tokens(range(100))


def test_a_passage_quoted_in_full_twice_is_none_and_a_third_time_is() -> None:
    quote = " ".join(f"q{number}" for number in range(30))
    assert not loops(f"{quote} is what they say {quote} once more")
    assert loops(f"{quote} is what they say {quote} once more {quote} and again")


def test_only_so_many_words_in_a_row_count() -> None:
    said = [f"a b c x{number}" for number in range(20)]
    assert not loops(" ".join(said), SHORT)
    assert loops(" ".join(said), LoopOptions(words=3, times=3))


@given(
    words=st.lists(st.sampled_from("abc"), max_size=60),
    options=st.builds(LoopOptions, words=st.integers(1, 6), times=st.integers(2, 5)),
)
def test_the_rolling_hash_says_what_counting_says(words: list[str], options: LoopOptions) -> None:
    assert loops(" ".join(words), options) == counted(words, options)
    assert LoopWatch(options).feed_tokens(map(ord, words)) == counted(words, options)


@given(period=st.integers(1, 50), options=st.builds(LoopOptions, words=st.integers(1, 30), times=st.integers(2, 5)))
def test_a_cycle_of_any_length_is_found_in_the_stated_time(period: int, options: LoopOptions) -> None:
    cycle = [number % period for number in range(options.times * period + options.words)]
    assert LoopWatch(options).feed_tokens(cycle)


@given(
    text=st.text(alphabet="ab \n。冰é-", max_size=200),
    cuts=st.lists(st.integers(0, 200), max_size=10),
    words=st.integers(1, 4),
)
@example(text="a" * 200, cuts=[63, 64, 65, 130], words=1)
@example(text="a a a a", cuts=[1, 2, 3, 4, 5], words=2)
def test_a_stream_gives_what_the_whole_gives(text: str, cuts: list[int], words: int) -> None:
    options = LoopOptions(words=words, times=2)
    whole = LoopWatch(options).feed(text)
    edges = [0, *sorted(min(cut, len(text)) for cut in cuts), len(text)]
    parts = LoopWatch(options)
    assert [parts.feed(text[start:end]) for start, end in pairwise(edges)][-1] == whole
    letters = LoopWatch(options)
    assert [False, *map(letters.feed, text)][-1] == whole


def test_the_answer_at_a_place_does_not_depend_on_the_pieces_before_it() -> None:
    text = "one two three four " * 4
    letters, seen = LoopWatch(SHORT), []
    for end, sign in enumerate(text, start=1):
        seen.append((letters.feed(sign), LoopWatch(SHORT).feed(text[:end])))
    assert all(stream == whole for stream, whole in seen)
    assert [stream for stream, _ in seen].count(True) > 0
    assert not seen[0][0]


def test_a_word_is_not_taken_before_it_has_ended() -> None:
    watch = LoopWatch(LoopOptions(words=1, times=2))
    assert not watch.feed("ice ic")
    assert not watch.feed("e")
    assert watch.feed(" ")


def test_once_it_loops_it_stays_so() -> None:
    watch = LoopWatch(SHORT)
    assert watch.feed("a b c d " * 4)
    assert watch.feed("and now for something else")


def test_text_without_spaces_can_loop() -> None:
    assert loops("冰会融化吗" * 40)
    assert loops("ha" * 2000)
    assert not loops("".join(chr(0x4E00 + number) for number in range(2000)))


def test_a_surrogate_does_no_harm() -> None:
    assert not loops("a \ud800 b")


def test_every_process_gives_the_same_hashes() -> None:
    code = (
        "from guide.llm.thinking.repetition import *; w = LoopWatch(LoopOptions(2, 9)); w.feed('a b c a b '); "
        "print(sorted(w._seen.items()))"
    )
    seen = {
        subprocess.run(
            [sys.executable, "-c", code], check=True, capture_output=True, text=True, env={"PYTHONHASHSEED": seed}
        ).stdout
        for seed in ("1", "2")
    }
    assert len(seen) == 1
    assert seen.pop().count("(") == 3  # a b, b c, c a


@pytest.mark.parametrize(("words", "times"), [(0, 3), (5, 1)])
def test_a_loop_of_nothing_is_refused(words: int, times: int) -> None:
    with pytest.raises(InputError):
        LoopOptions(words, times)
