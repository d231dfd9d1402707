"""Embedding blocks of papers: here, or with the same function on a Ray cluster.

On Ray the work goes through Ray Data (https://docs.ray.io/en/latest/data/data.html), which places the workers, feeds
them and starts the ones that die anew.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any

from guide.corpus.chunking import module_vectors
from guide.corpus.cluster import joined
from guide.corpus.records import Paper
from guide.errors import GuideError, InputError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from guide.corpus.encoder import Encoder

_BLOCKS_A_WORKER = 8  # sent together; more would hold more papers at once, fewer would load the encoder more often


def embed_blocks(
    blocks: Iterable[tuple[Paper, ...]],
    encoder: Encoder,
    *,
    ray: str | None = None,
    load: Callable[[], Encoder] | None = None,
) -> Iterator[dict[str, tuple[NDArray[np.int64], NDArray[np.float32]]]]:
    """The module vectors of each block of papers, in order.

    `blocks` is read in the caller's thread: here a block at a time, on Ray eight blocks a worker, and no more papers
    or vectors than those are held at once. guide must be installed on the machines of the cluster.

    Args:
        blocks: papers; a thousand to a block is a good size.
        encoder: turns them into vectors.
        ray: None embeds here; "local" starts Ray on this machine; "auto", "host:port" or "ray://host:port" joins a
            cluster. Where this process has joined one already, that one is used and left running.
        load: makes the encoder in each worker; without it `encoder` itself is sent.

    Yields:
        For each block what `module_vectors` gives.

    Raises:
        InputError: Ray is not installed, or the address is none.
        GuideError: nothing answers at the address within `CONNECT_SECONDS`, or a block could not be embedded.
    """
    if ray is None:
        for block in blocks:
            yield module_vectors(encoder, block)
        return
    waiting = iter(blocks)
    first = next(waiting, None)
    if first is None:
        return
    with joined(ray):
        workers, needs = _workers(encoder)
        packed = _pack_encoder(encoder if load is None else load, is_loader=load is not None)
        window = [first, *islice(waiting, workers * _BLOCKS_A_WORKER - 1)]
        while window:
            yield from _embed_window(window, packed, workers, needs)
            window = list(islice(waiting, workers * _BLOCKS_A_WORKER))


class _Worker:
    """One actor of Ray Data; it has the encoder from its first block on.

    What goes wrong travels as a row, because an exception would reach the user wrapped in Ray's tracebacks.
    """

    def __init__(self, packed: list[Any], is_loader: bool) -> None:
        self._packed = packed
        self._is_loader = is_loader
        self._encoder: Encoder | None = None

    def __call__(self, batch: dict[str, NDArray[Any]]) -> dict[str, Any]:
        import numpy as np

        failure, packed = "", b""
        try:
            packed = pickle.dumps(module_vectors(self._ready(), pickle.loads(batch["papers"][0])))  # noqa: S301 - ours
        except Exception as error:  # noqa: BLE001 - raised again, whatever it is, by the process that asked
            failure = str(error) if isinstance(error, GuideError) else f"{type(error).__name__}: {error}"
        return {"number": batch["number"], "vectors": np.array([packed], dtype=object), "failure": [failure]}

    def _ready(self) -> Encoder:
        if self._encoder is None:
            import ray

            found = pickle.loads(ray.get(self._packed[0]))  # noqa: S301 - pickled by the process that asked
            self._encoder = found() if self._is_loader else found
        return self._encoder


def _embed_window(
    window: Sequence[tuple[Paper, ...]], packed: tuple[Any, bool], workers: int, needs: dict[str, Any]
) -> Iterator[dict[str, tuple[NDArray[np.int64], NDArray[np.float32]]]]:
    import ray.data
    from ray.exceptions import RayError

    rows = [{"number": number, "papers": pickle.dumps(block)} for number, block in enumerate(window)]
    reference, is_loader = packed
    found = ray.data.from_items(rows, override_num_blocks=len(rows)).map_batches(
        _Worker,
        # In a list, because Ray would replace the bare reference by what it refers to.
        fn_constructor_args=([reference], is_loader),
        batch_size=1,
        compute=ray.data.ActorPoolStrategy(size=min(workers, len(rows))),
        **needs,
    )
    found.context.enable_progress_bars = False
    early: dict[int, dict[str, tuple[NDArray[np.int64], NDArray[np.float32]]]] = {}
    following = 0
    try:
        # Ray Data keeps the order only where the whole process asks it to, so the blocks carry a number.
        for row in found.iter_rows():
            if row["failure"]:
                raise GuideError(f"a Ray worker could not embed a block of papers ({row['failure']})")
            early[row["number"]] = pickle.loads(row["vectors"])  # noqa: S301 - pickled by our own worker
            while following in early:
                yield early.pop(following)
                following += 1
    except RayError as error:
        lines = str(error).strip().splitlines() or [type(error).__name__]
        raise GuideError(f"Ray could not embed a block of papers ({lines[-1]})") from error


def _workers(encoder: Encoder) -> tuple[int, dict[str, Any]]:
    """How many workers the cluster has room for, and what one of them needs."""
    import ray

    has: dict[str, float] = ray.cluster_resources()  # type: ignore[no-untyped-call]
    if str(getattr(encoder, "device", "cpu")).startswith("cuda"):
        if has.get("GPU", 0) < 1:
            raise InputError("the encoder runs on a GPU, and the Ray cluster has none", fix="Load it for the CPU.")
        return int(has["GPU"]), {"num_gpus": 1}
    return max(1, int(has.get("CPU", 1))), {"num_cpus": 1}


def _pack_encoder(found: Any, *, is_loader: bool) -> tuple[Any, bool]:
    import ray
    from ray import cloudpickle

    try:
        return ray.put(cloudpickle.dumps(found)), is_loader  # type: ignore[no-untyped-call]
    except (pickle.PicklingError, TypeError, AttributeError) as error:
        raise GuideError(f"the encoder cannot be sent to Ray's workers ({error})") from error
