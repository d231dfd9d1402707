"""Judging units of submissions: in this process, or in several on this machine.

A worker is a process of its own at the end of a pipe. It lives as long as the pipe: when the run is killed, whatever
the moment, the pipe breaks and the worker ends, so no orphan goes on computing for nobody.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeVar

from guide.errors import GuideError
from guide.scoring.judging import Judging
from guide.scoring.outcomes import Identity, Outcome, Setup

if TYPE_CHECKING:
    from multiprocessing.connection import Connection
    from multiprocessing.process import BaseProcess

    from guide.text.submissions import Submission

_WORTH_A_WORKER = 200  # texts: a worker takes three seconds to start

_PATIENCE = 3  # seconds that workers have to end by themselves once nobody listens

T = TypeVar("T")
Unit = tuple["Submission", ...]


class Crew(Protocol):
    """Whoever judges units of submissions."""

    @property
    def identity(self) -> Identity:
        """Who answers."""

    @property
    def spent(self) -> str:
        """What language models were made to do; "" where that is not known or costs nothing."""

    def run(self, units: Iterable[Unit]) -> Iterator[tuple[Unit, list[Outcome]]]:
        """The outcomes of each unit, as they are ready.

        Raises:
            GuideError: something is wrong that would be wrong with every submission, or a worker died.
        """


class OneProcess:
    """Judges in this process."""

    def __init__(self, judging: Judging) -> None:
        self._judging = judging
        self.identity = judging.identity

    @property
    def spent(self) -> str:
        """See `Crew.spent`."""
        return self._judging.spent

    def run(self, units: Iterable[Unit]) -> Iterator[tuple[Unit, list[Outcome]]]:
        """See `Crew.run`; in order."""
        return ((unit, self._judging.judge(unit)) for unit in units)


@dataclass(frozen=True, slots=True)
class _Refusal:
    """A GuideError on its way through a pipe, which would not keep its parts."""

    kind: type[GuideError]
    what: str
    where: str | None
    fix: str | None


class Processes:
    """Judges in processes of its own; close it, or use it in a `with` statement.

    Raises:
        GuideError: a worker cannot load the engine or the store, or two of them loaded different ones.
    """

    spent = ""

    def __init__(self, setup: Setup, count: int) -> None:
        import multiprocessing

        # Not a fork: threads of the libraries loaded so far would be missing in the copy.
        context = multiprocessing.get_context("spawn")
        self._processes: dict[Connection, BaseProcess] = {}
        try:
            with _threads_a_worker(1 if setup.alone else max(1, usable_cores() // count)):
                for number in range(count):
                    ours, theirs = context.Pipe()
                    process = context.Process(
                        target=_serve, args=(theirs, setup), name=f"guide-worker-{number}", daemon=True
                    )
                    process.start()
                    # Ours alone now: it breaks when the worker dies.
                    theirs.close()
                    self._processes[ours] = process
            first, *others = [self._receive(pipe, Identity) for pipe in self._processes]
            if any(other != first for other in others):
                raise GuideError(
                    "the workers loaded different engines or stores", fix="Run the command again when nothing changes."
                )
            self.identity = first
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Processes:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the workers."""
        for pipe in self._processes:
            pipe.close()
        deadline = time.monotonic() + _PATIENCE
        for process in self._processes.values():
            process.join(max(0.0, deadline - time.monotonic()))
            if process.is_alive():
                process.terminate()
                process.join()
        self._processes.clear()

    def run(self, units: Iterable[Unit]) -> Iterator[tuple[Unit, list[Outcome]]]:
        """See `Crew.run`; whichever unit is ready first comes first."""
        from multiprocessing.connection import wait

        waiting = iter(units)
        # One unit at a time each: with a second one under way, either end could wait for the other to read first.
        given: dict[Connection, Unit] = {}
        for pipe in self._processes:
            self._give(pipe, waiting, given)
        while given:
            for pipe in [one for one in given if one in wait(given)]:
                outcomes = self._receive(pipe, list)
                unit = given.pop(pipe)
                self._give(pipe, waiting, given)
                yield unit, outcomes

    def _give(self, pipe: Connection, waiting: Iterator[Unit], given: dict[Connection, Unit]) -> None:
        unit = next(waiting, None)
        if unit is not None:
            try:
                pipe.send(unit)
            except OSError as error:
                raise self._died(pipe) from error
            given[pipe] = unit

    def _receive(self, pipe: Connection, kind: type[T]) -> T:
        try:
            message = pipe.recv()
        except (EOFError, OSError) as error:
            raise self._died(pipe) from error
        if isinstance(message, _Refusal):
            raise message.kind(message.what, where=message.where, fix=message.fix)
        if not isinstance(message, kind):
            raise TypeError(f"a worker sent {type(message).__name__}, not {kind.__name__}")
        return message

    def _died(self, pipe: Connection) -> GuideError:
        process = self._processes[pipe]
        process.join(5)
        return GuideError(
            f"{process.name} died (exit status {process.exitcode}); what was judged so far is kept",
            fix="Run the same command again, with fewer --workers if memory is short.",
        )


def _serve(pipe: Connection, setup: Setup) -> None:
    """What a worker does: load, tell who it is, and answer units until the pipe is closed."""
    from tqdm import tqdm

    # An interrupt at the terminal reaches every process of the group; the run ends its workers itself.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # The lock that tqdm would make is shared by all processes, and outlives one that is ended.
    tqdm.set_lock(threading.RLock())
    try:
        with ExitStack() as stack:
            judging = stack.enter_context(Judging(setup))
            pipe.send(judging.identity)
            while True:
                pipe.send(judging.judge(pipe.recv()))
    except (EOFError, BrokenPipeError, ConnectionResetError):
        return
    except GuideError as error:
        refusal = _Refusal(type(error), error.what, error.where, error.fix)
    except Exception as error:  # noqa: BLE001 - raised again, whatever it is, by the process that asked
        refusal = _Refusal(GuideError, f"a worker failed ({type(error).__name__}: {error})", None, None)
    pipe.send(refusal)


def usable_cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


@contextmanager
def _threads_a_worker(count: int) -> Iterator[None]:
    """Have the processes started within use so many threads each: their libraries read it when they are loaded."""
    before = {name: os.environ.get(name) for name in _THREADS}
    os.environ.update(dict.fromkeys(_THREADS, str(count)))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def choose_workers(setup: Setup, texts: int) -> int:
    """How many workers to judge so many texts with: one a core; a language model is loaded only once."""
    return max(1, min(usable_cores(), texts // _WORTH_A_WORKER)) if setup.alone else 1
