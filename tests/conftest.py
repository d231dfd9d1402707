"""What every test gets: no keys, no network, and the fixtures that several folders share."""

from __future__ import annotations

import ipaddress
import os
import re
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner, Result
from hypothesis import settings

if TYPE_CHECKING:
    from guide.corpus.minilm.model import MiniLM

# Before anything imports the hub's client, which reads it once: a model that is in a folder needs no network.
os.environ["HF_HUB_OFFLINE"] = "1"

# Shared machines pause for longer than hypothesis' 200 ms; a slow example is no wrong one.
settings.register_profile("guide", deadline=None, print_blob=True)
settings.load_profile("guide")

_ROOT = Path(__file__).parents[1]
_SECRET = re.compile(r"(API_?KEY|TOKEN|SECRET|PASSWORD)$|^OPENREVIEW_", re.IGNORECASE)


@pytest.fixture(scope="session", autouse=True)
def no_secrets() -> Iterator[None]:
    """Take every key and password out of the environment, and tell the model libraries to stay offline."""
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if _SECRET.search(name)]:
            patch.delenv(name)
        patch.setenv("HF_HUB_OFFLINE", "1")
        patch.setenv("PIP_NO_INDEX", "1")
        yield


@pytest.fixture(scope="session", autouse=True)
def no_network() -> Iterator[None]:
    """Fail a test that looks up or connects to anything but this machine."""
    connect, connect_ex, sendto = socket.socket.connect, socket.socket.connect_ex, socket.socket.sendto
    look_up = socket.getaddrinfo

    def guarded_connect(self: socket.socket, address: Any) -> None:
        _refuse_remote(self, address)
        connect(self, address)

    def guarded_connect_ex(self: socket.socket, address: Any) -> int:
        _refuse_remote(self, address)
        return connect_ex(self, address)

    def guarded_sendto(self: socket.socket, data: Any, *rest: Any) -> int:
        _refuse_remote(self, rest[-1])
        return sendto(self, data, *rest)

    def guarded_look_up(host: Any, *rest: Any, **named: Any) -> Any:
        _refuse_host(host)
        return look_up(host, *rest, **named)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", guarded_connect)
        patch.setattr(socket.socket, "connect_ex", guarded_connect_ex)
        patch.setattr(socket.socket, "sendto", guarded_sendto)
        patch.setattr(socket, "getaddrinfo", guarded_look_up)
        yield


def _refuse_remote(opened: socket.socket, address: Any) -> None:
    if opened.family in (socket.AF_INET, socket.AF_INET6):
        _refuse_host(address[0])


def _refuse_host(host: str | bytes | None) -> None:
    name = host.decode() if isinstance(host, bytes) else host
    if name in (None, "", "localhost"):
        return
    try:
        local = ipaddress.ip_address(str(name).split("%")[0]).is_loopback
    except ValueError:
        local = False
    if not local:
        # Not an exception that the code under test could catch and turn into "offline, never mind".
        pytest.fail(f"a test reached for the network: {name}")


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """Folder of the real records, named by GUIDE_DATA; the test is skipped where there is none."""
    named = os.environ.get("GUIDE_DATA")
    if not named:
        pytest.skip("GUIDE_DATA does not name the folder of the real records")
    folder = Path(named)
    if not folder.is_dir():
        pytest.fail(f"GUIDE_DATA names {folder}, which is no folder")
    return folder


@pytest.fixture(scope="session")
def encoder() -> MiniLM:
    """The real encoder, loaded once."""
    from guide.corpus.minilm.model import load_minilm

    return load_minilm()


class _Main:
    """`guide.cli.main` in the shape that click's runner calls: errors come out as they do in a shell."""

    name = "guide"

    def main(self, args: list[str], prog_name: str, **_: Any) -> None:
        from guide.cli import main

        main(args)


@pytest.fixture
def cli() -> Callable[..., Result]:
    """Run the command line in this process: `cli("review", path, "--json", input=None)`.

    Raises what is not an error of guide's own, where a user would see a traceback.
    """

    def run(*arguments: str | Path, input: str | bytes | None = None) -> Result:  # noqa: A002 - the runner's name for it
        words = [str(argument) for argument in arguments]
        return CliRunner().invoke(_Main(), words, input=input, catch_exceptions=False)  # type: ignore[arg-type]

    return run


@pytest.fixture(scope="module")
def two_workers() -> Iterator[None]:
    """Two real Ray workers on this machine, which import what the tests do."""
    ray = pytest.importorskip("ray", reason="Ray is not installed: pip install 'guide-advisor[ray]'")
    with pytest.MonkeyPatch.context() as patch:
        # A worker loads what a test defines by the name of its module.
        patch.setenv("PYTHONPATH", os.pathsep.join([str(_ROOT), os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep))
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        patch.setenv("RAY_BACKEND_LOG_LEVEL", "fatal")
        ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, _node_ip_address="127.0.0.1",
                 object_store_memory=128 * 2**20)  # fmt: skip
        yield
        ray.shutdown()
