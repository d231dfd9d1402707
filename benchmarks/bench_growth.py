"""How a store grows: build rate, size, query time and memory at several numbers of papers. One JSON line a size.

The papers and their vectors are made up, so that any number can be had and embedding, whose rate does not depend on the
number, stays out of the figures: words drawn by Zipf's law from 60,000, vectors scattered round 2,000 centres.

Example:
    python benchmarks/bench_growth.py --sizes 10000 50000 220000 1000000
"""

from __future__ import annotations

import argparse
import json
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from guide.corpus.encoder import SpanVectors
from guide.corpus.records import Paper
from guide.corpus.retrieve import retrieve_like
from guide.corpus.store import Store

DIMENSION = 384
CENTRES = 2_000
VOCABULARY = 60_000
WORDS = 160
QUERIES = 200
_BATCH = 20_000


class Scattered:
    """Vectors round made-up centres, the same for the same text; no model."""

    id = "bench/scattered"
    sha256 = "0" * 64
    dimension = DIMENSION

    def __init__(self) -> None:
        # A falling spectrum like that of real sentence vectors, or nothing could be compressed.
        self._scale = (np.arange(1, DIMENSION + 1) ** -0.5).astype(np.float32)
        self._centres = np.random.default_rng(0).standard_normal((CENTRES, DIMENSION)).astype(np.float32) * self._scale

    def encode(self, texts: Sequence[str], *, progress: bool = False) -> NDArray[np.float32]:
        """Unit vectors (len(texts), 384)."""
        raw = np.stack([self._scatter(text) for text in texts])
        unit: NDArray[np.float32] = raw / np.linalg.norm(raw, axis=1, keepdims=True)
        return unit

    def encode_spans(
        self, texts: Sequence[str], spans: Sequence[Sequence[tuple[int, int]]], *, progress: bool = False
    ) -> SpanVectors:
        """The text's own vector, and for each span one near it."""
        whole = self.encode(texts)
        starts = np.cumsum([0, *map(len, spans)])
        rng = np.random.default_rng(int(starts[-1]) + len(texts[0]))
        noise = rng.standard_normal((int(starts[-1]), DIMENSION), dtype=np.float32) * self._scale * 0.3
        sums = np.repeat(whole, [len(own) for own in spans], axis=0) + noise
        tokens = np.full(len(sums), 20, dtype=np.int64)
        return SpanVectors(whole=whole, sums=sums, tokens=tokens, starts=starts, truncated=0)

    def _scatter(self, text: str) -> NDArray[np.float32]:
        number = int(text[: text.index(":")])
        rng = np.random.default_rng(number)
        noise = rng.standard_normal(DIMENSION, dtype=np.float32) * self._scale
        scattered: NDArray[np.float32] = self._centres[number % CENTRES] + noise
        return scattered


def made_up(count: int) -> Iterator[Paper]:
    """So many papers: a number as the title, six sentences of made-up words."""
    rng = np.random.default_rng(1)
    words = np.array([f"w{number:x}" for number in range(VOCABULARY)])
    # Zipf's law with the exponent of English.
    share = 1 / np.arange(1, VOCABULARY + 1) ** 1.05
    edges = np.cumsum(share / share.sum())
    starts = ("Much work", "However it", "We propose a new", "Our method is", "Experiments on", "We achieve results of")
    for start in range(0, count, _BATCH):
        drawn = np.searchsorted(edges, rng.random((min(_BATCH, count - start), len(starts), WORDS // len(starts))))
        for number, rows in enumerate(np.minimum(drawn, VOCABULARY - 1), start):
            text = " ".join(f"{head} {' '.join(words[row])}." for head, row in zip(starts, rows, strict=True))
            yield Paper(f"made:{number}", f"{number}: w{number:x}", text, 2000 + number % 25, f"V{number % 30}")


def measure(size: int, keep: Path | None) -> dict[str, float | str]:
    """Build a store of that size, query it, and say what that took; `keep` is a folder to leave it in."""
    encoder = Scattered()
    with tempfile.TemporaryDirectory() as folder:
        path = (keep or Path(folder)) / f"made-{size}"
        begun = time.perf_counter()
        with Store.create_or_open(path, encoder) as store:
            store.add(made_up(size), progress=True)
        seconds = time.perf_counter() - begun
        asked = subprocess.run(
            [sys.executable, __file__, "--query", str(path), "--sizes", str(size)],
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        with Store.open(path) as store:
            info = store.info()
    return {
        "papers": size,
        "layout": info.layout,
        "papers_per_second": round(size / seconds, 1),
        "bytes_per_paper": round(sum(info.sizes.values()) / size, 1),
        "build_peak_mb": round(peak() / 1e6),
        **json.loads(asked.stdout),
    }


def query(path: Path, size: int) -> dict[str, float]:
    """Median time of a query of four modules, embedding included (which costs nothing here), and peak memory."""
    encoder = Scattered()
    rng = np.random.default_rng(2)
    wanted = set(rng.choice(size, min(QUERIES, size), replace=False).tolist())
    begun = time.perf_counter()
    with Store.open(path) as store:
        opened = time.perf_counter() - begun
        papers = store.papers(f"made:{number}" for number in wanted).values()
        taken = []
        for paper in papers:
            begun = time.perf_counter()
            retrieve_like(store, encoder, paper, k=10)
            taken.append(time.perf_counter() - begun)
    warm = taken[len(taken) // 10 :]
    return {
        "open_s": round(opened, 2),
        "median_query_ms": round(1000 * statistics.median(warm), 2),
        "query_peak_mb": round(peak() / 1e6),
    }


def peak() -> int:
    """The most memory this process has held so far, in bytes."""
    found = re.search(r"VmHWM:\s*(\d+)", Path("/proc/self/status").read_text())
    return 1024 * int(found[1]) if found else 0


def main() -> None:
    """Read the options, measure each size, print a line for each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=[10_000, 50_000, 220_000, 1_000_000])
    parser.add_argument("--keep", type=Path, help="folder to leave the stores in")
    parser.add_argument("--query", type=Path, help="only ask a store that --keep left, of the size in --sizes")
    options = parser.parse_args()
    if options.query:
        sys.stdout.write(json.dumps(query(options.query, options.sizes[0])) + "\n")
        return
    for size in options.sizes:
        sys.stdout.write(json.dumps(measure(size, options.keep)) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
