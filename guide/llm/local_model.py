"""What every model with a tokenizer on this machine does the same way."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from guide.errors import InputError
from guide.llm.chat_template import render_chat
from guide.llm.identity import model_name
from guide.llm.model import Ask, Message, Usage

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class TokenizedModel:
    """The part of a `TextModel` that needs no weights: a base for those that run here.

    Args:
        name: folder, or id on the hub.
        tokenizer: of transformers.
    """

    def __init__(self, name: str, tokenizer: Any) -> None:
        self._name = name
        self._tokenizer = tokenizer
        self._usage = Usage()

    @property
    def id(self) -> str:
        """The hub id, or the name of the folder."""
        return model_name(self._name)

    @property
    def usage(self) -> Usage:
        """What it was made to do so far."""
        return self._usage

    def render(self, messages: Sequence[Message], *, thinking: bool) -> str:
        """The text that the model's chat template makes of the messages (see `render_chat`)."""
        return render_chat(self._tokenizer, messages, thinking=thinking)

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """How many tokens each text has."""
        return [len(ids) for ids in self._encode(texts)]

    def _encode(self, texts: Sequence[str]) -> list[list[int]]:
        # The chat template has put the special tokens in as text.
        return [list(self._tokenizer(text, add_special_tokens=False)["input_ids"]) for text in texts]

    def _encode_behind(self, prompt: str, text: str) -> tuple[list[int], int, NDArray[np.int64]]:
        """Tokens of both together, the first that belongs to `text`, and where in `text` its tokens begin.

        The very first token of a sequence is drawn from nothing, so it never counts.
        """
        import numpy as np

        read = self._tokenizer(prompt + text, add_special_tokens=False, return_offsets_mapping=True)
        offsets = np.array([start for start, _ in read["offset_mapping"]], dtype=np.int64)
        first = max(1, int(np.searchsorted(offsets, len(prompt))))
        return list(read["input_ids"]), first, offsets[first:] - len(prompt)

    def _label_tokens(self, labels: Sequence[str]) -> list[int]:
        tokens = self._encode(labels)
        for label, own in zip(labels, tokens, strict=True):
            if len(own) != 1:
                raise InputError(
                    f"the label {label!r} is {len(own)} tokens of {self.id}", fix="Labels must be single tokens."
                )
        return [own[0] for own in tokens]

    def _encode_asks(self, asks: Sequence[Ask], context: int) -> list[list[int]]:
        """The prompts' tokens; InputError for two of one id, or one that leaves no room for an answer."""
        if len({ask.id for ask in asks}) != len(asks):
            raise InputError("two asks have one id", fix="Give each an id of its own.")
        prompts = self._encode([ask.prompt for ask in asks])
        for ask, ids in zip(asks, prompts, strict=True):
            if not 0 < len(ids) < context:
                raise InputError(
                    f"a prompt of {len(ids)} tokens leaves no room in a context of {context}",
                    where=ask.id,
                    fix="Shorten it.",
                )
        return prompts
