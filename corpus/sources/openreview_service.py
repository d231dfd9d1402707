"""Asking OpenReview: the clients of its two APIs, logged in once, patient, and clear about what went wrong.

`openreview-py` asks; what its own retrying leaves open (logins, broken bodies, no time limit, notices on standard
output) is replaced by an adapter of ours.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from tqdm import tqdm

from guide.errors import InputError, SourceError

if TYPE_CHECKING:
    from requests import PreparedRequest, Response
    from requests.adapters import HTTPAdapter

# What a login lasts, against the hour of the library's default: a rate limit may cost an hour.
LOGIN_SECONDS = 24 * 3600
TRIES = 8
TIMEOUT = 90.0  # seconds without a byte
LONGEST_BACKOFF, LONGEST_WAIT = 120.0, 3_900.0  # seconds: of ours, and of theirs (their rate limits last an hour)
AGAIN = "Run the same command again: it goes on after the last page that was stored."
MEND = "Mend OPENREVIEW_USERNAME and OPENREVIEW_PASSWORD, or unset both to read as a guest."
LOGIN = "Where a guest is refused, log in: set OPENREVIEW_USERNAME and OPENREVIEW_PASSWORD."

# What the library runs into where an answer is no JSON, or JSON of another shape.
NOT_THE_PROTOCOL = (ValueError, LookupError, TypeError, AttributeError)


class RefusedError(SourceError):
    """An answer that says no; another try would say it again."""

    def __init__(self, status: int, reason: str, where: str) -> None:
        self.status = status
        self.reason = reason
        fix = f"{LOGIN} {AGAIN}" if status in (401, 403) else None
        super().__init__(f"OpenReview refuses ({status}): {reason.rstrip('.')}", where=where, fix=fix)


class Clients:
    """The library's clients, logged in once: its own API 1 login goes to a fixed address that cannot be chosen."""

    def __init__(self, url: str, url_v1: str, sleep: Callable[[float], None]) -> None:
        library = import_openreview()
        adapter = _adapter(sleep)
        given = [name for name in ("OPENREVIEW_USERNAME", "OPENREVIEW_PASSWORD") if os.environ.get(name)]
        if len(given) == 1:
            raise InputError(f"{given[0]} is set alone", fix="Set the user name and the password, or neither.")

        class New(library.api.OpenReviewClient):  # type: ignore[misc, name-defined, unused-ignore] # has no types
            def login_user(self, *arguments: Any, **named: Any) -> Any:
                _mount(self.session, adapter)  # the constructor logs in before anything else can be mounted
                return super().login_user(*arguments, **named)

        class Old(library.Client):  # type: ignore[misc, name-defined, unused-ignore]
            def login_user(self, *_: Any, **__: Any) -> None:
                self.headers["Authorization"] = new.headers["Authorization"]

        try:
            new = New(baseurl=url, tokenExpiresIn=LOGIN_SECONDS)
            self._clients: dict[int, Any] = {2: new, 1: Old(baseurl=url_v1)}
        except RefusedError as refused:
            raise InputError(
                f"OpenReview refuses the login: {refused.reason.rstrip('.')}", where=refused.where, fix=MEND
            ) from refused
        except library.OpenReviewException as error:  # a second factor that nobody can type, a server of the other API
            said = error.args[0]
            raise InputError(str(said["message"] if isinstance(said, dict) else said).rstrip("."), fix=MEND) from error
        except NOT_THE_PROTOCOL as error:
            raise SourceError("OpenReview answers a login with something else", where=f"{url}/login") from error
        for client in self._clients.values():
            _mount(client.session, adapter)

    def ask(self, version: int, what: str, **request: Any) -> Any:
        """Call a method of the client of API `version`. Raises SourceError."""
        client = self._clients[version]
        try:
            return getattr(client, what)(**request)
        except NOT_THE_PROTOCOL as error:
            place = f"{client.baseurl}/{what.removeprefix('get_')}"
            raise SourceError("OpenReview answers with something that is not its protocol", where=place) from error

    def close(self) -> None:
        """Close the connections."""
        for client in self._clients.values():
            client.session.close()


def import_openreview() -> Any:
    """The package openreview. Raises InputError where it is not installed."""
    try:
        import openreview  # type: ignore[import-untyped, unused-ignore]
        import openreview.api  # type: ignore[import-untyped, unused-ignore]
    except ModuleNotFoundError as error:
        raise InputError(
            f"OpenReview is read through the package openreview-py, and {error.name} is not installed",
            fix="pip install 'guide-advisor[web]'",
        ) from error
    return openreview


def _mount(session: Any, adapter: HTTPAdapter) -> None:
    # The library has an adapter of its own for the addresses of edits, and the longest address wins.
    for address in {"https://", "http://", *session.adapters}:
        session.mount(address, adapter)


def _adapter(sleep: Callable[[float], None]) -> HTTPAdapter:
    """Build what sends the requests: with a time limit, tried again on 429, 5xx and broken connections or bodies."""
    import requests
    from requests.adapters import HTTPAdapter

    class Adapter(HTTPAdapter):
        def send(self, request: PreparedRequest, *arguments: Any, **named: Any) -> Response:
            where = str(request.url)
            named["timeout"] = TIMEOUT
            for tries in range(1, TRIES + 1):
                pause = min(2.0 ** (tries - 1), LONGEST_BACKOFF)
                try:
                    response = super().send(request, *arguments, **named)
                    _ = response.content  # read here, where a body that breaks off is tried again
                except requests.RequestException as error:
                    failure = f"OpenReview does not answer ({type(error).__name__})"
                else:
                    if response.status_code < 400:
                        return response
                    said = _error(response)
                    reason = str(said.get("message") or said.get("name") or response.reason)
                    if response.status_code != 429 and response.status_code < 500:
                        raise RefusedError(response.status_code, reason, where)
                    failure = f"OpenReview answers {response.status_code}, {reason}"
                    pause = max(pause, _asked_wait(response.headers.get("Retry-After"), said))
                if pause > LONGEST_WAIT:
                    break
                if tries < TRIES:
                    if pause >= 10:
                        tqdm.write(f"{failure}; trying again in {pause:.0f} s", file=sys.stderr)
                    sleep(pause)
            told = f"asking to wait {pause / 60:.0f} minutes" if pause > LONGEST_WAIT else f"{tries} times"
            raise SourceError(f"{failure}, {told}", where=where, fix=AGAIN)

    return Adapter()


def _error(response: Response) -> dict[str, Any]:
    try:
        said = response.json()
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {}


def _asked_wait(header: str | None, said: dict[str, Any]) -> float:
    """Seconds the server asks to wait, by Retry-After or by the resetTime in the error's details; else 0."""
    from urllib3.exceptions import InvalidHeader
    from urllib3.util import Retry

    waits = [0.0]
    with suppress(InvalidHeader):
        waits.append(Retry().parse_retry_after(header or "0"))
    with suppress(LookupError, TypeError, ValueError):
        waits.append((datetime.fromisoformat(said["details"]["resetTime"]) - datetime.now(UTC)).total_seconds())
    return max(waits)
