"""Judging units of submissions on a Ray cluster: the function that judges here, on the same units.

The work goes through Ray Data (https://docs.ray.io/en/latest/data/data.html), which places the workers, feeds them and
starts the ones that die anew. A language model that runs in the worker (vllm, transformers) gets a GPU to itself where
the cluster has some.
"""

from __future__ import annotations

import pickle
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from itertools import islice
from typing import TYPE_CHECKING, Any

from guide.corpus.cluster import joined
from guide.errors import GuideError, InputError
from guide.scoring.judging import Judging
from guide.scoring.outcomes import Identity, Outcome, Setup
from guide.scoring.workers import Unit

if TYPE_CHECKING:
    from numpy.typing import NDArray

_UNITS_AT_ONCE = 2_048  # given to Ray Data together: more would hold more texts, fewer would load the engine more often


class OnRay:
    """Judges on a Ray cluster; close it, or use it in a `with` statement.

    Args:
        setup: what judges.
        address: "local" starts Ray on this machine; "auto", "host:port" or "ray://host:port" joins a cluster. guide,
            and the folder of the store, must be on its machines. Where this process has joined one, that one is used.
        workers: at most; None for as many as the cluster has room for.

    Raises:
        InputError: Ray is not installed, the address is none, or the cluster has not what the engine needs.
        GuideError: nothing answers at the address, or the engine or the store cannot be loaded there.
    """

    spent = ""

    def __init__(self, setup: Setup, address: str, workers: int | None = None) -> None:
        self._setup = setup
        self._stack = ExitStack()
        self._stack.enter_context(joined(address))
        try:
            self._workers, self._needs = _room(setup, workers)
            self.identity: Identity = self._ask_identity()
        except BaseException:
            self._stack.close()
            raise

    def __enter__(self) -> OnRay:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Leave the cluster."""
        self._stack.close()

    def run(self, units: Iterable[Unit]) -> Iterator[tuple[Unit, list[Outcome]]]:
        """The outcomes of each unit, as they are ready (see `guide.scoring.workers.Crew`)."""
        waiting = iter(units)
        while window := list(islice(waiting, _UNITS_AT_ONCE)):
            yield from self._run_window(window)

    def _run_window(self, window: list[Unit]) -> Iterator[tuple[Unit, list[Outcome]]]:
        import ray.data
        from ray.exceptions import RayError

        rows = [{"number": number, "unit": pickle.dumps(unit)} for number, unit in enumerate(window)]
        found = ray.data.from_items(rows, override_num_blocks=len(rows)).map_batches(
            _Worker,
            fn_constructor_args=(self._setup,),
            batch_size=1,
            compute=ray.data.ActorPoolStrategy(size=min(self._workers, len(rows))),
            **self._needs,
        )
        found.context.enable_progress_bars = False
        try:
            # The order is lost on the way, so a unit carries its number.
            for row in found.iter_rows():
                if row["failure"]:
                    raise GuideError(f"a Ray worker could not judge a unit ({row['failure']})")
                identity, outcomes = pickle.loads(row["outcomes"])  # noqa: S301 - pickled by our own worker
                if identity != self.identity:
                    what = "the machines of the cluster have different engines or stores"
                    raise GuideError(what, fix="Install one guide, and copy one store, on all of them.")
                yield window[row["number"]], outcomes
        except RayError as error:
            raise GuideError(f"Ray could not judge a unit ({_last_line(error)})") from error

    def _ask_identity(self) -> Identity:
        import ray
        from ray.exceptions import RayError

        try:
            asked = ray.remote(_identity_of).options(**self._needs).remote(self._setup)
            identity, failure = ray.get(asked)
        except RayError as error:
            raise GuideError(f"Ray could not load the engine ({_last_line(error)})") from error
        if not isinstance(identity, Identity):
            raise GuideError(f"a Ray worker could not load the engine or the store ({failure})")
        return identity


class _Worker:
    """One actor of Ray Data; it has the engine and the store from its first unit on.

    What goes wrong travels as a row, because an exception would reach the user wrapped in Ray's tracebacks.
    """

    def __init__(self, setup: Setup) -> None:
        self._setup = setup
        self._judging: Judging | None = None
        self._identity: Identity | None = None

    def __call__(self, batch: dict[str, NDArray[Any]]) -> dict[str, Any]:
        import numpy as np

        failure, packed = "", b""
        try:
            if self._judging is None:
                self._judging = Judging(self._setup)
                self._identity = self._judging.identity
            outcomes = self._judging.judge(pickle.loads(batch["unit"][0]))  # noqa: S301 - pickled by our own process
            packed = pickle.dumps((self._identity, outcomes))
        except Exception as error:  # noqa: BLE001 - raised again, whatever it is, by the process that asked
            failure = _said(error)
        return {"number": batch["number"], "outcomes": np.array([packed], dtype=object), "failure": [failure]}


def _identity_of(setup: Setup) -> tuple[Identity | None, str]:
    try:
        with Judging(setup) as judging:
            return judging.identity, ""
    except Exception as error:  # noqa: BLE001 - as in `_Worker`
        return None, _said(error)


def _said(error: Exception) -> str:
    return str(error) if isinstance(error, GuideError) else f"{type(error).__name__}: {error}"


def _last_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[-1]


def _room(setup: Setup, workers: int | None) -> tuple[int, dict[str, Any]]:
    """How many workers the cluster has room for, and what one of them needs."""
    import ray

    has: dict[str, float] = ray.cluster_resources()  # type: ignore[no-untyped-call]
    gpus = int(has.get("GPU", 0))
    device = setup.engine.device or "any"
    if setup.engine.name in ("vllm", "transformers") and not device.startswith("cpu"):
        if gpus:
            return min(gpus, workers or gpus), {"num_gpus": 1}
        if device.startswith("cuda"):
            raise InputError("the engine asks for a GPU, and the Ray cluster has none", fix="Use --device cpu.")
    cores = max(1, int(has.get("CPU", 1)))
    return min(cores, workers or cores), {"num_cpus": 1}
