"""Sends requests to one server: patiently, within one time limit, and with errors that say what to do next."""

import json
import logging
import math
import random
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx

from provisioner.adapters.certificates import cause
from provisioner.adapters.couchdb.address import Address
from provisioner.adapters.couchdb.attempt import Reply, seconds_of, within
from provisioner.adapters.couchdb.client import new_client
from provisioner.adapters.couchdb.transport_errors import NEVER_SENT, explained
from provisioner.core.errors import StoreError, TimedOut, Unavailable, UnreadableAnswer, UsageError
from provisioner.core.targets.target import USUAL_TLS, Tls

CONNECTIONS = 8
"""Requests under way at a time: more make CouchDB slower."""

BUSY = frozenset({429, 502, 503, 504})
"""Answers that ask for another try."""

MAY_HAVE_ACTED = frozenset({502, 503, 504})
"""Busy answers that can come after the server has acted."""

TRIES = 6
FIRST_PAUSE = 0.2
LONGEST_PAUSE = 10.0
LONGEST_REQUEST = 30.0
"""Seconds. A pause doubles at each try, up to the longest."""

MOST_BYTES = 16 * 1024 * 1024
MOST_BYTES_OF_ALL_DOCUMENTS = 512 * 1024 * 1024
"""The largest answers that are read: CouchDB's largest document has 8 MB, and a catalogue of 100,000 some 100 MB."""

_LOG = logging.getLogger("provisioner.http")


@dataclass(frozen=True, slots=True)
class Answer:
    """A status with the JSON of its body (none if it is not JSON).

    `lost` says that an earlier try of the request may have reached the server, though no answer of it came back.
    """

    status: int
    body: Any
    lost: bool


