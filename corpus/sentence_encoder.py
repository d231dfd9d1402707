"""Any model that sentence-transformers loads, as an encoder of the store.

Slower to start than `MiniLM` by the import of sentence-transformers; the way to a stronger or a domain's own model.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from guide.corpus.encoder import SpanVectors, normalise
from guide.errors import InputError, ModelError

if TYPE_CHECKING:
    from numpy.typing import NDArray

_MAX_WINDOWS = 64  # a text; what lies past them is counted, not read
_BATCH = 32
_CHUNK = 1024  # windows held together
_HASHED = {".safetensors", ".bin", ".json", ".txt", ".model"}  # weights, and what decides how text becomes tokens


class SentenceEncoder:
    """A sentence-transformers model (https://sbert.net) in a local folder or on the model hub.

    Attributes:
        id: the name it was asked for by; of a folder the last part.
        sha256: over the names and contents of its weight, tokenizer and configuration files, sorted by name.
        dimension: length of a vector.
        device: where it runs.
        precision: the number format of its weights.
    """

    def __init__(self, name: str, *, precision: str = "float32", device: str = "cpu") -> None:
        """Load the model; no code that comes with it is run.

        Args:
            name: a folder, or "owner/model" on the hub.
            precision: "float32" or "bfloat16".
            device: as torch names it: "cpu", "cuda", "cuda:1".

        Raises:
            InputError: sentence-transformers is not installed, or the precision is unknown.
            ModelError: there is no such model, it cannot be fetched, or it cannot be read.
        """
        if precision not in ("float32", "bfloat16"):
            raise InputError(f"no precision called {precision!r}", fix="Use float32 or bfloat16.")
        try:
            import torch
            from sentence_transformers import SentenceTransformer
        except ImportError as error:
            raise InputError(
                "sentence-transformers is not installed", fix="Run: pip install 'guide-advisor[encoders]'."
            ) from error
        folder = _resolve(name)
        try:
            self._model: Any = SentenceTransformer(
                str(folder),
                device=device,
                trust_remote_code=False,
                model_kwargs={"dtype": getattr(torch, precision)},
            )
            dimension = self._model.get_embedding_dimension()
        except Exception as error:  # whatever transformers, tokenizers and safetensors raise for a broken file
            raise ModelError(f"the model cannot be loaded ({error})", where=folder) from error
        if not dimension:
            raise ModelError("the model does not say how long its vectors are", where=folder)
        self.id = folder.resolve().name if Path(name).is_dir() else name
        self.sha256 = _hash_files(folder)
        self.dimension = int(dimension)
        self.device = device
        self.precision = precision
        self._chunks_late = _averages_tokens(self._model)
        special = int(self._model.tokenizer.num_special_tokens_to_add())
        self._room = max(1, int(self._model.max_seq_length or 512) - special)  # tokens of text in one window

    def encode(self, texts: Sequence[str], *, progress: bool = False) -> NDArray[np.float32]:
        """Return (len(texts), dimension) unit vectors, in the order given; text past the model's window is not read."""
        if not len(texts):
            return np.zeros((0, self.dimension), dtype=np.float32)
        found = self._model.encode(
            list(texts), batch_size=_BATCH, show_progress_bar=progress and sys.stderr.isatty(), convert_to_tensor=True
        )
        return normalise(found.float().cpu().numpy())

    def encode_spans(
        self, texts: Sequence[str], spans: Sequence[Sequence[tuple[int, int]]], *, progress: bool = False
    ) -> SpanVectors:
        """Late chunking where the tokenizer tells the place of each token; else each span is read by itself.

        Late chunking (Günther et al. 2024, arXiv 2409.04701) sums the token vectors inside a span. A text longer than
        the model's window is read in several, cut between spans where it can be. A model whose vector is not the mean
        of its token vectors too reads each span by itself; the sum is then its vector times its number of tokens.

        Args:
            texts: what to read.
            spans: of each text, character ranges, in order and disjoint.
            progress: show progress on standard error if it is a terminal.

        Raises:
            InputError: `texts` and `spans` differ in length.
        """
        if len(texts) != len(spans):
            raise InputError(f"{len(texts)} texts but {len(spans)} lists of spans", fix="Give one list a text.")
        starts = np.cumsum([0, *map(len, spans)], dtype=np.int64)
        whole = self.encode(texts, progress=progress)
        if self._chunks_late:
            sums, counts, unread = self._sum_tokens(texts, spans, starts)
        else:
            parts = [text[start:end] for text, own in zip(texts, spans, strict=True) for start, end in own]
            counts = np.array([len(self._model.tokenizer.tokenize(part)) for part in parts], dtype=np.int64)
            unread = int(np.maximum(counts - self._room, 0).sum())
            sums = self.encode(parts) * counts[:, None].astype(np.float32)
        return SpanVectors(whole, sums, counts, starts, unread)

    def _sum_tokens(
        self, texts: Sequence[str], spans: Sequence[Sequence[tuple[int, int]]], starts: NDArray[np.int64]
    ) -> tuple[NDArray[np.float32], NDArray[np.int64], int]:
        """Of each span the sum of its token vectors and their number; and how many tokens were not read."""
        sums = np.zeros((int(starts[-1]), self.dimension), dtype=np.float32)
        counts = np.zeros(int(starts[-1]), dtype=np.int64)
        unread = 0
        windows: list[_Window] = []
        for row, text in enumerate(texts):
            read = self._model.tokenizer(text, add_special_tokens=False, return_offsets_mapping=True, verbose=False)
            found, lost = _windows(row, text, read["offset_mapping"], spans[row], self._room)
            windows.extend(found)
            unread += lost
        for start in range(0, len(windows), _CHUNK):
            chunk = windows[start : start + _CHUNK]
            vectors = self._model.encode(
                [texts[one.text][one.start : one.end] for one in chunk],
                batch_size=_BATCH,
                output_value="token_embeddings",
                show_progress_bar=False,
            )
            for one, hidden in zip(chunk, vectors, strict=True):
                owner = self._owners(texts[one.text][one.start : one.end], one, spans[one.text], len(hidden))
                kept = np.flatnonzero(owner >= 0)
                base = int(starts[one.text])
                np.add.at(sums, owner[kept] + base, hidden.float().cpu().numpy()[kept])
                np.add.at(counts, owner[kept] + base, 1)
        return sums, counts, unread

    def _owners(self, text: str, window: _Window, spans: Sequence[tuple[int, int]], size: int) -> NDArray[np.int64]:
        """The span that each token of a window counts for, or -1."""
        read = self._model.tokenizer(
            text, truncation=True, max_length=self._model.max_seq_length, return_offsets_mapping=True
        )
        if len(read["offset_mapping"]) != size:
            raise ModelError(f"the model gives {size} vectors for {len(read['offset_mapping'])} tokens", where=self.id)
        owner = _owner(np.array(read["offset_mapping"], dtype=np.int64) + window.start, spans)
        special = np.array([end == start for start, end in read["offset_mapping"]])
        return np.where(special | (owner >= window.following), -1, owner)


@dataclass(frozen=True, slots=True)
class _Window:
    """Characters `start` to `end` of a text, read together; spans from `following` on are left to the next window."""

    text: int
    start: int
    end: int
    following: int


def _windows(
    row: int, text: str, offsets: Sequence[tuple[int, int]], spans: Sequence[tuple[int, int]], room: int
) -> tuple[list[_Window], int]:
    """The windows of a text with these tokens, and how many tokens are in none."""
    if not spans or not offsets:
        return [], 0
    places = np.array(offsets, dtype=np.int64)
    # Where a token in no span goes does not matter: it counts for none.
    belongs = np.minimum(np.searchsorted([end for _, end in spans], places[:, 1] - 1, side="right"), len(spans) - 1)
    windows: list[_Window] = []
    at = 0
    while at < len(places) and len(windows) < _MAX_WINDOWS:
        end = following = min(len(places), at + room)
        until = len(spans)
        if end < len(places):
            cut = int(np.searchsorted(belongs, belongs[end]))
            if cut > at:
                following, until = cut, int(belongs[end])
        start = int(places[at, 0])
        start += len(text[start:]) - len(text[start:].lstrip())
        windows.append(_Window(row, start, int(places[end - 1, 1]), until))
        at = following
    return windows, len(places) - at


def _owner(places: NDArray[np.int64], spans: Sequence[tuple[int, int]]) -> NDArray[np.int64]:
    """The span that holds the last character of each token, or -1: some tokens begin with the space before them."""
    bounds = np.array(spans, dtype=np.int64)
    last = places[:, 1] - 1
    span = np.minimum(np.searchsorted(bounds[:, 1], last, side="right"), len(spans) - 1)
    return np.where((last >= bounds[span, 0]) & (last < bounds[span, 1]), span, -1)


def _averages_tokens(model: Any) -> bool:
    """Whether the model's vector is the mean of its token vectors, and the tokenizer tells where each token stands."""
    names = [type(module).__name__ for module in model]
    return bool(
        getattr(model.tokenizer, "is_fast", False)
        and names[:2] == ["Transformer", "Pooling"]
        and set(names[2:]) <= {"Normalize"}
        and model[1].pooling_mode == "mean"
    )


def _resolve(name: str) -> Path:
    """The folder of a model: the name itself, or where the hub's client keeps its files, fetched if they are not."""
    folder = Path(name)
    if folder.is_dir():
        return folder
    if name.count("/") != 1 or name.startswith((".", "/", "~")):
        raise ModelError("no such folder", where=name, fix="Give a folder, or owner/model on the hub.")
    from huggingface_hub import snapshot_download

    try:
        return Path(snapshot_download(name, ignore_patterns=["onnx/*", "openvino/*", "*.h5", "*.msgpack", "*.ot"]))
    except (OSError, ValueError, RuntimeError) as error:  # the client's own errors are kinds of these
        reason = next(iter(str(error).strip().splitlines()), type(error).__name__)
        raise ModelError(f"no such folder, and the model hub did not give it ({reason})", where=name) from error


def _hash_files(folder: Path) -> str:
    """SHA-256 (hex) over name and content of each file that decides what a vector is."""
    total = hashlib.sha256()
    for path in sorted(_model_files(folder), key=lambda path: path.relative_to(folder).as_posix()):
        with path.open("rb") as opened:
            content = hashlib.file_digest(opened, "sha256").hexdigest()
        total.update(f"{path.relative_to(folder).as_posix()}\n{content}\n".encode())
    return total.hexdigest()


def _model_files(folder: Path) -> Iterator[Path]:
    for path in folder.rglob("*"):
        if path.is_file() and path.suffix in _HASHED and not {"onnx", "openvino"} & set(path.relative_to(folder).parts):
            yield path
