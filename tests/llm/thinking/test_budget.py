from __future__ import annotations

from collections.abc import Sequence
from itertools import count, pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from guide.errors import InputError
from guide.llm.model import Answer, Ask, Sampling, TextModel
from guide.llm.thinking.budget import REFLECTIONS, ThinkingOptions, seed_of, think
from guide.llm.thinking.labels import ScoreProbe
from guide.llm.thinking.repetition import LoopOptions
from guide.llm.thinking.trace import CLOSE, Trace, end_thinking
from guide.llm.thinking.trimming import TrimOptions, replay
from tests.llm.thinking.fakes import LABELS, SCORE, LoopingModel, ScriptedModel, tokens_of

PROBE = ScoreProbe('{"score": ', LABELS)
BARE = TrimOptions(agreed=False, undecided=False)
PLAIN = ThinkingOptions(budget=400, trim=BARE, loop=None)
OTHER = "Is snow a road?<think>\n"
PROMPT = "Is ice a bridge?<think>\n"
_word = count()


def trim(**changes: float) -> TrimOptions:
    return TrimOptions(**{"least": 0, **changes})  # type: ignore[arg-type]


def options(budget: int = 400, *, loop: LoopOptions | None = None, **changes: float) -> ThinkingOptions:
    return ThinkingOptions(budget=budget, trim=trim(**changes), loop=loop)


def segment(score: float, words: int = 5) -> str:
    """Words that no other segment has, and a score."""
    return " ".join(f"w{next(_word)}" for _ in range(words)) + f" score={score:g}"


def script(*scores: float, words: int = 5, end: str = CLOSE) -> str:
    return "\n\nWait, ".join(segment(score, words) for score in scores) + end


def run(model: ScriptedModel, given: ThinkingOptions) -> Trace:
    return think(model, {"one": PROMPT}, given, probe=PROBE)["one"][0]


def test_the_fake_is_a_text_model() -> None:
    assert isinstance(ScriptedModel({}), TextModel)


def test_three_segments_that_agree_end_the_thinking_at_the_second_agreement() -> None:
    said = script(3, 7, 7.4, 7, 7, 7)
    trace = run(ScriptedModel({PROMPT: [said]}), options())
    assert trace.stop == "agreed"
    assert trace.segments == trace.probes == 4
    assert [boundary.score.expected for boundary in trace.boundaries] == pytest.approx([3, 7, 7.4, 7])
    assert trace.text == "\n\nWait".join(said.split("\n\nWait")[:4])


def test_scores_that_go_to_and_fro_are_undecided_once_past_the_share() -> None:
    model = ScriptedModel({PROMPT: [script(*[2, 8] * 30)]})
    trace = run(model, options(share=0.5, segments=1000))
    assert trace.stop == "undecided"
    past = [boundary.tokens > 200 for boundary in trace.boundaries]
    assert past == [False] * (len(past) - 1) + [True]


def test_scores_that_go_to_and_fro_are_undecided_after_so_many_segments() -> None:
    trace = run(ScriptedModel({PROMPT: [script(*[2, 8] * 30)]}), options(100_000, segments=7))
    assert (trace.stop, trace.segments, trace.probes) == ("undecided", 7, 7)


def test_a_cycle_without_any_reflection_is_seen_where_segments_are_interrupted() -> None:
    model = ScriptedModel({PROMPT: ["score=5 " + "round and round it goes " * 200]})
    given = ThinkingOptions(budget=2000, trim=trim(), loop=LoopOptions(words=8, times=3), segment_tokens=50)
    trace = run(model, given)
    assert (trace.stop, trace.tokens, trace.probes) == ("repetition", 50, 0)
    assert trace.tokens_saved == 1950


def test_a_cycle_of_segments_is_seen_at_a_boundary() -> None:
    turn = "it may hold score=2 or not \n\nWait it may break score=8 after all \n\nWait "
    trace = run(ScriptedModel({PROMPT: [turn * 50]}), options(5000, loop=LoopOptions(words=8, times=3), segments=1000))
    assert trace.stop == "repetition"
    assert trace.tokens < 5 * len(tokens_of(turn))
    assert trace.probes == trace.segments - 1  # a run that is over is not probed


