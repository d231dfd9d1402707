"""`guide` commands in processes of their own, which say how far they are and can be killed."""

from __future__ import annotations

import functools
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from benchmarks.faults.made import HashedWords
from guide import cli
from guide.corpus import encoders, indexing, ingest, papers

# Two dictionaries from few papers: what a large store does must be killed too.
TRAINED_AT = (150, 700)


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
    encoders.load_encoder = lambda *_, **__: HashedWords(order.encoder, notify)
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
    context.set_forkserver_preload(["__main__", __name__, "faiss", "guide.commands.corpus", "tqdm"])
    return context


def run_command(folder: Path, *arguments: str, store: Path, **changes: Any) -> Outcome:
    """Run `guide` with these arguments in a fork to its end."""
    return Running(Order(arguments, folder / "log", store, **changes)).end()


def add_arguments(file: Path, store: Path, layout: str | None = None) -> tuple[str, ...]:
    """The command that adds a file."""
    return ("corpus", "add", str(file), "--store", str(store), *(("--vectors", layout) if layout else ()), "--json")
