"""LLMLingua-2 (Pan et al., 2024; arXiv:2403.12968): a token classifier that drops words, by the package `llmlingua`.

Version 0.2.2 of the package assumes a connection, a GPU and folder names of its authors, and changes global state. What
is done about each stands where it is done; nothing of it outlasts the call that needs it.
"""

from __future__ import annotations

import hashlib
import importlib
import os
import random
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Literal

import numpy as np

from guide.corpus.guards import Compressed, check_rate, count_tokens, find_guarded, settle
from guide.corpus.sentences import split_sentences
from guide.errors import InputError, ModelError

SpecialTokens = Literal["model", "package"]

# The package tells the family of a model by these parts of its path.
_FAMILY = {"xlm-roberta": "xlm-roberta-large", "bert": "bert-base-multilingual-cased"}
_MODEL_FILES = re.compile(r"config\.json|.*\.safetensors|.*\.bin|.*\.model|vocab\..*|merges\.txt|.*token.*\.json")
_WINDOW = 510  # tokens a pass of the package takes, less the two at the ends
_MOST_PLACEHOLDERS = 100
_MARK = "qzxv"  # plain letters: BERT's tokenizer deletes signs of the private use area
_PLACEHOLDER = re.compile(rf"{_MARK} (\d+) {_MARK}")
_RESERVED = re.compile(
    rf"{_MARK}|\[NEW\d", re.IGNORECASE
)  # what the package and this module put in the place of guarded words


def load_llmlingua(
    model: Path | None, *, rate: float, device: str = "cpu", special_tokens: SpecialTokens = "model"
) -> LLMLingua:
    """Load a token classifier of LLMLingua-2.

    Args:
        model: folder with a token classifier of the XLM-RoBERTa or BERT family and its tokenizer, of any name.
        rate: share of the tokens to keep, above 0 and at most 1.
        device: "cpu", "cuda", "cuda:0" or "mps".
        special_tokens: "model" puts the model's own first and last token around a text. "package" does as llmlingua
            0.2.2, which puts BERT's there whatever the model, so that XLM-RoBERTa reads unknown tokens (its issue 181).

    Raises:
        InputError: the package, the folder or a file in it is missing, or the model is no such classifier.
        ModelError: the files cannot be loaded.
    """
    check_rate(rate)
    if model is None:
        raise InputError("--compress llmlingua needs a model", fix="Give its folder with --compress-model PATH.")
    if not (model / "config.json").is_file():
        raise InputError(
            "no model here (no config.json)",
            where=model,
            fix="Give the folder of a token classifier with --compress-model PATH.",
        )
    try:
        package = importlib.import_module("llmlingua.prompt_compressor")
    except ImportError as error:
        raise InputError(
            f"--compress llmlingua needs a package that is missing ({error.name or error})",
            fix="Run: pip install 'guide-advisor[llmlingua]'",
        ) from error
    with _untouched_generators(), _offline(package):
        engine = _construct(package, model, device)
    return LLMLingua(package, engine, model_sha256=_hash_model(model), rate=rate, special_tokens=special_tokens)


class LLMLingua:
    """Drops the words that the classifier holds least worth keeping; what the guards name is kept by force.

    Each word of a guarded thing is replaced, before the package sees it, by one of the package's own placeholders,
    which it never drops, and put back afterwards. The package's `force_tokens` alone would replace "no" in "novel" and
    lose units, and garbles brackets. The price is that the classifier does not see those words.
    """

    method = "llmlingua"

    def __init__(
        self, package: Any, engine: Any, *, model_sha256: str, rate: float, special_tokens: SpecialTokens = "model"
    ) -> None:
        self.rate = check_rate(rate)
        self.model_sha256 = model_sha256
        self.special_tokens = special_tokens
        self.id = f"llmlingua2-1@{rate:g}/{special_tokens}/{model_sha256}"
        self._package = package
        self._engine = engine

    def compress(self, texts: Sequence[str]) -> list[Compressed]:
        """Shorten texts word by word, one pass of the model a text, so that no text depends on its neighbours.

        A text that the guards refuse, that is left without a word, or that holds a placeholder itself is kept whole.
        """
        # At 1.0 the package would only take the text through the tokenizer, which normalises it.
        if self.rate == 1:
            return [settle(text, text) for text in texts]
        with _untouched_generators(), _dataset_of(self._package, self._engine, self.special_tokens):
            return [settle(text, self._shorten(text) or text) for text in texts]

    def _shorten(self, text: str) -> str:
        if not text.strip() or _RESERVED.search(text):
            return text
        marked, hidden = _hide_guarded(text)
        pieces = self._pack(split_sentences(marked))
        forced = [_placeholder(place) for place in range(len(hidden))]
        self._engine.oai_tokenizer = _TokenCount(hidden)
        kept = self._engine.compress_prompt_llmlingua2(pieces, rate=self.rate, force_tokens=forced)
        return " ".join(_show(" ".join(kept["compressed_prompt_list"]), hidden).split())

    def _pack(self, sentences: list[str]) -> list[str]:
        """Join sentences to pieces that fit into one pass; the package glues what it cuts itself without a space."""
        pieces: list[list[str]] = []
        room = 0
        for sentence in sentences:
            length = len(self._engine.tokenizer.tokenize(sentence))
            if not pieces or length > room:
                pieces.append([])
                room = _WINDOW
            pieces[-1].append(sentence)
            room -= length
        return [" ".join(piece) for piece in pieces]


