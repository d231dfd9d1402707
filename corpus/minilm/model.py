"""all-MiniLM-L6-v2 in ONNX Runtime: a text a run, so that an answer never depends on what is asked beside it.

The weights are the published ones in eight bits (graph.py). One run gives every token of every layer, and the last few
runs are kept: the student, the search and the analysis of sentences read one text and pay for it once.
"""

from __future__ import annotations

import hashlib
import os
import sys
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property, partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from guide.corpus.encoder import Pooled, SpanVectors, normalise
from guide.corpus.sentences import span_sentences
from guide.corpus.windows import Window, cut_windows
from guide.errors import InputError, ModelError

if TYPE_CHECKING:
    import onnxruntime
    from numpy.typing import NDArray
    from tokenizers import Tokenizer

MINILM_ID = "sentence-transformers/all-MiniLM-L6-v2"
# Of the published model.safetensors, which the eight-bit weights were made of: stores go by it.
MINILM_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
ONNX_SHA256 = "38bcc6fc4291f07cff5b9c1b09b4cb3171ef8cb1bfe981503cbadf81a93ad855"
FOLDER = Path(__file__).parent
MODEL, TOKENIZER = "minilm-int8.onnx", "tokenizer.json"
LAYERS = 6
WIDTH = 384

_KEPT_TOKENS = 4_096  # whose layers are remembered: 44 MB at most, some 20 abstracts
_AHEAD = 64  # texts in the hands of the threads at once
_REINSTALL = "Reinstall guide: pip install --force-reinstall --no-deps guide-advisor."


