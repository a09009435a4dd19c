"""A relay in front of a server whose wires can be cut."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress


class Relay:
    """Passes bytes on in both directions, unless it is cut: then each connection ends at once."""

    def __init__(self, host: str, port: int) -> None:
        self._to = (host, port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self._whole = True
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def cut(self) -> None:
        """End all connections, and each that comes."""
        with self._lock:
            self._whole = False
            for end in self._open:
                with suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)

    def mend(self) -> None:
        """Let connections through again."""
        with self._lock:
            self._whole = True

    def close(self) -> None:
        self.cut()
        with self._listener, suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                end, _ = self._listener.accept()
                thread = threading.Thread(target=self._pass_on, args=(end,))
                thread.start()
                self._threads.append(thread)

    def _pass_on(self, end: socket.socket) -> None:
        with end, suppress(OSError), socket.create_connection(self._to) as other:
            with self._lock:
                if not self._whole:
                    return
                self._open |= {end, other}
            back = threading.Thread(target=_copy, args=(other, end))
            back.start()
            _copy(end, other)
            back.join()
            with self._lock:
                self._open -= {end, other}


def _copy(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            sink.sendall(data)
    for end in (source, sink):
        with suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)


@contextmanager
def relay(host: str, port: int) -> Iterator[Relay]:
    """A relay to a server."""
    found = Relay(host, port)
    try:
        yield found
    finally:
        found.close()
