"""A Llama of 172,000 weights that is trained to solve the problems, and its tokenizer of one token a word."""

from __future__ import annotations

import json
import math
import random
import re
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from benchmarks.reasoning_task.problems import FILLING, NAMES, OPERATORS, Problem, draw_problem, write_trace
from guide.llm.thinking.entropy import SKIP
from guide.llm.thinking.labels import ScoreProbe
from guide.llm.thinking.trace import CLOSE, end_thinking

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel

PROBE = ScoreProbe("=", {str(digit): float(digit) for digit in range(10)})
END, PAD = "<end>", "<pad>"
_WORDS = ("\n\n", "\n", "Wait", "so", "<think>", CLOSE, SKIP)
_VOCABULARY = (PAD, END, *_WORDS, *"0123456789=?", *OPERATORS, *NAMES, *FILLING)
_WORD = "|".join([*map(re.escape, _WORDS), "."])
_CONTEXT = 1024
_PEAK = 4e-3  # learning rate
_BIAS = 4.0
# Shares of the training: until when facts are only looked up, and until when problems are solved without any check.
_LOOKED_UP, _UNCHECKED = 0.1, 0.5

Lesson = Literal["looked up", "unchecked", "whole"]


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


def train(folder: Path, *, steps: int, seed: int, rows: int = 12) -> None:
    """Train a model on texts drawn from `seed` and save it, with what it took, to `folder`.

    Facts to look up come first, then problems of one to seven sums without checks, then every second time such as are
    asked later. In trials without the first, all else was learnt and looking up was not.
    """
    import torch
    from transformers import GenerationConfig, LlamaConfig, LlamaForCausalLM

    # Not a Qwen2: to every folder of one transformers gives Qwen2's way to cut text, whatever tokenizer lies in it.
    config = LlamaConfig(
        vocab_size=len(_VOCABULARY), hidden_size=64, intermediate_size=256, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=4, head_dim=32, max_position_embeddings=_CONTEXT, attention_bias=True,
        initializer_range=0.1, tie_word_embeddings=False,
        bos_token_id=None, eos_token_id=1, pad_token_id=0, dtype="float32",
    )  # fmt: skip
    torch.manual_seed(seed)
    model = LlamaForCausalLM(config)
    # At the other weights' size a token would drown, after one layer, in the mean of those before it.
    torch.nn.init.normal_(model.get_input_embeddings().weight, std=0.5)
    _look_back(model)
    optimiser = torch.optim.AdamW(model.parameters(), lr=0.0, betas=(0.9, 0.98), weight_decay=0.05)
    rng = random.Random(seed)  # noqa: S311 - a lot, no secret
    begun, read = time.perf_counter(), 0
    for step in range(steps):
        for group in optimiser.param_groups:
            group["lr"] = _PEAK * min(1.0, (step + 1) / 100) * (0.525 + 0.475 * math.cos(math.pi * step / steps))
        lesson = _lesson(step, steps)
        ids, targets = _draw_batch(rng, rows if lesson == "whole" else 2 * rows, lesson)
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


def _look_back(model: PreTrainedModel) -> None:
    """Let head h of the first layer begin with a bias for the token h + 1 places back, whatever it is.

    To find what follows a name, a second layer has to be told by the first what stands before each token. In trials
    looking up was learnt within 200 steps like this, and not within 250 without it.
    """
    import torch

    decoder: Any = model.get_decoder()  # type: ignore[no-untyped-call]
    attention = decoder.layers[0].self_attn
    width = attention.head_dim
    with torch.no_grad():
        for head in range(model.config.num_attention_heads):
            for number, frequency in enumerate(decoder.rotary_emb.inv_freq[:3].tolist()):
                first, turn = head * width + number, -(head + 1) * frequency
                attention.k_proj.bias[first] = _BIAS
                attention.q_proj.bias[first] = _BIAS * math.cos(turn)
                attention.q_proj.bias[first + width // 2] = _BIAS * math.sin(turn)


def _lesson(step: int, steps: int) -> Lesson:
    if step < _LOOKED_UP * steps:
        return "looked up"
    return "unchecked" if step < _UNCHECKED * steps or step % 2 == 0 else "whole"


def _draw_batch(rng: random.Random, rows: int, lesson: Lesson) -> tuple[torch.Tensor, torch.Tensor]:
    """Tokens (rows, longest) padded on the right, and the same with -1 where nothing is to be learnt."""
    import torch

    drawn = [draw_text(rng, lesson) for _ in range(rows)]
    longest = max(len(ids) for ids, _ in drawn)
    ids = torch.zeros(rows, longest, dtype=torch.long)
    targets = torch.full((rows, longest), -1)
    for row, (own, learnt) in enumerate(drawn):
        ids[row, : len(own)] = torch.tensor(own)
        targets[row, : len(own)] = torch.where(torch.tensor(learnt), torch.tensor(own), -1)
    return ids, targets


def draw_text(rng: random.Random, lesson: Lesson) -> tuple[list[int], list[bool]]:
    """The tokens of a text to train on, and which of them are learnt."""
    if lesson == "whole":
        problem = draw_problem(rng)
        return _solved(problem, write_trace(problem, rng), rng, skipping=0.3)
    facts = rng.randint(4, 12)
    problem = draw_problem(rng, facts=facts, operators=rng.randint(1, min(7, facts - 1)))
    if lesson == "unchecked":
        return _solved(problem, write_trace(problem, rng, wrong=0, checks=0), rng, skipping=0)
    named = [fact for _ in range(3) for fact in rng.sample(problem.facts, facts)]
    told = encode("".join(fact.text for fact in problem.facts))
    asked = encode("".join(f"{fact.name}{fact.value}\n" for fact in named))
    return told + asked, [False] * len(told) + [False, True, False] * len(named)


def _solved(problem: Problem, trace: str, rng: random.Random, *, skipping: float) -> tuple[list[int], list[bool]]:
    """A solved problem; in a share of the traces random steps are skipped, and only the answer is learnt.

    A model that never saw a trace with skipped steps could not answer behind one.
    """
    whole = rng.random() >= skipping
    if not whole:
        share = rng.random()
        trace = "\n\n".join(SKIP if rng.random() < share else step for step in trace.split("\n\n"))
    lead, *answer = [*encode(PROBE.lead + str(problem.answer)), 1]
    parts = [(encode(problem.prompt), False), (encode(end_thinking(trace)), whole), ([lead], False), (answer, True)]
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
