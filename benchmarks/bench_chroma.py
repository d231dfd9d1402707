"""guide's vector index beside Chroma's on the same vectors: build, size, query time, recall, memory. One JSON line.

Each side is built and asked in processes of its own, so that its memory is its own. Chroma keeps the vectors under
their numbers with HNSW by cosine at its defaults, without texts, and is asked twice: at its default ef_search and at a
raised one. guide keeps them as a store keeps those of the abstracts. Without --vectors or --papers the vectors are made
up as in bench_growth.py. Chroma is no dependency of guide: --chroma-python names an interpreter that has it.

Example:
    python -m venv chroma && chroma/bin/pip install chromadb numpy
    python benchmarks/bench_chroma.py --chroma-python chroma/bin/python --size 200000
    python benchmarks/bench_chroma.py --chroma-python chroma/bin/python --papers literature.jsonl.zst --cache spans.db
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Chroma's interpreter runs this file too and has no guide: whatever needs guide imports it where it is used.

DIMENSION = 384
SIZE = 200_000
QUERIES = 1_000  # held out, for recall
TIMED = 300  # the last of them; those before warm up
NEIGHBOURS = 10
EF_SEARCH = 200  # twice Chroma's default
_SEED = 20_251_123
_AT_ONCE = 5_000  # Chroma takes 5,461 at most


def main() -> None:
    """Read the options, measure each side, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    given = parser.add_mutually_exclusive_group()
    given.add_argument("--vectors", type=Path, help=f".npy file of 16-bit or 32-bit floats, (n, {DIMENSION})")
    given.add_argument(
        "--papers", type=Path, help="JSON lines of papers (plain, .gz or .zst), whose abstracts to embed"
    )
    parser.add_argument("--cache", type=Path, help="file that keeps the papers' vectors between runs")
    parser.add_argument("--size", type=int, help=f"vectors to store; all that are given, or {SIZE} made up")
    parser.add_argument("--ef-search", type=int, default=EF_SEARCH, help="Chroma's raised ef_search")
    parser.add_argument("--chroma-python", default=sys.executable, help="interpreter that has chromadb and numpy")
    parser.add_argument("--worker", choices=sorted(_WORKERS), help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        sys.stdout.write(json.dumps(_WORKERS[options.worker](options.folder, options.ef_search)) + "\n")
        return
    from guide.errors import GuideError

    try:
        line = compare(options)
    except GuideError as error:
        sys.exit(str(error))
    sys.stdout.write(json.dumps(line) + "\n")


def compare(options: argparse.Namespace) -> dict[str, Any]:
    """Hold out the queries, search exactly, then build and ask each side.

    Raises:
        InputError: there is no chromadb, or the vectors cannot be used.
    """
    chroma = options.chroma_python
    version = chroma_version(chroma)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        stored = hold_out(load(options, folder), options.size, folder)
        due = nearest(folder)
        guide = {**built(sys.executable, "guide", folder, stored), **asked(sys.executable, "guide", folder, due)}
        other = built(chroma, "chroma", folder, stored)
        rounds = [asked(chroma, "chroma", folder, due, ef) for ef in (other.pop("ef_search"), options.ef_search)]
    return {
        "vectors": stored,
        "source": (options.vectors or options.papers or Path("made up")).name,
        "queries": QUERIES,
        "timed": TIMED,
        "cpus": os.cpu_count(),
        "guide": guide,
        "chroma": {"version": version, **other, "by_ef_search": rounds},
    }


def chroma_version(python: str) -> str:
    """The version of chromadb that `python` has. Raises InputError if it has none, or no numpy."""
    from guide.errors import InputError

    try:
        asked = [python, "-c", "import chromadb, numpy; print(chromadb.__version__)"]
        return subprocess.run(asked, capture_output=True, text=True, check=True).stdout.split()[-1]
    except (OSError, subprocess.CalledProcessError) as error:
        raise InputError(
            "this interpreter cannot import chromadb and numpy",
            where=python,
            fix="To make one that can: python -m venv chroma && chroma/bin/pip install chromadb numpy; then name it:"
            " --chroma-python chroma/bin/python.",
        ) from error


def load(options: argparse.Namespace, scratch: Path) -> NDArray[np.float32]:
    """The vectors to compare on, (n, 384), each L2-normalised; a zero vector is left out."""
    if options.vectors:
        vectors = read_vectors(options.vectors)
    elif options.papers:
        vectors = embed(options.papers, options.cache or scratch / "spans.db", options.size)
    else:
        vectors = make_up((options.size or SIZE) + QUERIES)
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    kept = norms[:, 0] > 0
    unit: NDArray[np.float32] = vectors[kept] / norms[kept]
    return unit


def read_vectors(path: Path) -> NDArray[np.float32]:
    """The vectors of a file (n, 384). Raises InputError if it holds something else."""
    from guide.errors import InputError

    try:
        vectors = np.load(path, allow_pickle=False)
    except (OSError, ValueError) as error:
        raise InputError(f"the vectors cannot be read ({error})", where=path) from error
    if not isinstance(vectors, np.ndarray) or vectors.shape[1:] != (DIMENSION,) or vectors.dtype.kind != "f":
        raise InputError(f"this is no array of floats of shape (n, {DIMENSION})", where=path)
    return vectors.astype(np.float32)


def embed(path: Path, cache: Path, size: int | None) -> NDArray[np.float32]:
    """The vectors of the papers' abstracts (n, 384), from the cache where they are there."""
    from span_cache import CachedSpans

    from guide.corpus.chunking import module_vectors
    from guide.corpus.encoders import load_encoder
    from guide.corpus.modules import KINDS
    from guide.corpus.records import Paper, read_records

    papers = list({one.id: one for one in read_records(path) if isinstance(one, Paper)}.values())
    papers = papers[: size + QUERIES if size else None]
    encoder = CachedSpans(load_encoder(), cache)
    parts = [
        module_vectors(encoder, papers[start : start + _AT_ONCE])[KINDS[0]][1]
        for start in range(0, len(papers), _AT_ONCE)
    ]
    return np.concatenate([np.empty((0, DIMENSION), dtype=np.float32), *parts])


def make_up(count: int) -> NDArray[np.float32]:
    """So many of the vectors of bench_growth.py, (count, 384)."""
    from bench_growth import Scattered

    return Scattered().encode([f"{number}:" for number in range(count)])


def hold_out(vectors: NDArray[np.float32], size: int | None, folder: Path) -> int:
    """Write the queries and the vectors to store to files in `folder`; how many are stored.

    Raises:
        InputError: there are too few vectors.
    """
    from guide.errors import InputError

    order = np.random.default_rng(_SEED).permutation(len(vectors))
    stored = np.sort(order[QUERIES:][:size])
    if len(stored) < NEIGHBOURS:
        raise InputError(f"{len(vectors)} vectors are too few", fix=f"Give more than {QUERIES + NEIGHBOURS}.")
    vectors[order[:QUERIES]].tofile(folder / "queries")
    vectors[stored].tofile(folder / "vectors")
    return len(stored)


def blocks(folder: Path) -> Iterator[tuple[NDArray[np.int64], NDArray[np.float32]]]:
    """Numbers (m,) and vectors (m, 384) to store. They are read, not mapped: a mapped file would count as memory."""
    start = 0
    with (folder / "vectors").open("rb") as file:
        while len(block := np.fromfile(file, dtype=np.float32, count=_AT_ONCE * DIMENSION).reshape(-1, DIMENSION)):
            yield np.arange(start, start + len(block), dtype=np.int64), block
            start += len(block)


def nearest(folder: Path) -> NDArray[np.int64]:
    """Numbers of the ten nearest vectors of each query by exact search in 32-bit floats, (queries, 10), unordered."""
    queries = held_out(folder)
    scores = np.empty((len(queries), 0), dtype=np.float32)
    which = np.empty((len(queries), 0), dtype=np.int64)
    for rows, vectors in blocks(folder):
        scores = np.concatenate([scores, queries @ vectors.T], axis=1)
        which = np.concatenate([which, np.broadcast_to(rows, (len(queries), len(rows)))], axis=1)
        top = np.argpartition(-scores, min(NEIGHBOURS, scores.shape[1]) - 1, axis=1)[:, :NEIGHBOURS]
        scores, which = np.take_along_axis(scores, top, 1), np.take_along_axis(which, top, 1)
    return which


def held_out(folder: Path) -> NDArray[np.float32]:
    """The queries, (1000, 384)."""
    return np.fromfile(folder / "queries", dtype=np.float32).reshape(-1, DIMENSION)


def worker(python: str, step: str, folder: Path, ef_search: int = EF_SEARCH) -> dict[str, Any]:
    """What one step says, run by `python` in a process of its own."""
    command = [python, __file__, "--worker", step, "--folder", str(folder), "--ef-search", str(ef_search)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def built(python: str, side: str, folder: Path, stored: int) -> dict[str, Any]:
    """Build time, memory and size on disk of one side."""
    found = worker(python, f"{side}-build", folder)
    size = sum(file.stat().st_size for file in (folder / side).rglob("*") if file.is_file())
    return {**found, "bytes": size, "bytes_per_vector": round(size / stored, 1)}


def asked(
    python: str, side: str, folder: Path, due: NDArray[np.int64], ef_search: int = EF_SEARCH
) -> dict[str, float | int]:
    """Query time, recall and memory of one side."""
    found = worker(python, f"{side}-query", folder, ef_search)
    seconds = found.pop("seconds")[-TIMED:]
    shares = [len(set(true) & set(got)) / len(true) for true, got in zip(due.tolist(), found.pop("rows"), strict=True)]
    return {
        **found,
        "query_median_ms": round(1000 * statistics.median(seconds), 2),
        "query_p95_ms": round(1000 * statistics.quantiles(seconds, n=20)[-1], 2),
        "recall_at_10": round(statistics.mean(shares), 4),
    }


def build_guide(folder: Path, _: int) -> dict[str, Any]:
    """Train, fill and write guide's index."""
    from guide.corpus.vectors import FLAT, VectorIndex, training_size

    begun = time.perf_counter()
    count, layout = _guide_layout(folder)
    if layout == FLAT:
        index = VectorIndex.create(DIMENSION)
    else:
        chosen = np.random.default_rng(_SEED).choice(count, min(count, training_size(layout)), replace=False)
        sample = np.concatenate([vectors[np.isin(rows, chosen)] for rows, vectors in blocks(folder)])
        index = VectorIndex.train(sample, layout)
        del sample
    for rows, vectors in blocks(folder):
        index.add(rows, vectors)
    (folder / "guide").mkdir()
    index.write(folder / "guide" / "index")
    return {"layout": layout, "build_s": round(time.perf_counter() - begun, 1), "build_peak_mb": _peak_mb()}


def query_guide(folder: Path, _: int) -> dict[str, Any]:
    """Ask guide's index, mapped as an opened store maps it, one query after another."""
    from guide.corpus.vectors import VectorIndex

    index = VectorIndex.read(folder / "guide" / "index", DIMENSION, _guide_layout(folder)[1], mapped=True)

    def ask(query: NDArray[np.float32]) -> list[int]:
        return [one.row for one in index.search(query[np.newaxis], NEIGHBOURS)[0]]

    return _answers(ask, held_out(folder))


def _guide_layout(folder: Path) -> tuple[int, str]:
    from guide.corpus.modules import KINDS
    from guide.corpus.vectors import choose_layout

    count = (folder / "vectors").stat().st_size // (4 * DIMENSION)
    return count, choose_layout(count, DIMENSION, KINDS[0])


def build_chroma(folder: Path, _: int) -> dict[str, Any]:
    """Fill a Chroma collection at its defaults."""
    client = _client(folder)
    begun = time.perf_counter()
    collection = client.create_collection(
        "vectors", configuration={"hnsw": {"space": "cosine"}}, embedding_function=None
    )
    for rows, vectors in blocks(folder):
        collection.add(ids=[str(row) for row in rows], embeddings=vectors)
    # A query waits for whatever of the additions is still to be indexed.
    collection.query(query_embeddings=held_out(folder)[:1], n_results=NEIGHBOURS, include=[])
    seconds = time.perf_counter() - begun
    ef_search = collection.configuration["hnsw"]["ef_search"]
    return {"ef_search": ef_search, "build_s": round(seconds, 1), "build_peak_mb": _peak_mb()}


def query_chroma(folder: Path, ef_search: int) -> dict[str, Any]:
    """Ask the Chroma collection, one query after another."""
    collection = _client(folder).get_collection("vectors", embedding_function=None)
    collection.modify(configuration={"hnsw": {"ef_search": ef_search}})

    def ask(query: NDArray[np.float32]) -> list[int]:
        found = collection.query(query_embeddings=[query], n_results=NEIGHBOURS, include=["distances"])
        return [int(name) for name in found["ids"][0]]

    return {"ef_search": ef_search, **_answers(ask, held_out(folder))}


def _client(folder: Path) -> Any:
    chromadb: Any = importlib.import_module("chromadb")
    configuration: Any = importlib.import_module("chromadb.config")
    settings = configuration.Settings(anonymized_telemetry=False)
    return chromadb.PersistentClient(path=str(folder / "chroma"), settings=settings)


def _answers(ask: Callable[[NDArray[np.float32]], list[int]], queries: NDArray[np.float32]) -> dict[str, Any]:
    rows, seconds = [], []
    for query in queries:
        begun = time.perf_counter()
        rows.append(ask(query))
        seconds.append(time.perf_counter() - begun)
    return {"rows": rows, "seconds": seconds, "query_peak_mb": _peak_mb()}


def _peak_mb() -> int:
    found = re.search(r"VmHWM:\s*(\d+)", Path("/proc/self/status").read_text())
    return round(1024 * int(found[1]) / 1e6) if found else 0


_WORKERS = {
    "guide-build": build_guide,
    "guide-query": query_guide,
    "chroma-build": build_chroma,
    "chroma-query": query_chroma,
}


if __name__ == "__main__":
    main()
