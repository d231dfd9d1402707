"""What shortening the texts saves and what it costs. One JSON line.

For each method: the tokens saved, how many texts stay whole and why, and how well the shortened text still answers:
each paper is looked for by its title and by its abstract's last half among the vectors of the shortened abstracts.
LLMLingua-2 is measured where --compress-model names its folder.

Example:
    python benchmarks/bench_compress.py literature.jsonl.zst --papers 2000
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from guide.corpus.compress import Compressor, load_compressor
from guide.corpus.guards import find_guarded
from guide.corpus.minilm.model import MiniLM, load_minilm
from guide.corpus.records import Paper, read_records

_SEED = 20_251_123
_TOP = 10


def main() -> None:
    """Read the options, shorten, embed, look for the papers, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path, help="JSON lines of papers: plain, .gz or .zst")
    parser.add_argument("--papers", type=int, default=2_000, help="drawn from the file")
    parser.add_argument("--rates", type=float, nargs="+", default=[0.6, 0.4], help="shares of the tokens to keep")
    parser.add_argument("--compress-model", type=Path, help="folder of an LLMLingua-2 model")
    options = parser.parse_args()
    everything = [paper for paper in read_records(options.file) if isinstance(paper, Paper)]
    chosen = np.random.default_rng(_SEED).choice(len(everything), min(options.papers, len(everything)), replace=False)
    papers = [everything[at] for at in chosen]
    compressors: list[Compressor] = [load_compressor("none")]
    compressors += [load_compressor("extractive", rate=rate) for rate in options.rates]
    if options.compress_model:
        compressors += [load_compressor("llmlingua", rate=rate, model=options.compress_model) for rate in options.rates]
    encoder = load_minilm()
    queries = {
        "title": encoder.encode([paper.title for paper in papers]),
        "last_half": encoder.encode([last_half(paper) for paper in papers]),
    }
    guarded = Counter(item.kind for paper in papers for item in find_guarded(paper.abstract))
    line = {
        "papers": len(papers),
        "guarded": dict(guarded),
        "methods": {one.id: measure(one, papers, queries, encoder) for one in compressors},
        "llmlingua": "measured" if options.compress_model else "not measured: no --compress-model",
    }
    sys.stdout.write(json.dumps(line) + "\n")


def measure(
    compressor: Compressor, papers: list[Paper], queries: dict[str, NDArray[np.float32]], encoder: MiniLM
) -> dict[str, Any]:
    """One method's savings, and the share of papers found among the first ten by their shortened text."""
    begun = time.perf_counter()
    results = compressor.compress([paper.abstract for paper in papers])
    seconds = time.perf_counter() - begun
    # Without the title, which no method shortens and which would find its paper by itself.
    vectors = encoder.encode([result.text for result in results])
    before, after = (sum(getattr(one, name) for one in results) for name in ("tokens_before", "tokens_after"))
    return {
        "token_saving": round(1 - after / before, 4),
        "whole": sum(one.whole for one in results),
        "whole_by_guard": sum(bool(one.lost) for one in results),
        "texts_per_second": round(len(papers) / seconds, 1),
        "recall_at_10": {name: found_share(asked, vectors) for name, asked in queries.items()},
    }


def found_share(queries: NDArray[np.float32], vectors: NDArray[np.float32]) -> float:
    """Share of the queries whose own vector is among the ten nearest."""
    cosines = queries @ vectors.T
    own = np.diag(cosines)
    ranks = (cosines > own[:, np.newaxis]).sum(axis=1)
    return round(float(np.mean(ranks < _TOP)), 4)


def last_half(paper: Paper) -> str:
    """The second half of an abstract, cut at a word."""
    words = paper.abstract.split()
    return " ".join(words[len(words) // 2 :])


if __name__ == "__main__":
    main()
