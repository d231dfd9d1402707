from __future__ import annotations

import json
from pathlib import Path

import pytest
from tokenizers import Tokenizer

from guide.llm.model import Ask, Sampling
from guide.llm.tokenizer import copy_alone, is_replaced, load_tokenizer
from guide.llm.transformers_model import TransformersModel
from tests.llm.tiny_models import SPECIAL, make_qwen2

transformers = pytest.importorskip("transformers", reason="torch is not installed: make test-all brings it")

TEXT = "In 2024 we say 1,048,576   so\n\nWait: don't 27%"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Qwen2 whose own tokenizer cuts text as GPT-2's does."""
    return make_qwen2(tmp_path_factory.mktemp("qwen2"))


@pytest.fixture(scope="module")
def of_qwen(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same with the tokenizer that transformers takes for it, saved as its own."""
    other = tmp_path_factory.mktemp("of-qwen")
    for path in folder.iterdir():
        (other / path.name).write_bytes(path.read_bytes())
    transformers.AutoTokenizer.from_pretrained(folder).save_pretrained(other)
    return other


def own_ids(folder: Path, text: str) -> list[int]:
    """What the file itself says, read without transformers."""
    ids: list[int] = Tokenizer.from_file(str(folder / "tokenizer.json")).encode(text, add_special_tokens=False).ids
    return ids


def test_transformers_puts_another_tokenizer_in_the_place_of_a_qwen2_folders_own(folder: Path) -> None:
    given = transformers.AutoTokenizer.from_pretrained(folder)
    assert given.get_vocab() == Tokenizer.from_file(str(folder / "tokenizer.json")).get_vocab(True)
    assert given(TEXT, add_special_tokens=False)["input_ids"] != own_ids(folder, TEXT)
    assert is_replaced(str(folder), given)


def test_the_folders_own_tokenizer_is_loaded(folder: Path) -> None:
    loaded, own = load_tokenizer(str(folder))
    assert own
    assert loaded(TEXT, add_special_tokens=False)["input_ids"] == own_ids(folder, TEXT)
    assert (loaded.eos_token, loaded.pad_token, loaded.padding_side) == ("<|im_end|>", "<|endoftext|>", "left")
    assert loaded.chat_template == transformers.AutoTokenizer.from_pretrained(folder).chat_template


def test_a_folder_that_transformers_reads_rightly_gets_what_transformers_gives(of_qwen: Path) -> None:
    loaded, own = load_tokenizer(str(of_qwen))
    assert not own
    assert type(loaded) is type(transformers.AutoTokenizer.from_pretrained(of_qwen))
    assert loaded(TEXT, add_special_tokens=False)["input_ids"] == own_ids(of_qwen, TEXT)


def test_a_truncation_saved_with_the_tokenizer_is_no_difference(of_qwen: Path, tmp_path: Path) -> None:
    for path in of_qwen.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    saved = json.loads((tmp_path / "tokenizer.json").read_text())
    saved["truncation"] = {"direction": "Right", "max_length": 3, "strategy": "LongestFirst", "stride": 0}
    (tmp_path / "tokenizer.json").write_text(json.dumps(saved))
    assert not load_tokenizer(str(tmp_path))[1]


def test_the_engine_reads_prompts_as_the_folders_tokenizer_cuts_them(folder: Path) -> None:
    model = TransformersModel(str(folder), device="cpu")
    model.complete([Ask("a", TEXT, Sampling(max_tokens=1))])
    assert model.usage.prompt_tokens == len(own_ids(folder, TEXT))


def test_the_tokenizer_alone_is_taken_as_it_is(folder: Path, of_qwen: Path, tmp_path: Path) -> None:
    assert not copy_alone(str(of_qwen), tmp_path)
    assert not list(tmp_path.iterdir())
    assert copy_alone(str(folder), tmp_path)
    alone = transformers.AutoTokenizer.from_pretrained(tmp_path)
    assert alone(TEXT, add_special_tokens=False)["input_ids"] == own_ids(folder, TEXT)
    assert alone.eos_token == SPECIAL[2]
