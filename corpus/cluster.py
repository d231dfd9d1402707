"""Being part of a Ray cluster for a while, without its chatter."""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from guide.errors import GuideError, InputError

CONNECT_SECONDS = 10


@contextmanager
def joined(address: str) -> Iterator[None]:
    """Be part of the Ray at this address; leave as it was what this process had joined before."""
    # Ray reads these when it is imported or started; what the user set stays.
    for name, value in (("RAY_USAGE_STATS_ENABLED", "0"), ("RAY_BACKEND_LOG_LEVEL", "fatal")):
        os.environ.setdefault(name, value)
    try:
        import ray
        import ray.data
        from ray.exceptions import RayError
    except ImportError as error:
        raise InputError("Ray is not installed", fix="Run: pip install 'guide-advisor[ray]'.") from error
    for name in _TALKATIVE:
        logging.getLogger(name).addFilter(_drop)
    if ray.is_initialized():
        yield
        return
    options: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.CRITICAL}
    if address == "local":
        # Nobody but this machine has business with it.
        options |= {"include_dashboard": False, "_node_ip_address": "127.0.0.1"}
    elif address != "auto":
        _knock(address)
    try:
        ray.init(address=address, **options)
    except (OSError, RuntimeError, ValueError, RayError) as error:
        raise GuideError(
            f"no Ray cluster could be joined ({str(error).strip().splitlines()[0] if str(error).strip() else error!r})",
            where=address,
            fix="Start one with `ray start --head`, or use the address `local`.",
        ) from error
    try:
        yield
    finally:
        ray.shutdown()


def _knock(address: str) -> None:
    """See that something listens: Ray itself would try for minutes."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if not host or not port.isdecimal() or not 0 < int(port) < 65_536:
        raise InputError(
            f"{address!r} is no address of a Ray cluster", fix="Use local, auto, host:port or ray://host:port."
        )
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=CONNECT_SECONDS).close()
    except OSError as error:
        raise GuideError(
            f"no Ray cluster answers within {CONNECT_SECONDS} seconds ({error})",
            where=address,
            fix="Start one with `ray start --head`, or use the address `local`.",
        ) from error


# Ray Data announces each run on standard error under these names, and sets their levels anew each time.
_TALKATIVE = (
    "ray.data._internal.execution.streaming_executor",
    "ray.data._internal.execution.streaming_executor_state",
    "ray.data._internal.progress",
    "ray.data.exceptions",
)


def _drop(record: logging.LogRecord) -> bool:
    return False
