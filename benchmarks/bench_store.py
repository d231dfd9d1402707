"""Build a store with the real encoder and print one JSON line: size, build rate, query time.

Example:
    python benchmarks/bench_store.py literature.jsonl.zst --limit 20000
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from pathlib import Path

from guide.corpus.encoders import load_encoder
from guide.corpus.records import Paper, read_records
from guide.corpus.retrieve import search
from guide.corpus.store import Store

QUERIES = 30


def main() -> None:
    """Read the options, build, query, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path, help="JSON lines of papers: plain, .gz or .zst")
    parser.add_argument("--limit", type=int, default=20_000, help="papers to take from the file")
    options = parser.parse_args()
    encoder = load_encoder("minilm")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "store"
        with Store.create_or_open(path, encoder) as store:
            report = store.add(read_records(options.file, limit=options.limit), source=options.file, progress=True)
        begun = time.perf_counter()
        with Store.create_or_open(path, encoder) as store:
            again = store.add(read_records(options.file, limit=options.limit), source=options.file)
        again_seconds = time.perf_counter() - begun
        with Store.open(path) as store:
            info = store.info()
            step = max(1, info.papers // QUERIES)
            chosen = [paper for paper in read_records(options.file, limit=options.limit) if isinstance(paper, Paper)]
            # An abstract without its title, as an author would paste it: 200 words, not three.
            queries = [paper.abstract for paper in chosen[::step][:QUERIES]]
            whole, index_only = [], []
            for query in queries:
                begun = time.perf_counter()
                vector = encoder.encode([query])[0]
                embedded = time.perf_counter()
                search(store, encoder, query, vector=vector)
                done = time.perf_counter()
                whole.append(done - begun)
                index_only.append(done - embedded)
    line = {
        "papers": info.papers,
        "skipped": len(report.skipped),
        "precision": encoder.precision,
        "seconds": round(report.seconds, 2),
        "papers_per_second": round(report.papers_per_second, 1),
        "second_build_changed": again.added + again.updated + again.embedded,
        "second_build_seconds": round(again_seconds, 2),
        "bytes": info.sizes,
        "bytes_per_paper": round(sum(info.sizes.values()) / max(1, info.papers)),
        "median_query_ms": round(1000 * statistics.median(whole), 2),
        "median_query_ms_without_embedding": round(1000 * statistics.median(index_only), 2),
    }
    sys.stdout.write(json.dumps(line) + "\n")


if __name__ == "__main__":
    main()
