"""Sends requests to one server: patiently, within one time limit, and with errors that say what to do next."""

import json
import logging
import random
import socket
import ssl
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import httpx

from provisioner.adapters.couchdb.address import Address
from provisioner.core.errors import (
    NobodyListening,
    StoreError,
    TimedOut,
    TlsTrouble,
    Unavailable,
    UnknownHost,
    UnreadableAnswer,
    UsageError,
)
from provisioner.core.targets.target import USUAL_TLS, Tls
from provisioner.core.text import printable

CONNECTIONS = 8
"""Requests under way at a time: more make CouchDB slower."""

BUSY = frozenset({429, 502, 503, 504})
"""Answers that ask for another try."""

TRIES = 6
FIRST_PAUSE = 0.2
LONGEST_PAUSE = 10.0
LONGEST_REQUEST = 30.0
"""Seconds. A pause doubles at each try, up to the longest."""

_LOG = logging.getLogger("provisioner.http")


@dataclass(frozen=True, slots=True)
class Answer:
    """A status with the JSON of its body (none where it is not JSON).

    `lost` says that an earlier try of the request may have reached the server, though no answer of it came back.
    """

    status: int
    body: Any
    text: str
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
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Connect at the first request; `timeout` bounds all requests together, in seconds."""
        password = address.password.reveal() if address.password else ""
        self._address = address
        self._timeout = timeout
        self._clock = clock
        self._sleep = sleep
        self._deadline = clock() + timeout
        self._met = threading.Event()
        self._stopped = threading.Event()
        verify = _context(tls)
        loopback: Mapping[str, httpx.HTTPTransport] | None = None
        limits = httpx.Limits(max_connections=CONNECTIONS, max_keepalive_connections=CONNECTIONS)
        if address.loopback:
            direct = httpx.HTTPTransport(verify=verify, limits=limits)
            loopback = {"http://": direct, "https://": direct, "all://": direct}  # never through a proxy
        self._client = httpx.Client(
            auth=httpx.BasicAuth(address.user, str(password)) if address.user is not None else None,
            headers={"Accept": "application/json"},
            limits=limits,
            mounts=loopback,
            verify=verify,
        )

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
        self._stopped.set()
        self._deadline = min(self._deadline, self._clock() + grace)

    def close(self) -> None:
        """Give the connections back."""
        self._client.close()

    def send(self, method: str, path: str, body: object = None) -> Answer:
        """Send one request, again where the server is busy or the connection breaks.

        A request must mean the same when it arrives twice. Raises `StoreError` where no answer can be had.
        """
        lost = False
        content = None if body is None else json.dumps(body).encode()
        for attempt in range(TRIES):
            try:
                response = self._once(method, path, content)
            except httpx.TransportError as error:
                refusal = self._refusal(error)
                if attempt == TRIES - 1 or self._hopeless(error):
                    refusal.lost = lost
                    raise refusal from None
                lost = lost or not isinstance(error, httpx.ConnectError | httpx.ConnectTimeout | httpx.PoolTimeout)
                self._pause(attempt, None, refusal)
                continue
            except httpx.DecodingError:
                raise unreadable(self.url) from None
            self._met.set()
            if response.status_code not in BUSY or attempt == TRIES - 1:
                return Answer(response.status_code, _json(response), response.text, lost)
            lost = lost or response.status_code in (502, 504)
            self._pause(attempt, response.headers.get("Retry-After"), self._busy(response))
        raise AssertionError

    def _once(self, method: str, path: str, content: bytes | None) -> httpx.Response:
        remaining = self._deadline - self._clock()
        if remaining <= 0:
            raise self._timed_out()
        started = self._clock()
        headers = {"Content-Type": "application/json"} if content is not None else {}
        timeout = min(remaining, LONGEST_REQUEST)
        url = f"{self._address.url}/{path}"
        response = self._client.request(method, url, content=content, headers=headers, timeout=timeout)
        _LOG.debug("%s /%s: %s in %.0f ms", method, path, response.status_code, 1000 * (self._clock() - started))
        return response

    def _hopeless(self, error: httpx.TransportError) -> bool:
        if isinstance(error, httpx.UnsupportedProtocol | httpx.ProxyError) or _cause(error, ssl.SSLError):
            return True
        return isinstance(error, httpx.ConnectError) and not self._met.is_set()

    def _pause(self, attempt: int, asked: str | None, otherwise: StoreError) -> None:
        backoff = min(FIRST_PAUSE * 2**attempt, LONGEST_PAUSE) * random.uniform(0.5, 1)  # noqa: S311  # jitter
        seconds = max(backoff, _seconds(asked))
        if self._clock() + seconds >= self._deadline:
            raise otherwise
        _LOG.debug("%s; again in %.1f s", otherwise, seconds)
        self._sleep(seconds)

    def _busy(self, response: httpx.Response) -> StoreError:
        return Unavailable(
            f"{self.url} is busy: it answers {response.status_code}",
            "try again later, or give it more time with --timeout",
        )

    def _timed_out(self) -> TimedOut:
        return TimedOut(
            f"no answer from {self.url} within {self._timeout:g} s",
            "see whether the server is overloaded, or give it more time with --timeout",
        )

    def _refusal(self, error: httpx.TransportError) -> StoreError:
        if isinstance(error, httpx.TimeoutException):
            return self._timed_out()
        if _cause(error, socket.gaierror):
            return UnknownHost(
                f"the host {printable(self._address.host)} has no address",
                "check the spelling of --couch, and your DNS",
            )
        if (trouble := _cause(error, ssl.SSLError)) is not None:
            return _tls_trouble(self.url, trouble)
        if isinstance(error, httpx.ConnectError):
            return NobodyListening(
                f"nobody listens at {self.url}",
                "start CouchDB, or name the right one with --couch or PROVISION_COUCH",
            )
        return Unavailable(
            f"the connection to {self.url} broke: {printable(str(error))}",
            "see whether a proxy or the server closed it, then try again",
        )


def _context(tls: Tls) -> ssl.SSLContext | bool:
    """How to check certificates, and which one to show. Raises `UsageError` for files that cannot be used."""
    if tls == USUAL_TLS:
        return True
    try:
        context = ssl.create_default_context(cafile=tls.ca_cert) if tls.ca_cert else httpx.create_ssl_context()
        if tls.client_cert:
            context.load_cert_chain(tls.client_cert, tls.client_key)
    except OSError as error:
        raise UsageError(f"the TLS files cannot be used: {error.strerror or error}", "mend the target's tls") from None
    return context


def _tls_trouble(url: str, trouble: BaseException) -> TlsTrouble:
    if isinstance(trouble, ssl.SSLCertVerificationError):
        return TlsTrouble(
            f"the certificate of {url} is not trusted: {trouble.verify_message}",
            "name the authority that signed it as ca_cert of the target, or in SSL_CERT_FILE",
        )
    return TlsTrouble(f"no TLS connection to {url}", "check that it speaks https at this port, and not http")


def unreadable(url: str) -> StoreError:
    """The error for an answer that cannot be used."""
    return UnreadableAnswer(
        f"{url} answers with something else than the JSON of CouchDB",
        "see what answers there: a proxy, a login page, or another program",
    )


def _json(response: httpx.Response) -> Any:
    try:
        return response.json()
    except (ValueError, RecursionError):
        return None


def _seconds(retry_after: str | None) -> float:
    """The seconds that a ``Retry-After`` header asks for (RFC 9110, section 10.2.3)."""
    if not retry_after:
        return 0.0
    try:
        return max(0.0, float(retry_after))
    except ValueError:
        pass
    try:
        return max(0.0, (parsedate_to_datetime(retry_after) - datetime.now(UTC)).total_seconds())
    except (ValueError, TypeError):
        return 0.0


def _cause(error: BaseException, kind: type[BaseException]) -> BaseException | None:
    found: BaseException | None = error
    while found is not None and not isinstance(found, kind):
        found = found.__cause__ or found.__context__
    return found
