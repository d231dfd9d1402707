"""A language model run by transformers: on the CPU or one GPU, from a local folder or a hub id."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from guide.errors import InputError
from guide.llm.decoding import Row, StopTexts, draw, pad_left
from guide.llm.identity import hash_model
from guide.llm.kvcache.evicted_drawing import Eviction, EvictionTally, check_observable, draw_evicted
from guide.llm.kvcache.passages import find_pieces, token_spans
from guide.llm.kvcache.shotkv import Span
from guide.llm.loading import open_language_model
from guide.llm.local_model import TokenizedModel
from guide.llm.model import Answer, Ask, Position

if TYPE_CHECKING:
    import torch
    from numpy.typing import NDArray

_BATCH = 8  # prompts read together; each may be continued several times


class TransformersModel(TokenizedModel):
    """A `TextModel` that also tells the entropy of each of its tokens.

    Args:
        model: folder, or id on the hub. No code that comes with the weights is run.
        device: as torch names it; None takes a GPU where there is one.
        dtype: "auto" is what the weights were saved in.
        batch: prompts read together.
        eviction: what is dropped of the cache of the prompts that `complete` reads; None keeps all.

    Raises:
        InputError: transformers is not installed, there is no such device, or nothing can be evicted from such a model.
        ModelError: the model cannot be loaded.
    """

    def __init__(
        self,
        model: str,
        *,
        device: str | None = None,
        dtype: str = "auto",
        batch: int = _BATCH,
        eviction: Eviction | None = None,
    ) -> None:
        opened = open_language_model(model, device=device, dtype=dtype)
        super().__init__(model, opened.tokenizer)
        import torch

        self._torch = torch
        self._model = opened.model
        self._own_tokenizer = opened.own_tokenizer
        self._eviction = eviction
        self._evicted = EvictionTally()
        if eviction is not None:
            check_observable(self._model)
        self._batch = batch
        self._guide: Any = None
        self._pad = self._tokenizer.pad_token_id
        if self._pad is None:
            self._pad = self._tokenizer.eos_token_id or 0

    @cached_property
    def sha256(self) -> str:
        """Hash of the model's files, the number format, and what is evicted."""
        own: dict[str, Any] = {"tokenizer": "its own"} if self._own_tokenizer else {}
        if self._eviction is not None:
            own["eviction"] = [self._eviction.method, self._eviction.kept.share]
        return hash_model(self._name, {"dtype": str(self._model.dtype), **own})

    @property
    def remark(self) -> str:
        """What was evicted so far; "" if nothing is to be (see `Remarks`)."""
        return "" if self._eviction is None else self._evicted.describe(self._eviction)

    @property
    def context(self) -> int:
        """The longest sequence the model was made for."""
        return int(getattr(self._model.config, "max_position_embeddings", 0) or 1 << 20)

    def complete(self, asks: Sequence[Ask]) -> dict[str, tuple[Answer, ...]]:
        """Continue every prompt (see `TextModel.complete`)."""
        prompts = self._encode_asks(asks, self.context)
        answers: dict[str, tuple[Answer, ...]] = {}
        for places in _batches(prompts, self._batch):
            rows = [self._rows(asks[place], len(prompts[place])) for place in places]
            stops = {
                id(row): StopTexts(self._tokenizer, asks[place].sampling.stop)
                for place, own in zip(places, rows, strict=True)
                for row in own
            }
            self._draw([asks[place] for place in places], [prompts[place] for place in places], rows, stops)
            self._usage.calls += 1
            for place, own in zip(places, rows, strict=True):
                self._usage.prompt_tokens += len(prompts[place])
                self._usage.drawn_tokens += sum(len(row.tokens) for row in own)
                answers[asks[place].id] = tuple(self._answer(row, stops[id(row)]) for row in own)
        return {ask.id: answers[ask.id] for ask in asks}

    def score_labels(self, prompts: Mapping[str, str], labels: Sequence[str]) -> dict[str, NDArray[np.float64]]:
        """Log-probabilities of each label as the next token (see `TextModel.score_labels`)."""
        tokens = self._label_tokens(labels)
        ids = self._encode(list(prompts.values()))
        names = list(prompts)
        found: dict[str, NDArray[np.float64]] = {}
        for places in _batches(ids, self._batch):
            logits = self._last_logits([ids[place] for place in places])
            self._usage.calls += 1
            self._usage.prompt_tokens += sum(len(ids[place]) for place in places)
            shares = logits.double().log_softmax(dim=-1)[:, tokens].cpu().numpy()
            found.update({names[place]: row for place, row in zip(places, shares, strict=True)})
        return {name: found[name] for name in names}

    def token_entropies(self, prompt: str, text: str) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """Entropy of what could have stood at each token of `text` (see `MeasuresEntropy`)."""
        from guide.llm.thinking.entropy import entropy_bits

        ids, first, begins = self._encode_behind(prompt, text)
        read = self._torch.tensor([ids], device=self._model.device)
        with self._torch.inference_mode():
            logits = self._model(input_ids=read, use_cache=False).logits[0, first - 1 : -1]
        self._usage.calls += 1
        self._usage.prompt_tokens += len(ids)
        return entropy_bits(logits.float().cpu().numpy().astype(np.float64)), begins

    def last_positions(self, prompts: Mapping[str, str]) -> dict[str, Position]:
        """What the model holds at the last token of each prompt (see `ShowsPosition`)."""
        shown = {}
        for name, ids in zip(prompts, self._encode(list(prompts.values())), strict=True):
            with self._torch.inference_mode():
                read = self._torch.tensor([ids], device=self._model.device)
                output = self._model(input_ids=read, use_cache=False, output_hidden_states=True, logits_to_keep=1)
            self._usage.calls += 1
            self._usage.prompt_tokens += len(ids)
            hidden = output.hidden_states[-1][0, -1]
            shown[name] = Position(output.logits[0, -1].float().cpu().numpy(), hidden.float().cpu().numpy())
        return shown

    @cached_property
    def _ends(self) -> frozenset[int]:
        stated = self._model.generation_config.eos_token_id if self._model.generation_config else None
        ends = stated if isinstance(stated, list) else [stated]
        return frozenset(token for token in [*ends, self._tokenizer.eos_token_id] if token is not None)

    def _rows(self, ask: Ask, read: int) -> list[Row]:
        limit = min(ask.sampling.max_tokens, self.context - read)
        sampling = replace(ask.sampling, max_tokens=limit)
        return [Row(sampling, ask.sampling.seed + number, self._grammar(ask.schema)) for number in range(ask.samples)]

    def _draw(
        self,
        asks: Sequence[Ask],
        prompts: Sequence[Sequence[int]],
        rows: Sequence[Sequence[Row]],
        stops: Mapping[int, StopTexts],
    ) -> None:
        """Fill in the rows of each prompt, from its cache or what is kept of it."""

        def stop(row: Row) -> bool:
            return stops[id(row)].found(row.tokens)

        if self._eviction is None:
            draw(self._model, prompts, rows, ends=self._ends, pad=self._pad, stop=stop)
            return
        draw_evicted(
            self._model,
            prompts,
            [self._pieces(ask.prompt) for ask in asks],
            rows,
            self._eviction,
            self._evicted,
            ends=self._ends,
            pad=self._pad,
            stop=stop,
        )

    def _pieces(self, prompt: str) -> tuple[Span, ...]:
        """The tokens of each piece of prior work in a prompt."""
        pieces = find_pieces(prompt)
        if not pieces:
            return ()
        read = self._tokenizer(prompt, add_special_tokens=False, return_offsets_mapping=True)
        return token_spans(pieces, read["offset_mapping"])

    def _answer(self, row: Row, stops: StopTexts) -> Answer:
        ended = bool(row.tokens) and row.tokens[-1] in self._ends
        text = str(self._tokenizer.decode(row.tokens[:-1] if ended else row.tokens, skip_special_tokens=False))
        return Answer(stops.cut(text) if row.finish == "stop" else text, len(row.tokens), row.finish or "length")

    def _last_logits(self, prompts: Sequence[Sequence[int]]) -> torch.Tensor:
        ids, mask = pad_left(prompts, self._pad, self._model.device)
        with self._torch.inference_mode():
            positions = (mask.cumsum(dim=1) - 1).clamp(min=0)
            output = self._model(
                input_ids=ids, attention_mask=mask, position_ids=positions, use_cache=False, logits_to_keep=1
            )
            last: torch.Tensor = output.logits[:, -1]
        return last

    def _grammar(self, schema: Mapping[str, Any] | None) -> Any:
        """A fresh matcher for a schema; None without one."""
        if schema is None:
            return None
        try:
            from llguidance import LLMatcher
            from llguidance.hf import from_tokenizer
        except ImportError as error:
            raise InputError("answers as JSON need llguidance", fix="Run: pip install 'guide-advisor[llm]'.") from error
        if self._guide is None:
            vocabulary = int(self._model.config.get_text_config().vocab_size)
            self._guide = from_tokenizer(self._tokenizer, n_vocab=vocabulary, eos_token=sorted(self._ends))
        # White space that a grammar leaves free can be drawn until the limit.
        rules = LLMatcher.grammar_from_json_schema(json.dumps(schema), defaults={"whitespace_flexible": False})
        return LLMatcher(self._guide, rules)


def _batches(prompts: Sequence[Sequence[int]], size: int) -> Iterator[list[int]]:
    """Places of prompts of like length, together."""
    order = sorted(range(len(prompts)), key=lambda place: len(prompts[place]))
    for start in range(0, len(order), size):
        yield order[start : start + size]
