"""The whole literature in one store: its size, what compressing loses, and how long a query takes. One JSON line.

Example:
    python benchmarks/bench_literature.py literature.jsonl.zst --cache spans.db --store lit

Without --cache the papers are embedded, which takes an hour on two cores; with it they are embedded once and kept.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from span_cache import CachedSpans

from guide.corpus.chunking import module_vectors
from guide.corpus.compress import load_compressor
from guide.corpus.encoder import Encoder
from guide.corpus.encoders import load_encoder
from guide.corpus.modules import KINDS
from guide.corpus.records import Paper, read_records
from guide.corpus.retrieve import search
from guide.corpus.store import Store

ITEMS = 1_000  # papers looked for
NEIGHBOURS = 10
QUERIES = 300  # timed
_SEED = 20_251_123
_AT_ONCE = 2_000

# Run in a process of its own, so that nothing but what a query needs counts as its memory.
_TIMED = """
import json, re, sys, time
from pathlib import Path
from guide.corpus.chunking import module_vectors
from guide.corpus.encoders import load_encoder
from guide.corpus.records import parse_paper
from guide.corpus.retrieve import retrieve_like
from guide.corpus.store import Store
queries = [parse_paper(json.loads(line)) for line in sys.stdin]
begun = time.perf_counter()
encoder = load_encoder()
with Store.open(Path(sys.argv[1])) as store:
    opened = time.perf_counter() - begun
    whole, embedding = [], []
    for query in queries:
        begun = time.perf_counter()
        module_vectors(encoder, [query])
        middle = time.perf_counter()
        retrieve_like(store, encoder, query, k=10)
        whole.append(time.perf_counter() - middle)
        embedding.append(middle - begun)
print(json.dumps({"opened": opened, "whole": whole, "embedding": embedding,
                  "peak": 1024 * int(re.search(r"VmHWM:\\s*(\\d+)", Path("/proc/self/status").read_text())[1])}))
"""


def main() -> None:
    """Read the options, build or open the store, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path, help="JSON lines of papers: plain, .gz or .zst")
    parser.add_argument("--limit", type=int, help="papers to take from the file; all by default")
    parser.add_argument("--cache", type=Path, help="file to keep the vectors in between runs")
    parser.add_argument(
        "--store", type=Path, help="folder to build the store in and to keep; one that is there is used"
    )
    options = parser.parse_args()
    encoder: Encoder = load_encoder()
    with tempfile.TemporaryDirectory() as scratch:
        cached = CachedSpans(encoder, options.cache or Path(scratch) / "spans.db")
        path = options.store or Path(scratch) / "store"
        line: dict[str, Any] = build(path, options.file, options.limit, cached)
        papers = [paper for paper in read_records(options.file, limit=options.limit) if isinstance(paper, Paper)]
        papers = list({paper.id: paper for paper in reversed(papers)}.values())
        chosen = np.random.default_rng(_SEED).choice(len(papers), min(ITEMS, len(papers)), replace=False)
        items = [papers[at] for at in chosen]
        with Store.open(path) as store:
            exact = exact_vectors(store, cached)
            line |= {"neighbours": neighbours(store, exact, items, cached)}
            line |= {"known_item": known_items(store, exact, items, encoder)}
        line |= {"query": timed(path, items[:QUERIES])}
    sys.stdout.write(json.dumps(line) + "\n")


def build(path: Path, file: Path, limit: int | None, encoder: CachedSpans) -> dict[str, Any]:
    """Build the store; its size by part, in bytes a paper."""
    with Store.create_or_open(path, encoder) as store:
        records = read_records(file, limit=limit)
        report = store.add(records, source=file, compressor=load_compressor("extractive"), progress=True)
    with Store.open(path) as store:
        info = store.info()
        words, table = (
            store._db.execute(f"SELECT sum(pgsize) FROM dbstat WHERE name {which}").fetchone()[0]  # noqa: S608
            for which in ("LIKE 'papers_fts%'", "NOT LIKE 'papers_fts%'")
        )
    total = sum(info.sizes.values())
    vectors = sum(size for name, size in info.sizes.items() if name.startswith("vectors/"))
    each = {
        "text": table / info.papers,
        "words": words / info.papers,
        "vectors": vectors / info.papers,
        "manifest": info.sizes["manifest.json"] / info.papers,
        "whole": total / info.papers,
    }
    return {
        "papers": info.papers,
        "skipped": len(report.skipped),
        "embedded_now": encoder.computed,
        "seconds": round(report.seconds, 1),
        "layout": info.layout,
        "vectors_by_kind": info.vectors_by_kind,
        "bytes": info.sizes,
        "bytes_per_paper": {part: round(size, 1) for part, size in each.items()},
    }


def exact_vectors(store: Store, encoder: CachedSpans) -> dict[str, tuple[NDArray[np.int64], NDArray[np.float16]]]:
    """Rows and vectors of every module in the store before compression, by kind."""
    parts: dict[str, list[tuple[NDArray[np.int64], NDArray[np.float16]]]] = {kind: [] for kind in KINDS}
    rows = store.vectors.rows
    for start in range(0, len(rows), _AT_ONCE):
        records = store.records_at(rows[start : start + _AT_ONCE].tolist())
        numbers = np.array(list(records), dtype=np.int64)
        for kind, (places, vectors) in module_vectors(encoder, [one.paper for one in records.values()]).items():
            parts[kind].append((numbers[places], vectors.astype(np.float16)))
    return {
        kind: (np.concatenate([rows for rows, _ in some]), np.concatenate([vectors for _, vectors in some]))
        for kind, some in parts.items()
    }