def test_a_run_whose_budget_ends_at_a_boundary_is_over_and_not_probed() -> None:
    said = script(5, 5, 5)
    budget = len(tokens_of("\n\nWait".join(said.split("\n\nWait")[:2]) + "\n\nWait"))
    trace = run(ScriptedModel({PROMPT: [said]}), options(budget, running=1))
    assert (trace.stop, trace.tokens, trace.probes, trace.tokens_saved) == ("budget", budget, 1, 0)
    assert trace.text == "\n\nWait".join(said.split("\n\nWait")[:2])


def test_looking_for_loops_alone_reads_no_score() -> None:
    turn = "it may hold \n\nWait it may break \n\nWait "
    model = ScriptedModel({PROMPT: [turn * 50]})
    given = options(5000, loop=LoopOptions(words=8, times=3), agreed=False, undecided=False)
    trace = run(model, given)
    assert (trace.stop, trace.probes, model.probes) == ("repetition", 0, [])
    assert trace.tokens < 7 * len(tokens_of(turn))


def test_a_hundred_distinct_words_are_no_loop() -> None:
    said = script(5, words=100)
    trace = run(ScriptedModel({PROMPT: [said]}), options(loop=LoopOptions(words=2, times=2)))
    assert (trace.stop, trace.text + CLOSE) == ("closed", said)


def test_a_loop_that_the_program_sees_by_itself_ends_the_thinking() -> None:
    trace = run(LoopingModel({PROMPT: ["a b c d e f g"]}), PLAIN)
    assert (trace.stop, trace.tokens, trace.tokens_saved) == ("repetition", 5, 395)


@pytest.mark.parametrize("given", [options(), PLAIN], ids=["with every technique", "plain"])
def test_a_natural_close_ends_the_thinking(given: ThinkingOptions) -> None:
    model = ScriptedModel({PROMPT: [script(3, 8) + "The answer is 8.\n\nWait"]})
    trace = run(model, given)
    assert trace.stop == "closed"
    assert trace.text + CLOSE + "The answer is 8.\n\nWait" == model.scripts[PROMPT][0]
    assert trace.segments == (2 if given.segmented else 1)  # what was not looked for was not counted
    assert trace.tokens_saved == 0


def test_an_end_without_the_mark_is_a_close() -> None:
    said = script(3, 8, end="")
    trace = run(ScriptedModel({PROMPT: [said]}), options())
    assert (trace.stop, trace.text, trace.segments) == ("closed", said, 2)


def test_a_closing_mark_cut_in_two_between_rounds_is_seen() -> None:
    # Without a token of its own, the mark of this model may fall to two rounds.
    model = ScriptedModel({PROMPT: ["a b [end] c d"]})
    given = ThinkingOptions(budget=50, trim=BARE, segment_tokens=5, close="[end]")
    trace = think(model, {"one": PROMPT}, given)["one"][0]
    assert (trace.text, trace.stop) == ("a b ", "closed")


def test_no_score_is_read_and_nothing_stopped_before_the_least_tokens() -> None:
    said = script(*[5] * 40)
    trace = run(ScriptedModel({PROMPT: [said]}), options(least=100, share=0.1, segments=2))
    assert trace.stop == "undecided"  # by the time a score may be read, it is past both thresholds
    assert trace.probes == 1
    assert trace.boundaries[0].tokens >= 100
    later = run(ScriptedModel({PROMPT: [said]}), options(least=100, share=1, segments=1000))
    assert later.stop == "agreed"
    assert later.probes == 3
    assert 100 <= later.boundaries[0].tokens < 120


@given(
    scores=st.lists(st.integers(0, 9), min_size=1, max_size=12),
    budget=st.integers(1, 150),
    segment_tokens=st.none() | st.integers(1, 30),
)
def test_the_budget_is_never_exceeded_by_a_single_token(
    scores: list[int], budget: int, segment_tokens: int | None
) -> None:
    model = ScriptedModel({PROMPT: [script(*scores)]})
    given = ThinkingOptions(budget=budget, trim=trim(), loop=None, segment_tokens=segment_tokens)
    trace = run(model, given)
    assert trace.tokens == model.usage.drawn_tokens <= budget
    assert 0 <= trace.tokens_saved <= budget - trace.tokens
    if trace.stop == "budget":
        assert trace.tokens == budget
    left = budget
    for batch in model.batches:
        assert batch[0].sampling.max_tokens == min(left, segment_tokens or left)
        left -= len(tokens_of(script_between(model, batch[0])))


def script_between(model: ScriptedModel, ask: Ask) -> str:
    """What the model drew for an ask of the only run."""
    later = [batch[0].prompt for batch in model.batches if len(batch[0].prompt) > len(ask.prompt)]
    return later[0].removeprefix(ask.prompt) if later else ""


