"""A tiny model, and one taught to think aloud and rate, for training that takes seconds."""

from __future__ import annotations

import pytest

from guide.llm.finetune.examples import ExampleSet, read_examples
from guide.llm.finetune.lora import LoraOptions
from guide.llm.finetune.sft import SftOptions, finetune_sft
from tests.llm.finetune.records import reviewed, taught, write_records
from tests.llm.tiny_models import make_qwen2

pytest.importorskip("peft", reason="the package peft is not installed")
pytest.importorskip("trl", reason="the package trl is not installed")

QUICK = SftOptions(
    lora=LoraOptions(rank=16, alpha=32), epochs=2, learning_rate=1e-2, accumulate=1, held_out=0.2, device="cpu"
)
SHORT_THINKING = "so we ask"
LONG_THINKING = "so we ask whether its results hold on other data and which baseline comes closest in cost"


@pytest.fixture(scope="session")
def base(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Folder of a model of random weights."""
    return str(make_qwen2(tmp_path_factory.mktemp("base"), layers=1))


@pytest.fixture(scope="session")
def reviews(tmp_path_factory: pytest.TempPathFactory) -> ExampleSet:
    """Reviews by people of five proposals."""
    path = tmp_path_factory.mktemp("records") / "reviews.jsonl"
    return read_examples([write_records(path, [reviewed(number, ratings=(2, 3)) for number in range(5)])])


@pytest.fixture(scope="session")
def thinkers(tmp_path_factory: pytest.TempPathFactory) -> ExampleSet:
    """Answers of teachers that think at length or briefly, and rate alike."""
    path = tmp_path_factory.mktemp("records") / "taught.jsonl"
    texts = (SHORT_THINKING, LONG_THINKING, LONG_THINKING)
    records = [taught(number, thinking=text) for number in range(2) for text in texts]
    return read_examples([write_records(path, records)])


@pytest.fixture(scope="session")
def warm(base: str, thinkers: ExampleSet, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Folder of a model that learnt to think either way and to rate."""
    out = tmp_path_factory.mktemp("trained") / "warm"
    options = SftOptions(
        lora=QUICK.lora, epochs=20, learning_rate=2e-2, accumulate=1, held_out=0.5, task="rating", device="cpu"
    )
    finetune_sft(base, thinkers, out, options)
    return str(out)
