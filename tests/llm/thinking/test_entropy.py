from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from guide.errors import InputError, ModelError
from guide.llm.model import MeasuresEntropy
from guide.llm.thinking.entropy import KAPPA, MeasuredTrace, entropy_bits, measure, measured, most_informative, skipped

V = 1000
_text = st.text(alphabet="ab \n\t", max_size=60)


def by_letter(text: str, bits: dict[str, float] | None = None) -> MeasuredTrace:
    """A token a character, as open as `bits` says."""
    entropies = np.array([(bits or {}).get(sign, 0.0) for sign in text])
    return measured(text, entropies, np.arange(len(text)))


def test_a_uniform_distribution_has_the_logarithm_of_its_size() -> None:
    assert entropy_bits(np.zeros(V)) == pytest.approx(np.log2(V))


def test_a_certain_token_has_none() -> None:
    assert entropy_bits([0.0, -np.inf, -np.inf]) == 0.0
    assert entropy_bits([1e4, 0.0, 0.0]) == 0.0


@given(logits=arrays(np.float64, (3, 7), elements=st.floats(-50, 50)), shift=st.floats(-300, 300))
def test_logits_need_not_be_normalised(logits: np.ndarray, shift: float) -> None:
    shares = np.exp(logits - logits.max(-1, keepdims=True))
    shares /= shares.sum(-1, keepdims=True)
    by_hand = [-sum(p * np.log2(p) for p in row if p > 0) for row in shares]
    assert entropy_bits(logits) == pytest.approx(by_hand, abs=1e-9)
    assert entropy_bits(logits + shift) == pytest.approx(by_hand, abs=1e-9)


@pytest.mark.parametrize("logits", [[-np.inf, -np.inf], [np.nan, 0.0], [[0.0, 1.0], [np.inf, 0.0]]])
def test_what_is_no_distribution_is_the_models_error(logits: list[float]) -> None:
    with pytest.raises(ModelError):
        entropy_bits(logits)


def spread(drawn: float) -> NDArray[np.float64]:
    """Log-probabilities where the drawn token, the first, has `drawn`, and all others share the rest."""
    logs: NDArray[np.float64] = np.log(np.array([drawn, *[(1 - drawn) / (V - 1)] * (V - 1)]))
    return logs


def test_a_surprising_token_is_not_taken_for_a_redundant_one() -> None:
    # -p log p of the drawn token, as in the paper's released code, removes the first step; its entropy keeps it.
    surprising, certain = spread(0.001), spread(0.99)
    surrogate = [-np.exp(logs[0]) * logs[0] for logs in (surprising, certain)]
    assert surrogate[0] < surrogate[1]
    trace = measured("s\n\nc", entropy_bits(np.stack([surprising, certain])), np.array([0, 3]))
    assert skipped(trace, 0.5) == "s\n\n[SKIP]"


def test_steps_are_parted_by_blank_lines_only() -> None:
    trace = by_letter(" one\nstill one\n \n\n two \n\nthree\n\n")
    assert [step.text for step in trace.steps] == ["one\nstill one", "two", "three"]
    assert [step.gap for step in trace.steps] == ["\n \n\n ", " \n\n", "\n\n"]
    assert trace.lead == " "


def test_a_step_is_summed_and_is_normalised_by_its_length() -> None:
    short, long = by_letter("ab\n\nbbbbbbbb", {"a": 6.0, "b": 2.0}).steps
    assert (short.tokens, short.total, short.mean) == (4, 8.0, 2.0)  # the blank line ends it
    assert (long.tokens, long.total, long.mean) == (8, 16.0, 2.0)


def test_ranking_by_bits_in_all_favours_the_long_step() -> None:
    trace = by_letter("a\n\nbbbbbbbb", {"a": 6.0, "b": 1.0})
    assert [step.text for step in most_informative(trace, 0.5)] == ["a"]
    assert [step.text for step in most_informative(trace, 0.5, by="total")] == ["bbbbbbbb"]


def test_half_the_steps_are_the_two_most_open_ones() -> None:
    trace = by_letter("a\n\nb\n\nc\n\nd", {"a": 9.0, "b": 1.0, "c": 2.0, "d": 8.0})
    assert [step.text for step in most_informative(trace, 0.5)] == ["a", "d"]
    assert skipped(trace, 0.5) == "a\n\n[SKIP]\n\n[SKIP]\n\nd"


