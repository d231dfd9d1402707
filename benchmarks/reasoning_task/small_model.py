"""A Llama of half a million weights that is trained to solve the problems, and its tokenizer of one token a word."""

from __future__ import annotations

import json
import math
import random
import re
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.reasoning_task.problems import FILLING, NAMES, OPERATORS, WAIT, draw_problem, write_trace
from guide.reasoning.entropy import SKIP
from guide.reasoning.labels import ScoreProbe
from guide.reasoning.trace import CLOSE, end_thinking

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel

PROBE = ScoreProbe("=", {str(digit): float(digit) for digit in range(10)})
END, PAD = "<end>", "<pad>"
_WORDS = ("\n\n", "\n", "Wait", "so", "<think>", CLOSE, SKIP)
# A fact is one token: in two, 30 % of the values were found after 2,000 steps, where all else was right.
_FACTS = tuple(f"{name}:{digit}" for name in NAMES for digit in range(10))
_VOCABULARY = (PAD, END, *_WORDS, *"0123456789=?", *OPERATORS, *NAMES, *FILLING, *_FACTS)
_WORD = "|".join([*map(re.escape, _WORDS), "[a-z]:[0-9]", "."])
_CONTEXT = 1024
_DENSE_STEPS = 0.4  # share of the training that goes first to long questions without any check; then every second step


def load_or_train(folder: Path, *, steps: int, seed: int = 0) -> Path:
    """The model in `folder`, trained and saved there first if there is none."""
    if not (folder / "model.safetensors").is_file():
        folder.mkdir(parents=True, exist_ok=True)
        train(folder, steps=steps, seed=seed)
    return folder


def _save_tokenizer(folder: Path) -> None:
    from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    ids = {word: number for number, word in enumerate(_VOCABULARY)}
    made = Tokenizer(models.WordLevel(ids, unk_token=PAD))
    made.pre_tokenizer = pre_tokenizers.Split(Regex(_WORD), "isolated")
    made.decoder = decoders.Fuse()
    PreTrainedTokenizerFast(
        tokenizer_object=made, eos_token=END, pad_token=PAD, padding_side="left", clean_up_tokenization_spaces=False
    ).save_pretrained(folder)


