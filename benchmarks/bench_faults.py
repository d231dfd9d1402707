"""Kill, fill up, flip, cut off and swap what a store is made of, and print one JSON line of how it bore it.

The papers are made up. Most commands run in forked processes with an encoder that hashes words, which is quick and
the same everywhere; `--real-kills` of the kills hit the installed command with its own encoder. Exit status 1 if a
committed paper was lost, a run ended with another content, or a damaged store gave a wrong answer without a word.

Example:
    python benchmarks/bench_faults.py --kills 50 --papers 1500
"""

from __future__ import annotations

import argparse
import dataclasses
import functools
import gzip
import hashlib
import json
import multiprocessing
import os
import random
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from guide import cli
from guide.corpus import encoders, indexing, ingest, papers
from guide.corpus.codec import Codec, DamagedRecordError
from guide.corpus.compress import load_compressor
from guide.corpus.encoder import SpanVectors
from guide.corpus.records import Paper, canonical, parse_paper, read_records
from guide.corpus.retrieve import search
from guide.corpus.sources import Mark
from guide.corpus.store import Store
from guide.corpus.verify import VerifyReport, verify
from guide.errors import StoreError

if TYPE_CHECKING:
    from numpy.typing import NDArray

DIMENSION = 32
# A trained layout and two dictionaries from few papers: what a large store does must be killed too.
TRAINED = "PCAR24,IVF4,RaBitQ4"
TRAINED_AT = (150, 700)
LAYOUTS = ("flat", TRAINED)
AIMS = ("any", "reading", "embedding", "indexing", "step")
# What an interrupted run may leave: `verify` names these and the next `add` mends them.
INTERRUPTED = re.compile(
    r"an interrupted ingest|a killed program left it|without vectors, \d+ vectors without paper, 0 twice"
)
QUERIES = ("pruning for weather models", "speech without labels", "kernel bounds, causal", "music retrieval", "robots")
SOURCE = "made/service"

_TOPICS = ("graph", "vision", "speech", "protein", "robot", "dialogue", "privacy", "causal", "weather", "music", "soil")
_METHODS = ["diffusion", "attention", "boosting", "kernel", "bandit", "transport", "pruning", "retrieval", "contrast"]
_SENTENCES = (
    "{Topic} systems still fail when the data of {place} differ from what they were trained on.",
    "Earlier work on {topic} at {place} treats this with ever larger models.",
    "We propose a {method} approach that asks for {number} times fewer labels.",
    "It alternates a {method} step with a check against {place}, so errors stay small.",
    "The {method} step is cheap because {topic} data share most of their structure.",
    "Our method also learns from {topic} records of {place} that nobody has labelled.",
    "On {number} data sets it gains {share}% over the strongest baseline.",
    "Experiments with {topic} data from {place} show that the gain grows with the size of the model.",
    "A study of the parts shows that {method} matters most at {place}.",
    "Code, logs and the trained models for {topic} are part of the supplement.",
)


class HashedWords:
    """An encoder that hashes words into unit vectors; what `guide.corpus.encoder.Encoder` asks for."""

    def __init__(self, name: str = "made/words", notify: Callable[[str, int], None] | None = None) -> None:
        self.id = name
        self.sha256 = hashlib.sha256(name.encode()).hexdigest()
        self.dimension = DIMENSION
        self._notify = notify
        self._calls = 0

    def encode(self, texts: Sequence[str], *, progress: bool = False) -> NDArray[np.float32]:
        """Vectors (texts, dimension)."""
        sums = np.array([self._sum(text) for text in texts], dtype=np.float32).reshape(-1, DIMENSION)
        unit: NDArray[np.float32] = sums / np.linalg.norm(sums, axis=1, keepdims=True)
        return unit

    def encode_spans(
        self, texts: Sequence[str], spans: Sequence[Sequence[tuple[int, int]]], *, progress: bool = False
    ) -> SpanVectors:
        """Vectors of the texts, and sums of the words of their spans."""
        self._calls += 1
        if self._notify:
            self._notify("embedding", self._calls)
        parts = [text[start:end] for text, own in zip(texts, spans, strict=True) for start, end in own]
        return SpanVectors(
            whole=self.encode(texts),
            sums=np.array([self._sum(part) for part in parts], dtype=np.float32).reshape(-1, DIMENSION),
            tokens=np.array([len(part.split()) for part in parts], dtype=np.int64),
            starts=np.cumsum([0, *map(len, spans)]),
            truncated=0,
        )

    def _sum(self, text: str) -> NDArray[np.float64]:
        total = np.full(DIMENSION, 1e-3)
        for word in re.findall(r"\w+", text.casefold()):
            place, sign = _word_place(word)
            total[place] += sign
        return total


@functools.cache
def _word_place(word: str) -> tuple[int, float]:
    digest = hashlib.blake2b(word.encode("utf-8", "replace"), digest_size=8).digest()
    return digest[0] % DIMENSION, 1.0 if digest[1] % 2 else -1.0