def test_equal_steps_are_told_apart_and_the_earlier_goes_first() -> None:
    # The paper's code keys steps by their text: repeated ones collapse there.
    trace = by_letter("a\n\na\n\na\n\na", {"a": 1.0, "\n": 1.0})
    assert skipped(trace, 0.5) == "[SKIP]\n\n[SKIP]\n\na\n\na"


def test_a_token_between_two_steps_belongs_to_the_first() -> None:
    trace = measured("ab\n\ncd", np.array([1.0, 2.0, 4.0]), np.array([0, 2, 4]))
    assert [(step.tokens, step.total) for step in trace.steps] == [(2, 3.0), (1, 4.0)]


def test_a_step_that_no_token_begins_in_has_no_entropy() -> None:
    trace = measured("ab\n\nc", np.array([1.0, 2.0]), np.array([0, 2]))  # "\n\nc" is one token
    assert [(step.text, step.tokens, step.mean) for step in trace.steps] == [("ab", 2, 1.5), ("c", 0, 0.0)]


def test_the_default_share_is_the_papers() -> None:
    trace = by_letter("\n\n".join("abcdefghij"))
    assert KAPPA == 0.8
    assert len(most_informative(trace)) == 2


@pytest.mark.parametrize(("kappa", "steps", "kept"), [(0.29, 100, 71), (0.7, 10, 3), (0.99, 10, 1), (1, 3, 0)])
def test_the_share_of_steps_is_rounded_down(kappa: float, steps: int, kept: int) -> None:
    assert len(most_informative(by_letter("\n\n".join("a" * steps)), kappa)) == kept


@given(text=_text)
def test_a_share_of_nothing_leaves_the_text_as_it_is(text: str) -> None:
    trace = by_letter(text, {"a": 1.0, "b": 2.0})
    assert skipped(trace, 0) == trace.text == text
    assert most_informative(trace, 0) == trace.steps


@given(text=_text)
def test_every_token_counts_once(text: str) -> None:
    trace = by_letter(text, {"a": 1.0, "b": 2.0})
    assert sum(step.tokens for step in trace.steps) == (len(text) if text.strip() else 0)
    assert sum(step.total for step in trace.steps) == text.count("a") + 2 * text.count("b")
    assert all(step.text == step.text.strip() != "" for step in trace.steps)


@given(bits=st.lists(st.floats(0, 10), min_size=1, max_size=20), kappa=st.floats(0, 1))
def test_order_and_count_are_kept_and_nothing_removed_is_more_open_than_what_stays(
    bits: list[float], kappa: float
) -> None:
    text = "\n\n".join(f"<{number}>" for number in range(len(bits)))
    begins = [text.index(f"<{number}>") for number in range(len(bits))]
    trace = measured(text, np.array(bits), np.array(begins))
    parts = skipped(trace, kappa).split("\n\n")
    assert len(parts) == len(bits)
    assert all(part in ("[SKIP]", f"<{number}>") for number, part in enumerate(parts))
    assert [part for part in parts if part != "[SKIP]"] == [step.text for step in most_informative(trace, kappa)]
    gone = [bit for bit, part in zip(bits, parts, strict=True) if part == "[SKIP]"]
    stay = [bit for bit, part in zip(bits, parts, strict=True) if part != "[SKIP]"]
    assert max(gone, default=0) <= min(stay, default=10)
    assert len(gone) <= kappa * len(bits) + 1e-6 < len(gone) + 1 + 1e-6


def test_a_model_that_measures_is_asked_for_what_follows_the_prompt() -> None:
    class Halves:
        def token_entropies(self, prompt: str, text: str) -> tuple[np.ndarray, np.ndarray]:
            assert prompt == "Why?"
            return np.array([1.0, 3.0]), np.array([0, len(text) // 2])

    model = Halves()
    assert isinstance(model, MeasuresEntropy)
    assert [step.total for step in measure(model, "Why?", "a\n\nb\n\nc").steps] == [1.0, 3.0, 0.0]


@pytest.mark.parametrize(
    ("entropies", "offsets"),
    [([1.0], [0, 1]), ([-1.0], [0]), ([np.nan], [0]), ([1.0, 1.0], [2, 1]), ([1.0], [9]), ([1.0], [-1])],
)
def test_measures_that_do_not_fit_the_text_are_refused(entropies: list[float], offsets: list[int]) -> None:
    with pytest.raises(InputError):
        measured("abc", np.array(entropies), np.array(offsets))


@pytest.mark.parametrize("kappa", [-0.1, 1.1, float("nan")])
def test_a_share_that_is_none_is_refused(kappa: float) -> None:
    with pytest.raises(InputError):
        skipped(by_letter("a"), kappa)
