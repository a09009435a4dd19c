"""Connections that are given up when the time of their request is over, whatever they wait for.

A library's timeout is for each piece of an answer, and a server that sends a byte now and then keeps it alive for ever.
httpcore lets its network be replaced; this one knows how much of the whole time is left.
"""

import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from typing import TypeAlias, TypeVar

import httpcore
from msgspec import Struct

SLICE = 0.25
"""Seconds between two looks at the time that is left, which an interruption may shorten."""

HANDSHAKE = 10.0
"""Seconds for a TLS handshake, as Go's client has it."""

SILENCE = 2.0
"""Seconds without an answer to a handshake after which the port is asked whether it speaks http."""

_PIECE = 4 * 1024
"""Bytes that are sent before the time that is left is looked at."""

_TLS_PIECE = 16 * 1024

_LEAST = 64
"""Bytes that a piece of an answer counts as, however small it is: each of them costs time."""

T = TypeVar("T")

_ALERT = b"\x15\x03"
"""How an alert of TLS begins: its type, and the first half of its version."""

Left: TypeAlias = Callable[[], float]
"""Seconds that are left; zero or less if the time is over."""


def countdown(limit: float) -> Left:
    """The seconds that are left of a limit, which runs from this call on."""
    end = time.monotonic() + limit
    return lambda: end - time.monotonic()


class Limit(Struct):
    """What a request may cost: time for all of it, seconds without a byte, and bytes that come back.

    The bytes are those of everything that a server can send: answers before the answer, headers, chunks, trailers.
    """

    left: Left
    idle: float
    most: int
    received: int = 0

    def count(self, received: bytes) -> bytes:
        """A piece of an answer. Raises `TooMuch`."""
        self.received += max(len(received), _LEAST)
        if self.received > self.most:
            raise TooMuch(f"{self.most // 1024} KiB")
        return received


class TooMuch(httpcore.ReadError):
    """More bytes came than a request may cost; as text, how many those are."""


class SpeaksHttp(httpcore.ConnectError):
    """The port that was to speak TLS speaks plain http."""


class SpeaksTls(httpcore.ReadError):
    """The port that was to speak plain http answers with an alert of TLS."""


_limit: ContextVar[Limit] = ContextVar("limit")  # httpcore calls the network in the thread of the request


@contextmanager
def within(limit: Limit) -> Iterator[None]:
    """Let the limit hold for what this thread sends and receives."""
    token = _limit.set(limit)
    try:
        yield
    finally:
        _limit.reset(token)


class Network(httpcore.NetworkBackend):
    """Connects over TCP."""

    def __init__(self) -> None:
        self._plain = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ARG002  # the limit says it
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        """Connect. The look-up of a name cannot be cut short: at the end of the time it is left alone."""
        limit = _limit.get()
        wait = max(min(limit.left(), limit.idle), 0.001)
        attempt = _Attempt(lambda: self._plain.connect_tcp(host, port, wait, local_address, socket_options))
        return _Stream(attempt.result(limit))


class _Attempt:
    """A connection that another thread makes; nobody waits for that thread at the end of the program."""

    def __init__(self, connect: Callable[[], httpcore.NetworkStream]) -> None:
        self._connect = connect
        self._lock = threading.Lock()
        self._done = threading.Event()
        self._abandoned = False
        self._stream: httpcore.NetworkStream | None = None
        self._error: BaseException | None = None
        threading.Thread(target=self._work, daemon=True).start()

    def result(self, limit: Limit) -> httpcore.NetworkStream:
        """The connection. Raises what connecting raises, and `httpcore.ConnectTimeout`."""
        began = time.monotonic()
        while not self._done.is_set():
            wait = min(limit.left(), limit.idle + began - time.monotonic())
            if wait <= 0:
                self._abandon()
                break
            self._done.wait(min(wait, SLICE))
        if self._error is not None:
            raise self._error
        if self._stream is None or self._abandoned:
            raise httpcore.ConnectTimeout("timed out")
        return self._stream

    def _work(self) -> None:
        try:
            stream = self._connect()
            with self._lock:
                self._stream = stream
                if self._abandoned:
                    stream.close()
        except BaseException as error:  # noqa: BLE001  # raised again where it is waited for
            self._error = error
        finally:
            self._done.set()

    def _abandon(self) -> None:
        with self._lock:
            self._abandoned = True
            if self._stream is not None:
                self._stream.close()


