"""A polite reader of web services: one request at a time, patient with a busy server, and clear when it gives up."""

from __future__ import annotations

import logging
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
        tries: how often a page is tried again after a busy answer or a lost connection.
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
            InputError: the package requests is not installed.
            SourceError: no good answer after the last try, a refusal, or an answer over the size limit.
        """
        session = self._session = self._session or self._open()
        import requests

        if self._last is not None and (rest := self._last + self.interval - self.clock()) > 0:
            self.wait(rest)
        try:
            with session.get(url, params=query, timeout=self.timeout, stream=True) as answer:
                if answer.status_code != 200:
                    raise SourceError(f"the service answered with status {answer.status_code}", where=answer.url)
                return self._body(answer)
        except (
            requests.exceptions.InvalidURL,
            requests.exceptions.InvalidSchema,
            requests.exceptions.MissingSchema,
        ) as error:
            raise InputError(f"not a usable address ({error})", where=url) from error
        except requests.RequestException as error:
            raise SourceError(f"no answer after {self.tries + 1} tries ({error})", where=url, fix=GO_ON) from error
        finally:
            self._last = self.clock()

    def _body(self, answer: Any) -> bytes:
        body = bytearray()
        for piece in answer.iter_content(65_536):
            body += piece
            if len(body) > self.largest:
                raise SourceError(f"the answer is larger than {self.largest:,} bytes", where=answer.url)
        return bytes(body)

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
        adapter = requests.adapters.HTTPAdapter(max_retries=_patience(self))
        session.mount("http://", adapter)
        session.mount("https://", adapter)
        return session


def _patience(client: Client) -> Any:
    from urllib3.exceptions import InvalidHeader
    from urllib3.util import Retry

    class Patience(Retry):
        """Retry that waits by the client's clock and never longer than it allows."""

        def sleep(self, response: Any = None) -> None:
            try:
                asked = self.get_retry_after(response) if response is not None else None
            except InvalidHeader:
                asked = None
            if asked is not None and asked > client.longest_wait:
                _log.warning("asked to wait %.0f s; waiting only %.0f s", asked, client.longest_wait)
            seconds = self.get_backoff_time() if asked is None else asked
            client.wait(max(client.interval, min(seconds, client.longest_wait)))

    return Patience(
        total=client.tries,
        status_forcelist=BUSY,
        allowed_methods=frozenset({"GET"}),
        backoff_factor=client.backoff,
        backoff_jitter=client.backoff,
    )
