"""`--keep-cache` in the transformers engine."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from guide.engines import EngineChoice, load_text_model
from guide.errors import InputError
from guide.llm.kvcache.evicted_drawing import Eviction, Method
from guide.llm.kvcache.ratio import Kept
from guide.llm.model import Ask, Sampling, describe_spending
from guide.llm.prompt import build_prompt
from guide.llm.reasoner import Reasoner, ReasonerOptions
from guide.llm.thinking.budget import ThinkingOptions
from guide.llm.transformers_model import TransformersModel
from tests.llm.requests import request_about
from tests.llm.tiny_models import make_qwen2, make_tokenizer

GREEDY = Sampling(temperature=0, max_tokens=12)
LABELS = (" A", " B", " J")
REQUEST = request_about("Fewer tokens", "We keep what matters of each paper and ask a small model.", papers=8)
BARE = request_about("Fewer tokens", "We keep what matters of each paper.", name="bare", papers=0)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_qwen2(tmp_path_factory.mktemp("qwen2"), context=8192)


@pytest.fixture(scope="module")
def plain(folder: Path) -> TransformersModel:
    return TransformersModel(str(folder), device="cpu")


def evicting(folder: Path, method: Method, share: float) -> TransformersModel:
    return TransformersModel(str(folder), device="cpu", eviction=Eviction(method, Kept(share)))


def asks(model: TransformersModel) -> list[Ask]:
    """Prompts of unlike lengths, samples and seeds."""
    texts = [model.render(build_prompt(one).messages, thinking=False) for one in (REQUEST, BARE)]
    return [
        Ask("prior", texts[0], GREEDY),
        Ask("drawn", texts[0] + "so", Sampling(max_tokens=10, seed=4), 3),
        Ask("bare", texts[1], Sampling(max_tokens=14, seed=9), 2),
    ]


@pytest.mark.parametrize("method", ["shotkv", "chunkkv"])
def test_a_share_of_one_draws_as_without_eviction(folder: Path, plain: TransformersModel, method: Method) -> None:
    model = evicting(folder, method, 1.0)
    asked = asks(plain)
    assert model.complete(asked) == plain.complete(asked)
    assert f"({len(asked)} of {len(asked)} prompts left whole)" in model.remark


@pytest.mark.parametrize("method", ["shotkv", "chunkkv"])
def test_an_answer_from_an_evicted_cache_does_not_depend_on_what_is_asked_beside_it(
    folder: Path, plain: TransformersModel, method: Method
) -> None:
    model = evicting(folder, method, 0.75)
    asked = asks(plain)
    together = model.complete(asked)
    assert together == {ask.id: model.complete([ask])[ask.id] for ask in reversed(asked)}
    assert together["drawn"] != plain.complete(asked)["drawn"]


def test_whole_pieces_are_dropped_until_the_share_is_kept(folder: Path, plain: TransformersModel) -> None:
    (ask, *_) = asks(plain)
    length = plain.count_tokens([ask.prompt])[0]
    model = evicting(folder, "shotkv", 0.8)
    model.complete([ask])
    told = model._evicted
    assert (told.prompts, told.whole, told.tokens, told.pieces) == (1, 0, length, 8)
    assert 0 < told.pieces_kept < 8
    assert 0.8 * length - length / 8 < told.kept <= 0.8 * length
    assert model.remark == (
        f"shotkv kept {told.kept:,} of {length:,} prompt tokens in the cache and {told.pieces_kept} of 8 pieces of "
        "prior work"
    )


def test_a_prompt_that_is_more_than_the_share_without_prior_work_is_left_whole_and_counted(
    folder: Path, plain: TransformersModel
) -> None:
    asked = [ask for ask in asks(plain) if ask.id == "bare"]
    model = evicting(folder, "shotkv", 0.1)
    assert model.complete(asked) == plain.complete(asked)
    assert model.remark.endswith("(1 of 1 prompts left whole)")


def test_ratings_are_read_from_the_whole_prompt(folder: Path, plain: TransformersModel) -> None:
    prompts = {ask.id: ask.prompt for ask in asks(plain)}
    found = evicting(folder, "chunkkv", 0.3).score_labels(prompts, LABELS)
    due = plain.score_labels(prompts, LABELS)
    assert all(np.array_equal(found[name], due[name]) for name in prompts)


def test_an_eviction_is_in_the_hash_and_its_absence_changes_none(folder: Path, plain: TransformersModel) -> None:
    hashes = {evicting(folder, "shotkv", 0.5).sha256, evicting(folder, "chunkkv", 0.5).sha256}
    hashes |= {evicting(folder, "shotkv", 0.6).sha256, plain.sha256}
    assert len(hashes) == 4
    assert load_text_model(EngineChoice("transformers", model=str(folder))).sha256 == plain.sha256
    assert plain.remark == ""
    assert "cache" not in describe_spending(plain)


def test_the_record_of_a_review_tells_what_was_evicted(folder: Path) -> None:
    chosen = EngineChoice("transformers", model=str(folder), keep_cache=0.8, evict="shotkv")
    options = ReasonerOptions(runs=2, thinking=ThinkingOptions(budget=12, loop=None), answer_tokens=16)
    examined = Reasoner(load_text_model(chosen), options).examine([REQUEST])[REQUEST.id]
    assert examined.reasoning is not None
    assert ", shotkv kept " in examined.reasoning.spent
    assert "pieces of prior work" in examined.reasoning.spent


@pytest.mark.parametrize(
    ("choice", "complaint"),
    [
        (EngineChoice("transformers", model="m", keep_cache=0.5), "go together"),
        (EngineChoice("transformers", model="m", evict="shotkv"), "go together"),
        (EngineChoice("vllm", model="m", keep_cache=0.5, evict="shotkv"), "the engine vllm keeps the whole cache"),
        (EngineChoice("transformers", model="m", keep_cache=0.0, evict="shotkv"), "a kept share of 0.0"),
        (EngineChoice("transformers", model="m", keep_cache=0.5, evict="lru"), "no eviction called 'lru'"),
    ],
)
def test_settings_of_an_eviction_that_do_not_go_together_are_refused(choice: EngineChoice, complaint: str) -> None:
    with pytest.raises(InputError, match=complaint):
        load_text_model(choice)


def test_a_model_whose_attention_cannot_be_observed_is_refused_at_once(tmp_path: Path) -> None:
    from transformers import GPT2Config, GPT2LMHeadModel

    size = len(make_tokenizer(tmp_path))
    GPT2LMHeadModel(GPT2Config(vocab_size=size, n_embd=16, n_layer=1, n_head=2, n_positions=64)).save_pretrained(
        tmp_path
    )
    with pytest.raises(InputError, match="nothing can be evicted from the cache of 'gpt2' models"):
        evicting(tmp_path, "chunkkv", 0.5)