def make_paper(number: int, *, edition: int = 1) -> dict[str, Any]:
    """The record of the made-up paper with this number; another edition has another text."""
    rng = random.Random(f"{number} {edition}")  # noqa: S311 - made-up text
    topic, method = _TOPICS[number % len(_TOPICS)], _METHODS[number // 3 % len(_METHODS)]
    words = {"topic": topic, "Topic": topic.title(), "method": method}
    lines = [
        line.format(**words, place=f"site {rng.choice('ABCDEFGH')}{rng.randrange(90)}", number=rng.randrange(2, 99),
                    share=rng.randrange(1, 200) / 10)
        for line in rng.sample(_SENTENCES, k=rng.randrange(5, 10))
    ]  # fmt: skip
    return {
        "id": f"made:{number:06d}",
        "title": f"{method.title()} for {topic} problems, part {number}",
        "abstract": " ".join(lines),
        "year": 2015 + number % 10,
        "venue": ("ICLR", "NeurIPS", "ACL", "")[number % 4],
        "posted": f"{2015 + number % 10}-{1 + number % 12:02d}",
        "keywords": [topic, method],
    }


def write_sources(folder: Path, count: int) -> tuple[Path, Path]:
    """Two files: `count` papers, and then new editions of some of them with a few new papers between."""
    folder.mkdir(parents=True, exist_ok=True)
    first = [make_paper(number) for number in range(count)]
    second = [make_paper(number, edition=2) for number in range(0, count, 7)]
    second += [make_paper(number) for number in range(count, count + count // 10)]
    files = (folder / "first.jsonl", folder / "second.jsonl")
    for file, records in zip(files, (first, second), strict=True):
        file.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")
    return files


# --- commands in processes of their own ---


@dataclass(frozen=True, slots=True)
class Order:
    """A command line to run in a forked process.

    Attributes:
        arguments: of `guide`.
        log: standard output and error go to this path with .out and .err.
        store: the folder whose file operations are counted.
        kill_at: the process kills itself before the file operation with this number; 0 for never.
        encoder: name of the encoder that stands in for the real one.
        user: number of the user to become; 0 to stay.
    """

    arguments: tuple[str, ...]
    log: Path
    store: Path
    kill_at: int = 0
    encoder: str = "made/words"
    user: int = 0


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a command ended: its exit status (negative: the signal), and what it printed."""

    status: int
    out: str
    err: str

    @property
    def is_one_line(self) -> bool:
        """Whether it failed as a command should: status 1 or 2 and one line on standard error."""
        lines = self.err.strip().splitlines()
        return self.status in (1, 2) and len(lines) == 1 and lines[0].startswith("guide: ")


def obey(order: Order, notices: Connection) -> None:
    """Run an order in this process, which is a fork and ends with it."""
    os.setpgid(0, 0)
    os.nice(10)
    for number, ending in ((1, ".out"), (2, ".err")):
        os.dup2(os.open(f"{order.log}{ending}", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o666), number)

    def notify(kind: str, number: int) -> None:
        notices.send((kind, number))

    setattr(papers, "TRAINED_AT", TRAINED_AT)  # noqa: B010 - not one of its exports
    indexing._PAPERS_AT_ONCE = 200
    ingest.BATCH = 100
    batches = iter(range(1, 10**9))
    hashes = papers.PaperTable.hashes

    def hashes_noticed(table: papers.PaperTable, ids: Sequence[str]) -> dict[str, tuple[int, bytes]]:
        # Each batch asks once, before its transaction: all batches before it are then committed.
        notify("reading", next(batches))
        return hashes(table, ids)

    fold = indexing._fold

    def fold_noticed(*arguments: Any) -> None:
        notify("indexing", 1)
        fold(*arguments)

    setattr(papers.PaperTable, "hashes", hashes_noticed)  # noqa: B010 - mypy takes no other function for a method
    setattr(indexing, "_fold", fold_noticed)  # noqa: B010 - as above
    encoders.load_encoder = lambda *_, **__: HashedWords(order.encoder, notify)  # type: ignore[assignment]
    steps = iter(range(1, 10**9))

    def count(event: str, details: tuple[Any, ...]) -> None:
        if event not in ("open", "os.rename", "os.remove", "os.mkdir") or str(order.store) not in str(details[0]):
            return
        if event == "open" and not (details[2] or 0) & (os.O_WRONLY | os.O_RDWR):
            return
        step = next(steps)
        if step == order.kill_at:
            os.kill(os.getpid(), signal.SIGKILL)
        notify("step", step)

    sys.addaudithook(count)
    if order.user:
        os.setgid(order.user)
        os.setuid(order.user)
    cli.main(list(order.arguments))


class Running:
    """A command in a process of its own: `obey` in a fork, or the real command."""

    def __init__(self, order: Order, *, real: bool = False) -> None:
        self.notices: list[tuple[str, int]] = []
        self._order = order
        self._real: subprocess.Popen[bytes] | None = None
        if real:
            with Path(f"{order.log}.out").open("wb") as out, Path(f"{order.log}.err").open("wb") as err:
                self._real = subprocess.Popen(
                    [sys.executable, "-m", "guide.cli", *order.arguments],
                    stdout=out, stderr=err, start_new_session=True, preexec_fn=lambda: os.nice(10) and None,
                )  # fmt: skip
            return
        self._pipe, theirs = _forks().Pipe(duplex=False)
        self._fork = _forks().Process(target=obey, args=(order, theirs))
        self._fork.start()
        theirs.close()

    def wait_for(self, kind: str, number: int, seconds: float = 120) -> None:
        """Return at the notice, or when the process has ended."""
        until = time.monotonic() + seconds
        while time.monotonic() < until and self._receive(0.05):
            if any(notice == kind and seen >= number for notice, seen in self.notices):
                return

    def kill(self) -> None:
        """SIGKILL the whole group, if it still runs."""
        pid = self._real.pid if self._real else self._fork.pid
        try:
            os.killpg(pid, signal.SIGKILL)
        except ProcessLookupError:
            # A fork that has not made its group yet, or a process that has ended.
            if not self._real:
                self._fork.kill()

    def end(self) -> Outcome:
        """Wait for the end."""
        if self._real:
            status = self._real.wait()
        else:
            while self._receive(0.05):
                pass
            self._fork.join()
            status = self._fork.exitcode
            self._pipe.close()
        texts = [
            file.read_text(encoding="utf-8", errors="replace") if file.is_file() else ""
            for file in (Path(f"{self._order.log}.out"), Path(f"{self._order.log}.err"))
        ]
        return Outcome(status, *texts)

    def last(self, kind: str) -> int:
        """The highest number noticed of a kind, 0 if there was none."""
        return max((number for notice, number in self.notices if notice == kind), default=0)

    def _receive(self, seconds: float) -> bool:
        try:
            if self._pipe.poll(seconds):
                self.notices.append(self._pipe.recv())
        except (EOFError, OSError):
            return False
        return True


@functools.cache
def _forks() -> Any:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["__main__", "faiss", "guide.commands.corpus", "guide.corpus.verify", "tqdm"])
    return context


def run_command(folder: Path, *arguments: str, store: Path, **changes: Any) -> Outcome:
    """Run `guide` with these arguments in a fork to its end."""
    return Running(Order(arguments, folder / "log", store, **changes)).end()


def add_arguments(file: Path, store: Path, layout: str | None = None) -> tuple[str, ...]:
    """The command that adds a file."""
    return ("corpus", "add", str(file), "--store", str(store), *(("--vectors", layout) if layout else ()), "--json")


# --- what a store answers ---


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


@dataclass(slots=True)
class Findings:
    """Counts by name, and one line for everything that failed."""

    counts: Counter[str] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)

    def check(self, holds: object, what: str) -> bool:
        """Note a failure unless `holds`."""
        if not holds:
            self.failures.append(what)
        return bool(holds)


# --- 1. kill -9 ---


def kill_often(folder: Path, *, kills: int, count: int, seed: int, real: bool = False) -> Findings:
    """Kill ingests until `kills` are done, checking the store after each, and every run that completes."""
    rng = random.Random(seed)  # noqa: S311 - moments to kill at
    findings = Findings()
    files = write_sources(folder / "sources", count)
    calm = {layout: _run_calmly(folder / f"calm-{place}", files, layout, real=real)
            for place, layout in enumerate(LAYOUTS[: 1 if real else 2])}  # fmt: skip
    findings.check(len({one.hash for one in calm.values()}) == 1, "the layout of the vectors changes the content hash")
    while findings.counts["kills"] < kills:
        layout = LAYOUTS[findings.counts["runs"] % len(calm)]
        path = folder / "killed"
        shutil.rmtree(path, ignore_errors=True)
        _run_killed(path, files, layout, calm[layout], kills, rng, findings, real=real)
        findings.counts["runs"] += 1
        shown = f"run {findings.counts['runs']}"
        if not findings.check(content_hash(path) == calm[layout].hash, f"{shown} ends with {content_hash(path)}"):
            continue
        findings.counts["hash_equal"] += 1
        if real:
            continue
        report = verify(path, encoder=HashedWords())
        findings.check(not report.problems, f"{shown} leaves {report.problems}")
        answers = read_answers(path)
        findings.check(answers.papers == calm[layout].answers.papers, f"{shown} has other papers")
        findings.check(answers.found == calm[layout].answers.found, f"{shown} ({layout}) finds other papers")
    return findings


@dataclass(frozen=True, slots=True)
class _Calm:
    """An undisturbed run: its content, and for each file how long it took and how many steps of a kind it had."""

    hash: str
    answers: Any
    seconds: tuple[float, ...]
    steps: tuple[dict[str, int], ...]


def _run_calmly(path: Path, files: Iterable[Path], layout: str, *, real: bool) -> _Calm:
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
    return _Calm(content_hash(path), None if real else read_answers(path), tuple(seconds), tuple(steps))


def _run_killed(
    path: Path, files: Iterable[Path], layout: str, calm: _Calm, kills: int, rng: random.Random, findings: Findings,
    *, real: bool,
) -> None:  # fmt: skip
    held: dict[str, str] = {}
    for place, file in enumerate(files):
        due = {one.id: one.content_hash for one in read_records(file) if isinstance(one, Paper)}
        for attempt in range(1_000):
            armed = findings.counts["kills"] < kills
            aim = AIMS[findings.counts["tries"] % len(AIMS)] if armed and not real else "any"
            findings.counts["tries"] += 1
            steps, seconds = calm.steps[place], calm.seconds[place]
            kill_at = rng.randint(1, max(1, steps["step"])) if armed and aim == "step" else 0
            order = Order(add_arguments(file, path, layout), path.with_name("log"), path, kill_at)
            running = Running(order, real=real)
            if armed and aim in ("reading", "embedding"):
                # What is left after a kill has fewer steps: later tries wait for the first.
                running.wait_for(aim, rng.randint(1, max(1, steps[aim])) if attempt == 0 else 1)
                time.sleep(rng.uniform(0, seconds / max(4, steps[aim])))
            elif armed and aim == "indexing":
                running.wait_for(aim, 1)
                time.sleep(rng.uniform(0, seconds / 4))
            elif armed and aim == "any":
                time.sleep(rng.uniform(0, seconds if attempt == 0 else seconds / 2))
            if armed and aim != "step":
                running.kill()
            outcome = running.end()
            if outcome.status == 0:
                with Store.open(path) as store:
                    held = {paper.id: paper.content_hash for paper in store.export()}
                break
            if not findings.check(
                outcome.status == -signal.SIGKILL, f"an add after a kill fails: {outcome.err[-300:]}"
            ):
                return
            findings.counts["kills"] += 1
            findings.counts[f"kills_{'real' if real else aim}"] += 1
            committed = list(due)[: max(0, running.last("reading") - 1) * 100] if not real else []
            held = _check_killed(path, held, due, committed, findings, f"{file.name}, {aim} {kill_at or ''}")


def _check_killed(
    path: Path, before: dict[str, str], due: dict[str, str], committed: Iterable[str], findings: Findings, when: str
) -> dict[str, str]:
    """What the store holds after a kill; nothing that was there before or was committed may be missing or altered."""
    expected = set(before) | set(committed)
    try:
        with Store.open(path) as store:
            held = {paper.id: paper.content_hash for paper in store.export()}
    except StoreError as error:
        # A store that has no paper yet may be half made; then the error has to name what mends it.
        findings.counts["opened_too_young"] += 1
        findings.check(not expected, f"killed at {when}, the store does not open: {error}")
        findings.check("guide corpus" in (error.fix or ""), f"killed at {when}, the error names no command: {error}")
        if "verify" in (error.fix or ""):
            try:
                mended = verify(path, repair=True, encoder=HashedWords()).ok
            except StoreError as second:
                mended, error = False, second
            findings.check(
                mended, f"killed at {when}, the named verify --repair does not mend the young store: {error}"
            )
        return before
    lost = expected - set(held)
    findings.counts["papers_lost"] += len(lost)
    findings.check(not lost, f"killed at {when}, {len(lost)} committed papers are gone")
    altered = {
        one for one, content in held.items()
        if content != due.get(one) and (one not in before or before[one] != content)
    } | {one for one in set(before) & set(held) if before[one] == due.get(one) != held[one]}  # fmt: skip
    altered |= {one for one in set(committed) & set(held) if held[one] != due[one]}
    findings.check(not altered, f"killed at {when}, {len(altered)} papers are not what was added")
    try:
        report = verify(path)
    except StoreError as error:
        findings.check(False, f"killed at {when}, verify refuses: {error}")
        return held
    damage = [problem for problem in report.problems if not INTERRUPTED.search(problem.what)]
    findings.check(not damage, f"killed at {when}, verify finds damage: {damage}")
    return held


# --- 2. a full disk ---


@contextmanager
def small_disk(folder: Path, size: int) -> Iterator[bool]:
    """A file system of `size` bytes in `folder`; gives False where mounting is not permitted."""
    folder.mkdir(parents=True, exist_ok=True)
    command = shutil.which("mount")
    done = (
        command
        and not subprocess.run(
            [command, "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)], capture_output=True, check=False
        ).returncode
    )
    try:
        yield bool(done)
    finally:
        if done:
            subprocess.run(["umount", str(folder)], check=True)


def fill_disks(folder: Path, *, count: int, shares: Sequence[float]) -> Findings:
    """Add on disks of these shares of what a calm run leaves, then enlarge them and add again."""
    findings = Findings()
    files = write_sources(folder / "sources", count)
    calm = _run_calmly(folder / "calm", files, "flat", real=False)
    needed = sum(file.stat().st_size for file in (folder / "calm").rglob("*") if file.is_file())
    for share in shares:
        disk = folder / "disk"
        with small_disk(disk, int(needed * share)) as mounted:
            if not mounted:
                findings.counts["skipped_for_want_of_the_right_to_mount"] += 1
                return findings
            path = disk / "store"
            for file in files:
                outcome = run_command(folder, *add_arguments(file, path, "flat"), store=path)
                if outcome.status:
                    findings.counts["disks_full"] += 1
                    _check_full(path, outcome, share, findings)
                    break
            enlarged = ["mount", "-o", f"remount,size={needed * 20}", str(disk)]
            subprocess.run(enlarged, check=True, capture_output=True)
            for file in files:
                again = run_command(folder, *add_arguments(file, path, "flat"), store=path)
                findings.check(again.status == 0, f"disk of {share}: with room it still fails: {again.err[-300:]}")
            ended = content_hash(path) if not again.status else "none"
            findings.check(ended == calm.hash, f"disk of {share}: the content ends as {ended}")
            report = verify(path, encoder=HashedWords())
            findings.check(not report.problems, f"disk of {share}: in the end verify finds {report.problems}")
            findings.counts["completed"] += ended == calm.hash
    return findings


def _check_full(path: Path, outcome: Outcome, share: float, findings: Findings) -> None:
    said = outcome.err.strip()[-300:]
    findings.check(outcome.is_one_line and outcome.status == 1, f"disk of {share}: not one line and status 1: {said}")
    findings.check("disk is full" in outcome.err, f"disk of {share}: the error does not say so: {said}")
    if not (path / "manifest.json").exists():
        findings.counts["disks_too_small_for_a_store"] += 1
        return
    try:
        with Store.open(path) as store:
            sum(1 for _ in store.export())
        damage = [problem for problem in verify(path).problems if not INTERRUPTED.search(problem.what)]
        findings.check(not damage, f"disk of {share}: verify finds {damage}")
    except StoreError as error:
        findings.check(False, f"disk of {share}: the store on the full disk cannot be read: {error}")


# --- 3. and 4. damage ---


Verdict = Literal["refused", "reported", "harmless", "silent", "crashed"]


@dataclass(frozen=True, slots=True)
class Sample:
    """A sound store to damage copies of: its folder, its sources, its hash and its answers."""

    path: Path
    files: tuple[Path, Path]
    hash: str
    answers: Answers


def build_sample(folder: Path, count: int, *, name: str = "sound", start: int = 0) -> Sample:
    """A store with a dictionary, shortened texts and a source's mark."""
    files = write_sources(folder / f"{name}-sources", count)
    if start:
        for file in files:
            records = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
            moved = [{**record, "id": f"other:{record['id'][5:]}", "abstract": f"{_TOPICS[number % 11]} "
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


def judge(path: Path, sample: Sample, findings: Findings, what: str, *, fresh: bool = True) -> Verdict:
    """What a damaged copy of the sample does when it is asked, verified and repaired."""
    answers: Answers | None = None
    verdict: Verdict = "harmless"
    try:
        try:
            answers = read_answers(path)
        except StoreError as error:
            verdict = "refused"
            named = str(path) in (error.where or "") and error.fix
            findings.check(named, f"{what}: the error names no file or no mend: {error}")
        report: VerifyReport | None = None
        try:
            report = verify(path, encoder=HashedWords() if fresh else None)
        except StoreError as error:
            verdict = "refused"
            findings.check(error.fix, f"{what}: verify's error names no mend: {error}")
        if report is not None and not report.ok:
            verdict = "reported" if answers is not None else "refused"
        elif report is not None and answers is None:
            findings.check(False, f"{what}: the store does not answer and verify calls it sound")
        elif report is not None and answers is not None and answers != sample.answers:
            verdict = "silent"
            differing = [one.name for one in dataclasses.fields(Answers)
                         if getattr(answers, one.name) != getattr(sample.answers, one.name)]  # fmt: skip
            findings.check(False, f"{what}: SILENT, verify calls it sound and {', '.join(differing)} differ")
        if verdict in ("refused", "reported"):
            _mend(path, sample, findings, what)
    except Exception as error:  # noqa: BLE001 - a traceback is a finding of this bench
        verdict = "crashed"
        findings.check(False, f"{what}: {type(error).__name__}: {error}")
    findings.counts[verdict] += 1
    return verdict


def _mend(path: Path, sample: Sample, findings: Findings, what: str) -> None:
    """Do what the errors say; the store must end as the sample is."""
    encoder = HashedWords()
    try:
        ok, said = verify(path, repair=True, encoder=encoder).ok, ""
        if not ok:
            said = " ".join(problem.what for problem in verify(path, encoder=encoder).problems)
    except StoreError as error:
        ok, said = False, str(error)
    if not ok and re.search("build the store again|[Bb]uild a new store|copy|NEW_DIR", said):
        # Only the database cannot be derived from anything.
        findings.check("papers.db" in what, f"{what}: to be built again: {said}")
        findings.counts["mended_by_building_again"] += 1
        return
    for file in sample.files if not ok else ():
        again = run_command(path.parent, *add_arguments(file, path), store=path)
        if not findings.check(again.status == 0, f"{what}: {said[:200]}, but adding again fails: {again.err[-300:]}"):
            return
    ended = verify(path, encoder=encoder)
    findings.check(ended.ok, f"{what}: after the mending verify finds {ended.problems}")
    findings.check(content_hash(path) == sample.hash, f"{what}: after the mending the content is another")
    answers = read_answers(path)
    findings.check(answers.papers == sample.answers.papers, f"{what}: after the mending the papers are others")
    findings.check(answers.texts == sample.answers.texts, f"{what}: after the mending the shortened texts are others")
    facts, due = json.loads(answers.facts), json.loads(sample.answers.facts)
    if facts["mark"] is None:
        # A mark cannot be made again: the source begins at its start, which loses time and no paper.
        findings.counts["marks_given_up"] += 1
        due["mark"] = None
    findings.check(facts == due, f"{what}: after the mending info, mark or settings are others")
    findings.counts["mended"] += ended.ok


def copy_store(sample: Sample, target: Path) -> Path:
    """A copy of the sample to damage."""
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(sample.path, target)
    return target


def store_files(path: Path) -> list[str]:
    """The names of the files that make up a store, inside its folder."""
    names = [str(file.relative_to(path)) for file in sorted(path.rglob("*")) if file.is_file()]
    return [name for name in names if name != ".lock"]


def flip_bytes(folder: Path, sample: Sample, *, in_database: int, elsewhere: int, seed: int) -> Findings:
    """Change one byte at a time of a copy: in the database at random, in its records, and in every other file."""
    rng = random.Random(seed)  # noqa: S311 - places to damage
    findings = Findings()
    for name in store_files(sample.path):
        data = (sample.path / name).read_bytes()
        if name == "papers.db":
            places = [(rng.randrange(len(data)), rng.randrange(1, 256)) for _ in range(in_database)]
            places += list(_aimed(sample.path / name, data, rng, in_database // 2))
        else:
            places = [(rng.randrange(len(data)), rng.randrange(1, 256)) for _ in range(elsewhere)]
        for at, mask in places:
            path = copy_store(sample, folder / "flipped")
            (path / name).write_bytes(data[:at] + bytes([data[at] ^ mask]) + data[at + 1 :])
            findings.counts["flips"] += 1
            findings.counts[f"flips_{name.split('-')[0]}"] += 1
            judge(path, sample, findings, f"{name} byte {at} ^ {mask:#04x}")
    return findings


def _aimed(file: Path, data: bytes, rng: random.Random, count: int) -> Iterator[tuple[int, int]]:
    """Places and masks in what is read but derived from nothing: packed records, a setting, a source's mark."""
    for words in (b'"page":7', b"extractive"):
        at = data.find(words)
        if at >= 0:
            yield at + len(words) - 1, 1  # 7 becomes 6: still sound JSON
            yield at + len(words) - 1, 0xC0
    blobs = [blob for _, blob, _ in _records(file)]
    for blob in rng.sample(blobs, min(count, len(blobs))):
        at = data.find(blob)
        if at >= 0:
            yield at + rng.randrange(len(blob)), rng.randrange(1, 256)


def flip_records(sample: Sample, *, records: int) -> Findings:
    """Change every byte of some packed records in turn: each must be refused, or its hash must tell."""
    findings = Findings()
    file = sample.path / "papers.db"
    with closing(sqlite3.connect(file)) as db:
        codec = Codec(dict(db.execute("SELECT dictionary, bytes FROM dictionaries")))
    silent = []
    for identifier, blob, dictionary in _records(file)[:records]:
        whole = json.loads(sample.answers.papers[identifier])
        columns = {name: whole[name] for name in ("year", "venue", "posted")}
        for at in range(len(blob)):
            findings.counts["record_flips"] += 1
            flipped = blob[:at] + bytes([blob[at] ^ 1]) + blob[at + 1 :]
            try:
                record = codec.unpack(flipped, dictionary, identifier=identifier, **columns)
            except DamagedRecordError:
                continue
            same_paper = canonical(dataclasses.asdict(record.paper)) == sample.answers.papers[identifier]
            if same_paper and canonical(dict(record.compressed)) != sample.answers.texts[identifier]:
                silent.append(f"{identifier} byte {at}")
    findings.counts["silent"] = len(silent)
    findings.check(
        not silent, f"shortened texts alter in silence, the papers' hashes stay: {len(silent)}, {silent[:3]}"
    )
    return findings


def _records(file: Path) -> list[tuple[str, bytes, int]]:
    with closing(sqlite3.connect(file)) as db:
        return db.execute("SELECT id, record, dictionary FROM papers ORDER BY row").fetchall()


def cut_files(
    folder: Path, sample: Sample, *, lengths: Sequence[float | None] = (0, 1, 100, 0.5, -1, None)
) -> Findings:
    """Cut each file at several lengths, remove each, and swap the vectors of another store in.

    Args:
        folder: to work in.
        sample: the store to damage copies of.
        lengths: in bytes, from the end if negative; below 1 a share of the file; None removes it.
    """
    findings = Findings()
    for name in store_files(sample.path):
        size = (sample.path / name).stat().st_size
        for wanted in lengths:
            length = None if wanted is None else int(wanted * size if 0 < wanted < 1 else wanted) + size * (wanted < 0)
            path = copy_store(sample, folder / "cut")
            if length is None:
                (path / name).unlink()
            else:
                os.truncate(path / name, length)
            findings.counts["cuts"] += 1
            if judge(path, sample, findings, f"{name} cut at {length}") == "harmless":
                # The last byte may be a newline, or the unused end of a page.
                findings.check(length == size - 1, f"{name} cut at {length}: not noticed")
    other = build_sample(folder, len(read_lines(sample.files[0])), name="other", start=1)
    path = copy_store(sample, folder / "swapped")
    shutil.rmtree(path / "vectors")
    shutil.copytree(other.path / "vectors", path / "vectors")
    findings.counts["swaps"] += 1
    findings.check(judge(path, sample, findings, "vectors/ of another store") == "reported", "a swap is not reported")
    return findings


def read_lines(file: Path) -> list[str]:
    """The lines of a source."""
    return file.read_text(encoding="utf-8").splitlines()


def get_in_the_way(folder: Path, sample: Sample) -> Findings:
    """A second writer, another embedder, a file for a folder, and a folder that may not be read."""
    findings = Findings()
    path = copy_store(sample, folder / "busy")
    with Store.create_or_open(path, HashedWords()):
        second = run_command(folder, *add_arguments(sample.files[0], path), store=path)
        findings.check(second.is_one_line and "another program" in second.err, f"second writer: {second}")
        findings.check(read_answers(path) == sample.answers, "beside a writer a reader gets other answers")
        checked = run_command(folder, "corpus", "verify", "--store", str(path), "--json", store=path)
        findings.check(checked.is_one_line, f"verify beside a writer: {checked}")
    for command in (("search", "speech"), ("add", str(sample.files[0])), ("verify",)):
        told = run_command(folder, "corpus", *command, "--store", str(path), "--json", store=path, encoder="made/other")
        seen = told.err if command[0] != "verify" else told.out
        both = "made/words" in seen and "made/other" in seen
        findings.check(told.status == 1 and both, f"another embedder, {command[0]}: {told}")
        findings.counts["other_embedder"] += 1
    findings.check(read_answers(path) == sample.answers, "another embedder changed the store")
    file = folder / "file"
    file.write_text("no folder", encoding="utf-8")
    commands = (("info",), ("search", "speech"), ("add", str(sample.files[0])), ("verify",))
    for command in commands:
        told = run_command(folder, "corpus", *command, "--store", str(file), "--json", store=file)
        findings.check(told.is_one_line and str(file) in told.err, f"a file for a folder, {command[0]}: {told}")
        findings.counts["file_for_folder"] += 1
    if os.getuid():
        findings.counts["unreadable_skipped_not_root"] += 1
        return findings
    for mode, place in ((0o000, path), (0o000, path / "papers.db"), (0o000, path / "vectors"), (0o555, path)):
        kept = place.stat().st_mode
        place.chmod(mode)
        for command in commands:
            if mode == 0o555 and command[0] != "add":
                continue
            # The user "nobody": root may read everything.
            told = run_command(folder, "corpus", *command, "--store", str(path), "--json", store=path, user=65_534)
            named = told.is_one_line and str(path) in told.err
            if command[0] == "verify" and told.status == 1 and told.out:
                named = "Permission denied" in told.out
            findings.check(
                named, f"{place.name or 'store'} with mode {mode:o}, {command[0]}: {told.status} {told.err[-400:]}"
            )
            findings.counts["unreadable"] += 1
        place.chmod(kept)
    findings.check(read_answers(path) == sample.answers, "in the end the store gives other answers")
    return findings


# --- 5. malformed records ---


def named_by_id(lines: list[bytes], place: str, named: list[str]) -> bool:
    """Whether a record that is whole in itself, and at odds with an earlier one, is named by its id."""
    try:
        record = json.loads(lines[int(place.rsplit(":", 1)[1]) - 1])
    except ValueError:
        return False
    return isinstance(record, dict) and f"paper {record.get('id')!r}" in named


def feed_malformed(folder: Path) -> Findings:
    """Add files with every kind of unusable record between good ones."""
    findings = Findings()
    good = [json.dumps(make_paper(number)).encode() for number in range(40)]
    base = make_paper(900)
    bad: list[bytes] = [
        b'{"id": "made:900", "title": ',
        b"[1, 2]",
        b'"a string"',
        b"\xff\xfe not UTF-8",
        b"[" * 100_000,
        *(json.dumps({key: value for key, value in base.items() if key != gone}).encode()
          for gone in ("id", "title", "abstract", "year")),
        json.dumps({**base, "year": "2020"}).encode(),
        json.dumps({**base, "year": 10**30}).encode(),
        json.dumps({**base, "abstract": "long " * 2_100_000}).encode(),
        json.dumps({**base, "abstract": "a NUL \x00 in it"}).encode(),
        json.dumps({**base, "id": "made:\x00"}).encode(),
        json.dumps({**base, "title": "half a letter \ud800"}).encode(),
        json.dumps({**base, "keywords": ["\udfff"]}).encode(),
        json.dumps({**base, "keywords": [{}]}).encode(),
        json.dumps({**base, "ratings": [float("nan")]}).encode(),
        json.dumps({**make_paper(3), "title": "The same id with other content"}).encode(),
    ]  # fmt: skip
    repeated = [good[5], good[6], good[6]]
    lines, expected = list(good[:7]), []
    for number, line in enumerate(bad):
        lines += [line, good[7 + number]]
    lines += [b"", b"   ", *repeated, *good[7 + len(bad) :]]
    file = folder / "malformed.jsonl"
    expected = [f"{file}:{number}" for number, line in enumerate(lines, 1) if line in bad]
    file.write_bytes(b"\n".join(lines))
    path = folder / "fed"
    outcome = run_command(folder, *add_arguments(file, path), store=path)
    if not findings.check(outcome.status == 0, f"malformed records stop the add: {outcome.err[-400:]}"):
        return findings
    report = json.loads(outcome.out)
    # A record that is no Paper within the input is named by its id, for it is whole: the place is checked all the same.
    named = [item["where"] for item in report["skipped"]]
    missing = sorted(place for place in set(expected) - set(named) if not named_by_id(lines, place, named))
    findings.check(len(named) == len(bad), f"{len(named)} skipped of {len(bad)} malformed")
    findings.check(
        not missing,
        f"not named by file and line: {[(one, lines[int(one.rsplit(':', 1)[1]) - 1][:60]) for one in missing]}",
    )
    findings.check(all(item["reason"] for item in report["skipped"]), "a record was skipped without a reason")
    findings.check(report["duplicates"] == len(repeated), f"{report['duplicates']} duplicates of {len(repeated)}")
    findings.counts["malformed"] = len(named)
    due = {paper.id: paper.content_hash for paper in map(parse_paper, map(json.loads, good))}
    _check_fed(path, due, findings, "malformed")
    _feed_cut_gzip(folder, good, findings)
    return findings


def _feed_cut_gzip(folder: Path, good: Sequence[bytes], findings: Findings) -> None:
    whole = gzip.compress(b"\n".join(good), mtime=0)
    for share in (0.3, 0.7, 0.999):
        file = folder / f"cut-{share}.jsonl.gz"
        file.write_bytes(whole[: int(len(whole) * share)])
        path = folder / f"fed-{share}"
        outcome = run_command(folder, *add_arguments(file, path), store=path)
        if not findings.check(outcome.status == 0, f"a cut gzip file stops the add: {outcome.err[-300:]}"):
            continue
        report = json.loads(outcome.out)
        told = any(str(file) in item["where"] and "cut off" in item["reason"] for item in report["skipped"])
        findings.check(told, f"nothing says that {file.name} is cut off: {report['skipped']}")
        findings.counts["cut_gzip"] += 1
        first = [parse_paper(json.loads(line)) for line in good[: report["added"]]]
        _check_fed(path, {paper.id: paper.content_hash for paper in first}, findings, file.name)


def _check_fed(path: Path, due: dict[str, str], findings: Findings, what: str) -> None:
    with Store.open(path) as store:
        held = {paper.id: paper.content_hash for paper in store.export()}
    findings.check(
        held == due, f"{what}: {len(set(due) - set(held))} good papers lost, {len(set(held) - set(due))} others in"
    )
    report = verify(path, encoder=HashedWords())
    findings.check(not report.problems, f"{what}: verify finds {report.problems}")


def main() -> None:
    """Read the options, do the damage, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=50, help="kills in all")
    parser.add_argument("--real-kills", type=int, default=5, help="of these, of the installed command with its encoder")
    parser.add_argument("--papers", type=int, default=1_500, help="papers of a killed ingest")
    parser.add_argument("--real-papers", type=int, default=150, help="papers where the real encoder embeds them")
    parser.add_argument("--flips", type=int, default=60, help="bytes flipped at random in papers.db")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    begun = time.perf_counter()
    line: dict[str, Any] = {"papers": options.papers, "seed": options.seed}
    failures: list[str] = []
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        folder.chmod(0o711)  # another user is to meet the store's own permissions, not those of its parent
        parts: dict[str, Callable[[], Findings]] = {
            "kills": lambda: kill_often(
                folder / "kills", kills=options.kills - options.real_kills, count=options.papers, seed=options.seed
            ),
            "real_kills": lambda: kill_often(
                folder / "real", kills=options.real_kills, count=options.real_papers, seed=options.seed, real=True
            ),
            "full_disk": lambda: fill_disks(
                folder / "full", count=800, shares=(0.05, 0.2, 0.4, 0.6, 0.8, 0.9, 1.0, 1.1, 1.3, 1.6, 2.0)
            ),
            "malformed": lambda: feed_malformed(folder),
        }
        for name, part in parts.items():
            found = Findings() if name == "real_kills" and not options.real_kills else part()
            line[name] = dict(found.counts)
            failures += [f"{name}: {failure}" for failure in found.failures]
        sample = build_sample(folder, 400)
        damages: dict[str, Callable[[], Findings]] = {
            "flips": lambda: flip_bytes(folder, sample, in_database=options.flips, elsewhere=12, seed=options.seed),
            "record_flips": lambda: flip_records(sample, records=40),
            "cuts": lambda: cut_files(folder, sample),
            "in_the_way": lambda: get_in_the_way(folder, sample),
        }
        for name, part in damages.items():
            found = part()
            line[name] = dict(found.counts)
            failures += [f"{name}: {failure}" for failure in found.failures]
    runs = line["kills"]["runs"] + line["real_kills"].get("runs", 0)
    equal = line["kills"].get("hash_equal", 0) + line["real_kills"].get("hash_equal", 0)
    line |= {
        "kills_survived": line["kills"]["kills"] + line["real_kills"].get("kills", 0),
        "hash_equal": f"{equal}/{runs}",
        "papers_lost": line["kills"].get("papers_lost", 0) + line["real_kills"].get("papers_lost", 0),
        "silent_failures": sum(line[part].get("silent", 0) for part in ("flips", "record_flips", "cuts")),
        "failed": len(failures),
        "failures": failures[:40],
        "seconds": round(time.perf_counter() - begun, 1),
    }
    print(json.dumps(line))
    sys.exit(bool(failures))


if __name__ == "__main__":
    main()
