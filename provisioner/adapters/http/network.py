"""Connections that are given up when the time of their request is over, whatever they wait for.

A library's timeout is for each piece of an answer, and a server that sends a byte now and then keeps it alive for ever.
httpcore lets its network be replaced; this one knows how much of the whole time is left.
"""

import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from typing import Any, TypeAlias, TypeVar

import httpcore
from msgspec import Struct

IDLE = 30.0
"""Seconds without a byte after which a connection counts as broken."""

SLICE = 0.25
"""Seconds between two looks at the time that is left, which an interruption may shorten."""

HANDSHAKE = 10.0
"""Seconds for a TLS handshake, as Go's client has it."""

SILENCE = 2.0
"""Seconds without an answer to a handshake after which the port is asked whether it speaks http."""

_PIECE = 4 * 1024
"""Bytes that are sent before the time that is left is looked at."""

_TLS_PIECE = 16 * 1024

_LEAST = 256
"""Bytes that a piece of an answer counts as, however small it is: each of them costs time."""

T = TypeVar("T")

Left: TypeAlias = Callable[[], float]
"""Seconds that are left; zero or less if the time is over."""


def countdown(limit: float) -> Left:
    """The seconds that are left of a limit, which runs from this call on."""
    end = time.monotonic() + limit
    return lambda: end - time.monotonic()


class Limit(Struct):
    """What a request may cost: time for all of it, and bytes that come back.

    The bytes are those of everything that a server can send: answers before the answer, headers, chunks, trailers.
    """

    left: Left
    most: int
    received: int = 0

    def wait(self, began: float) -> float:
        """Seconds for what began to be waited for at some time."""
        return min(self.left(), IDLE + began - time.monotonic())

    def count(self, received: bytes) -> bytes:
        """A piece of an answer, or a part of its body. Raises `TooMuch`."""
        self.received += max(len(received), _LEAST)
        if self.received > self.most:
            raise TooMuch(f"{self.most // 1024} KiB")
        return received


class TooMuch(httpcore.ReadError):
    """More bytes came than a request may cost; as text, how many those are."""


class SpeaksHttp(httpcore.ConnectError):
    """The port that was to speak TLS speaks plain http."""


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

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ARG002  # the limit says it
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        """Connect, in a thread that nobody waits for: the look-up of a name cannot be cut short."""
        limit, began = _limit.get(), time.monotonic()
        seconds = max(limit.wait(began), 0.001)
        made: Future[httpcore.NetworkStream] = Future()

        def connect() -> None:
            try:
                plain = httpcore.SyncBackend().connect_tcp(host, port, seconds, local_address, socket_options)
                made.set_result(plain)
            except BaseException as error:  # noqa: BLE001  # raised again where it is waited for
                made.set_exception(error)

        threading.Thread(target=connect, daemon=True).start()
        while (wait := limit.wait(began)) > 0:
            with suppress(TimeoutError):
                return _Stream(made.result(min(wait, SLICE)))
        made.add_done_callback(_close_late)
        raise httpcore.ConnectTimeout("timed out")


def _close_late(made: Future[httpcore.NetworkStream]) -> None:
    if made.exception() is None:
        made.result().close()


class _Stream(httpcore.NetworkStream):
    """A connection that looks at the limit before it waits."""

    def __init__(self, inner: httpcore.NetworkStream) -> None:
        self._inner = inner

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        limit, began = _limit.get(), time.monotonic()
        end = began + (IDLE if timeout is None else timeout)
        while (wait := min(limit.wait(began), end - time.monotonic())) > 0:
            with suppress(httpcore.ReadTimeout):
                return limit.count(self._inner.read(max_bytes, min(wait, SLICE)))
        raise httpcore.ReadTimeout("timed out")

    def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ARG002  # as above
        limit = _limit.get()
        for start in range(0, len(buffer), _PIECE):
            if (wait := limit.wait(time.monotonic())) <= 0:
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
        limit, handshake = _limit.get(), countdown(HANDSHAKE)
        try:
            with within(Limit(lambda: min(limit.left(), handshake()), limit.most)):
                return _TlsStream(self, ssl_context, server_hostname)
        except httpcore.TimeoutException:
            self.close()
            raise httpcore.ConnectTimeout("timed out") from None
        except (ssl.SSLError, httpcore.NetworkError) as error:
            self.close()
            raise error if isinstance(error, SpeaksHttp) else httpcore.ConnectError(str(error)) from error

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)


class _TlsStream(_Stream):
    """TLS over another connection, which may itself be one with TLS, to a proxy.

    httpcore waits for each piece of a record anew, and so for ever.
    """

    def __init__(self, outer: _Stream, context: ssl.SSLContext, hostname: str | None) -> None:
        super().__init__(outer)
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_hostname=hostname)
        self._carried(self._tls.do_handshake, self._piece_of_handshake)

    def _carried(self, act: Callable[[], T], more: Callable[[], bytes]) -> T:
        """What something gives once the other side has said what it waits for."""
        while True:
            with suppress(ssl.SSLWantReadError):
                result = act()
                self._inner.write(self._outgoing.read())
                return result
            self._inner.write(self._outgoing.read())
            if piece := more():
                self._incoming.write(piece)
            else:
                self._incoming.write_eof()

    def _piece(self) -> bytes:
        return self._inner.read(_TLS_PIECE)

    def _piece_of_handshake(self) -> bytes:
        """The same. CouchDB takes a handshake for the beginning of a line, and says nothing: then its port is asked."""
        with suppress(httpcore.ReadTimeout):
            return self._inner.read(_TLS_PIECE, SILENCE)
        if _limit.get().left() > 0 and self._inner.get_extra_info("ssl_object") is None:
            with suppress(OSError):
                if _speaks_http(self._inner.get_extra_info("server_addr")[:2]):
                    raise SpeaksHttp("this port speaks http")
        return self._piece()

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ARG002  # as above
        try:
            return self._carried(lambda: self._tls.read(max_bytes), self._piece)
        except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
            return b""
        except ssl.SSLError as error:
            raise httpcore.ReadError(str(error)) from error

    def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ARG002  # as above
        try:
            while buffer:
                sent = self._carried(lambda rest=buffer: self._tls.write(rest), self._piece)  # type: ignore[misc]
                buffer = buffer[sent:]
        except ssl.SSLError as error:
            raise httpcore.WriteError(str(error)) from error

    def get_extra_info(self, info: str) -> Any:
        return self._tls if info == "ssl_object" else super().get_extra_info(info)


def _speaks_http(address: tuple[str, int]) -> bool:
    """Whether a plain request is answered; servers that speak TLS answer 400 to one."""
    with socket.create_connection(address, SILENCE) as plain:
        plain.settimeout(SILENCE)
        plain.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        start = plain.recv(64)
    return start.startswith(b"HTTP/1.") and start[9:12] != b"400"


def speaks_tls(host: str, port: int) -> bool:
    """Whether a port that does not speak http takes a TLS handshake. Nothing is sent over it."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with suppress(OSError), socket.create_connection((host, port), SILENCE) as plain:
        context.wrap_socket(plain, server_hostname=host).close()
        return True
    return False
