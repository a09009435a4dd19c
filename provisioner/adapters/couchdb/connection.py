"""Sends requests to one server: patiently, within one time limit, and with errors that name the next step."""

import json
import logging
import math
import os
import random
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from msgspec import field

from provisioner.adapters.couchdb.address import Address
from provisioner.adapters.http.client import MIB, Budget, Call, HttpClient, basic, new_trusted, trusted
from provisioner.adapters.http.network import speaks_tls
from provisioner.adapters.http.trouble import CONNECTING, NoAnswer, Trouble
from provisioner.core.errors import StoreError, TooLarge, UsageError, explained
from provisioner.core.http import Answer
from provisioner.core.masking import Mask
from provisioner.core.outside_json import TooMany, read_json
from provisioner.core.secret import Confidential, Secret
from provisioner.core.targets.target import USUAL_TLS, Tls

CONNECTIONS = 8
"""Requests under way at a time: more make CouchDB slower."""

BUSY = frozenset({429, 502, 503, 504})
"""Answers that ask for another try; all but 429 can come after the server has acted."""

TRIES = 6
FIRST_PAUSE = 0.2
LONGEST_PAUSE = 10.0
"""Seconds. A pause doubles at each try, up to the longest."""

_BUDGET = Budget(24 * MIB)
"""Of one answer: CouchDB's largest document has 8 MB, and there is a page with two of them."""

_LOG = logging.getLogger("provisioner.http")


