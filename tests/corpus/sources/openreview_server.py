"""OpenReview on this machine: both of its protocols, with its paging, its errors and its login."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

Note = dict[str, Any]
Answer = tuple[int, dict[str, str], bytes]


@dataclass
class OpenReviewServer:
    """What the service holds, what it is told to do wrong, and what it was asked.

    Attributes:
        groups: by API version, the groups by id.
        notes: by API version, all notes, replies among them.
        edits: of API 2, by note: what was changed when, as the service keeps it.
        references: of API 1, by note: its whole earlier versions; those of the note it was made of under "original".
        faults: answers that the next requests under a path get instead; None breaks the connection off.
        members: passwords by user name.
        members_only: ids of notes that only who is logged in is shown.
        challenge: whether a guest's question for notes is refused.
        asked: each request as (API version, method, path, parameters).
    """

    groups: dict[int, dict[str, Note]] = field(default_factory=lambda: {1: {}, 2: {}})
    notes: dict[int, list[Note]] = field(default_factory=lambda: {1: [], 2: []})
    edits: dict[str, list[Note]] = field(default_factory=dict)
    references: dict[str, list[Note]] = field(default_factory=dict)
    faults: dict[str, list[Answer | None]] = field(default_factory=dict)
    members: dict[str, str] = field(default_factory=dict)
    members_only: set[str] = field(default_factory=set)
    challenge: bool = False
    asked: list[tuple[int, str, str, dict[str, str]]] = field(default_factory=list)
    urls: dict[int, str] = field(default_factory=dict)

    def pages(self, version: int) -> list[dict[str, str]]:
        """The parameters of all questions for notes with their replies."""
        return [asked for v, _, path, asked in self.asked if (v, path) == (version, "/notes") and "details" in asked]

    def answer(self, version: int, method: str, path: str, asked: dict[str, str], token: str | None) -> Answer | None:
        self.asked.append((version, method, path, asked))
        if waiting := self.faults.get(path):
            return waiting.pop(0)
        if (method, path) == ("POST", "/login") and version == 2:
            if asked["password"] is None or self.members.get(asked["id"]) != asked["password"]:
                return refusal(400, "Error", "Invalid username or password.")
            return reply({"token": f"token of {asked['id']}", "user": {"profile": {"id": "~A_Reader1"}}})
        known = token is not None and token.removeprefix("Bearer token of ") in self.members
        if path == "/groups":
            group = self.groups[version].get(asked["id"])
            missing = refusal(404, "NotFoundError", f"Group Not Found: {asked['id']}")
            return reply({"groups": [group], "count": 1}) if group else missing
        if path == "/notes":
            if self.challenge and not known:
                return refusal(403, "ChallengeRequiredError", "Challenge verification is required")
            return reply(self._notes(version, asked, known))
        if (version, path) == (2, "/notes/edits"):
            edits = self.edits.get(asked["note.id"], [])
            if asked.get("sort") == "tcdate:asc":
                edits = sorted(edits, key=lambda edit: edit.get("tcdate") or 0)
            return reply({"edits": edits, "count": len(edits)})
        if (version, path) == (1, "/references"):
            versions = self.references.get(asked["referent"], [])
            shown = [one for one in versions if asked.get("original") == "true" or not one.get("original")]
            return reply({"references": shown, "count": len(shown)})
        return refusal(404, "NotFoundError", f"no {path}")

    def _notes(self, version: int, asked: dict[str, str], known: bool) -> Note:
        shown = [note for note in self.notes[version] if known or note.get("id") not in self.members_only]
        found = [note for note in shown if asked["invitation"] in (note.get("invitations") or [note.get("invitation")])]
        if asked.get("sort") == "id":
            found.sort(key=lambda note: str(note.get("id")))
        count = len(found)
        if "after" in asked:
            found = [note for note in found if str(note.get("id")) > asked["after"]]
        start = int(asked.get("offset", 0))
        found = found[start : start + min(int(asked.get("limit", 1000)), 1000)]
        if asked.get("details") == "directReplies":
            found = [
                {**note, "details": {"directReplies": [one for one in shown if one.get("replyto") == note.get("id")]}}
                | ({"details": note["details"]} if "details" in note else {})
                for note in found
            ]
        return {"notes": found, "count": count}


@contextmanager
def serving(state: OpenReviewServer) -> Iterator[OpenReviewServer]:
    """Answer on two ports of 127.0.0.1, one a protocol; `state.urls` names them."""
    servers = {version: ThreadingHTTPServer(("127.0.0.1", 0), _handler(state, version)) for version in (1, 2)}
    threads = [threading.Thread(target=server.serve_forever, args=(0.01,)) for server in servers.values()]
    state.urls = {version: f"http://127.0.0.1:{server.server_port}" for version, server in servers.items()}
    for thread in threads:
        thread.start()
    try:
        yield state
    finally:
        for server in servers.values():
            server.shutdown()
            server.server_close()
        for thread in threads:
            thread.join()


def reply(body: object, status: int = 200, **headers: str) -> Answer:
    return status, {"Content-Type": "application/json; charset=utf-8", **headers}, json.dumps(body).encode()


def refusal(status: int, name: str, message: str, details: Note | None = None, **headers: str) -> Answer:
    """An error in OpenReview's words."""
    return reply({"name": name, "message": message, "status": status, "details": details or {}}, status, **headers)


def _handler(state: OpenReviewServer, version: int) -> Callable[..., BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1  # one packet an answer: small writes wait for each other's acknowledgement

        def do_GET(self) -> None:
            split = urlsplit(self.path)
            self._send("GET", split.path, {key: values[0] for key, values in parse_qs(split.query).items()})

        def do_POST(self) -> None:
            self._send("POST", self.path, json.loads(self.rfile.read(int(self.headers["Content-Length"]))))

        def _send(self, method: str, path: str, asked: dict[str, str]) -> None:
            answer = state.answer(version, method, path, asked, self.headers.get("Authorization"))
            status, headers, body = answer or reply({"notes": []})
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name.replace("_", "-"), value)
            self.send_header("Content-Length", str(len(body) + (answer is None)))
            self.end_headers()
            self.wfile.write(body)
            self.close_connection = self.close_connection or answer is None

        def log_message(self, *_: object) -> None:
            pass

    return Handler
