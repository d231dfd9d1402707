"""How fast texts become vectors, and what the speed costs, against sentence-transformers. One JSON line.

Both embed the same texts in turns, a portion each, so that neither has the quieter machine. sentence-transformers runs
at its defaults: 32-bit floats, batches of 32, all cores. Fidelity is against its vectors: the mean cosine, and how many
of the ten nearest texts stay the same.

Example:
    python benchmarks/bench_encoder.py literature.jsonl.zst --texts 2000
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sentence_transformers import SentenceTransformer

from guide.corpus.minilm.build import published_weights
from guide.corpus.minilm.model import MINILM_ID, MiniLM, load_minilm
from guide.corpus.records import Paper, read_records

_SEED = 20_251_123
_NEIGHBOURS = 10
_PORTIONS = 4

Embed = Callable[[Sequence[str]], NDArray[np.float32]]


def main() -> None:
    """Read the options, embed the texts with both, compare, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path, help="JSON lines of papers: plain, .gz or .zst")
    parser.add_argument("--texts", type=int, default=2_000, help="drawn from the file")
    options = parser.parse_args()
    texts = draw(options.file, options.texts)
    reference = SentenceTransformer(str(published_weights()), device="cpu")
    encoder = load_minilm()
    embedders: dict[str, Embed] = {
        "sentence_transformers": lambda some: reference.encode(list(some)),
        "guide": encoder.encode,
    }
    vectors, seconds = embed_in_turns(embedders, texts)
    exact = vectors["sentence_transformers"]
    baseline = len(texts) / seconds["sentence_transformers"]
    line: dict[str, Any] = {
        "texts": len(texts),
        "mean_tokens": round(float(count_tokens(encoder, texts).mean()), 1),
        "model": MINILM_ID,
        "threads": torch.get_num_threads(),
        "processor": torch.cpu.get_capabilities()["cpu_name"],
        "sentence_transformers": {"texts_per_second": round(baseline, 1)},
        "guide": {
            "arithmetic": encoder.precision,
            "texts_per_second": round(len(texts) / seconds["guide"], 1),
            "times_as_fast": round(len(texts) / seconds["guide"] / baseline, 2),
            "mean_cosine": round(float(np.mean(np.sum(vectors["guide"] * exact, axis=1))), 6),
            "recall_at_10": round(shared_neighbours(vectors["guide"], exact), 4),
        },
    }
    sys.stdout.write(json.dumps(line) + "\n")


def draw(file: Path, count: int) -> list[str]:
    """The texts (title and abstract) of `count` papers drawn from a file."""
    papers = [one for one in read_records(file) if isinstance(one, Paper)]
    chosen = np.random.default_rng(_SEED).choice(len(papers), min(count, len(papers)), replace=False)
    return [papers[at].text for at in chosen]


def count_tokens(encoder: MiniLM, texts: Sequence[str]) -> NDArray[np.int64]:
    """How many tokens are read of each of the first 200 texts (200,)."""
    return encoder.pool(texts[:200]).tokens


def embed_in_turns(
    embedders: dict[str, Embed], texts: Sequence[str]
) -> tuple[dict[str, NDArray[np.float32]], dict[str, float]]:
    """The unit vectors of the texts (n, dimension) by embedder, and the seconds each took."""
    parts: dict[str, list[NDArray[np.float32]]] = {name: [] for name in embedders}
    seconds = dict.fromkeys(embedders, 0.0)
    for embed in embedders.values():
        # The first call allocates memory and compiles kernels.
        embed(texts[:64])
    size = -(-len(texts) // _PORTIONS)
    for start in range(0, len(texts), size):
        for name, embed in embedders.items():
            begun = time.perf_counter()
            parts[name].append(embed(texts[start : start + size]))
            seconds[name] += time.perf_counter() - begun
    return {name: np.concatenate(some) for name, some in parts.items()}, seconds


def shared_neighbours(vectors: NDArray[np.float32], exact: NDArray[np.float32]) -> float:
    """Share of each text's ten nearest others by `exact` that are also its ten nearest by `vectors`."""
    near, due = nearest_others(vectors), nearest_others(exact)
    return float(np.mean([len(set(one) & set(other)) / _NEIGHBOURS for one, other in zip(near, due, strict=True)]))


def nearest_others(vectors: NDArray[np.float32]) -> list[list[int]]:
    """The ten nearest rows of each row (n, dimension), itself not counted."""
    cosines = vectors @ vectors.T
    np.fill_diagonal(cosines, -2.0)
    nearest: list[list[int]] = np.argsort(-cosines, axis=1, kind="stable")[:, :_NEIGHBOURS].tolist()
    return nearest


if __name__ == "__main__":
    main()
