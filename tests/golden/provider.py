"""A provider on loopback that writes down each request, byte for byte, and answers as it is told."""

import re
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

Answering = Callable[[bytes, socket.socket], None]
"""Answers one request on its connection."""


class Provider:
    """Listens on one port. `requests` are those since the last `answer_with`."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._listener.getsockname()[1]}"
        self.requests: list[bytes] = []
        self._answering: Answering = lambda _, connection: connection.sendall(b"")
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def answer_with(self, answering: Answering | bytes) -> None:
        """Answer so from now on."""
        self.requests = []
        if isinstance(answering, bytes):
            content = answering
            self._answering = lambda _, connection: connection.sendall(content)
        else:
            self._answering = answering

    def close(self) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(5)

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with connection, suppress(OSError):
                connection.settimeout(10)
                request = _whole_request(connection)
                if request:
                    self.requests.append(request)
                    self._answering(request, connection)


@contextmanager
def provider() -> Iterator[Provider]:
    made = Provider()
    try:
        yield made
    finally:
        made.close()


def _whole_request(connection: socket.socket) -> bytes:
    raw = b""
    while b"\r\n\r\n" not in raw:
        piece = connection.recv(65536)
        if not piece:
            return b""
        raw += piece
    head, _, body = raw.partition(b"\r\n\r\n")
    length = re.search(rb"(?i)\r\ncontent-length: (\d+)", head)
    while length and len(body) < int(length[1]):
        piece = connection.recv(65536)
        if not piece:
            return b""
        raw, body = raw + piece, body + piece
    return raw


def http(status: int, body: bytes, *headers: tuple[str, str]) -> bytes:
    """An answer as a server writes it."""
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers)
    return (
        f"HTTP/1.1 {status} Status\r\nConnection: close\r\nContent-Length: {len(body)}\r\n{lines}\r\n".encode() + body
    )
