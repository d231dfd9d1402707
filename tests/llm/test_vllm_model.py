"""The real vLLM engine on the CPU, beside the transformers engine on the same weights: `make test-vllm`."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from guide import engines as choice
from guide.advisor import review_idea
from guide.engines import EngineChoice
from guide.errors import InputError
from guide.llm import reasoner
from guide.llm.model import Ask, MeasuresEntropy, Sampling, TextModel
from guide.llm.reasoner import Reasoner, ReasonerOptions
from guide.llm.thinking.budget import ThinkingOptions, think
from guide.llm.transformers_model import TransformersModel
from guide.review import Review
from tests.llm.requests import request_about
from tests.llm.tiny_models import make_qwen2

pytest.importorskip("vllm", reason="vLLM has an environment of its own: make test-vllm")

from guide.llm.vllm_model import VllmModel

# vLLM and its packages warn of what they themselves still use.
pytestmark = pytest.mark.filterwarnings("default")

GREEDY = Sampling(temperature=0, max_tokens=12)
PROMPTS = ("the proposal says", "which baseline comes closest in cost and time, and", "so we")
SCHEMA = {
    "type": "object",
    "properties": {"severity": {"type": "string", "enum": ["major", "minor"]}, "known": {"type": "boolean"}},
    "required": ["severity", "known"],
    "additionalProperties": False,
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_qwen2(tmp_path_factory.mktemp("qwen2"), heads=2, context=16_384)


@pytest.fixture(scope="module")
def model(folder: Path) -> Iterator[VllmModel]:
    os.environ.setdefault("VLLM_CPU_KVCACHE_SPACE", "1")
    os.environ.setdefault("VLLM_ENABLE_V1_MULTIPROCESSING", "0")
    yield VllmModel(str(folder), enforce_eager=True, dtype="float32", max_model_len=16_384)


@pytest.fixture(scope="module")
def other(folder: Path) -> TransformersModel:
    return TransformersModel(str(folder), device="cpu", dtype="float32")


def test_it_is_a_text_model_that_measures_entropy(model: VllmModel) -> None:
    assert isinstance(model, TextModel)
    assert isinstance(model, MeasuresEntropy)


def test_labels_score_as_in_the_transformers_engine(model: VllmModel, other: TransformersModel) -> None:
    asked = {prompt: f"{prompt} Rating:" for prompt in PROMPTS}
    labels = tuple(f" {letter}" for letter in "ABCDEFGHIJ")
    found, due = model.score_labels(asked, labels), other.score_labels(asked, labels)
    for prompt in PROMPTS:
        assert np.abs(found[prompt] - due[prompt]).max() < 1e-2


def test_greedy_answers_are_those_of_the_transformers_engine(model: VllmModel, other: TransformersModel) -> None:
    asks = [Ask(prompt, prompt, GREEDY) for prompt in PROMPTS]
    found, due = model.complete(asks), other.complete(asks)
    for prompt in PROMPTS:
        # vLLM holds back a character whose bytes are not all drawn yet.
        assert found[prompt][0].text.rstrip("\ufffd") == due[prompt][0].text.rstrip("\ufffd")
        assert found[prompt][0].tokens == due[prompt][0].tokens


def test_k_samples_come_from_one_prefill_and_do_not_depend_on_their_number(model: VllmModel) -> None:
    before = model.usage.prompt_tokens
    four = model.complete([Ask("a", PROMPTS[0], Sampling(max_tokens=16, seed=3), 4)])["a"]
    assert model.usage.prompt_tokens - before == model.count_tokens([PROMPTS[0]])[0]
    assert len(set(four)) > 1
    assert model.complete([Ask("a", PROMPTS[0], Sampling(max_tokens=16, seed=5))])["a"] == four[2:3]


def test_an_answer_ends_with_the_stop_text(model: VllmModel) -> None:
    whole = model.complete([Ask("a", PROMPTS[1], Sampling(temperature=0, max_tokens=40))])["a"][0].text
    stop = whole[10:13]
    (answer,) = model.complete([Ask("a", PROMPTS[1], Sampling(temperature=0, max_tokens=40, stop=(stop,)))])["a"]
    assert answer.finish == "stop"
    assert answer.text == whole[: whole.index(stop) + len(stop)]


def test_a_schema_is_followed_by_a_model_of_noise(model: VllmModel) -> None:
    for answer in model.complete([Ask("a", PROMPTS[0], Sampling(max_tokens=200), 3, SCHEMA)])["a"]:
        assert answer.finish == "end"
        assert json.loads(answer.text).keys() == {"severity", "known"}


def test_a_label_of_two_tokens_is_refused(model: VllmModel) -> None:
    with pytest.raises(InputError, match="the label 'J K' is"):
        model.score_labels({"a": "Rating:"}, ("A", "J K"))


def test_the_bounded_entropy_is_not_above_the_whole_one(model: VllmModel, other: TransformersModel) -> None:
    bounded, offsets = model.token_entropies("the proposal says", " that a small model reads")
    whole, due = other.token_entropies("the proposal says", " that a small model reads")
    assert (offsets == due).all()
    assert (bounded <= whole + 1e-2).all()
    assert bounded.max() > 0


def test_text_is_cut_as_the_folders_own_tokenizer_cuts_it(model: VllmModel, folder: Path) -> None:
    from tokenizers import Tokenizer
    from transformers import AutoTokenizer

    text = "In 2024 we say 1,048,576   so\n\nWait: don't 27%"
    own = Tokenizer.from_file(str(folder / "tokenizer.json")).encode(text, add_special_tokens=False).ids
    assert AutoTokenizer.from_pretrained(folder)(text, add_special_tokens=False)["input_ids"] != own
    assert model._engine.get_tokenizer()(text, add_special_tokens=False)["input_ids"] == own
    before = model.usage.prompt_tokens
    model.complete([Ask("a", text, Sampling(temperature=0, max_tokens=1))])
    assert model.usage.prompt_tokens - before == len(own)


def test_a_prefix_is_read_once(model: VllmModel) -> None:
    shared = "the proposal says that a small model reads every paper and keeps what matters " * 20
    model.complete([Ask("a", shared + "so", GREEDY)])
    before = model.usage.cached_tokens
    model.complete([Ask("b", shared + "but", GREEDY)])
    assert model.usage.cached_tokens - before > 0.8 * model.count_tokens([shared])[0]


def test_thinking_keeps_to_its_budget_and_tells_why_it_stopped(model: VllmModel) -> None:
    options = ThinkingOptions(budget=60, segment_tokens=20)
    reasoner = Reasoner(model, ReasonerOptions(thinking=options))
    traces = think(model, {"a": "the proposal <think>\n"}, options, 3, reasoner._probe)["a"]
    assert all(trace.tokens <= 60 for trace in traces)
    assert all(trace.stop in ("closed", "agreed", "undecided", "repetition", "budget") for trace in traces)


def test_a_review_by_vllm_is_rated_as_by_transformers(model: VllmModel, other: TransformersModel) -> None:
    options = ReasonerOptions(
        runs=2,
        thinking=ThinkingOptions(budget=40, sampling=Sampling(temperature=0), loop=None, segment_tokens=None),
        answer_tokens=64,
    )
    request = request_about("Fewer tokens", "We keep what matters of each paper and ask a small model.")
    found, due = (Reasoner(one, options).examine([request])[request.id] for one in (model, other))
    assert np.allclose(found.judgement.ratings, due.judgement.ratings, atol=1e-2)
    assert found.reasoning is not None
    assert [run.budget for run in found.reasoning.runs] == [40, 40]


def test_the_example_is_reviewed_in_valid_json(model: VllmModel, monkeypatch: pytest.MonkeyPatch) -> None:
    # A model of noise comes to the end of a text only where that must be short.
    monkeypatch.setattr(reasoner, "_MAX_CHARACTERS", 12)
    monkeypatch.setattr(reasoner, "_MAX_ITEMS", 2)
    monkeypatch.setattr(choice, "load_text_model", lambda chosen: model)
    asked = EngineChoice("vllm", model="tiny", runs=2, thinking=40)
    review = review_idea(str(Path(__file__).parents[2] / "examples" / "idea.md"), engine=asked)
    assert review.reasoning is not None
    assert review.reasoning.failure is None
    syntax = {f"mended: {kind}" for kind in ("cut off", "trailing comma", "single quotes", "other syntax", "prose")}
    assert not syntax & review.reasoning.dropped.keys(), review.reasoning.dropped
    assert len(review.reasoning.runs) == 2
    assert Review.model_validate_json(review.model_dump_json()) == review
    assert review.judgement.calibration.status == "not calibrated"