def _hide_guarded(text: str) -> tuple[str, list[str]]:
    """Put placeholders, each a word of its own, for the guarded words; give the words that they stand for.

    The word before each is hidden with it: were it dropped, an "of" or "to" from further ahead would come to stand
    there and read as a comparison. The package has a hundred placeholders; guarded words beyond them stay in the text,
    for the guards to judge.
    """
    spans: list[tuple[int, int]] = []
    for item in find_guarded(text):
        start = _word_ahead(text, item.start)
        if spans and start <= spans[-1][1]:
            spans[-1] = (spans[-1][0], max(spans[-1][1], item.end))
        else:
            spans.append((start, item.end))
    parts: list[str] = []
    hidden: list[str] = []
    at = 0
    for start, end in spans[:_MOST_PLACEHOLDERS]:
        parts += [text[at:start], _placeholder(len(hidden))]
        hidden.append(text[start:end])
        at = end
    return "".join([*parts, text[at:]]), hidden


def _word_ahead(text: str, begin: int) -> int:
    """Where the last word before an offset begins, 0 if there is none."""
    while begin > 0 and text[begin - 1].isspace():
        begin -= 1
    while begin > 0 and not text[begin - 1].isspace():
        begin -= 1
    return begin


def _placeholder(place: int) -> str:
    # Several tokens in any tokenizer, which is when the package puts its own placeholder instead.
    return f"{_MARK} {place} {_MARK}"


def _show(text: str, hidden: Sequence[str]) -> str:
    return _PLACEHOLDER.sub(lambda match: f" {hidden[int(match[1])]} ", text)


def _construct(package: Any, model: Path, device: str) -> Any:
    """Build the package's compressor from local files only."""
    from safetensors import SafetensorError
    from transformers import AutoConfig

    try:
        config = AutoConfig.from_pretrained(model, local_files_only=True, trust_remote_code=False)
    except (OSError, ValueError) as error:
        raise ModelError("the model's config.json cannot be read", where=model, fix=str(error)) from error
    family = _FAMILY.get(config.model_type)
    if family is None or not any("ForTokenClassification" in name for name in config.architectures or ()):
        raise InputError(
            f"a model of type {config.model_type} ({', '.join(config.architectures or ('no architecture',))})",
            where=model,
            fix="LLMLingua-2 needs a token classifier of the XLM-RoBERTa or BERT family.",
        )
    try:
        engine = package.PromptCompressor(
            model_name=str(model),
            use_llmlingua2=True,
            # Its default is "cuda", and it would run code that comes with the weights.
            device_map=device,
            model_config={"trust_remote_code": False, "local_files_only": True},
        )
    except (OSError, ValueError, RuntimeError, KeyError, SafetensorError) as error:
        raise ModelError(
            f"the model cannot be loaded ({error})", where=model, fix="Download it again, or name another."
        ) from error
    engine.model.eval()
    engine.model_name = family
    return engine


class _TokenCount:
    """Stands for OpenAI's tokenizer, by whose tokens the package reads the rate: here, by those of `count_tokens`."""

    def __init__(self, hidden: Sequence[str] = ()) -> None:
        self._hidden = hidden

    def encode(self, text: str) -> list[int]:
        return [0] * max(1, count_tokens(_show(text, self._hidden)))


@contextmanager
def _offline(package: Any) -> Iterator[None]:
    """Spare the package's constructor the download of OpenAI's tokenizer."""
    original = package.tiktoken
    package.tiktoken = SimpleNamespace(encoding_for_model=lambda *_: _TokenCount())
    try:
        yield
    finally:
        package.tiktoken = original


@contextmanager
def _dataset_of(package: Any, engine: Any, special_tokens: SpecialTokens) -> Iterator[None]:
    """Let the package wrap texts into the model's own special tokens, and pad no further than to the longest."""
    if special_tokens == "package":
        yield
        return
    original = package.TokenClfDataset
    tokenizer, config = engine.tokenizer, engine.model.config
    first, last = tokenizer.cls_token or tokenizer.bos_token, tokenizer.sep_token or tokenizer.eos_token
    # The package overwrites the tokenizer's padding token where its id is 0, as BERT's is.
    padding = tokenizer.convert_ids_to_tokens(config.pad_token_id)

    class ModelsOwnTokens(original):  # type: ignore[misc, valid-type]
        def __init__(self, texts: list[str], max_len: int, tokenizer: Any) -> None:
            longest = max((len(tokenizer.tokenize(text)) for text in texts), default=0) + 2
            super().__init__(texts, min(max_len, longest), tokenizer)
            self.cls_token, self.sep_token, self.pad_token = first, last, padding

    package.TokenClfDataset = ModelsOwnTokens
    try:
        yield
    finally:
        package.TokenClfDataset = original


@contextmanager
def _untouched_generators() -> Iterator[None]:
    """Give every random generator its state back.

    The package's constructor seeds them all with 42, and each of its passes draws from torch's (a DataLoader does).
    """
    import torch

    seed, python, numpy = os.environ.get("PYTHONHASHSEED"), random.getstate(), np.random.get_state()
    cudnn = torch.backends.cudnn.deterministic, torch.backends.cudnn.benchmark
    with torch.random.fork_rng(devices=range(torch.cuda.device_count())):
        try:
            yield
        finally:
            random.setstate(python)
            np.random.set_state(numpy)
            torch.backends.cudnn.deterministic, torch.backends.cudnn.benchmark = cudnn
            os.environ.pop("PYTHONHASHSEED", None)
            if seed is not None:
                os.environ["PYTHONHASHSEED"] = seed


def _hash_model(model: Path) -> str:
    """SHA-256 (hex) over the names and the contents of the files that make the model, by name."""
    digest = hashlib.sha256()
    for path in sorted(one for one in model.iterdir() if one.is_file() and _MODEL_FILES.fullmatch(one.name)):
        with path.open("rb") as file:
            digest.update(f"{path.name}\0{hashlib.file_digest(file, 'sha256').hexdigest()}\n".encode())
    return digest.hexdigest()
