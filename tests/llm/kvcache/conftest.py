"""Tiny models with random weights, and prompts for them."""

from __future__ import annotations

from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="torch is not installed: make test-all brings it")

VOCABULARY = 61


def make_model(kind: str, **settings: Any) -> Any:
    """A causal language model of one architecture: grouped keys, and weights wide enough that attention is uneven."""
    import transformers

    sizes = {
        "vocab_size": VOCABULARY,
        "hidden_size": 32,
        "intermediate_size": 48,
        "num_hidden_layers": 4,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "max_position_embeddings": 512,
        "initializer_range": 0.25,
    }
    config = getattr(transformers, f"{kind}Config")(**(sizes | settings))
    torch.manual_seed(5)
    return getattr(transformers, f"{kind}ForCausalLM")(config).eval()


@pytest.fixture(scope="session", params=["Qwen2", "Llama"])
def model(request: pytest.FixtureRequest) -> Any:
    return make_model(request.param)


@pytest.fixture(scope="session")
def qwen() -> Any:
    return make_model("Qwen2")


@pytest.fixture
def prompt() -> torch.Tensor:
    """(2, 64) tokens."""
    return torch.randint(1, VOCABULARY, (2, 64), generator=torch.Generator().manual_seed(3))


@pytest.fixture
def padded(prompt: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """The prompts, the second only 41 tokens long, padded on the left; and their mask."""
    mask = torch.ones_like(prompt)
    mask[1, :23] = 0
    return prompt * mask, mask