class Connection:
    """Requests to one server over kept-alive connections; safe to share between threads."""

    def __init__(
        self,
        address: Address,
        timeout: float,
        tls: Tls = USUAL_TLS,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] | None = None,
    ) -> None:
        """Connect at the first request; `timeout` bounds the time with requests under way, in seconds."""
        self._address = address
        self._timeout = timeout
        self._clock = clock
        self._sleep = sleep or self._wait
        self._end: float | None = None
        self._stop_at = math.inf
        self._idle_since = 0.0
        self._requests = 0
        self._lock = threading.Lock()
        self._met = threading.Event()
        self._stopped = threading.Event()
        self._client = new_client(address, tls, CONNECTIONS)

    @property
    def url(self) -> str:
        """The server's URL, without user information."""
        return self._address.url

    @property
    def stopped(self) -> bool:
        """Whether the run is to end: nothing new shall be written."""
        return self._stopped.is_set()

    def stop(self, grace: float) -> None:
        """End the run: what is under way has some seconds left."""
        self._stop_at = min(self._stop_at, self._clock() + grace)
        self._stopped.set()

    def close(self) -> None:
        """Give the connections back."""
        self._client.close()

    def send(self, method: str, path: str, body: object = None) -> Answer:
        """Send one request, again if the server is busy or the connection breaks.

        A request must mean the same when it arrives twice. Raises `StoreError` if no answer can be had; its `lost` says
        whether the request may have reached the server.
        """
        with self._under_way():
            return self._send(method, path, body)

    @contextmanager
    def _under_way(self) -> Iterator[None]:
        """Let the time limit count: it stands still while no request is under way, as when a person is asked."""
        with self._lock:
            if self._requests == 0:
                self._end = None if self._end is None else self._end + self._clock() - self._idle_since
            self._requests += 1
        try:
            yield
        finally:
            with self._lock:
                self._requests -= 1
                self._idle_since = self._clock()

    def _send(self, method: str, path: str, body: object) -> Answer:
        lost = False
        content = None if body is None else json.dumps(body).encode()
        for attempt in range(TRIES):
            last = attempt == TRIES - 1
            try:
                reply = self._once(method, path, content)
            except httpx.TransportError as error:
                lost = lost or not isinstance(error, NEVER_SENT)
                failure = self._failure(error)
                if last or self._hopeless(error):
                    raise _marked(failure, lost) from None
                self._pause(attempt, 0.0, failure, lost)
                continue
            except StoreError as error:
                raise _marked(error, lost or error.lost) from None
            self._met.set()
            if reply.status not in BUSY or last:
                return Answer(reply.status, json_of(reply.content), lost)
            lost = lost or reply.status in MAY_HAVE_ACTED
            self._pause(attempt, seconds_of(reply.retry_after), self._busy(reply.status), lost)
        raise AssertionError

    def _deadline(self) -> float:
        if self._end is None:
            self._end = self._clock() + self._timeout
        return min(self._end, self._stop_at)

    def _wait(self, seconds: float) -> None:
        """A pause, which a stop ends: the little time that is left is better spent on another try."""
        if self._stopped.is_set():
            time.sleep(seconds)
        else:
            self._stopped.wait(seconds)

    def _once(self, method: str, path: str, content: bytes | None) -> Reply:
        """One try; what is still under way at the deadline is given up, whatever it waits for."""
        remaining = self._deadline() - self._clock()
        if remaining <= 0:
            raise self._timed_out()
        started = self._clock()
        headers = {"Content-Type": "application/json"} if content is not None else {}
        url, timeout = f"{self._address.url}/{path}", min(remaining, LONGEST_REQUEST)
        most = MOST_BYTES_OF_ALL_DOCUMENTS if "/_all_docs" in path else MOST_BYTES
        try:
            request = self._client.build_request(method, url, content=content, headers=headers, timeout=timeout)
            reply = within(lambda: self._deadline() - self._clock(), lambda: self._read(request, most))
        except httpx.DecodingError:
            raise _marked(unreadable(self.url), lost=True) from None
        except (httpx.InvalidURL, UnicodeError) as error:
            raise UsageError(f"{self.url} cannot be reached: {error}", "check the host of --couch") from None
        if reply is None:
            raise _marked(self._timed_out(), lost=True)
        _LOG.debug("%s /%s: %s in %.0f ms", method, path, reply.status, 1000 * (self._clock() - started))
        return reply

    def _read(self, request: httpx.Request, most: int) -> Reply:
        response = self._client.send(request, stream=True)
        try:
            # packed twice, a few bytes become gigabytes at once
            if "," in response.headers.get("Content-Encoding", ""):
                raise _marked(unreadable(self.url), lost=True)
            parts, size = [], 0
            for part in response.iter_bytes():
                parts.append(part)
                size += len(part)
                if size > most:
                    raise _marked(_too_large(self.url, most), lost=True)
            return Reply(response.status_code, b"".join(parts), response.headers.get("Retry-After"))
        finally:
            response.close()

    def _hopeless(self, error: httpx.TransportError) -> bool:
        if isinstance(error, httpx.UnsupportedProtocol | httpx.ProxyError) or cause(error, ssl.SSLError):
            return True
        return isinstance(error, httpx.ConnectError) and not self._met.is_set()

    def _pause(self, attempt: int, asked: float, otherwise: StoreError, lost: bool) -> None:
        backoff = min(FIRST_PAUSE * 2**attempt, LONGEST_PAUSE) * random.uniform(0.5, 1)  # noqa: S311  # jitter
        seconds = max(backoff, asked)
        if self._clock() + seconds >= self._deadline():
            raise _marked(otherwise, lost)
        _LOG.debug("%s; again in %.1f s", otherwise, seconds)
        self._sleep(seconds)

    def _busy(self, status: int) -> StoreError:
        return Unavailable(
            f"{self.url} is busy: it answers {status}", "try again later, or give it more time with --timeout"
        )

    def _timed_out(self) -> TimedOut:
        return TimedOut(
            f"no answer from {self.url} within {self._timeout:g} s",
            "check whether the server is overloaded, or give it more time with --timeout",
        )

    def _failure(self, error: httpx.TransportError) -> StoreError:
        if isinstance(error, httpx.TimeoutException):
            return self._timed_out()
        return explained(error, self.url, self._address.host)


def unreadable(url: str) -> StoreError:
    """The error for an answer that cannot be used."""
    return UnreadableAnswer(
        f"{url} answers with something other than the JSON of CouchDB",
        "check what answers there: a proxy, a login page, or another program",
    )


def _too_large(url: str, most: int) -> StoreError:
    return UnreadableAnswer(f"{url} answers more than {most // 1024 // 1024} MiB", "check what answers there")


def _marked(error: StoreError, lost: bool) -> StoreError:
    error.lost = lost
    return error


def json_of(content: bytes | str) -> Any:
    """The JSON that came back; ``None`` for anything else."""
    try:
        return json.loads(content)
    except (ValueError, RecursionError):
        return None
