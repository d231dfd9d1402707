"""Sound stores to compare with and to damage copies of, and everything a store answers."""

from __future__ import annotations

import dataclasses
import json
import shutil
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from benchmarks.faults.commands import Order, Running, add_arguments, run_command
from benchmarks.faults.made import TOPICS, HashedWords, write_sources
from guide.corpus.compress import load_compressor
from guide.corpus.records import canonical
from guide.corpus.retrieve import search
from guide.corpus.sources import Mark
from guide.corpus.store import Store

# What a kill can wait for: nothing, the notices of `obey`, and its count of file operations.
AIMS = ("any", "reading", "embedding", "indexing", "step")
QUERIES = ("pruning for weather models", "speech without labels", "kernel bounds, causal", "music retrieval", "robots")
SOURCE = "made/service"


@dataclass(frozen=True, slots=True)
class Answers:
    """Everything a reader can get out of a store.

    Attributes:
        papers: by id, every field as canonical JSON.
        texts: by id, the shortened texts of its modules.
        found: ids and rounded similarities for each query.
        facts: of `info`, without path and sizes, and the mark of the source.
    """

    papers: dict[str, str]
    texts: dict[str, str]
    found: tuple[tuple[tuple[str, float], ...], ...]
    facts: str


def read_answers(path: Path) -> Answers:
    """Ask the store everything. Raises StoreError as the store does."""
    import faiss

    # Threads that wait for one another on a busy machine take a hundred times what so few vectors need.
    faiss.omp_set_num_threads(1)
    encoder = HashedWords()
    with Store.open(path) as store:
        held = {paper.id: canonical(dataclasses.asdict(paper)) for paper in store.export()}
        records = store.records_at(store.vectors.rows.tolist())
        texts = {record.paper.id: canonical(dict(record.compressed)) for record in records.values()}
        asked = [search(store, encoder, query, k=10) for query in QUERIES]
        asked += [search(store, encoder, QUERIES[0], k=10, cutoff="2019-06", venues=["ACL"])]
        facts = dataclasses.asdict(store.info())
        del facts["path"], facts["sizes"]
        known = canonical({**facts, "mark": store.mark(SOURCE), "compress": store.compression})
    found = tuple(tuple((hit.paper.id, round(hit.similarity, 3)) for hit in one.hits) for one in asked)
    return Answers(held, texts, found, known)


def content_hash(path: Path) -> str:
    """The store's own hash of its content, and that every paper has a vector."""
    with Store.open(path) as store:
        info = store.info()
    return info.content_hash if info.papers == info.vectors else f"{info.papers - info.vectors} without vectors"


@dataclass(frozen=True, slots=True)
class CalmRun:
    """An undisturbed run.

    Attributes:
        hash: of the content it ends with.
        answers: what the store answers then; None if the real encoder made it.
        seconds: that each file took.
        steps: of each file, how many notices of each kind there were.
    """

    hash: str
    answers: Answers | None
    seconds: tuple[float, ...]
    steps: tuple[dict[str, int], ...]


def run_calmly(path: Path, files: Iterable[Path], layout: str, *, real: bool) -> CalmRun:
    """Add the files one after another to a new store at `path`, with nothing in the way."""
    seconds, steps = [], []
    # The first fork waits until everything is imported, which is no part of a run.
    run_command(path.parent, "--version", store=path)
    for file in files:
        begun = time.perf_counter()
        running = Running(Order(add_arguments(file, path, layout), path.with_name("log"), path), real=real)
        outcome = running.end()
        if outcome.status:
            raise SystemExit(f"an undisturbed run fails: {outcome.err}")
        seconds.append(time.perf_counter() - begun)
        steps.append({kind: running.last(kind) for kind in AIMS})
    return CalmRun(content_hash(path), None if real else read_answers(path), tuple(seconds), tuple(steps))


@dataclass(frozen=True, slots=True)
class Sample:
    """A sound store to damage copies of: its folder, its sources, its hash and its answers."""

    path: Path
    files: tuple[Path, Path]
    hash: str
    answers: Answers


def build_sample(folder: Path, count: int, *, name: str = "sound", others: bool = False) -> Sample:
    """A store with a dictionary, shortened texts and a source's mark; with `others` of other papers than without."""
    files = write_sources(folder / f"{name}-sources", count)
    if others:
        for file in files:
            records = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
            moved = [{**record, "id": f"other:{record['id'][5:]}", "abstract": f"{TOPICS[number % 11]} "
                      f"{record['abstract'][::-1]}"} for number, record in enumerate(records)]  # fmt: skip
            file.write_text("".join(json.dumps(record) + "\n" for record in moved), encoding="utf-8")
    path = folder / name
    for file in files:
        outcome = run_command(folder, *add_arguments(file, path, "flat"), store=path)
        if outcome.status:
            raise SystemExit(f"the sound store cannot be built: {outcome.err}")
    with Store.create_or_open(path, HashedWords()) as store:
        store.add([Mark({"page": 7})], source=SOURCE, compressor=load_compressor("extractive"))
    return Sample(path, files, content_hash(path), read_answers(path))


def copy_store(sample: Sample, target: Path) -> Path:
    """A copy of the sample to damage."""
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(sample.path, target)
    return target


def store_files(path: Path) -> list[str]:
    """The names of the files that make up a store, inside its folder."""
    names = [str(file.relative_to(path)) for file in sorted(path.rglob("*")) if file.is_file()]
    return [name for name in names if name != ".lock"]