def test_samples_have_different_seeds_and_the_same_thresholds() -> None:
    said = [script(2, 8, 2, 8, 5), script(2, 8, 2, 8, 6), script(2, 8, 2, 8, 7)]
    model = ScriptedModel({PROMPT: said})
    given = ThinkingOptions(trim=trim(), loop=None, sampling=Sampling(temperature=0.7, top_p=0.9, seed=40))
    think(model, {"one": PROMPT}, given, samples=3, probe=PROBE)
    seeds = [ask.sampling.seed + number for batch in model.batches for ask in batch for number in range(ask.samples)]
    assert len(seeds) == len(set(seeds)) == 3 * len(model.batches)
    first = seed_of("one", 40)
    assert seeds[:3] == [first, first + 1, first + 2]
    for batch in model.batches:
        assert {(ask.sampling.temperature, ask.sampling.top_p) for ask in batch} == {(0.7, 0.9)}
        assert len({(ask.sampling.max_tokens, ask.sampling.stop) for ask in batch}) == 1


def test_prompts_of_one_batch_are_not_drawn_by_the_same_numbers() -> None:
    said = script(2, 8, 2, 8, 5)
    model = ScriptedModel({PROMPT: [said], OTHER: [said]})
    think(model, {"one": PROMPT, "two": OTHER}, options(), probe=PROBE)
    for batch in model.batches:
        assert len({ask.sampling.seed for ask in batch}) == len(batch) == 2


def test_a_sample_is_the_same_run_whatever_the_number_of_samples() -> None:
    said = [script(2, 8, 2, 5), script(1, 7, 1, 7)]
    few, many = ScriptedModel({PROMPT: said}), ScriptedModel({PROMPT: said})
    think(few, {"one": PROMPT}, options(), samples=1, probe=PROBE)
    think(many, {"one": PROMPT}, options(), samples=2, probe=PROBE)
    first = [batch[0].sampling for batch in few.batches]
    assert first == [batch[0].sampling for batch in many.batches]


def test_a_score_is_read_at_new_boundaries_only() -> None:
    said = segment(3) + "\n\nWait" + "\n\nHmm" + "\n\n\n\nBut" + segment(4) + "\n\nWait" + segment(5, 30) + CLOSE
    model = ScriptedModel({PROMPT: [said]})
    given = ThinkingOptions(trim=trim(), loop=None, segment_tokens=8)
    trace = run(model, given)
    assert trace.probes == 2
    asked = [text for batch in model.probes for text in batch.values()]
    assert len(asked) == len(set(asked)) == 2
    assert len(model.batches) > 5


def test_the_probe_is_what_the_answer_will_be_asked_behind() -> None:
    model = ScriptedModel({PROMPT: [script(7, 7, 7, 7)]})
    trace = run(model, options())
    assert trace.stop == "agreed"
    assert [*model.probes[-1].values()] == [PROMPT + end_thinking(trace.text) + PROBE.lead]
    assert trace.boundaries[-1].tokens == trace.tokens
    assert model.probes[-1]["one/0"].endswith('score=7\n</think>\n\n{"score": ')


def test_every_round_is_one_batch_of_the_runs_still_going() -> None:
    prompts = {name: f"{name}<think>\n" for name in ("short", "long", "agreed")}
    model = ScriptedModel(
        {
            prompts["short"]: [script(1, 5), script(2, 6)],
            prompts["long"]: [script(1, 5, 1, 5, 1), script(1, 6, 1, 6, 1)],
            prompts["agreed"]: [script(1, 1, 1, 1, 1), script(2, 2, 2, 2, 2)],
        }
    )
    think(model, prompts, options(), samples=2, probe=PROBE)
    assert [[ask.id for ask in batch] for batch in model.batches] == [
        ["short", "long", "agreed"],
        ["short/0", "short/1", "long/0", "long/1", "agreed/0", "agreed/1"],
        ["long/0", "long/1", "agreed/0", "agreed/1"],
        ["long/0", "long/1"],
        ["long/0", "long/1"],
    ]
    assert [len(batch) for batch in model.probes] == [6, 4, 4, 2]
    assert [ask.samples for ask in model.batches[0]] == [2, 2, 2]


