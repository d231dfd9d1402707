"""A local server that speaks OpenAI's protocol, answers with a function of the prompt, and fails as it is told to."""

from __future__ import annotations

import hashlib
import json
import math
import socket
import struct
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal

# The likeliest first tokens that it lists, with their probabilities; 0.05 is left over.
FIRST_TOKENS = {" 7": 0.4, "7": 0.1, "8": 0.2, "The": 0.15, " 6": 0.07, "\n": 0.03}

Kind = Literal[
    "status",  # an error of status `status`
    "hang",  # silent until the client goes away
    "drip",  # a byte every 20 ms, for ever
    "cut",  # the connection is lost in the middle of the body
    "reset",  # the connection is reset before any answer
    "malformed",  # half of the JSON, as if it were all
    "web page",  # HTML with status 200
    "wrong ids",  # ids, model and indexes of somebody else
    "empty",  # no choices
    "error inside",  # an error with status 200
    "aborted",  # a choice that broke off
]


@dataclass(frozen=True, slots=True)
class Fault:
    """One bad answer.

    Attributes:
        kind: how it is bad.
        status: of "status".
        headers: sent with it.
        body: of "status"; {key} in it stands for what the client sent as its authorization.
        reason: phrase of the status line.
    """

    kind: Kind
    status: int = 500
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Mapping[str, Any] | None = None
    reason: str = "Fault"


@dataclass(slots=True)
class LLMServer:
    """What the server does, and what it saw.

    Attributes:
        faults: the next requests get these, in order of arrival; None is a good answer.
        faults_of: by prompt, what the requests with that prompt get, in order.
        refuses: arguments that it answers 400 to.
        ignores: arguments that it passes over.
        most_logprobs: more are refused.
        counts_tokens: whether it tells the usage.
        thinks: fields of a message that hold its thinking; none if it keeps none apart.
        counts_thinking: whether the usage tells how many tokens of thinking there were.
        streams: whether it answers by a stream of events, though nobody asked for one.
        slow: seconds that an answer takes.
        answer: makes the answer of a prompt and a seed.
        models: its list of models.
        requests: bodies received, in order of arrival.
        authorizations: headers received with them; None where there was none.
        peak: most requests that were being answered at one time.
    """

    url: str = ""
    faults: deque[Fault | None] = field(default_factory=deque)
    faults_of: dict[str, deque[Fault]] = field(default_factory=dict)
    refuses: Sequence[str] = ()
    ignores: Sequence[str] = ()
    most_logprobs: int = 20
    counts_tokens: bool = True
    thinks: Sequence[str] = ()
    counts_thinking: bool = True
    streams: bool = False
    slow: float = 0.0
    answer: Callable[[str, int], str] = field(default_factory=lambda: answer_to)
    models: list[dict[str, Any]] = field(default_factory=lambda: [{"id": "small", "max_model_len": 4096}])
    requests: list[dict[str, Any]] = field(default_factory=list)
    authorizations: list[str | None] = field(default_factory=list)
    peak: int = 0
    busy: int = 0
    over: threading.Event = field(default_factory=threading.Event)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def begin(self, request: dict[str, Any], authorization: str | None) -> Fault | None:
        """Note a request, and choose its fault."""
        with self.lock:
            self.requests.append(request)
            self.authorizations.append(authorization)
            self.busy += 1
            self.peak = max(self.peak, self.busy)
            own = self.faults_of.get(prompt_of(request))
            if own:
                return own.popleft()
            return self.faults.popleft() if self.faults else None

    def end(self) -> None:
        """Note that the client may take the answer, or its lack, for the end."""
        with self.lock:
            self.busy -= 1


def prompt_of(request: Mapping[str, Any]) -> str:
    """The last message of a request."""
    return str(request["messages"][-1]["content"])


def answer_to(prompt: str, seed: int = 0) -> str:
    """What the server answers to a prompt."""
    return f"{hashlib.sha256(prompt.encode()).hexdigest()[:16]} {seed}"


def thinking_about(prompt: str, seed: int = 0) -> str:
    """What the server thinks before it answers: two steps, and a rating that is not its answer."""
    return f'Let me see, {answer_to(prompt, seed)}.\n\nMaybe {{"rating": "A"}}? No.'


