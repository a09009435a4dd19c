"""A CouchDB-compatible server in memory, on a free loopback port, gone when it is left.

It has an admin and refuses everybody else, as CouchDB 3 does.
"""

import json
import random
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

FOLDER = Path(__file__).parent
USER, PASSWORD = "admin", "password"
START_LIMIT = 60.0
"""Seconds until a start counts as failed."""


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
    """Start on a free port; another one where somebody else was quicker to take it."""
    for _ in range(3):
        port = free_port(digits)
        command = ["node", str(FOLDER / "server.js"), str(port), USER, PASSWORD]
        process = subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        if _answers(process, f"http://127.0.0.1:{port}"):
            return process, f"http://{USER}:{PASSWORD}@127.0.0.1:{port}"
        process.kill()
        process.wait()
    raise StartError("pouchdb-server does not start")


def free_port(digits: int | None = None) -> int:
    """A loopback port that nobody listens on."""
    while True:
        wanted = random.randrange(max(1024, 10 ** (digits - 1)), 10**digits) if digits else 0
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", wanted))
            except OSError:
                continue
            port: int = probe.getsockname()[1]
            return port


def _answers(process: subprocess.Popen[bytes], url: str) -> bool:
    deadline = time.monotonic() + START_LIMIT
    while process.poll() is None and time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(url, timeout=5) as answer:
                return "express-pouchdb" in json.load(answer)
        except (OSError, ValueError, urllib.error.URLError):
            time.sleep(0.05)
    return False
