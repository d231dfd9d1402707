"""Thinking within a budget, segment by segment, for many prompts and samples at once.

Each round asks the model to continue every run that is still going, up to the next word that begins a reflection (a
blank line and "Wait"), and reads there what score the run would give if it stopped now. The rule in trimming.py
decides on those scores. Only the public interface of a model is used: what a run has thought so far goes back in as
text, which a prefix cache makes cheap. A round lasts as long as its longest segment, and all runs wait for it.

With every technique off there is one round and no probe: the plain run, the very same ask. With one on, what follows
the first boundary is drawn from another seed than in the plain run: only greedy runs compare word by word.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from guide.errors import InputError
from guide.llm.model import Answer, Ask, Sampling, TextModel
from guide.llm.thinking.labels import LabelScore, ScoreProbe
from guide.llm.thinking.repetition import LoopOptions, LoopWatch
from guide.llm.thinking.trace import CLOSE, Boundary, Stop, Trace, end_thinking
from guide.llm.thinking.trimming import Trimmer, TrimOptions

# TrimR's list of reflection words is not public; the first three and "Hmm" are known. A longer word that begins like
# one ("Butter") is cut there, and the model goes on from the cut.
REFLECTIONS = ("\n\nWait", "\n\nBut", "\n\nAlternatively", "\n\nHmm", "\n\nHowever", "\n\nActually")

# Sample i draws its round r from base + i + r * _STRIDE: never from one seed twice, however many samples there are. The
# base is made of the prompt's id, or all prompts of a batch would be drawn by the same numbers and err together.
_STRIDE = 10_007
_SEEDS = 2**31


@dataclass(frozen=True, slots=True)
class ThinkingOptions:
    """How long to think; the same for all samples of all prompts of a call.

    Attributes:
        budget: tokens that a run may draw; 0 is no thinking.
        sampling: temperature, top_p and seed of the draws. Its max_tokens and stop are not used.
        trim: when to stop by the score.
        loop: what to stop as a loop; None stops none (a model may still stop one by itself).
        watch: read the score at every boundary even if no technique asks for it, to learn what stopping would do.
        reflections: texts that begin a new segment.
        segment_tokens: tokens after which a segment is interrupted, to look for loops and so that others need not wait
            for it; None never. The text is cut wherever that falls, within a word too, no score is read there, and a
            reflection that falls to both sides of the cut begins no segment.
        close: the mark that ends thinking.
    """

    budget: int = 4096
    sampling: Sampling = field(default_factory=Sampling)
    trim: TrimOptions = field(default_factory=TrimOptions)
    loop: LoopOptions | None = field(default_factory=LoopOptions)
    watch: bool = False
    reflections: tuple[str, ...] = REFLECTIONS
    segment_tokens: int | None = None
    close: str = CLOSE

    def __post_init__(self) -> None:
        if self.budget < 0:
            raise InputError(f"the thinking budget is {self.budget}", fix="Give a number of tokens, or 0 for none.")
        if self.segment_tokens is not None and self.segment_tokens < 1:
            raise InputError(f"a segment has {self.segment_tokens} tokens", fix="Give at least 1, or None.")
        if not self.close or not all(self.reflections):
            raise InputError("a mark that ends a segment is empty", fix="Give texts of at least one character.")

    @property
    def probing(self) -> bool:
        """Whether scores are read."""
        return self.trim.agreed or self.trim.undecided or self.watch

    @property
    def segmented(self) -> bool:
        """Whether anything can happen at a boundary."""
        return self.probing or self.loop is not None


@dataclass(slots=True)
class _Run:
    """One sample of one prompt, while it thinks."""

    id: str
    sample: int
    prompt: str
    trimmer: Trimmer
    loop: LoopWatch | None
    text: str = ""
    settled: str = ""  # the text without the reflection word at its end
    tokens: int = 0
    rounds: int = 0
    segments: int = 0
    start: int = 0  # of the segment that is being written
    boundaries: list[Boundary] = field(default_factory=list)
    stop: Stop | None = None

    @property
    def key(self) -> str:
        """Names the run within a batch: the part behind the last slash is the sample, whatever the id holds."""
        return f"{self.id}/{self.sample}"

    def trace(self, budget: int) -> Trace:
        segments = self.segments + _says_something(self.settled[self.start :])
        return Trace(self.settled, self.tokens, budget, segments, tuple(self.boundaries), self.stop or "budget")


def think(
    model: TextModel,
    prompts: Mapping[str, str],
    options: ThinkingOptions | None = None,
    samples: int = 1,
    probe: ScoreProbe | None = None,
) -> dict[str, tuple[Trace, ...]]:
    """Let `model` think about every prompt, `samples` times each.

    Args:
        model: continues text; asked once a round for all runs, and once a round for all scores.
        prompts: by id, each up to where the thinking begins, its opening mark included.
        options: of all runs; None takes the defaults.
        samples: runs of each prompt; sample i is the same run whatever their number.
        probe: how the score is read at a boundary.

    Returns:
        Under exactly the ids given, in their order, `samples` traces each. Where `stop` is "agreed" or "undecided", the
        score of the last boundary is the score after the thinking.

    Raises:
        InputError: a prompt and the budget do not fit the model's context, a technique needs a probe that was not
            given, or `samples` is out of range.
        ModelError: the model gives no label of the probe a probability.
    """
    options = options or ThinkingOptions()
    if not 1 <= samples <= _STRIDE:
        raise InputError(f"{samples} samples", fix=f"Ask for 1 to {_STRIDE}.")
    if not options.budget:
        return {name: (Trace("", 0, 0, 0, (), "off"),) * samples for name in prompts}
    if options.probing and probe is None:
        raise InputError(
            "stopping by the score needs a way to read it",
            fix="Give a probe, or switch agreed, undecided and watch off.",
        )
    runs = {
        name: [
            _Run(
                name,
                sample,
                prompt,
                Trimmer(options.trim, options.budget),
                LoopWatch(options.loop) if options.loop else None,
            )
            for sample in range(samples)
        ]
        for name, prompt in prompts.items()
    }
    _check_room(model, prompts, options, probe)
    going = [run for group in runs.values() for run in group]
    while going:
        answers = _draw(model, going, options)
        at_boundary = [run for run in going if _take(run, answers[run.key], options)]
        _judge(model, at_boundary, options, probe)
        going = [run for run in going if run.stop is None]
    return {name: tuple(run.trace(options.budget) for run in group) for name, group in runs.items()}


def seed_of(name: str, seed: int, rounds: int = 0) -> int:
    """The seed from which the first sample of a prompt draws a round; sample i draws from the i-th behind it."""
    base = int.from_bytes(hashlib.sha256(name.encode()).digest()[:4])
    return (seed + base + rounds * _STRIDE) % _SEEDS


def _check_room(
    model: TextModel, prompts: Mapping[str, str], options: ThinkingOptions, probe: ScoreProbe | None
) -> None:
    tail = end_thinking("", options.close) + (probe.lead if probe else "")
    *counts, behind = model.count_tokens([*prompts.values(), tail])
    for name, count in zip(prompts, counts, strict=True):
        # One more: the first token of what is said behind the thinking.
        needed = count + options.budget + behind + 1
        if needed > model.context:
            raise InputError(
                f"a prompt of {count} tokens and {options.budget} of thinking need a context of {needed} tokens, "
                f"and {model.id} has {model.context}",
                where=name,
                fix="Shorten the prompt or the thinking budget.",
            )


def _limit(run: _Run, options: ThinkingOptions) -> int:
    left = options.budget - run.tokens
    return min(left, options.segment_tokens) if options.segmented and options.segment_tokens else left


def _draw(model: TextModel, going: Sequence[_Run], options: ThinkingOptions) -> dict[str, Answer]:
    """Continue every run, in one batch: an answer under each run's key."""
    stop = (options.close, *options.reflections) if options.segmented else (options.close,)
    together: dict[str, list[_Run]] = {}
    for run in going:
        # In the first round the samples of a prompt are one ask, so that its prefill is shared.
        together.setdefault(run.key if run.rounds else run.id, []).append(run)
    asks: list[Ask] = []
    for name, group in together.items():
        run = group[0]
        seed = seed_of(run.id, options.sampling.seed, run.rounds) + run.sample
        sampling = replace(options.sampling, max_tokens=_limit(run, options), stop=stop, seed=seed)
        asks.append(Ask(name, run.prompt + run.text, sampling, len(group)))
    answers = model.complete(asks)
    return {
        run.key: answer for name, group in together.items() for run, answer in zip(group, answers[name], strict=True)
    }


