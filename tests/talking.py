"""Servers that say, byte for byte, what a test wants."""

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


def drip(connection: socket.socket, over: threading.Event, drop: bytes) -> None:
    """Send a drop again and again, until somebody has enough."""
    while not over.wait(0.05):
        connection.sendall(drop)


def hang(connection: socket.socket, over: threading.Event) -> None:
    """Say nothing."""
    over.wait()