def _count(text: str) -> int:
    return len(text.split())


def _complete(served: LLMServer, request: dict[str, Any]) -> dict[str, Any]:
    """A good answer."""
    prompt, seed = prompt_of(request), int(request.get("seed", 0))
    many = 1 if "n" in served.ignores else int(request.get("n", 1))
    texts = [served.answer(prompt, seed + number) for number in range(many)]
    body: dict[str, Any] = {
        "id": f"chatcmpl-{len(served.requests)}",
        "object": "chat.completion",
        "model": request["model"],
        "choices": [
            {"index": number, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
            for number, text in enumerate(texts)
        ],
    }
    thoughts = [thinking_about(prompt, seed + number) for number in range(many)] if served.thinks else []
    for choice, thought in zip(body["choices"], thoughts, strict=False):
        choice["message"].update(dict.fromkeys(served.thinks, thought))
    if request.get("logprobs") and "logprobs" not in served.ignores:
        tops = [{"token": token, "logprob": math.log(share)} for token, share in FIRST_TOKENS.items()]
        tops = tops[: request["top_logprobs"]]
        body["choices"][0]["logprobs"] = {"content": [{**tops[0], "top_logprobs": tops}]}
    if served.counts_tokens:
        read = sum(_count(str(message["content"])) for message in request["messages"])
        thought = sum(_count(text) for text in thoughts)
        drawn = sum(_count(text) for text in texts) + thought
        body["usage"] = {"prompt_tokens": read, "completion_tokens": drawn, "total_tokens": read + drawn}
        if thoughts and served.counts_thinking:
            body["usage"]["completion_tokens_details"] = {"reasoning_tokens": thought}
    return body


def _refusal(served: LLMServer, request: Mapping[str, Any]) -> dict[str, Any] | None:
    for name in served.refuses:
        if name in request:
            return {"error": {"message": f"Unsupported parameter: {name}.", "param": name, "code": None}}
    if request.get("top_logprobs", 0) > served.most_logprobs:
        return {"error": {"message": "too many top_logprobs", "param": "top_logprobs", "code": None}}
    return None


def as_events(body: Mapping[str, Any], size: int = 5) -> bytes:
    """An answer as the stream of chunks that a server sends for it: `size` characters of a text at a time."""
    about = {"id": body["id"], "object": "chat.completion.chunk", "model": body["model"]}
    chunks: list[dict[str, Any]] = []
    for choice in body["choices"]:
        first = {"index": choice["index"], "delta": {"role": "assistant", "content": ""}, "finish_reason": None}
        if "logprobs" in choice:
            first["logprobs"] = choice["logprobs"]
        chunks.append({**about, "choices": [first], "usage": None})
        texts = {name: text for name, text in choice["message"].items() if name != "role"}
        for name in sorted(texts, key="content".__eq__):
            for at in range(0, len(texts[name]), size):
                part = {"index": choice["index"], "delta": {name: texts[name][at : at + size]}, "finish_reason": None}
                chunks.append({**about, "choices": [part], "usage": None})
        end = {"index": choice["index"], "delta": {}, "finish_reason": choice["finish_reason"]}
        chunks.append({**about, "choices": [end], "usage": None})
    if "usage" in body:
        chunks.append({**about, "choices": [], "usage": body["usage"]})
    lines = [f"data: {json.dumps(chunk, ensure_ascii=False)}\n\n" for chunk in chunks]
    return "".join([": begin\n\n", *lines, "data: [DONE]\n\n"]).encode()


def _with_wrong_ids(body: dict[str, Any]) -> dict[str, Any]:
    for choice in body["choices"]:
        choice["index"] = 7
    return {**body, "id": "chatcmpl-of-another", "model": "another", "created": "never", "request_id": "talk-000"}


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    served: LLMServer

    def do_GET(self) -> None:
        self._send(json.dumps({"object": "list", "data": self.served.models}).encode())

    def do_POST(self) -> None:
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        authorization = self.headers["Authorization"]
        fault = self.served.begin(request, authorization)
        if self.served.slow:
            time.sleep(self.served.slow)
        refusal = _refusal(self.served, request)
        good = _complete(self.served, request)
        # Whoever hangs is no longer being answered; a client that gave up may already have sent its next request.
        self.served.end()
        if self.path != "/v1/chat/completions":
            self._send(b"{}", status=404)
        elif fault is not None:
            self._fail(fault, good, authorization or "")
        elif refusal is not None:
            self._send(json.dumps(refusal).encode(), status=400)
        else:
            self._answer(good)

    def _answer(self, good: Mapping[str, Any]) -> None:
        streams = {"Content-Type": "text/event-stream"} if self.served.streams else None
        self._send(self._whole(good), headers=streams)

    def _whole(self, good: Mapping[str, Any]) -> bytes:
        return as_events(good) if self.served.streams else json.dumps(good).encode()

    def _fail(self, fault: Fault, good: dict[str, Any], authorization: str) -> None:
        whole = self._whole(good)
        if fault.kind == "status":
            named = authorization.removeprefix("Bearer ")
            body = json.dumps(fault.body or {"error": {"message": "try later"}}).replace("{key}", named)
            headers = {name: value.replace("{key}", named) for name, value in fault.headers.items()}
            self._send(body.encode(), fault.status, headers, fault.reason.replace("{key}", named))
        elif fault.kind == "hang":
            self._wait_for_the_end()
        elif fault.kind == "drip":
            self._drip(whole)
        elif fault.kind in ("cut", "reset"):
            self.close_connection = True
            if fault.kind == "cut":
                self.wfile.write(self._head(200, {"Content-Length": str(len(whole))}) + whole[: len(whole) // 2])
            else:
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()
        elif fault.kind == "malformed":
            self._send(whole[: len(whole) // 2])
        elif fault.kind == "web page":
            self._send(b"<html><body>Bad gateway</body></html>", headers={"Content-Type": "text/html"})
        elif fault.kind == "wrong ids":
            self._answer(_with_wrong_ids(good))
        elif fault.kind == "empty":
            self._answer({**good, "choices": []})
        elif fault.kind == "error inside":
            self._send(json.dumps({"error": {"message": "upstream is down", "code": 502}}).encode())
        else:
            good["choices"][0]["finish_reason"] = "abort"
            self._answer(good)

    def _drip(self, whole: bytes) -> None:
        self.close_connection = True
        try:
            self.wfile.write(self._head(200, {"Content-Length": str(len(whole))}))
            for byte in whole:
                self.wfile.write(bytes([byte]))
                if self.served.over.wait(0.02):
                    return
        except OSError:
            return  # the client has gone

    def _wait_for_the_end(self) -> None:
        self.close_connection = True
        self.connection.settimeout(0.05)
        while not self.served.over.is_set():
            try:
                if not self.connection.recv(1):
                    return
            except TimeoutError:
                continue
            except OSError:
                return

    def _head(self, status: int, headers: Mapping[str, str], reason: str = "Fine") -> bytes:
        lines = [f"HTTP/1.1 {status} {reason}", *(f"{name}: {value}" for name, value in headers.items())]
        return "\r\n".join([*lines, "", ""]).encode("latin-1")

    def _send(
        self, body: bytes, status: int = 200, headers: Mapping[str, str] | None = None, reason: str = "Fine"
    ) -> None:
        about = {"Content-Type": "application/json", **(headers or {}), "Content-Length": str(len(body))}
        # One write: two would wait for each other's acknowledgement.
        self.wfile.write(self._head(status, about, reason) + body)

    def handle(self) -> None:
        try:
            super().handle()
        except ConnectionError:
            return  # a client that gave up

    def finish(self) -> None:
        try:
            super().finish()
        except (OSError, ValueError):
            return

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        return


class _Server(ThreadingHTTPServer):
    request_queue_size = 128
    daemon_threads = True


@contextmanager
def serve(**settings: Any) -> Iterator[LLMServer]:
    """A server with the settings of `LLMServer`; its address is `url`."""
    served = LLMServer(**settings)
    server = _Server(("127.0.0.1", 0), type("Handler", (_Handler,), {"served": served}))
    served.url = f"http://127.0.0.1:{server.server_address[1]}/v1"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield served
    finally:
        served.over.set()
        server.shutdown()
        server.server_close()
        thread.join()
