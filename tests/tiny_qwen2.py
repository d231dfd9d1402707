"""A Qwen2 of 30,000 random weights behind guide's interface for text models, whole or rounded until it breaks.

Its tokens are the bytes of the text, so that it needs no tokenizer's files; what it writes is noise.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from guide.errors import InputError
from guide.llm.model import Answer, Ask, Message, Position, Usage


class TinyQwen2:
    """Random weights from `seed`; with `bits`, every matrix is rounded to 2**bits levels (round to nearest)."""

    def __init__(self, seed: int = 0, bits: int | None = None) -> None:
        pytest.importorskip("torch", reason="torch is not installed: make test-all brings it")
        import torch
        from transformers import Qwen2Config, Qwen2ForCausalLM

        config = Qwen2Config(
            vocab_size=256, hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=4,
            num_key_value_heads=2, max_position_embeddings=2048, initializer_range=0.3, pad_token_id=0,
            bos_token_id=1, eos_token_id=2,
        )  # fmt: skip
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self._model = Qwen2ForCausalLM(config).eval()
        if bits is not None:
            with torch.no_grad():
                for weight in self._model.parameters():
                    if weight.ndim == 2:
                        step = weight.abs().max() / 2 ** (bits - 1)
                        levels = (weight / step).round().clamp(-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
                        weight.copy_(levels * step)
        self.id, self.sha256, self.context, self.usage = f"tiny-{seed}-{bits}", "", 2048, Usage()

    def render(self, messages: Sequence[Message], *, thinking: bool) -> str:
        assert not thinking
        return "".join(f"{message.role}: {message.content}\n" for message in messages) + "assistant: "

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        return [len(text.encode()) for text in texts]

    def complete(self, asks: Sequence[Ask]) -> dict[str, tuple[Answer, ...]]:
        import torch

        answers = {}
        for ask in asks:
            assert ask.sampling.temperature == 0
            tokens = torch.tensor([list(ask.prompt.encode())])
            with torch.no_grad():
                drawn = self._model.generate(
                    tokens, attention_mask=torch.ones_like(tokens), do_sample=False,
                    max_new_tokens=ask.sampling.max_tokens,
                )[0, tokens.shape[1] :]  # fmt: skip
            text = bytes(drawn.tolist()).decode(errors="replace")
            answers[ask.id] = (Answer(text, len(drawn), "length"),) * ask.samples
        return answers

    def score_labels(self, prompts: Mapping[str, str], labels: Sequence[str]) -> dict[str, NDArray[np.float64]]:
        if any(len(label.encode()) != 1 for label in labels):
            raise InputError("a label is not one token")
        tokens = [label.encode()[0] for label in labels]
        logits = {name: position.logits.astype(np.float64) for name, position in self.last_positions(prompts).items()}
        return {name: (row - np.logaddexp.reduce(row))[tokens] for name, row in logits.items()}

    def last_positions(self, prompts: Mapping[str, str]) -> dict[str, Position]:
        import torch

        shown = {}
        for name, prompt in prompts.items():
            with torch.no_grad():
                out = self._model(torch.tensor([list(prompt.encode())]), output_hidden_states=True)
            shown[name] = Position(out.logits[0, -1].numpy(), out.hidden_states[-1][0, -1].numpy())
        return shown
