from __future__ import annotations

from pathlib import Path

import pytest

from guide.errors import ModelError
from guide.llm.finetune.lora import LoraOptions, load_adapted


def test_adapters_that_are_not_there_are_named_and_not_the_model(base: str, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="the adapters cannot be loaded") as failed:
        load_adapted(base, LoraOptions(), adapter=tmp_path / "none", device="cpu")
    assert str(tmp_path / "none") in str(failed.value)


def test_only_the_adapters_are_trained(base: str) -> None:
    model, tokenizer = load_adapted(base, LoraOptions(rank=2), device="cpu")
    trained = [name for name, weight in model.named_parameters() if weight.requires_grad]
    assert trained
    assert all("lora_" in name for name in trained)
    assert tokenizer.eos_token == "<|im_end|>"  # noqa: S105 - a mark, and no password