class _Stream(httpcore.NetworkStream):
    """A connection that looks at the limit before it waits."""

    def __init__(self, inner: httpcore.NetworkStream) -> None:
        self._inner = inner
        self._fresh = True

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ARG002  # the limit says it
        limit, began = _limit.get(), time.monotonic()
        while True:
            wait = min(limit.left(), limit.idle + began - time.monotonic())
            if wait <= 0:
                raise httpcore.ReadTimeout("timed out")
            with suppress(httpcore.ReadTimeout):
                part = limit.count(self._inner.read(max_bytes, min(wait, SLICE)))
                if self._fresh and part.startswith(_ALERT):
                    raise SpeaksTls("this port speaks https")
                self._fresh = False
                return part

    def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ARG002  # as above
        limit = _limit.get()
        for start in range(0, len(buffer), _PIECE):
            wait = min(limit.left(), limit.idle)
            if wait <= 0:
                raise httpcore.WriteTimeout("timed out")
            self._inner.write(buffer[start : start + _PIECE], wait)

    def close(self) -> None:
        self._inner.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ARG002  # as above
    ) -> httpcore.NetworkStream:
        if isinstance(connection := self._inner.get_extra_info("socket"), ssl.SSLSocket):
            return _TlsInTls(self, ssl_context, server_hostname)
        wait = min(_limit.get().left(), HANDSHAKE)
        if wait <= 0:
            self.close()
            raise httpcore.ConnectTimeout("timed out")
        with _asked_for_http(connection) as speaks_http:
            try:
                return _Stream(self._inner.start_tls(ssl_context, server_hostname, wait))
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                if speaks_http.is_set():
                    raise SpeaksHttp("this port speaks http") from error
                raise

    def get_extra_info(self, info: str) -> object:
        return self._inner.get_extra_info(info)


class _TlsInTls(httpcore.NetworkStream):
    """TLS to a server through a proxy that is spoken to with TLS.

    httpcore has one as well, which waits for each piece of a record anew, and so for ever.
    """

    def __init__(self, outer: _Stream, context: ssl.SSLContext, hostname: str | None) -> None:
        self._outer = outer
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_hostname=hostname)
        try:
            self._carried(self._tls.do_handshake)
        except httpcore.TimeoutException:
            raise httpcore.ConnectTimeout("timed out") from None
        except (ssl.SSLError, httpcore.NetworkError) as error:
            raise httpcore.ConnectError(str(error)) from error

    def _carried(self, act: Callable[[], T]) -> T:
        """What something gives once the other side has said what it waits for."""
        while True:
            try:
                result = act()
            except ssl.SSLWantReadError:
                self._outer.write(self._outgoing.read())
                if piece := self._outer.read(_TLS_PIECE):
                    self._incoming.write(piece)
                else:
                    self._incoming.write_eof()
            else:
                self._outer.write(self._outgoing.read())
                return result

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ARG002  # the limit says it
        try:
            return self._carried(lambda: self._tls.read(max_bytes))
        except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
            return b""
        except ssl.SSLError as error:
            raise httpcore.ReadError(str(error)) from error

    def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ARG002  # as above
        try:
            while buffer:
                sent = self._carried(lambda rest=buffer: self._tls.write(rest))  # type: ignore[misc]
                buffer = buffer[sent:]
        except ssl.SSLError as error:
            raise httpcore.WriteError(str(error)) from error

    def close(self) -> None:
        self._outer.close()

    def get_extra_info(self, info: str) -> object:
        return self._tls if info == "ssl_object" else self._outer.get_extra_info(info)


@contextmanager
def _asked_for_http(connection: socket.socket) -> Iterator[threading.Event]:
    """While a handshake waits: find out whether the other side waits too, for a request in clear text.

    CouchDB takes a handshake for the beginning of a line, and says nothing. The event is set, and the handshake ended,
    if the port answers a request over another connection.
    """
    found = threading.Event()
    twin = connection.dup()  # wrapping takes the socket itself away

    def ask() -> None:
        with suppress(OSError):
            if _speaks_http(twin.getpeername()[:2]):
                found.set()
                twin.shutdown(socket.SHUT_RDWR)

    timer = threading.Timer(SILENCE, ask)
    timer.daemon = True
    timer.start()
    try:
        yield found
    finally:
        timer.cancel()
        twin.close()


def _speaks_http(address: tuple[str, int]) -> bool:
    """Whether a plain request is answered; servers that speak TLS answer 400 to one."""
    with socket.create_connection(address, SILENCE) as plain:
        plain.settimeout(SILENCE)
        plain.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        start = plain.recv(64)
    return start.startswith(b"HTTP/1.") and start[9:12] != b"400"


def speaks_tls(host: str, port: int) -> bool:
    """Whether a port that only closed the connection takes a TLS handshake. Nothing is sent over it."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with suppress(OSError), socket.create_connection((host, port), SILENCE) as plain:
        context.wrap_socket(plain, server_hostname=host).close()
        return True
    return False
