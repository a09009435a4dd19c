"""A CouchDB-compatible server in memory, on a free loopback port, gone when it is left.

It has an admin and refuses everybody else, as CouchDB 3 does.
"""

import random
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

FOLDER = Path(__file__).parent
USER, PASSWORD = "admin", "password"


class StartError(Exception):
    pass


@contextmanager
def running(digits: int | None = None) -> Iterator[str]:
    """The URL of a new server, with user and password.

    Its port may be asked to have a number of digits, for output of a known width.
    """
    if not (FOLDER / "node_modules/pouchdb-server").exists():
        raise StartError(f"pouchdb-server is not installed: run npm ci in {FOLDER}")
    with tempfile.TemporaryDirectory() as folder:
        process, url = _start(folder, digits)
        try:
            yield url
        finally:
            process.terminate()
            process.wait()


def _start(folder: str, digits: int | None) -> tuple[subprocess.Popen[bytes], str]:
    """Start on a port that the system gives, or on one of so many digits; another one where it is taken."""
    for _ in range(100):
        port = random.randrange(max(1024, 10 ** (digits - 1)), 10**digits) if digits else 0
        command = ["node", str(FOLDER / "server.js"), str(port), USER, PASSWORD]
        process = subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        assert process.stdout is not None
        with process.stdout:
            listening = process.stdout.readline().decode().strip()
        if listening:
            return process, f"http://{USER}:{PASSWORD}@{listening}"
        process.wait()
    raise StartError("pouchdb-server does not start")


def free_port() -> int:
    """A loopback port that nobody listens on, and that the system gives to nobody who does not ask for it."""
    while True:
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port := random.randrange(10_000, 32_000)))
            except OSError:
                continue
            return port
