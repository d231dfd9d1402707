"""Small language models that the tests make: a Qwen2 of random weights with its own tokenizer, saved to a folder."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest

SPECIAL = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")
MARKS = ("<think>", "</think>")
# As Qwen3's and DeepSeek-R1's: turns between marks, and the thinking opened by the template.
CHAT_TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message.role }}\n{{ message.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n"
    "{% if enable_thinking is defined and not enable_thinking %}<think>\n\n</think>\n\n{% else %}<think>\n{% endif %}"
    "{% endif %}"
)
_TEXT = (
    "the proposal says that a small model reads every paper and keeps what matters so we ask whether its results hold "
    "on other data and which baseline comes closest in cost accuracy and time Wait But Alternatively Hmm Rating rating "
    "summary findings rationale severity major minor element claim quote evidence known change sentence true false"
)


def make_tokenizer(folder: Path) -> Any:
    """A byte-level BPE tokenizer of about 600 tokens with Qwen's marks, saved to `folder`."""
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers

    pytest.importorskip("transformers", reason="torch is not installed: make test-all brings it")
    from transformers import PreTrainedTokenizerFast

    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    drawn = random.Random(0)
    lines = [" ".join(drawn.choices(_TEXT.split(), k=20)) for _ in range(400)]
    lines += [f"Rating: {letter}\n\n" for letter in "ABCDEFGHIJ"] * 20
    trainer = trainers.BpeTrainer(
        vocab_size=600, special_tokens=list(SPECIAL), initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )  # fmt: skip
    made.train_from_iterator(lines, trainer)
    # Part of the text, not special: as in Qwen3 they survive decoding.
    made.add_tokens([AddedToken(mark, special=False, normalized=False) for mark in MARKS])
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=made, eos_token=SPECIAL[2], pad_token=SPECIAL[0], padding_side="left"
    )
    tokenizer.chat_template = CHAT_TEMPLATE
    tokenizer.save_pretrained(folder)
    return tokenizer


def make_qwen2(folder: Path, *, seed: int = 0, layers: int = 2, heads: int = 4, context: int = 4096) -> Path:
    """A Qwen2 of random weights in 32-bit floats and its tokenizer, saved to `folder`."""
    pytest.importorskip("torch", reason="torch is not installed: make test-all brings it")
    import torch
    from transformers import GenerationConfig, Qwen2Config, Qwen2ForCausalLM

    tokenizer = make_tokenizer(folder)
    config = Qwen2Config(
        vocab_size=len(tokenizer), hidden_size=64, intermediate_size=128, num_hidden_layers=layers,
        num_attention_heads=heads, num_key_value_heads=2, max_position_embeddings=context, initializer_range=0.2,
        bos_token_id=tokenizer.pad_token_id, eos_token_id=tokenizer.eos_token_id, pad_token_id=tokenizer.pad_token_id,
        dtype="float32",
    )  # fmt: skip
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = Qwen2ForCausalLM(config).eval()
    model.generation_config = GenerationConfig(
        bos_token_id=config.bos_token_id, eos_token_id=config.eos_token_id, pad_token_id=config.pad_token_id
    )
    model.save_pretrained(folder)
    return folder
