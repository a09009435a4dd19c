"""Keeps requests to one host apart, so that a check does not look like an attack."""

import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager

from provisioner.core.oauth.http_answer import origin

GAP = 0.25
"""Seconds from the end of one request to a host to the start of the next."""


class Pace:
    """Gives turns: one request a host at a time."""

    def __init__(self, gap: float = GAP) -> None:
        self._gap = gap
        self._locks: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)
        self._ends: dict[str, float] = {}
        self._all = threading.Lock()

    @contextmanager
    def turn(self, url: str) -> Iterator[None]:
        """Wait for the turn of a URL's host, and hold it."""
        host = origin(url) or url
        with self._all:
            lock = self._locks[host]
        with lock:
            time.sleep(max(0.0, self._ends.get(host, 0.0) + self._gap - time.monotonic()))
            try:
                yield
            finally:
                self._ends[host] = time.monotonic()
