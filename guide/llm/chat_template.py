"""From messages to the one text a language model continues, by the model's own chat template."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from guide.errors import ModelError
from guide.llm.model import Message

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

OPEN_THINKING, CLOSE_THINKING = "<think>", "</think>"


def render_chat(tokenizer: PreTrainedTokenizerBase, messages: Sequence[Message], *, thinking: bool) -> str:
    """The text of a conversation, up to where the answer begins; with thinking open, or closed and empty.

    A template that opens the thinking itself (DeepSeek-R1's) is left as it is, one that takes `enable_thinking`
    (Qwen3's) is told, and behind any other the marks are written out.

    Raises:
        ModelError: the model has no chat template, or its template refuses the messages.
    """
    turns: list[dict[str, Any]] = [{"role": message.role, "content": message.content} for message in messages]
    try:
        text = tokenizer.apply_chat_template(
            turns, tokenize=False, add_generation_prompt=True, enable_thinking=thinking
        )
    except Exception as error:  # noqa: BLE001 - templates raise what they like
        text = _without_system(tokenizer, turns, thinking, error)
    rendered = str(text)
    is_open = rendered.rstrip().endswith(OPEN_THINKING)
    is_closed = rendered.rstrip().endswith(CLOSE_THINKING)
    if thinking:
        return rendered if is_open else f"{rendered}{OPEN_THINKING}\n"
    if is_closed:
        return rendered
    return f"{rendered.rstrip()}\n\n{CLOSE_THINKING}\n\n" if is_open else rendered


def _without_system(
    tokenizer: PreTrainedTokenizerBase, turns: list[dict[str, Any]], thinking: bool, error: Exception
) -> Any:
    """Some templates know no system message: it is then put at the head of the user's."""
    if tokenizer.chat_template is None or turns[0]["role"] != "system":
        raise _no_template(error) from error
    joined = {"role": "user", "content": f"{turns[0]['content']}\n\n{turns[1]['content']}"}
    try:
        return tokenizer.apply_chat_template(
            [joined, *turns[2:]], tokenize=False, add_generation_prompt=True, enable_thinking=thinking
        )
    except Exception as again:
        raise _no_template(again) from again


def _no_template(error: Exception) -> ModelError:
    reason = str(error).strip().split("\n", 1)[0]
    return ModelError(
        f"the model's chat template cannot be used ({reason})", fix="Use a model that was trained to converse."
    )