def _take(run: _Run, answer: Answer, options: ThinkingOptions) -> bool:
    """Add what was drawn to a run and end it if it is over; True at a boundary that is new."""
    limit = _limit(run, options)
    before = len(run.text)
    run.text += answer.text
    run.tokens += answer.tokens
    run.rounds += 1
    run.settled = run.text
    # The mark may have been cut in two between rounds.
    mark = run.text.find(options.close, max(0, before - len(options.close) + 1))
    if mark >= 0 or answer.finish == "end":
        run.settled = run.text[:mark] if mark >= 0 else run.text
        run.stop = "closed"
        return False
    boundary = False
    if answer.finish == "stop":
        word = max((word for word in options.reflections if run.text.endswith(word)), key=len, default="")
        run.settled = run.text.removesuffix(word)
        # Two reflections with nothing between them: the score would be read twice at one place, and agree.
        boundary = _says_something(run.settled[run.start :])
        run.segments += boundary
        run.start = len(run.text)
    if answer.finish == "repetition" or (run.loop is not None and run.loop.feed(answer.text)):
        run.stop = "repetition"
    elif run.tokens >= options.budget or not answer.tokens or (answer.finish == "length" and answer.tokens < limit):
        run.stop = "budget"  # or the context: the model drew less than it was allowed to
    return boundary and run.stop is None


def _judge(model: TextModel, runs: Sequence[_Run], options: ThinkingOptions, probe: ScoreProbe | None) -> None:
    """Read the score of every run that is at a boundary, in one batch, and stop those that the rule stops."""
    if probe is None or not options.probing:
        return
    wanted = {
        run.key: run.prompt + end_thinking(run.settled, options.close) + probe.lead
        for run in runs
        if run.trimmer.wants(run.tokens)
    }
    read = model.score_labels(wanted, tuple(probe.labels)) if wanted else {}
    for run in runs:
        score: LabelScore | None = probe.read(read[run.key]) if run.key in wanted else None
        if score is not None:
            run.boundaries.append(Boundary(run.tokens, score))
        verdict = run.trimmer.feed(None if score is None else score.expected, run.tokens)
        if verdict != "keep":
            run.stop = verdict


def _says_something(text: str) -> bool:
    return any(sign.isalnum() for sign in text)