class MiniLM:
    """A six-layer BERT, mean-pooled over tokens, L2-normalised, 384 dimensions.

    Attributes:
        encoded: windows that went through the model.
        remembered: windows that were asked for again and did not.
    """

    id = MINILM_ID
    sha256 = MINILM_SHA256
    dimension = WIDTH
    precision = "int8"

    def __init__(self, folder: Path = FOLDER, *, threads: int | None = None) -> None:
        """Load the model and its tokenizer from `folder`; the SHA-256 of the former is checked.

        Args:
            folder: of the two files.
            threads: texts read at the same time; as many as there are processors without it.

        Raises:
            ModelError: a file is missing, or the weights are not those that guide was published with.
        """
        try:
            with (folder / MODEL).open("rb") as file:
                found = hashlib.file_digest(file, "sha256").hexdigest()
        except OSError as error:
            raise ModelError(f"MiniLM cannot be read ({error})", where=folder, fix=_REINSTALL) from error
        if found != ONNX_SHA256:
            what = f"the MiniLM weights have SHA-256 {found[:12]}…, expected {ONNX_SHA256[:12]}…"
            raise ModelError(what, where=folder / MODEL, fix=_REINSTALL)
        self._folder = folder
        self._threads = threads or os.cpu_count() or 1
        self.encoded = self.remembered = 0
        self._kept: OrderedDict[tuple[int, ...], NDArray[np.float32]] = OrderedDict()
        self._kept_tokens = 0
        self._lock = threading.Lock()

    def __reduce__(self) -> tuple[Callable[[], MiniLM], tuple[()]]:
        # A session cannot be sent to another process; what it was loaded from can.
        return partial(type(self), self._folder, threads=self._threads), ()

    def encode(self, texts: Sequence[str], *, progress: bool = False) -> NDArray[np.float32]:
        """Return (len(texts), 384) unit vectors, in the order given; text past 256 tokens is not read."""
        return self.encode_spans(texts, [()] * len(texts), progress=progress).whole

    def pool(self, texts: Sequence[str], *, progress: bool = False) -> Pooled:
        """Average each layer over the tokens of each text, all its windows together (see `Pooled`)."""
        layers = np.zeros((len(texts), LAYERS + 1, WIDTH), dtype=np.float32)
        tokens = np.zeros(len(texts), dtype=np.int64)
        truncated = np.zeros(len(texts), dtype=np.bool_)
        spans = [span_sentences(text) for text in texts]
        for row, (windows, hidden, unread) in enumerate(self._read_all(texts, spans, progress=progress)):
            tokens[row] = sum(len(window.ids) for window in windows)
            layers[row] = sum(one.sum(axis=1) for one in hidden) / tokens[row]
            truncated[row] = unread > 0
        return Pooled(layers, tokens, truncated)

    def pool_without_each(self, text: str, spans: Sequence[tuple[int, int]]) -> Pooled:
        """The text pooled whole, then without the tokens of each span: 1 + len(spans) rows.

        What is left keeps the vectors it had beside the span (late chunking), so that the whole analysis costs one
        pass.
        """
        [(windows, hidden, unread)] = self._read_all([text], [spans], progress=False)
        read = sum(len(window.ids) for window in windows)
        total = sum(one.sum(axis=1) for one in hidden)
        sums = np.zeros((len(spans), LAYERS + 1, WIDTH), dtype=np.float32)
        counts = np.zeros(len(spans), dtype=np.int64)
        for window, one in zip(windows, hidden, strict=True):
            for owner, place, length in _runs(window):
                sums[owner] += one[:, place : place + length].sum(axis=1)
                counts[owner] += length
        left = np.maximum(read - counts, 1)
        layers = np.concatenate([[total / read], (total - sums) / left[:, None, None]]).astype(np.float32)
        return Pooled(layers, np.concatenate([[read], left]), np.full(1 + len(spans), unread > 0))

    def encode_spans(
        self, texts: Sequence[str], spans: Sequence[Sequence[tuple[int, int]]], *, progress: bool = False
    ) -> SpanVectors:
        """Late chunking (Günther et al. 2024, arXiv 2409.04701): a vector a text and a token sum a span.

        Spans are character ranges, in order and disjoint; see `cut_windows` for texts longer than a window.

        Raises:
            InputError: `texts` and `spans` differ in length.
        """
        if len(texts) != len(spans):
            raise InputError(f"{len(texts)} texts but {len(spans)} lists of spans", fix="Give one list a text.")
        starts = np.cumsum([0, *map(len, spans)], dtype=np.int64)
        whole = np.zeros((len(texts), WIDTH), dtype=np.float32)
        sums = np.zeros((int(starts[-1]), WIDTH), dtype=np.float32)
        tokens = np.zeros(int(starts[-1]), dtype=np.int64)
        truncated = 0
        for row, (windows, hidden, unread) in enumerate(self._read_all(texts, spans, progress=progress)):
            whole[row] = hidden[0][-1].mean(axis=0)
            truncated += unread > 0
            for window, one in zip(windows, hidden, strict=True):
                for owner, place, length in _runs(window):
                    sums[starts[row] + owner] += one[-1, place : place + length].sum(axis=0)
                    tokens[starts[row] + owner] += length
        return SpanVectors(normalise(whole), sums, tokens, starts, truncated)

    def _read_all(
        self, texts: Sequence[str], spans: Sequence[Sequence[tuple[int, int]]], *, progress: bool
    ) -> Iterator[tuple[tuple[Window, ...], list[NDArray[np.float32]], int]]:
        """Of each text in order: its windows, what each layer makes of their tokens, and the tokens left unread."""
        from tqdm import tqdm

        def read(at: int) -> tuple[tuple[Window, ...], list[NDArray[np.float32]], int]:
            seen = self._tokenizer.encode(texts[at])
            windows, unread = cut_windows(seen.ids, seen.offsets, spans[at])
            return windows, [self._run(window.ids) for window in windows], unread

        with tqdm(
            total=len(texts),
            desc="embedding",
            unit="text",
            delay=2,
            disable=None if progress else True,
            file=sys.stderr,
        ) as bar:
            if len(texts) == 1 or self._threads == 1:
                for at in range(len(texts)):
                    yield read(at)
                    bar.update()
                return
            self._open()
            with ThreadPoolExecutor(self._threads) as pool:
                numbers = iter(range(len(texts)))
                waiting = [pool.submit(read, at) for at in islice(numbers, _AHEAD)]
                while waiting:
                    yield waiting.pop(0).result()
                    bar.update()
                    waiting.extend(pool.submit(read, at) for at in islice(numbers, 1))

    def _run(self, ids: tuple[int, ...]) -> NDArray[np.float32]:
        """Token vectors (layers + 1, tokens, width) of every layer, the embedding layer first."""
        with self._lock:
            if ids in self._kept:
                self.remembered += 1
                self._kept.move_to_end(ids)
                return self._kept[ids]
        hidden: NDArray[np.float32] = self._session.run(["hidden"], {"ids": np.array([ids], dtype=np.int32)})[0]
        with self._lock:
            self.encoded += 1
            if ids not in self._kept:
                self._kept[ids] = hidden
                self._kept_tokens += len(ids)
            while self._kept_tokens > _KEPT_TOKENS:
                oldest, _ = self._kept.popitem(last=False)
                self._kept_tokens -= len(oldest)
        return hidden

    def _open(self) -> None:
        """Load what the threads share, before there are any."""
        _ = self._session, self._tokenizer

    @cached_property
    def _session(self) -> onnxruntime.InferenceSession:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        # Texts are read side by side; a second thread within one would only wait for the first.
        options.intra_op_num_threads = 1
        options.log_severity_level = 3
        return onnxruntime.InferenceSession(str(self._folder / MODEL), options, providers=["CPUExecutionProvider"])

    @cached_property
    def _tokenizer(self) -> Tokenizer:
        from tokenizers import Tokenizer

        try:
            tokenizer = Tokenizer.from_file(str(self._folder / TOKENIZER))
        except Exception as error:  # tokenizers raises bare Exception for a missing or broken file
            raise ModelError(
                f"MiniLM's tokenizer cannot be read ({error})", where=self._folder, fix=_REINSTALL
            ) from error
        tokenizer.no_padding()
        tokenizer.no_truncation()
        return tokenizer


def load_minilm(*, threads: int | None = None) -> MiniLM:
    """Load the MiniLM that ships with guide (see `MiniLM`)."""
    return MiniLM(threads=threads)


def _runs(window: Window) -> Iterator[tuple[int, int, int]]:
    """Of each span in a window: its number, the place of its first token in the window, and how many there are."""
    kept = np.flatnonzero(window.owner >= 0)
    if not len(kept):
        return
    edges = np.flatnonzero(np.diff(window.owner[kept], prepend=-1))
    for first, last in zip(edges, np.append(edges[1:], len(kept)), strict=True):
        # The opening mark stands before the inner tokens.
        yield int(window.owner[kept[first]]), 1 + int(kept[first]), int(last - first)