def neighbours(
    store: Store,
    exact: dict[str, tuple[NDArray[np.int64], NDArray[np.float16]]],
    items: list[Paper],
    encoder: CachedSpans,
) -> dict[str, float]:
    """Share of the ten exact nearest neighbours that the store's index finds, by kind; the query itself not counted."""
    queries = module_vectors(encoder, items)
    recall = {}
    for kind, (rows, vectors) in exact.items():
        _, asked = queries[kind]
        due = nearest(asked, rows, vectors, NEIGHBOURS + 1)
        got = store.vectors.kinds[kind].search(asked, NEIGHBOURS + 1)
        shares = []
        for true, found in zip(due, got, strict=True):
            # The paper itself stands first in both and would flatter the figure.
            wanted = set(true[1:].tolist())
            shares.append(len(wanted & {one.row for one in found}) / len(wanted))
        recall[kind] = round(float(np.mean(shares)), 4)
    return recall


def known_items(
    store: Store,
    exact: dict[str, tuple[NDArray[np.int64], NDArray[np.float16]]],
    items: list[Paper],
    encoder: Encoder,
) -> dict[str, dict[str, float]]:
    """How often a paper is among the first ten for its title, and for the last half of its abstract."""
    results = {}
    rows, vectors = exact[KINDS[0]]
    for name, texts in (("title", [one.title for one in items]), ("last_half", [last_half(one) for one in items])):
        asked = encoder.encode(texts)
        due = nearest(asked, rows, vectors, NEIGHBOURS)
        ids = {row: record.paper.id for row, record in store.records_at(np.unique(due).tolist()).items()}
        exactly = np.mean(
            [item.id in {ids[row] for row in near.tolist()} for item, near in zip(items, due, strict=True)]
        )
        quantised, fused = [], []
        for item, text, vector in zip(items, texts, asked, strict=True):
            near = store.vectors.kinds[KINDS[0]].search(vector[np.newaxis], NEIGHBOURS)[0]
            held = store.records_at([one.row for one in near])
            quantised.append(item.id in {record.paper.id for record in held.values()})
            found = search(store, None, text, k=NEIGHBOURS, vector=vector)
            fused.append(any(item.id in {hit.paper.id, *hit.also} for hit in found.hits))
        results[name] = {
            "exact_float32": round(float(exactly), 4),
            "quantised": round(float(np.mean(quantised)), 4),
            "fused": round(float(np.mean(fused)), 4),
        }
    return results


def nearest(
    queries: NDArray[np.float32], rows: NDArray[np.int64], vectors: NDArray[np.float16], limit: int
) -> NDArray[np.int64]:
    """Rows of the nearest vectors by exact search in 32-bit floats, (queries, limit), nearest first."""
    best = np.full((len(queries), limit), -2.0, dtype=np.float32)
    which = np.zeros((len(queries), limit), dtype=np.int64)
    for start in range(0, len(rows), 20_000):
        cosines = queries @ vectors[start : start + 20_000].astype(np.float32).T
        scores = np.concatenate([best, cosines], axis=1)
        candidates = np.concatenate([which, np.broadcast_to(rows[start : start + 20_000], cosines.shape)], axis=1)
        top = np.argsort(-scores, axis=1, kind="stable")[:, :limit]
        best, which = np.take_along_axis(scores, top, 1), np.take_along_axis(candidates, top, 1)
    return which


def last_half(paper: Paper) -> str:
    """The second half of an abstract, cut at a word."""
    words = paper.abstract.split()
    return " ".join(words[len(words) // 2 :])


def timed(path: Path, items: list[Paper]) -> dict[str, float]:
    """Time and peak memory of four-module queries, each the text of a paper, in a process of its own."""
    lines = "\n".join(
        json.dumps({"id": one.id, "title": one.title, "abstract": one.abstract, "year": one.year}) for one in items
    )
    # The first tenth warms up: the processor's kernels are compiled for each new length.
    done = subprocess.run(
        [sys.executable, "-c", _TIMED, str(path)], input=lines, capture_output=True, text=True, check=True
    )
    found = json.loads(done.stdout)
    warm = slice(len(items) // 10, None)
    whole, embedding = found["whole"][warm], found["embedding"][warm]
    return {
        "queries": len(whole),
        "median_ms": round(1000 * statistics.median(whole), 2),
        "p95_ms": round(1000 * statistics.quantiles(whole, n=20)[-1], 2),
        "median_ms_of_embedding": round(1000 * statistics.median(embedding), 2),
        "open_s": round(found["opened"], 2),
        "peak_mb": round(found["peak"] / 1e6),
    }


if __name__ == "__main__":
    begun = time.perf_counter()
    main()
    sys.stderr.write(f"{time.perf_counter() - begun:.0f} s\n")
