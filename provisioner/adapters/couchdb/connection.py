"""Sends requests to one server: patiently, within one time limit, and with errors that name the next step."""

import json
import logging
import math
import os
import random
import re
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from msgspec import field

from provisioner.adapters.couchdb.address import Address
from provisioner.adapters.http.client import MIB, Budget, Call, HttpClient, basic, new_trusted, trusted
from provisioner.adapters.http.network import speaks_tls
from provisioner.adapters.http.trouble import OF_TLS, NoAnswer, Trouble, of_couchdb
from provisioner.core.errors import (
    StoreError,
    TimedOut,
    TooLarge,
    Unreached,
    UsageError,
    explained,
)
from provisioner.core.http import Answer
from provisioner.core.masking import Mask
from provisioner.core.outside_json import TooMany, read_json
from provisioner.core.secret import Confidential, Secret, secrets_in
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
"""Seconds. A pause doubles at each try, up to the longest."""

_BUDGET = Budget(24 * MIB)
"""Of one answer: CouchDB's largest document has 8 MB, and there is a page with two of them."""

_FOR_TLS = re.compile(rb"to (an )?https (port|server)|SSL-enabled server port", re.IGNORECASE)
"""What nginx, Go and Apache answer to a request in clear text."""

_LOG = logging.getLogger("provisioner.http")


class CouchAnswer(Confidential, frozen=True):
    """A status with the JSON of its body (none if it is not JSON).

    `lost` says that an earlier try of the request may have reached the server, though no answer of it came back. `mask`
    keeps the secrets of the run out of what the server says.
    """

    status: int
    body: Any
    lost: bool
    mask: Mask = field(default_factory=Mask)
    size: int = 0

    @property
    def reason(self) -> str:
        """The reason that an error gives, as an appendix to a sentence; may be empty."""
        given = self.body.get("reason") if isinstance(self.body, dict) else None
        return f": {self.mask.clean(str(given))}" if given else ""


