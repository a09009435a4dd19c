"""Servers that say, byte for byte, what a test wants."""

import itertools
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TypeAlias

from tests.program import PATIENCE

Talk: TypeAlias = Callable[[socket.socket, threading.Event], None]
"""What a server does on a connection after a request; the event is set when the server ends."""


@contextmanager
def talking(talk: Talk) -> Iterator[str]:
    """The URL of a server that does the same with each connection, after it has read a request."""
    over = threading.Event()
    threads = []

    def serve(connection: socket.socket) -> None:
        with connection, suppress(OSError):
            connection.settimeout(PATIENCE)
            connection.recv(65536)
            talk(connection, over)

    with socket.create_server(("127.0.0.1", 0)) as server:

        def accept() -> None:
            with suppress(OSError):
                while not over.is_set():
                    threads.append(threading.Thread(target=serve, args=(server.accept()[0],)))
                    threads[-1].start()

        accepting = threading.Thread(target=accept)
        accepting.start()
        try:
            yield f"http://127.0.0.1:{server.getsockname()[1]}"
        finally:
            over.set()
            server.shutdown(socket.SHUT_RDWR)
            accepting.join()
            for thread in threads:
                thread.join()


def dripping(first: bytes, drop: bytes) -> Talk:
    """Send something, and then a drop again and again, until somebody has enough."""

    def talk(connection: socket.socket, over: threading.Event) -> None:
        connection.sendall(first)
        while not over.wait(0.05):
            connection.sendall(drop)

    return talk


def answering(*heads: str, body: bytes = b"{}") -> Talk:
    """Answer each connection with the next status and its headers; a single one is for all of them."""
    left = iter(heads) if len(heads) > 1 else itertools.repeat(heads[0])
    length = f"Content-Length: {len(body)}\r\nConnection: close"

    def talk(connection: socket.socket, over: threading.Event) -> None:
        connection.sendall(f"HTTP/1.1 {next(left)}\r\n{length}\r\n\r\n".encode() + body)

    return talk


def hang(connection: socket.socket, over: threading.Event) -> None:
    """Say nothing."""
    over.wait()


def reset(connection: socket.socket, over: threading.Event) -> None:
    """Break the connection when it ends."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