def test_stopping_early_draws_fewer_tokens() -> None:
    said = [script(*[number] * 20, words=30) for number in range(4)]
    plain, trimmed = ScriptedModel({PROMPT: said}), ScriptedModel({PROMPT: said})
    budget = 2000
    think(plain, {"one": PROMPT}, ThinkingOptions(budget=budget, trim=BARE, loop=None), samples=4)
    traces = think(trimmed, {"one": PROMPT}, options(budget), samples=4, probe=PROBE)["one"]
    assert {trace.stop for trace in traces} == {"agreed"}
    saved = plain.usage.drawn_tokens - trimmed.usage.drawn_tokens
    assert trimmed.usage.drawn_tokens < plain.usage.drawn_tokens / 4
    assert saved <= sum(trace.tokens_saved for trace in traces)  # an upper bound


def test_with_every_technique_off_the_ask_is_the_plain_one() -> None:
    said = script(*[5] * 10)
    model = ScriptedModel({PROMPT: [said, said]})
    sampling = Sampling(seed=3, stop=("never",), max_tokens=7)
    given = ThinkingOptions(budget=90, trim=BARE, loop=None, sampling=sampling, segment_tokens=5)
    traces = think(model, {"one": PROMPT}, given, samples=2, probe=PROBE)["one"]
    plain = Ask("one", PROMPT, Sampling(seed=seed_of("one", 3), stop=(CLOSE,), max_tokens=90), samples=2)
    assert (model.batches, model.probes) == ([(plain,)], [])
    answers = ScriptedModel({PROMPT: [said, said]}).complete([plain])["one"]
    assert [(trace.text, trace.tokens) for trace in traces] == [(answer.text, answer.tokens) for answer in answers]


@pytest.mark.parametrize(
    ("given", "fires"),
    [
        (options(agreed=False, undecided=True), None),
        (options(agreed=True, undecided=False), "agreed"),
        (options(agreed=False, undecided=False, least=0), None),
        (ThinkingOptions(budget=400, trim=BARE, loop=None, watch=True), None),
    ],
)
def test_a_technique_that_is_off_stops_nothing(given: ThinkingOptions, fires: str | None) -> None:
    said = script(*[5] * 12)  # it agrees with itself, so it is never undecided
    trace = run(ScriptedModel({PROMPT: [said]}), given)
    assert trace.stop == (fires or "closed")
    if not fires:
        plain = run(ScriptedModel({PROMPT: [said]}), PLAIN)
        assert (trace.text, trace.tokens) == (plain.text, plain.tokens)


def test_undecided_off_lets_a_run_waver_to_its_end() -> None:
    said = script(*[2, 8] * 10)
    trace = run(ScriptedModel({PROMPT: [said]}), options(undecided=False, share=0, segments=1))
    assert (trace.stop, trace.text + CLOSE) == ("closed", said)


def test_a_watched_run_shows_its_scores_and_is_left_alone() -> None:
    said = script(3, *[5] * 6)
    given = ThinkingOptions(budget=400, trim=TrimOptions(agreed=False, undecided=False, least=0), loop=None, watch=True)
    trace = run(ScriptedModel({PROMPT: [said]}), given)
    assert (trace.stop, trace.text + CLOSE) == ("closed", said)
    assert [boundary.score.expected for boundary in trace.boundaries] == [3, 5, 5, 5, 5, 5]


def test_a_budget_of_nothing_asks_nothing() -> None:
    model = ScriptedModel({})
    traces = think(model, {"one": PROMPT, "two": PROMPT}, ThinkingOptions(budget=0), samples=3)
    assert {name: {trace.stop for trace in group} for name, group in traces.items()} == {"one": {"off"}, "two": {"off"}}
    assert all(
        len(group) == 3 and not trace.text and not trace.tokens_saved for group in traces.values() for trace in group
    )
    assert (model.batches, model.usage.calls) == ([], 0)


def test_no_prompt_gives_no_trace() -> None:
    model = ScriptedModel({})
    assert think(model, {}, options(), probe=PROBE) == {}
    assert model.batches == []


def test_a_prompt_that_leaves_no_room_is_named_before_anything_is_drawn() -> None:
    model = ScriptedModel({}, context=450)
    with pytest.raises(InputError, match="long: a prompt of 6"):
        think(model, {"short": PROMPT, "long": "a b " * 15 + "<think>"}, options(400), probe=PROBE)
    assert model.batches == []


