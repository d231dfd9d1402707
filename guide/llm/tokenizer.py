"""The tokenizer that a model's folder holds, and not one that is put in its place.

transformers chooses a tokenizer's class by the model's type: every folder of `model_type: qwen2` gets Qwen2's way to
cut text (5.19), whatever its own tokenizer.json says. The vocabulary is the folder's, the cuts are not, and nothing
tells it: the model reads tokens in an order that it never saw. So both are asked for the same text, and the file is
right.
"""

from __future__ import annotations

import logging
from pathlib import Path
from shutil import copyfile
from typing import TYPE_CHECKING

from guide.errors import ModelError
from guide.llm.identity import model_folder

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

_log = logging.getLogger(__name__)

_FILE = "tokenizer.json"
_BESIDE = ("tokenizer_config.json", "special_tokens_map.json", "added_tokens.json", "chat_template.jinja")
# Where tokenizers part ways: numbers, runs of blanks, blank lines, contractions in capitals, accents in two characters,
# other scripts, signs beyond the first plane, marks of templates.
_PROBES = (
    "In 2024, we trained 1,048,576 tokens at 3.14e-5; it's 27% of   the cost.",
    "\n\nWait -- DON'T we'll say   so?\n\n\n\tBut: x_1=f(y)[0];  \r\nRating: A\n",
    "e\u0301tude na\u00efve \ufb01ne \u4e2d\u6587\u8bd5\u9a8c \u0440\u0443\u043a\u0438 \U0001d49c\U0001f600",
    "<think>\nso</think>\n\n<|im_start|>user\nhi<|im_end|>",
    " leading and trailing ",
)


def load_tokenizer(model: str) -> tuple[PreTrainedTokenizerBase, bool]:
    """The tokenizer of a model: as transformers chooses it, or, where that cuts text otherwise, the folder's own.

    Args:
        model: folder, or id on the hub. No code that comes with it is run.

    Returns:
        The tokenizer, and whether it is the folder's own in place of another.

    Raises:
        OSError, ValueError: as transformers; there is none.
        ModelError: the folder's own tokenizer.json cannot be loaded as it is.
    """
    from transformers import AutoTokenizer, PreTrainedTokenizerFast

    given: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(model)
    if not is_replaced(model, given):
        return given, False
    own: PreTrainedTokenizerBase = PreTrainedTokenizerFast.from_pretrained(model)
    if is_replaced(model, own):
        raise ModelError(
            "the model's own tokenizer.json cannot be used as it is: transformers cuts text otherwise",
            where=model,
            fix="Save the tokenizer again with the transformers of this environment.",
        )
    _log.info("%s cuts text otherwise than %s, which stays unused", _FILE, type(given).__name__)
    return own, True


def is_replaced(model: str, tokenizer: PreTrainedTokenizerBase) -> bool:
    """Whether a tokenizer gives other tokens than the tokenizer.json of the model does; False where there is none."""
    folder = model_folder(model)
    if folder is None or not (folder / _FILE).is_file():
        return False
    from tokenizers import Tokenizer

    own = Tokenizer.from_file(str(folder / _FILE))
    own.no_truncation()
    own.no_padding()
    if own.get_vocab(with_added_tokens=True) != tokenizer.get_vocab():
        return True
    return any(
        list(tokenizer(text, add_special_tokens=False)["input_ids"]) != own.encode(text, add_special_tokens=False).ids
        for text in _PROBES
    )


def copy_alone(model: str, place: Path) -> bool:
    """Put the model's tokenizer, and nothing else of it, into a folder for a program that loads it by itself.

    Without the model's type beside it nothing is put in its place. Done only where something would be.

    Returns:
        Whether it was done.
    """
    from transformers import AutoTokenizer

    folder = model_folder(model)
    if folder is None or not is_replaced(model, AutoTokenizer.from_pretrained(model)):
        return False
    for name in (_FILE, *_BESIDE):
        if (folder / name).is_file():
            copyfile(folder / name, place / name)
    return True
