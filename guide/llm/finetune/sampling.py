"""Reviews sampled from a model the way the reasoning engine asks for them, each with what it is worth.

A sample thinks (or does not), draws a rating from what the model gives the ten letters of the scale, and goes on with
the review under the grammar of the answer. So even an untrained model answers in the right form, and training moves
what it says.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from guide.judging import Failure
from guide.llm.answers import ReviewAnswer, parse_answer
from guide.llm.finetune.examples import Example
from guide.llm.finetune.rewards import Reward, RewardOptions, rating_shares, review_reward
from guide.llm.finetune.sft import Pair
from guide.llm.model import Answer, Ask, Sampling, TextModel
from guide.llm.prompt import build_prompt
from guide.llm.reasoner import bounded_schema
from guide.llm.thinking.labels import ScoreProbe
from guide.llm.thinking.trace import CLOSE, end_thinking

# How much of a sample's distribution is the letter that it drew; the rest is what all letters were given. Without
# thinking the second part is the same for all samples of a proposal and ranks nothing; the first part alone would
# train the model to be certain.
DRAWN = 0.5


@dataclass(frozen=True, slots=True)
class SampleOptions:
    """How to sample.

    Attributes:
        samples: k, for each proposal.
        temperature: of all draws.
        top_p: of the texts.
        thinking: tokens a sample may think; 0 for none.
        answer: tokens of a review.
        reward: what a sample is worth.
    """

    samples: int = 16
    temperature: float = 1.0
    top_p: float = 1.0
    thinking: int = 0
    answer: int = 1024
    reward: RewardOptions = field(default_factory=RewardOptions)


@dataclass(frozen=True, slots=True)
class Sample:
    """One review.

    Attributes:
        pair: the prompt and all that was written behind it, as it is learnt from.
        label: the letter drawn.
        answer: the review; None where it cannot be read.
        reward: what it is worth.
    """

    pair: Pair
    label: str
    answer: ReviewAnswer | None
    reward: Reward


def draw_samples(
    model: TextModel, probe: ScoreProbe, examples: Sequence[Example], options: SampleOptions, seed: int
) -> list[tuple[Sample, ...]]:
    """Samples of each example, in the examples' order; the same seed draws the same ones.

    Args:
        model: to sample from.
        probe: how it is asked for a rating.
        examples: with the ratings and the concerns of people that the samples are held against.
        options: how to sample.
        seed: of all draws.
    """
    prompts = [
        model.render(build_prompt(example.request).messages, thinking=bool(options.thinking)) for example in examples
    ]
    opened = _think(model, prompts, options, seed)
    read = model.score_labels({key: text + probe.lead for key, text in opened.items()}, tuple(probe.labels))
    shares = {key: _shares(given) for key, given in read.items()}
    labels = {
        key: list(probe.labels)[_draw(own, options.temperature, (seed, *map(int, key.split("/"))))]
        for key, own in shares.items()
    }
    rated = {key: f"{text}{probe.lead}{labels[key]}\n\n" for key, text in opened.items()}
    written = _write(model, rated, options, seed)
    drawn: list[tuple[Sample, ...]] = []
    for place, example in enumerate(examples):
        own = []
        for number in range(options.samples):
            key = f"{place}/{number}"
            predicted = DRAWN * rating_shares([probe.labels[labels[key]]]) + (1 - DRAWN) * shares[key]
            own.append(_sample(example, prompts[place], rated[key], written[key], labels[key], predicted, options))
        drawn.append(tuple(own))
    return drawn


def _think(model: TextModel, prompts: Sequence[str], options: SampleOptions, seed: int) -> dict[str, str]:
    """By "proposal/sample", the prompt with the sample's thinking, closed, behind it."""
    if not options.thinking:
        return {
            f"{place}/{number}": prompt for place, prompt in enumerate(prompts) for number in range(options.samples)
        }
    sampling = Sampling(options.temperature, options.top_p, options.thinking, (CLOSE,), seed)
    answers = model.complete(
        [
            Ask(str(place), prompt, _seeded(sampling, (seed, place)), options.samples)
            for place, prompt in enumerate(prompts)
        ]
    )
    return {
        f"{place}/{number}": prompt + end_thinking(answer.text.split(CLOSE)[0])
        for place, prompt in enumerate(prompts)
        for number, answer in enumerate(answers[str(place)])
    }


def _write(model: TextModel, rated: Mapping[str, str], options: SampleOptions, seed: int) -> dict[str, Answer]:
    sampling = Sampling(options.temperature, options.top_p, options.answer, (), seed)
    schema = bounded_schema()
    asks = [
        Ask(key, text, _seeded(sampling, (seed, *map(int, key.split("/")))), 1, schema) for key, text in rated.items()
    ]
    return {key: answers[0] for key, answers in model.complete(asks).items()}


def _sample(
    example: Example,
    prompt: str,
    rated: str,
    written: Answer,
    label: str,
    predicted: NDArray[np.float64],
    options: SampleOptions,
) -> Sample:
    parsed = parse_answer(written.text)
    answer = None if isinstance(parsed, Failure) else parsed.answer
    # What was cut off is learnt from as far as it was whole, and what cannot be read not at all.
    completion = rated[len(prompt) :] + (answer.model_dump_json() if answer else "")
    claims = [finding.claim for finding in answer.findings] if answer else []
    reward = review_reward(predicted, example.ratings, claims, example.concerns, options.reward)
    return Sample(Pair(prompt, completion, ends=answer is not None), label, answer, reward)


def _shares(given: NDArray[np.float64]) -> NDArray[np.float64]:
    relative = np.exp(given - given.max())
    return np.asarray(relative / relative.sum())


def _draw(shares: NDArray[np.float64], temperature: float, seeds: Sequence[int]) -> int:
    if temperature == 0:
        return int(shares.argmax())
    logits = np.log(np.maximum(shares, 1e-300)) / temperature
    return int(np.random.default_rng(list(seeds)).choice(len(shares), p=_shares(logits)))


def _seeded(sampling: Sampling, seeds: Sequence[int]) -> Sampling:
    """With a seed of its own: sample i of an ask uses seed + i, so neighbours must not overlap."""
    return replace(sampling, seed=int(np.random.default_rng(list(seeds)).integers(2**53)))