def train(folder: Path, *, steps: int, seed: int, rows: int = 16) -> None:
    """Train a model on problems drawn from `seed` and save it, with what it took, to `folder`.

    Long questions without checks come first: there a value is looked up in every step.
    """
    import torch
    from transformers import GenerationConfig, LlamaConfig, LlamaForCausalLM

    # Not a Qwen2: to every folder of one transformers gives Qwen2's way to cut text, whatever tokenizer lies in it.
    config = LlamaConfig(
        vocab_size=len(_VOCABULARY), hidden_size=128, intermediate_size=256, num_hidden_layers=3, num_attention_heads=4,
        num_key_value_heads=4, max_position_embeddings=_CONTEXT, tie_word_embeddings=True, attention_bias=True,
        initializer_range=0.04,
        bos_token_id=None, eos_token_id=1, pad_token_id=0, dtype="float32",
    )  # fmt: skip
    torch.manual_seed(seed)
    model = LlamaForCausalLM(config)
    optimiser = torch.optim.AdamW(model.parameters(), lr=0.0, betas=(0.9, 0.98), weight_decay=0.05)
    rng = random.Random(seed)  # noqa: S311 - a lot, no secret
    begun, read = time.perf_counter(), 0
    for step in range(steps):
        dense = step < _DENSE_STEPS * steps or step % 2 == 0
        for group in optimiser.param_groups:
            group["lr"] = (
                2e-3 * min(1.0, (step + 1) / 50) * (0.05 + 0.95 * 0.5 * (1 + math.cos(math.pi * step / steps)))
            )
        ids, targets = _draw_batch(rng, rows + rows // 2 if dense else rows, dense=dense)
        read += ids.numel()
        logits = model(input_ids=ids, use_cache=False).logits[:, :-1]
        learnt = targets[:, 1:] >= 0
        loss = torch.nn.functional.cross_entropy(logits[learnt], targets[:, 1:][learnt])
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        if step % 50 == 49:
            print(f"step {step + 1}: loss {loss.item():.4f}, {time.perf_counter() - begun:.0f} s", file=sys.stderr)
    _save_tokenizer(folder)
    model.generation_config = GenerationConfig(eos_token_id=1, pad_token_id=0)
    model.save_pretrained(folder)
    made = {
        "weights": sum(weight.numel() for weight in model.parameters()),
        "steps": steps,
        "tokens_read": read,
        "seconds": round(time.perf_counter() - begun, 1),
        "last_loss": round(float(loss.item()), 4),
    }
    (folder / "training.json").write_text(json.dumps(made), encoding="utf-8")


def _draw_batch(rng: random.Random, rows: int, *, dense: bool) -> tuple[torch.Tensor, torch.Tensor]:
    """Tokens (rows, longest) padded on the right, and the same with -1 where nothing is to be learnt."""
    import torch

    drawn = [_draw_text(rng, dense=dense) for _ in range(rows)]
    longest = max(len(ids) for ids, _ in drawn)
    ids = torch.zeros(rows, longest, dtype=torch.long)
    targets = torch.full((rows, longest), -1)
    for row, (own, learnt) in enumerate(drawn):
        ids[row, : len(own)] = torch.tensor(own)
        targets[row, : len(own)] = torch.where(torch.tensor(learnt), torch.tensor(own), -1)
    return ids, targets


def _draw_text(rng: random.Random, *, dense: bool) -> tuple[list[int], list[bool]]:
    """The tokens of a solved problem, and which of them are learnt.

    A quarter of the traces is cut short at a random token, and in another quarter random steps are skipped: a model
    that never saw either could not answer behind it. Only the answer is learnt there, and the trace up to the cut.
    """
    problem = draw_problem(rng, operators=7 if dense else 3)
    trace = write_trace(problem, rng, wrong=0).split(WAIT)[0] if dense else write_trace(problem, rng)
    ending = PROBE.lead + str(problem.answer)
    kind = 1.0 if dense else rng.random()
    prompt, thought = encode(problem.prompt), encode(trace)
    if kind < 0.25:
        thought = thought[: rng.randrange(len(thought))]
        closed = encode(end_thinking(decode(thought)))
        parts = [(thought, True), (closed[len(encode(decode(thought).rstrip())) :], False)]
    elif kind < 0.5:
        share = rng.random()
        kept = [SKIP if rng.random() < share else step for step in trace.split("\n\n")]
        parts = [(encode(end_thinking("\n\n".join(kept))), False)]
    else:
        parts = [(encode(end_thinking(trace)), True)]
    parts = [(prompt, False), *parts, (encode(ending)[:1], False), ([*encode(ending)[1:], 1], True)]
    return [token for ids, _ in parts for token in ids], [learnt for ids, learnt in parts for _ in ids]


_IDS = {word: number for number, word in enumerate(_VOCABULARY)}
_SPLIT = re.compile(_WORD, re.DOTALL)


def encode(text: str) -> list[int]:
    """As the saved tokenizer does, and quicker."""
    return [_IDS[word] for word in _SPLIT.findall(text)]


def decode(ids: Sequence[int]) -> str:
    """The text of tokens."""
    return "".join(_VOCABULARY[token] for token in ids)


def load(folder: Path) -> tuple[PreTrainedModel, Any]:
    """The model and its tokenizer, for what works on a cache."""
    from transformers import AutoModelForCausalLM, AutoTokenizer

    model: PreTrainedModel = AutoModelForCausalLM.from_pretrained(folder)
    return model.eval(), AutoTokenizer.from_pretrained(folder)
