"""Notices that a database changes: ``_changes`` of CouchDB, with a long poll.

Source: CouchDB's documentation of ``/{db}/_changes``. It is only a hint that it is time to look, so nothing depends on
what it answers: a position that the database no longer knows, or an answer that nobody can read, is no answer.
"""

import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, TypeAlias
from urllib.parse import quote, urlencode

from provisioner.adapters.couchdb.connection import Connection
from provisioner.core.errors import StoreError

LONGEST_POLL = 25.0
"""Seconds that one request waits: what stands between us and the server often gives up after 30."""

LATE = 2.0
"""Seconds that an answer may come later than asked for."""

Connect: TypeAlias = Callable[[float], AbstractContextManager[Connection]]
"""Connects to the server, for so many seconds."""


class LongPoll:
    """The changes of one database; each request has a connection of its own, which ends within the time limit."""

    def __init__(self, connect: Connect, database: str, timeout: float) -> None:
        self._connect = connect
        self._path = quote(database, safe="")
        self._timeout = timeout

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