class CouchAnswer(Confidential, frozen=True):
    """A status with the JSON of its body (none if it is not JSON), which had so many bytes (`size`).

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

    `secrets` are those that the run knows by now: who signs in, what was read, what is written, and those of other
    connections that know the same.
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
        """Connect at the first request; `timeout` bounds the time with requests under way, in seconds.

        Raises `UsageError` for a user or a password that no header can hold, and for files of TLS that cannot be used.
        """
        self.address = address
        self.url = address.url
        self._timeout, self._clock, self._sleep = timeout, clock, sleep or self._wait
        self._end: float | None = None
        self._stop_at = math.inf
        self._idle_since = 0.0
        self._requests = 0
        self._lock = threading.Lock()
        self._met = threading.Event()
        self._stopped = threading.Event()
        self._client = HttpClient(_context_of(tls), CONNECTIONS, secrets)
        self.secrets = self._client.secrets
        self._headers = [(b"Accept", b"application/json"), (b"Accept-Encoding", b"gzip"), (b"User-Agent", b"provision")]
        if address.user is not None:
            password = str(address.password.reveal()) if address.password else ""
            self.secrets.add(password)
            try:
                self._headers.append((b"Authorization", basic(address.user, password)))
            except UnicodeEncodeError:
                raise UsageError("the user or the password contains a lone surrogate", "write it as UTF-8") from None

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
        """Send one request, again if the server is busy or the connection breaks; a body of bytes is sent as it is.

        A request must mean the same when it arrives twice. Raises `StoreError` if no answer can be had; its `lost` says
        whether the request may have reached the server.
        """
        content = body if isinstance(body, bytes) else None if body is None else encoded(body)
        lost = False
        with self._under_way():
            for attempt in range(TRIES):
                try:
                    reply = self._once(method, path, content)
                except NoAnswer as error:
                    lost = lost or error.sent
                    again = {Trouble.TIME, Trouble.BROKEN} | (CONNECTING if self._met.is_set() else frozenset())
                    failure, asked = self._failure(error, lost=lost), 0.0 if error.trouble in again else math.inf
                else:
                    self._met.set()
                    if reply.status not in BUSY:
                        return self._read(reply, lost=lost)
                    lost = lost or reply.status != 429
                    what = f"{self.url} is busy: it answers {reply.status}"
                    failure = StoreError(what, "try again later, or allow more time with --timeout", lost=lost)
                    asked = _seconds_of(reply.header("retry-after"))
                backoff = min(FIRST_PAUSE * 2**attempt, LONGEST_PAUSE) * random.uniform(0.5, 1)  # noqa: S311  # jitter
                pause = max(backoff, asked)
                if attempt == TRIES - 1 or pause >= self._left():
                    raise failure
                _LOG.debug("%s; retrying in %.1f s", failure, pause)
                self._sleep(pause)
        raise AssertionError

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

    def _left(self) -> float:
        """Seconds that are left for requests: the time limit begins with the first one."""
        if self._end is None:
            self._end = self._clock() + self._timeout
        return min(self._end, self._stop_at) - self._clock()

    def _wait(self, seconds: float) -> None:
        """A pause, which a stop ends: the little time that is left is better spent on another try."""
        if self._stopped.is_set():
            time.sleep(seconds)
        else:
            self._stopped.wait(seconds)

    def _once(self, method: str, path: str, content: bytes | None) -> Answer:
        """One try; what is still under way at the deadline is given up, whatever it waits for."""
        if self._left() <= 0:
            raise NoAnswer(Trouble.TIME, sent=False)
        try:
            call = Call.to(method, urlsplit(f"{self.url}/{path}"), self._headers, content)
        except UnicodeError as error:
            raise UsageError(f"{self.url} cannot be reached: {error}", "check the host of --couch") from None
        started = self._clock()
        try:
            reply = self._client.send(call, self._left, _BUDGET)
        except NoAnswer as error:
            if error.trouble in (Trouble.BROKEN, Trouble.UNREADABLE) and self._speaks_tls(call):
                raise NoAnswer(Trouble.SPEAKS_TLS) from None
            raise
        if reply.status == 400 and reply.json is None and self._speaks_tls(call):
            raise NoAnswer(Trouble.SPEAKS_TLS)
        _LOG.debug("%s /%s: %s in %.0f ms", method, path, reply.status, 1000 * (self._clock() - started))
        return reply

    def _speaks_tls(self, call: Call) -> bool:
        """Whether the port that was to speak http, and answers oddly from the first request on, is one for https."""
        return call.scheme == "http" and not self._met.is_set() and speaks_tls(call.host, call.port)

    def _read(self, reply: Answer, *, lost: bool) -> CouchAnswer:
        try:
            body = read_json(reply.body)
        except TooMany as error:
            raise TooLarge(f"{self.url} answers {error}", "check what answers there", lost=True) from None
        except ValueError:
            body = None
        return CouchAnswer(reply.status, body, lost, self.secrets, len(reply.body))

    def _failure(self, error: NoAnswer, *, lost: bool) -> StoreError:
        if error.trouble is Trouble.UNREADABLE:
            return unreadable(self.url, lost=lost)
        what, next = error.of_couchdb(self.url)
        if error.trouble is Trouble.TIME:
            what = f"no answer from {self.url} within {self._timeout:g} s"
        kind = TooLarge if error.trouble is Trouble.TOO_LARGE else StoreError
        return kind(self.secrets.clean(what), next, lost=lost)


LONGEST_POLL = 25.0
"""Seconds that one request waits: what stands between us and the server often gives up after 30."""

LATE = 2.0
"""Seconds that an answer may come later than asked for."""


class LongPoll:
    """Notices that a database changes, by its ``_changes``; each request has a connection of its own.

    It is only a hint that it is time to look, so nothing depends on what it answers: a position that the database no
    longer knows, or an answer that nobody can read, is no answer.
    """

    def __init__(
        self, connect: Callable[[float], AbstractContextManager[Connection]], database: str, timeout: float
    ) -> None:
        """`connect` connects to the server, for so many seconds."""
        self._connect, self._path, self._timeout = connect, quote(database, safe=""), timeout

    def wait(self, position: str | None, seconds: float) -> str | None:
        """Wait until something changes after a position, and return the new one; ``None`` if no answer says it.

        Without a position, return that of the last change, as the database itself says it.
        """
        if position is None:
            return _text(self._get(self._path, self._timeout).get("update_seq"))
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            poll = min(left, LONGEST_POLL, self._timeout / 2)
            query = urlencode({"feed": "longpoll", "since": position, "timeout": max(1, round(1000 * poll))})
            body = self._get(f"{self._path}/_changes?{query}", min(poll + LATE, self._timeout))
            last, rows = _text(body.get("last_seq")), body.get("results")
            if last is None or not isinstance(rows, list):
                return None
            position = last
            if rows:
                break
        return position

    def _get(self, path: str, seconds: float) -> dict[str, Any]:
        """The object that the server answers; an empty one for anything else."""
        try:
            with self._connect(seconds) as connection:
                answer = connection.send("GET", path)
        except StoreError:
            return {}
        return answer.body if answer.status == 200 and isinstance(answer.body, dict) else {}


def _text(position: object) -> str | None:
    """A position, which is a number on some servers."""
    return str(position) if isinstance(position, str | int) else None


def encoded(value: object) -> bytes:
    """The JSON of a value that is sent, with the secrets in it."""
    return json.dumps(value, default=Secret.reveal).encode()


def unreadable(url: str, *, lost: bool = True) -> StoreError:
    """The error for an answer that cannot be used."""
    what = f"{url} answers with something other than the JSON of CouchDB"
    return StoreError(what, "check what answers there: a proxy, a login page, or another program", lost=lost)


def _context_of(tls: Tls) -> Callable[[], ssl.SSLContext]:
    """How to check certificates, and which one to show."""
    if tls == USUAL_TLS:
        return trusted  # read when it is needed: it takes 20 ms
    files = ", ".join(filter(None, (tls.ca_cert, tls.client_cert, tls.client_key)))
    with explained(f"the TLS files {files} cannot be used", "fix tls of the target"):
        context = new_trusted(tls.ca_cert or os.environ.get("SSL_CERT_FILE"), os.environ.get("SSL_CERT_DIR"))
        if tls.client_cert:
            context.load_cert_chain(tls.client_cert, tls.client_key)
    return lambda: context


def _seconds_of(retry_after: str) -> float:
    """The seconds that a ``Retry-After`` header asks for: it has them, or a date (RFC 9110, section 10.2.3)."""
    if retry_after.isdecimal():
        return float(retry_after)
    from email.utils import parsedate_to_datetime  # 5 ms, and few servers send a date

    try:
        return (parsedate_to_datetime(retry_after) - datetime.now(UTC)).total_seconds()
    except (ValueError, TypeError, OverflowError):
        return 0.0
