from __future__ import annotations

import re
import warnings
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guide.errors import InputError
from guide.llm.finetune.tokenskip import RATES, Thought, llmlingua_compressor, mark_rate, skip_pairs

THOUGHTS = [
    Thought(f"question {number}", f"one two three four {number}", "</think>\n\nRating: F") for number in range(40)
]


def _first_words(texts: Sequence[str], rate: float) -> list[str]:
    return [" ".join(text.split()[: round(rate * len(text.split()))]) for text in texts]


def test_the_prompt_names_the_share_and_the_thinking_is_cut_to_it() -> None:
    (pair,) = skip_pairs(THOUGHTS[:1], _first_words, separator="|", rates=[0.6])
    assert pair.prompt == "question 0|0.6|"
    assert pair.completion == "one two three</think>\n\nRating: F"


def test_a_share_of_one_has_no_mark_and_asks_no_compressor() -> None:
    def refuse(texts: Sequence[str], rate: float) -> list[str]:
        raise AssertionError((texts, rate))

    (pair,) = skip_pairs(THOUGHTS[:1], refuse, separator="|", rates=[1])
    assert (pair.prompt, pair.completion) == ("question 0", "one two three four 0</think>\n\nRating: F")


def test_every_share_is_drawn_and_the_order_is_that_of_the_thoughts() -> None:
    pairs = skip_pairs(THOUGHTS, _first_words, separator="|")
    assert {pair.rate for pair in pairs} == set(RATES)
    assert [pair.prompt.split("|")[0] for pair in pairs] == [thought.prompt for thought in THOUGHTS]
    assert pairs == skip_pairs(THOUGHTS, _first_words, separator="|")
    assert pairs != skip_pairs(THOUGHTS, _first_words, separator="|", seed=1)


@given(st.lists(st.text("ab \n", max_size=8), max_size=6), st.sampled_from(RATES))
def test_empty_thinking_is_left_out_and_thinking_never_becomes_empty(thinking: list[str], rate: float) -> None:
    pairs = skip_pairs([Thought("q", text, "!") for text in thinking], _first_words, separator="|", rates=[rate])
    assert len(pairs) == sum(bool(text.strip()) for text in thinking)
    assert all(pair.completion.removesuffix("!").strip() for pair in pairs)
    assert all(pair.prompt == mark_rate("q", pair.rate, "|") for pair in pairs)


@pytest.mark.parametrize("rates", [[], [0], [1.1]])
def test_no_shares_are_refused(rates: list[float]) -> None:
    with pytest.raises(InputError, match="share"):
        skip_pairs(THOUGHTS, _first_words, separator="|", rates=rates)


def test_a_compressor_that_loses_a_text_is_refused() -> None:
    with pytest.raises(InputError, match="gave 39 texts for 40"):
        skip_pairs(THOUGHTS, lambda texts, rate: texts[1:], separator="|", rates=[0.5])


def test_llmlingua_shortens_thinking_by_its_own_classifier(tmp_path: Path) -> None:
    pytest.importorskip("llmlingua", reason="the package llmlingua is not installed")
    from tests.corpus.test_llmlingua import PLAIN, _save_bert

    _save_bert(tmp_path / "classifier")
    compress = llmlingua_compressor(tmp_path / "classifier")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        (pair,) = skip_pairs([Thought("q", PLAIN, "!")], compress, separator="|", rates=[0.5])
    assert pair.prompt == "q|0.5|"
    kept, words = (re.findall(r"\w+", text) for text in (pair.completion, PLAIN))
    assert 0 < len(kept) < len(words)
    assert set(kept) <= set(words)
