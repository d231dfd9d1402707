"""Stand-ins that several test folders share."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import TYPE_CHECKING

from guide.errors import InputError

if TYPE_CHECKING:
    from guide.judging import JudgeRequest
    from guide.review import Judgement


class FakeEngine:
    """An engine that answers from a queue and remembers what it was asked.

    A request for which nothing was enqueued fails the test. An exception in the queue is raised in its turn.
    """

    id = "fake-1"
    sha256 = "0" * 64

    def __init__(self, *answers: Judgement | Exception) -> None:
        self.history: list[JudgeRequest] = []
        self.batches: list[int] = []
        self._queue: deque[Judgement | Exception] = deque(answers)

    def enqueue(self, *answers: Judgement | Exception) -> None:
        """Add answers, given out in this order, one a request."""
        self._queue.extend(answers)

    def judge(self, requests: Sequence[JudgeRequest], *, progress: bool = False) -> dict[str, Judgement]:
        """Answer each request with the next of the queue."""
        ids = [request.id for request in requests]
        if len(set(ids)) < len(ids):
            raise InputError("two requests have one id")
        self.batches.append(len(requests))
        answered = {}
        for request in requests:
            self.history.append(request)
            if not self._queue:
                raise AssertionError(f"nothing is enqueued for request {request.id!r}")
            answer = self._queue.popleft()
            if isinstance(answer, Exception):
                raise answer
            answered[request.id] = answer
        return answered
