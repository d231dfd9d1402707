from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from guide.errors import InputError, ModelError
from guide.llm.model import Ask, MeasuresEntropy, Message, Sampling, TextModel
from guide.llm.transformers_model import TransformersModel
from tests.llm.tiny_models import make_qwen2

torch = pytest.importorskip("torch", reason="torch is not installed: make test-all brings it")

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
    return make_qwen2(tmp_path_factory.mktemp("qwen2"))


@pytest.fixture(scope="module")
def model(folder: Path) -> TransformersModel:
    return TransformersModel(str(folder), device="cpu")


def test_it_is_a_text_model_that_measures_entropy(model: TransformersModel) -> None:
    assert isinstance(model, TextModel)
    assert isinstance(model, MeasuresEntropy)


def test_greedy_answers_are_those_of_generate(model: TransformersModel) -> None:
    answers = model.complete([Ask(prompt, prompt, GREEDY) for prompt in PROMPTS])
    for prompt in PROMPTS:
        read = model._tokenizer(prompt, return_tensors="pt", add_special_tokens=False)
        drawn = model._model.generate(**read, do_sample=False, max_new_tokens=12)[0, read["input_ids"].shape[1] :]
        (answer,) = answers[prompt]
        ended = drawn[-1] == model._tokenizer.eos_token_id
        assert answer.text == model._tokenizer.decode(drawn[:-1] if ended else drawn)
        assert answer.tokens == len(drawn)


def test_an_answer_does_not_depend_on_what_is_asked_beside_it(model: TransformersModel) -> None:
    asks = [Ask(str(at), prompt, Sampling(max_tokens=9 + at, seed=at), 2) for at, prompt in enumerate(PROMPTS)]
    together = model.complete(asks)
    assert together == {ask.id: model.complete([ask])[ask.id] for ask in reversed(asks)}
    assert [len(together[ask.id]) for ask in asks] == [2, 2, 2]


def test_a_sample_is_the_same_whatever_their_number(model: TransformersModel) -> None:
    ask = Ask("a", PROMPTS[0], Sampling(max_tokens=8, seed=3), 4)
    four = model.complete([ask])["a"]
    assert len(set(four)) > 1
    assert model.complete([replace(ask, samples=1)])["a"] == four[:1]
    assert model.complete([replace(ask, samples=1, sampling=Sampling(max_tokens=8, seed=5))])["a"] == four[2:3]


def test_an_answer_ends_with_the_stop_text(model: TransformersModel) -> None:
    whole = model.complete([Ask("a", PROMPTS[1], replace(GREEDY, max_tokens=40))])["a"][0].text
    stop = whole[10:13]
    answer = model.complete([Ask("a", PROMPTS[1], replace(GREEDY, max_tokens=40, stop=("never", stop)))])["a"][0]
    assert answer.finish == "stop"
    assert answer.text == whole[: whole.index(stop) + len(stop)]


def test_a_schema_is_followed_by_a_model_of_noise(model: TransformersModel) -> None:
    import json

    for answer in model.complete([Ask("a", PROMPTS[0], Sampling(max_tokens=200), 3, SCHEMA)])["a"]:
        assert answer.finish == "end"
        assert json.loads(answer.text).keys() == {"severity", "known"}


def test_label_scores_are_the_softmax_over_the_whole_vocabulary(model: TransformersModel) -> None:
    labels = (" A", " B", " J")
    found = model.score_labels({prompt: f"{prompt} Rating:" for prompt in PROMPTS}, labels)
    for prompt in PROMPTS:
        read = model._tokenizer(f"{prompt} Rating:", return_tensors="pt", add_special_tokens=False)
        with torch.inference_mode():
            logits = model._model(**read).logits[0, -1].double()
        tokens = [model._tokenizer(label, add_special_tokens=False)["input_ids"][0] for label in labels]
        assert np.allclose(found[prompt], (logits - logits.logsumexp(0))[tokens], atol=1e-5)


def test_a_label_of_two_tokens_is_refused(model: TransformersModel) -> None:
    with pytest.raises(InputError, match="the label 'J K' is"):
        model.score_labels({"a": "Rating:"}, ("A", "J K"))


def test_entropies_are_those_of_the_distributions_drawn_from(model: TransformersModel) -> None:
    prompt, text = "the proposal says", " that a small model reads"
    entropies, offsets = model.token_entropies(prompt, text)
    ids = model._tokenizer(prompt + text, return_tensors="pt", add_special_tokens=False)["input_ids"]
    with torch.inference_mode():
        shares = model._model(ids).logits[0].double().softmax(-1)
    due = -(shares * shares.log2()).sum(-1)[-len(entropies) - 1 : -1]
    assert np.allclose(entropies, due, atol=1e-4)
    assert offsets[0] == 0
    assert len(offsets) == len(model._tokenizer(text, add_special_tokens=False)["input_ids"])


def test_thinking_is_opened_or_left_closed_and_empty(model: TransformersModel) -> None:
    messages = [Message("system", "Be brief."), Message("user", "Why?")]
    assert model.render(messages, thinking=True).endswith("<|im_start|>assistant\n<think>\n")
    assert model.render(messages, thinking=False).endswith("<think>\n\n</think>\n\n")


def test_a_prompt_that_fills_the_context_is_refused(model: TransformersModel) -> None:
    with pytest.raises(InputError, match="leaves no room"):
        model.complete([Ask("long", "the proposal " * 5000, GREEDY)])


def test_two_asks_of_one_id_are_refused(model: TransformersModel) -> None:
    with pytest.raises(InputError, match="one id"):
        model.complete([Ask("a", "the", GREEDY), Ask("a", "so", GREEDY)])


def test_usage_is_counted(folder: Path) -> None:
    fresh = TransformersModel(str(folder), device="cpu")
    (answer,) = fresh.complete([Ask("a", PROMPTS[0], GREEDY)])["a"]
    assert fresh.usage.drawn_tokens == answer.tokens
    assert fresh.usage.prompt_tokens == fresh.count_tokens([PROMPTS[0]])[0]


def test_the_hash_tells_weights_apart(folder: Path, tmp_path: Path) -> None:
    assert TransformersModel(str(folder)).sha256 == TransformersModel(str(folder)).sha256
    assert TransformersModel(str(folder)).sha256 != TransformersModel(str(make_qwen2(tmp_path, seed=1))).sha256


def test_a_folder_without_a_model_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="cannot be loaded"):
        TransformersModel(str(tmp_path))


def test_an_unknown_device_is_an_input_error(folder: Path) -> None:
    with pytest.raises(InputError, match="nothing can be computed on 'abacus'"):
        TransformersModel(str(folder), device="abacus")
