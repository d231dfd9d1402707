"""A polite reader of web services: one request at a time, patient with a busy server, and clear when it gives up."""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from guide.errors import InputError, SourceError

__all__ = ["Client"]

BUSY = frozenset({429, 500, 502, 503, 504})
GO_ON = "Run the same command again: it goes on where it stopped."
_log = logging.getLogger(__name__)


@dataclass(slots=True)
class Client:
    """Fetches pages by GET.

    Attributes:
        interval: least time between two requests, seconds.
        tries: how often a page is tried again after a busy answer, a lost connection or a body that breaks off.
        backoff: first back-off, seconds; it doubles with each try, with up to as much jitter again.
        longest_wait: the most that one wait may take, seconds; a longer Retry-After is cut to it, and that is logged.
        largest: most bytes of one answer, after decompression.
        timeout: for the connection and for each read, seconds.
        wait: how to let seconds pass.
        clock: seconds on a clock that only goes forward.
    """

    interval: float = 0.0
    tries: int = 5
    backoff: float = 1.0
    longest_wait: float = 300.0
    largest: int = 100_000_000
    timeout: tuple[float, float] = (20.0, 120.0)
    wait: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic
    _session: Any = field(default=None, init=False, repr=False)
    _last: float | None = field(default=None, init=False, repr=False)

    def get(self, url: str, query: Mapping[str, str] | None = None) -> bytes:
        """Fetch one page.

        Raises:
            InputError: the package requests is not installed, or the address is none.
            SourceError: no good answer after the last try, a refusal, or an answer over the size limit.
        """
        session = self._session = self._session or self._open()
        if self._last is not None and (rest := self._last + self.interval - self.clock()) > 0:
            self.wait(rest)
        for number in range(1, self.tries + 2):
            try:
                return self._ask(session, url, query)
            except _NoAnswerError as failure:
                if number > self.tries:
                    count = f"{number} tries" if number > 1 else "1 try"
                    raise SourceError(f"no answer after {count} ({failure})", where=url, fix=GO_ON) from failure
                self.wait(self._pause(number, failure.asked))
            finally:
                self._last = self.clock()
        raise AssertionError("the last try raises")

    def _ask(self, session: Any, url: str, query: Mapping[str, str] | None) -> bytes:
        """Send one request and read its answer. Raises _NoAnswerError where another try may fare better."""
        from requests import exceptions as failed

        try:
            with session.get(url, params=query, timeout=self.timeout, stream=True) as answer:
                if answer.status_code in BUSY:
                    said = f"the service answered with status {answer.status_code}"
                    raise _NoAnswerError(said, _seconds(answer.headers.get("Retry-After")))
                if answer.status_code != 200:
                    raise SourceError(f"the service answered with status {answer.status_code}", where=answer.url)
                return self._body(answer)
        except (failed.InvalidURL, failed.InvalidSchema, failed.MissingSchema) as error:
            raise InputError(f"not a usable address ({error})", where=url) from error
        except (
            failed.ConnectionError,
            failed.Timeout,
            failed.ChunkedEncodingError,
            failed.ContentDecodingError,
        ) as lost:
            # What urllib3 wraps it in speaks of retries, and those are counted here.
            cause = lost.args[0] if lost.args else lost
            raise _NoAnswerError(str(getattr(cause, "reason", cause))) from lost
        except failed.RequestException as error:
            raise SourceError(f"no usable answer ({error})", where=url) from error

    def _body(self, answer: Any) -> bytes:
        body = bytearray()
        for piece in answer.iter_content(65_536):
            body += piece
            if len(body) > self.largest:
                raise SourceError(f"the answer is larger than {self.largest:,} bytes", where=answer.url)
        return bytes(body)

    def _pause(self, number: int, asked: float | None) -> float:
        """Seconds to wait after try `number`: what the service asked for, or the back-off, never over the longest."""
        if asked is None:
            asked = self.backoff * 2.0 ** (number - 1) * (1 + random.random())  # noqa: S311 - no secret
        elif asked > self.longest_wait:
            _log.warning("asked to wait %.0f s; waiting only %.0f s", asked, self.longest_wait)
        return max(self.interval, min(asked, self.longest_wait))

    def _open(self) -> Any:
        try:
            import requests
        except ImportError as error:
            raise InputError("the package requests is missing", fix="pip install 'guide-advisor[web]'") from error
        try:
            release = version("guide-advisor")
        except PackageNotFoundError:
            release = "unreleased"
        session = requests.Session()
        session.headers["User-Agent"] = f"guide-advisor/{release}"
        return session


class _NoAnswerError(Exception):
    """One try that failed, and the seconds the service asked to wait, None if it did not say."""

    def __init__(self, what: str, asked: float | None = None) -> None:
        super().__init__(what)
        self.asked = asked


def _seconds(retry_after: str | None) -> float | None:
    """What a Retry-After header asks for, in seconds or as a date; None if there is none or it says neither."""
    from urllib3.exceptions import InvalidHeader
    from urllib3.util import Retry

    try:
        return None if retry_after is None else float(Retry().parse_retry_after(retry_after))
    except (InvalidHeader, ValueError, OverflowError):  # the last two: a number or a year beyond all bounds
        return None
