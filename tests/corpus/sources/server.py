"""A local HTTP/1.1 server that answers from a queue and remembers what it was asked."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Literal
from urllib.parse import parse_qsl, urlsplit

EVERYTHING = 1_000_000  # more bytes than any answer here has


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer.

    Attributes:
        chunked: sent in chunks of 64 bytes; otherwise its length is announced.
        missing: bytes at its end that are never sent; the connection is lost there.
        lost: how: closed, reset, or open and silent.
    """

    body: str = ""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    chunked: bool = False
    missing: int = 0
    lost: Literal["closed", "reset", "silent"] = "closed"

    @property
    def sent(self) -> bytes:
        """What goes over the wire."""
        body = self.body.encode()
        headers = {**self.headers, "Connection": "close"}
        if self.chunked:
            headers["Transfer-Encoding"] = "chunked"
            pieces = [body[at : at + 64] for at in range(0, len(body), 64)]
            body = b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in [*pieces, b""])
        else:
            headers["Content-Length"] = str(len(body))
        first = f"HTTP/1.1 {self.status} {HTTPStatus(self.status).phrase}"
        head = "\r\n".join((first, *(f"{name}: {value}" for name, value in headers.items()), "", ""))
        whole = head.encode("latin-1") + body
        return whole[: max(0, len(whole) - self.missing)]


@dataclass(slots=True)
class Served:
    """The last answer of the queue is given for ever."""

    url: str = ""
    answers: list[Answer] = field(default_factory=list)
    queries: list[dict[str, str]] = field(default_factory=list)
    agents: list[str] = field(default_factory=list)


@contextmanager
def serve(*answers: Answer) -> Iterator[Served]:
    served = Served(answers=list(answers))
    over = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            asked = parse_qsl(urlsplit(self.path).query, keep_blank_values=True)
            served.queries.append(dict(asked))
            served.agents.append(self.headers["User-Agent"])
            answer = served.answers.pop(0) if len(served.answers) > 1 else served.answers[0]
            self.close_connection = True
            self.wfile.write(answer.sent)
            if answer.missing and answer.lost == "silent":
                over.wait()
            if answer.missing and answer.lost == "reset":
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                self.connection.close()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    served.url = f"http://127.0.0.1:{server.server_address[1]}/oai"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield served
    finally:
        over.set()
        server.shutdown()
        server.server_close()
        thread.join()