@pytest.mark.parametrize("cut", [Answer("a b", 3, "length"), Answer("", 0, "length"), Answer("", 0, "stop")])
def test_an_answer_cut_short_by_the_context_ends_the_thinking(cut: Answer) -> None:
    class Full(ScriptedModel):
        def _draw(self, ask: Ask, rest: str) -> Answer:
            return cut

    model = Full({PROMPT: [""]})
    trace = run(model, options())
    assert (trace.stop, trace.tokens, len(model.batches)) == ("budget", cut.tokens, 1)


def test_stopping_by_a_score_that_cannot_be_read_is_refused() -> None:
    with pytest.raises(InputError, match="probe"):
        think(ScriptedModel({}), {"one": PROMPT})


@pytest.mark.parametrize(
    "changes",
    [{"budget": -1}, {"segment_tokens": 0}, {"close": ""}, {"reflections": ("",)}],
    ids=lambda changes: next(iter(changes)),
)
def test_options_that_make_no_sense_are_refused(changes: dict[str, object]) -> None:
    with pytest.raises(InputError):
        ThinkingOptions(**changes)  # type: ignore[arg-type]


@pytest.mark.parametrize("samples", [0, 10_008])
def test_samples_that_would_share_a_seed_are_refused(samples: int) -> None:
    with pytest.raises(InputError):
        think(ScriptedModel({}), {"one": PROMPT}, PLAIN, samples=samples)


_scores = st.lists(st.sampled_from([1.0, 1.5, 2.0, 5.0, 8.5]), min_size=1, max_size=10)
_ids = st.lists(
    st.sampled_from(["a", "a/0", "a/0/0", "b", "b/1", "", "/", "0", "ä"]), unique=True, min_size=1, max_size=5
)


@settings(max_examples=60)
@given(data=st.data(), ids=_ids, samples=st.integers(1, 3), budget=st.integers(5, 120))
def test_no_run_ever_gets_what_is_anothers(data: st.DataObject, ids: list[str], samples: int, budget: int) -> None:
    prompts = {name: f"<{number}|{name}><think>\n" for number, name in enumerate(ids)}
    said = {name: [script(*data.draw(_scores)) for _ in range(samples)] for name in ids}
    given = ThinkingOptions(
        budget=budget,
        trim=trim(least=data.draw(st.integers(0, 30))),
        segment_tokens=data.draw(st.none() | st.integers(3, 20)),
    )
    traces = think(model_of(prompts, said), prompts, given, samples, PROBE)
    assert list(traces) == ids
    for name in ids:
        assert len(traces[name]) == samples
        for trace, line in zip(traces[name], said[name], strict=True):
            assert line.startswith(trace.text)
            for boundary in trace.boundaries:
                so_far = "".join(tokens_of(line)[: boundary.tokens])
                assert boundary.score.expected == pytest.approx(float(SCORE.findall(so_far)[-1]))
            assert all(first.tokens < second.tokens for first, second in pairwise(trace.boundaries))
        # Alone it is the same as in company.
        alone = think(model_of(prompts, said), {name: prompts[name]}, given, samples, PROBE)
        assert alone == {name: traces[name]}


def model_of(prompts: dict[str, str], said: dict[str, list[str]]) -> ScriptedModel:
    return ScriptedModel({prompt: said[name] for name, prompt in prompts.items()})


@given(scores=_scores, budget=st.integers(20, 300), least=st.integers(0, 60), share=st.floats(0, 1))
def test_a_watched_run_replayed_stops_where_the_run_itself_would(
    scores: Sequence[float], budget: int, least: int, share: float
) -> None:
    model = ScriptedModel({PROMPT: [script(*scores)]})
    rule = trim(least=least, share=share, segments=1000)
    stopped = run(model, ThinkingOptions(budget=budget, trim=rule, loop=None))
    watched = run(
        model, ThinkingOptions(budget=budget, trim=trim(agreed=False, undecided=False), loop=None, watch=True)
    )
    found = replay(watched.boundaries, rule, budget)
    if stopped.stop in ("agreed", "undecided"):
        assert found == (stopped.boundaries[-1], stopped.stop)
    else:
        assert found is None


def test_the_reflections_stop_a_segment_each() -> None:
    said = "".join(segment(number % 10) + word for number, word in enumerate(REFLECTIONS)) + " done" + CLOSE
    trace = run(ScriptedModel({PROMPT: [said]}), options(segments=1000, share=1, epsilon=0))
    assert (trace.stop, trace.probes, trace.segments) == ("closed", len(REFLECTIONS), len(REFLECTIONS) + 1)
