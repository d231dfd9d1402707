"""The task that bench_reasoning measures on: what it says is right is right, and its marks can be read."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.reasoning_task.cache_techniques import spans
from benchmarks.reasoning_task.problems import (
    NAMES,
    OPEN,
    WAIT,
    Fact,
    Problem,
    draw_problem,
    sound_passes,
    stated_answer,
    write_trace,
)
from benchmarks.reasoning_task.small_model import END, PROBE, Lesson, decode, draw_text, encode, load, load_or_train
from guide.llm.thinking.entropy import SKIP
from guide.llm.thinking.trace import CLOSE, end_thinking
from guide.llm.transformers_model import TransformersModel

SEEDS = st.integers(0, 2**32 - 1)
WORKED = Problem(
    (Fact("k", 4, "RT"), Fact("p", 9, ""), Fact("q", 3, "F"), Fact("d", 2, "M")), ("k", "q", "d"), ("+", "*")
)


def test_the_worked_problem_reads_as_documented() -> None:
    assert WORKED.prompt == "k4RT\np9\nq3F\nd2M\n?k+q*d\n<think>\n"
    assert WORKED.answer == (4 + 3) * 2 % 10 == 4


@given(SEEDS, st.floats(0, 0.9), st.integers(1, 8))
def test_the_answer_that_a_trace_states_last_is_right(seed: int, wrong: float, checks: int) -> None:
    rng = random.Random(seed)
    problem = draw_problem(rng)
    trace = write_trace(problem, rng, wrong=wrong, checks=checks)
    assert stated_answer(trace) == problem.answer
    # Evaluated by another way than the generator's: Python itself, brackets from left to right.
    text = str(problem.values[0])
    for operator, value in zip(problem.operators, problem.values[1:], strict=True):
        text = f"({text}){operator}{value}"
    assert eval(text) % 10 == problem.answer  # noqa: S307 - digits and operators


@given(SEEDS, st.floats(0, 0.9))
def test_a_trace_checks_itself_until_it_is_right_and_then_stays_right(seed: int, wrong: float) -> None:
    rng = random.Random(seed)
    problem = draw_problem(rng)
    sound = sound_passes(problem, write_trace(problem, rng, wrong=wrong))
    first = sound.index(True)
    assert all(sound[first:])
    assert len(sound) - first >= 2


@given(SEEDS)
def test_a_digit_changed_in_a_right_pass_makes_it_unsound(seed: int) -> None:
    rng = random.Random(seed)
    problem = draw_problem(rng)
    right = write_trace(problem, rng, wrong=0).split(WAIT)[0]
    place = rng.choice([place for place, sign in enumerate(right) if sign.isdigit()])
    changed = right[:place] + str((int(right[place]) + rng.randint(1, 9)) % 10) + right[place + 1 :]
    assert sound_passes(problem, right) == [True]
    assert sound_passes(problem, changed) == [False]


def test_without_mistakes_every_pass_is_sound_and_only_the_checks_are_over_thinking() -> None:
    rng = random.Random(0)
    traces = [write_trace(WORKED, rng, wrong=0, checks=1) for _ in range(20)]
    assert set(traces) == {"k4\n\nk+q3=7\n\nq*d2=4\n\nso4\n\nWaitk4\n\nk+q3=7\n\nq*d2=4\n\nso4"}


def test_without_checks_a_trace_is_one_pass() -> None:
    assert write_trace(WORKED, random.Random(0), wrong=0, checks=0) == "k4\n\nk+q3=7\n\nq*d2=4\n\nso4"


@given(SEEDS)
def test_where_facts_are_looked_up_only_the_values_of_repeated_names_are_learnt(seed: int) -> None:
    tokens, learnt = draw_text(random.Random(seed), "looked up")
    words = [decode([token]) for token in tokens]
    told: dict[str, str] = {}
    for name, value, is_learnt in zip(words, words[1:], learnt[1:], strict=False):
        if name in NAMES:
            assert is_learnt == (name in told)
            assert told.setdefault(name, value) == value
        else:
            assert not is_learnt


@given(SEEDS, st.sampled_from(["unchecked", "whole"]))
def test_behind_a_solved_problem_the_answer_is_learnt_and_the_trace_if_no_step_is_skipped(
    seed: int, lesson: Lesson
) -> None:
    tokens, learnt = draw_text(random.Random(seed), lesson)
    prompt, trace = decode(tokens).split(OPEN)
    trace, answer = trace.split(CLOSE)
    assert answer[-(len(END) + 2) :] == f"={answer[-len(END) - 1]}{END}"
    assert learnt[-3:] == [False, True, True]
    asked = len(encode(prompt + OPEN))
    assert not any(learnt[:asked])
    # The trace, its closing mark and the lines around that, if any of it; then the lead-in to the answer.
    assert set(learnt[asked:-3]) in ({True}, {False})
    if learnt[asked]:
        assert SKIP not in trace
        assert stated_answer(trace) == int(answer[-len(END) - 1])


def test_the_heads_of_the_first_layer_begin_by_looking_one_to_four_tokens_back(tmp_path: Path) -> None:
    pytest.importorskip("torch", reason="torch is not installed: make test-all brings it")
    import torch

    model, _ = load(load_or_train(tmp_path / "model", steps=1))
    model.set_attn_implementation("eager")
    tokens = encode("".join(draw_problem(random.Random(seed)).prompt for seed in range(3)))
    with torch.no_grad():
        seen = model(torch.tensor([tokens]), output_attentions=True).attentions[0][0]
    for head, weights in enumerate(seen):
        means = [float(weights.diagonal(-back).mean()) for back in range(8)]
        assert max(range(8), key=means.__getitem__) == head + 1


@given(SEEDS)
def test_a_text_comes_back_from_its_tokens(seed: int) -> None:
    rng = random.Random(seed)
    problem = draw_problem(rng)
    text = problem.prompt + end_thinking(write_trace(problem, rng)) + "=4"
    assert decode(encode(text)) == text


@given(SEEDS)
def test_the_spans_of_the_facts_part_the_prompt_up_to_the_question(seed: int) -> None:
    problem = draw_problem(random.Random(seed))
    tokens = encode(problem.prompt)
    units = spans(problem)
    assert [decode(tokens[unit.start : unit.stop]) for unit in units] == [fact.text for fact in problem.facts]
    assert [unit.id for unit in units] == [fact.name for fact in problem.facts]
    assert decode(tokens[units[-1].stop :]).startswith("?")


def test_a_question_about_a_name_without_a_fact_has_no_answer() -> None:
    with pytest.raises(KeyError):
        _ = replace(WORKED, names=("k", "q", "a")).answer


def test_the_engine_reads_the_saved_model_in_the_tokens_that_it_was_trained_on(tmp_path: Path) -> None:
    pytest.importorskip("torch", reason="torch is not installed: make test-all brings it")
    folder = load_or_train(tmp_path / "model", steps=1)
    rng = random.Random(3)
    text = WORKED.prompt + end_thinking(write_trace(WORKED, rng)) + PROBE.lead
    _, tokenizer = load(folder)
    assert tokenizer(text, add_special_tokens=False)["input_ids"] == encode(text)
    assert tokenizer.decode(encode(text)) == text
    engine = TransformersModel(str(folder), device="cpu")
    assert engine.count_tokens([text]) == [len(encode(text))]
    assert engine.score_labels({"one": text}, tuple(PROBE.labels))["one"].shape == (10,)
