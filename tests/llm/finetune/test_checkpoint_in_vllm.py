"""A distilled checkpoint in the real vLLM engine: `make test-vllm`."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from guide.llm.finetune.examples import ExampleSet
from guide.llm.finetune.sft import finetune_sft
from guide.llm.transformers_model import TransformersModel
from tests.llm.finetune.conftest import QUICK
from tests.llm.tiny_models import make_qwen2

pytest.importorskip("vllm", reason="vLLM has an environment of its own: make test-vllm")

from guide.llm.vllm_model import VllmModel

# vLLM and its packages warn of what they themselves still use.
pytestmark = pytest.mark.filterwarnings("default")


def test_a_distilled_checkpoint_rates_in_vllm_as_in_transformers(reviews: ExampleSet, tmp_path: Path) -> None:
    base = make_qwen2(tmp_path / "base", heads=2)
    finetune_sft(str(base), reviews, tmp_path / "out", QUICK)
    labels = tuple(f" {letter}" for letter in "ABCDEFGHIJ")
    asked = {text: f"{text} Rating:" for text in ("the proposal says", "so we ask")}
    before = TransformersModel(str(base), device="cpu").score_labels(asked, labels)
    due = TransformersModel(str(tmp_path / "out"), device="cpu").score_labels(asked, labels)
    model = VllmModel(str(tmp_path / "out"), enforce_eager=True, dtype="float32", max_model_len=2048)
    found = model.score_labels(asked, labels)
    for text in asked:
        assert np.abs(found[text] - due[text]).max() < 1e-2
        assert np.abs(found[text] - before[text]).max() > 0.1