class Connection:
    """Requests to one server over kept-alive connections; safe to share between threads.

    `secrets` are those that the run knows by now: who signs in, what was read, each `Secret` that is sent, and those of
    other connections that know the same.
    """

    def __init__(
        self,
        address: Address,
        timeout: float,
        tls: Tls = USUAL_TLS,
        *,
        secrets: Mask | None = None,
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
        self._headers = _headers(address)
        self._client = HttpClient(context_of(tls), CONNECTIONS, secrets)
        self.secrets = self._client.secrets
        if address.password is not None:
            self.secrets.add(address.password)

    @property
    def url(self) -> str:
        """The server's URL, without user information."""
        return self._address.url

    @property
    def address(self) -> Address:
        """The server, and who signs in there."""
        return self._address

    @property
    def stopped(self) -> bool:
        """Whether the run is to end: nothing new shall be written."""
        return self._stopped.is_set()

    def end_within(self, seconds: float) -> None:
        """Give up whatever is under way after some seconds, also if no request was under way in some of them."""
        self._stop_at = min(self._stop_at, self._clock() + seconds)

    def stop(self, grace: float) -> None:
        """End the run: what is under way has some seconds left."""
        self.end_within(grace)
        self._stopped.set()

    def close(self) -> None:
        """Give the connections back."""
        self._client.close()

    def send(self, method: str, path: str, body: object = None) -> CouchAnswer:
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

    def _send(self, method: str, path: str, body: object) -> CouchAnswer:
        lost = False
        for secret in secrets_in(body):
            self.secrets.add(secret)
        content = None if body is None else json.dumps(body, default=Secret.reveal).encode()
        for attempt in range(TRIES):
            last = attempt == TRIES - 1
            try:
                reply = self._once(method, path, content)
            except NoAnswer as failed:
                error = self._explained(failed)
                lost = lost or error.sent
                failure = self._failure(error)
                if last or self._hopeless(error):
                    raise _marked(failure, lost) from None
                self._pause(attempt, 0.0, failure, lost)
                continue
            self._met.set()
            if self._speaks_tls(reply):
                raise _marked(self._failure(NoAnswer(Trouble.SPEAKS_TLS)), lost)
            if reply.status not in BUSY or last:
                body = self._read(reply.body, lost=lost)
                return CouchAnswer(reply.status, body, lost, self.secrets, len(reply.body))
            lost = lost or reply.status in MAY_HAVE_ACTED
            what = f"{self.url} is busy: it answers {reply.status}"
            busy = StoreError(what, "try again later, or allow more time with --timeout")
            self._pause(attempt, _seconds_of(reply.header("retry-after")), busy, lost)
        raise AssertionError

    def _explained(self, error: NoAnswer) -> NoAnswer:
        """The same; or, if the first connection was only closed, that its port is for https."""
        place = urlsplit(self.url)
        if error.trouble is not Trouble.BROKEN or self._met.is_set() or place.scheme != "http":
            return error
        found = speaks_tls(place.hostname or "", place.port or 80)
        return NoAnswer(Trouble.SPEAKS_TLS) if found else error

    def _speaks_tls(self, reply: Answer) -> bool:
        """Whether a web server says that its port is for https: each has words of its own for that."""
        clear = self._address.url.startswith("http:")
        return clear and reply.status == 400 and _FOR_TLS.search(reply.body) is not None

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

    def _left(self) -> float:
        return self._deadline() - self._clock()

    def _once(self, method: str, path: str, content: bytes | None) -> Answer:
        """One try; what is still under way at the deadline is given up, whatever it waits for."""
        if self._left() <= 0:
            raise NoAnswer(Trouble.TIME, sent=False)
        started = self._clock()
        reply = self._client.send(self._call(method, path, content), self._left, _BUDGET)
        _LOG.debug("%s /%s: %s in %.0f ms", method, path, reply.status, 1000 * (self._clock() - started))
        return reply

    def _call(self, method: str, path: str, content: bytes | None) -> Call:
        try:
            return Call.to(method, urlsplit(f"{self.url}/{path}"), self._headers, content)
        except UnicodeError as error:
            raise UsageError(f"{self.url} cannot be reached: {error}", "check the host of --couch") from None

    def _read(self, content: bytes, *, lost: bool) -> Any:
        """The JSON of an answer; ``None`` for anything else."""
        try:
            return read_json(content)
        except TooMany as error:
            raise _marked(TooLarge(f"{self.url} answers {error}", "check what answers there"), lost) from None
        except ValueError:
            return None

    def _hopeless(self, error: NoAnswer) -> bool:
        if error.trouble in OF_TLS | {Trouble.PROXY, Trouble.UNSENDABLE, Trouble.TOO_LARGE, Trouble.UNREADABLE}:
            return True
        connecting = (Trouble.NAME, Trouble.REFUSED, Trouble.CONNECTION)
        return error.trouble in connecting and not self._met.is_set()

    def _pause(self, attempt: int, asked: float, otherwise: StoreError, lost: bool) -> None:
        backoff = min(FIRST_PAUSE * 2**attempt, LONGEST_PAUSE) * random.uniform(0.5, 1)  # noqa: S311  # jitter
        seconds = max(backoff, asked)
        if self._clock() + seconds >= self._deadline():
            raise _marked(otherwise, lost)
        _LOG.debug("%s; retrying in %.1f s", otherwise, seconds)
        self._sleep(seconds)

    def _failure(self, error: NoAnswer) -> StoreError:
        if error.trouble is Trouble.TIME:
            next = "check whether the server is overloaded, or allow more time with --timeout"
            return TimedOut(f"no answer from {self.url} within {self._timeout:g} s", next)
        if error.trouble is Trouble.UNREADABLE:
            return unreadable(self.url)
        what, next = of_couchdb(error, self.url)
        return _KINDS.get(error.trouble, StoreError)(self.secrets.clean(what), next)


_KINDS: dict[Trouble, type[StoreError]] = {
    Trouble.TOO_LARGE: TooLarge,
    **dict.fromkeys({Trouble.NAME, Trouble.REFUSED, Trouble.PROXY} | OF_TLS, Unreached),
}


def unreadable(url: str) -> StoreError:
    """The error for an answer that cannot be used."""
    return StoreError(
        f"{url} answers with something other than the JSON of CouchDB",
        "check what answers there: a proxy, a login page, or another program",
    )


def _marked(error: StoreError, lost: bool) -> StoreError:
    error.lost = lost
    return error


def _headers(address: Address) -> list[tuple[bytes, bytes]]:
    """What each request says. Raises `UsageError` for a user or a password that no header can hold."""
    headers = [(b"Accept", b"application/json"), (b"Accept-Encoding", b"gzip"), (b"User-Agent", b"provision")]
    if address.user is None:
        return headers
    password = str(address.password.reveal()) if address.password else ""
    try:
        return [*headers, (b"Authorization", basic(address.user, password))]
    except UnicodeEncodeError:
        raise UsageError("the user or the password contains a lone surrogate", "write it as UTF-8") from None


def _seconds_of(retry_after: str) -> float:
    """The seconds that a ``Retry-After`` header asks for (RFC 9110, section 10.2.3)."""
    if not retry_after:
        return 0.0
    try:
        seconds = float(retry_after)
        return max(0.0, seconds) if math.isfinite(seconds) else LONGEST_PAUSE
    except ValueError:
        pass
    from email.utils import parsedate_to_datetime  # 5 ms, and few servers send a date

    try:
        return max(0.0, (parsedate_to_datetime(retry_after) - datetime.now(UTC)).total_seconds())
    except (ValueError, TypeError, OverflowError):
        return 0.0


def context_of(tls: Tls) -> Callable[[], ssl.SSLContext]:
    """How to check certificates, and which one to show. Raises `UsageError` for files that cannot be used."""
    if tls == USUAL_TLS:
        return trusted  # read when it is needed: it takes 20 ms
    files = ", ".join(filter(None, (tls.ca_cert, tls.client_cert, tls.client_key)))
    with explained(f"the TLS files {files} cannot be used", "fix tls of the target"):
        context = new_trusted(tls.ca_cert or os.environ.get("SSL_CERT_FILE"), os.environ.get("SSL_CERT_DIR"))
        if tls.client_cert:
            context.load_cert_chain(tls.client_cert, tls.client_key)
    return lambda: context
