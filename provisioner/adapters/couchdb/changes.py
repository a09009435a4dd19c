"""Follows the changes of a database: ``_changes`` of CouchDB, continuous and with a heartbeat.

Source: CouchDB's documentation of ``/{db}/_changes``. A sequence is opaque text, and a feed that goes on from one tells
every change after it at least once.
"""

import threading
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import httpx

from provisioner.adapters.couchdb.address import Address
from provisioner.adapters.couchdb.client import new_client
from provisioner.adapters.couchdb.http import json_of, unreadable
from provisioner.adapters.couchdb.transport_errors import explained
from provisioner.core.errors import NotFound, SignInRefused, StoreError, Unavailable
from provisioner.core.plan.feed import Changed, Connected, Item, Lost
from provisioner.core.targets.target import Tls

HEARTBEAT = 5.0
"""Seconds after which CouchDB sends an empty line if nothing changes."""

SILENCE = 4 * HEARTBEAT
"""Seconds without a line after which the connection counts as broken."""

FIRST_PAUSE, LONGEST_PAUSE = 0.5, 30.0
"""Seconds before the next try; a pause doubles at each try."""


class ChangesFeed:
    """A `Feed` that goes on where it broke."""

    def __init__(
        self, address: Address, tls: Tls, database: str, sequence: str | None, warn: Callable[[str], None]
    ) -> None:
        """Connect at the first request. `sequence`: where to go on, none: from now on.

        `warn` is told if the database does not know the sequence, so that changes may be missed.
        """
        self._address = address
        self._url = f"{address.url}/{quote(database, safe='')}/_changes"
        self._client = new_client(address, tls, 2)
        self._sequence = sequence
        self._pause = FIRST_PAUSE
        self._warn = warn

    def follow(self, tell: Callable[[Item], None], stopped: threading.Event) -> None:
        """Tell what happens until it is stopped; a line may still come after that."""
        with self._client:
            while not stopped.is_set():
                try:
                    self._stream(tell, stopped)
                except StoreError as error:
                    tell(Lost(error))
                stopped.wait(self._pause)
                self._pause = min(2 * self._pause, LONGEST_PAUSE)

    def since(self) -> tuple[list[str], str]:
        """The ids that changed since the sequence, without waiting for more, and the last sequence."""
        with self._client:
            body = self._get({"since": self._begin()})
        rows, last = body.get("results"), body.get("last_seq")
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows) or last is None:
            raise unreadable(self._address.url)
        return [str(row.get("id")) for row in rows], str(last)

    def _begin(self) -> str:
        """The sequence to go on from; that of now if there is none, or if this database does not know it."""
        if self._sequence is not None:
            if self._known(self._sequence):
                return self._sequence
            self._warn(f"{self._address.url} does not know what was seen last: what changed since is not told")
        self._sequence = "0"  # for a database that does not exist yet: all of it will be new
        self._sequence = str(self._get({"limit": "0", "since": "now"}).get("last_seq", "0"))
        return self._sequence

    def _known(self, sequence: str) -> bool:
        answer = self._asked({"limit": "0", "since": sequence})
        if answer.status_code not in (200, 400):
            raise self._refused(answer)
        return answer.status_code == 200

    def _stream(self, tell: Callable[[Item], None], stopped: threading.Event) -> None:
        query = {"feed": "continuous", "heartbeat": str(int(HEARTBEAT * 1000)), "since": self._begin()}
        headers = {"Accept-Encoding": "identity"}  # a packed feed is held back until a block of it is full
        tell(Connected(query["since"]))  # the database answered; some servers send nothing until the first heartbeat
        try:
            with self._client.stream("GET", self._url, params=query, headers=headers, timeout=SILENCE) as response:
                if response.status_code != 200:
                    response.read()
                    raise self._refused(response)
                for line in response.iter_lines():
                    self._pause = FIRST_PAUSE
                    if stopped.is_set():
                        return
                    if line:
                        self._take(line, tell)
        except httpx.TransportError as error:
            raise explained(error, self._address.url, self._address.host) from None

    def _take(self, line: str, tell: Callable[[Item], None]) -> None:
        row = json_of(line)
        if not isinstance(row, dict):
            raise unreadable(self._address.url)
        if "id" in row and "seq" in row:
            self._sequence = str(row["seq"])
            tell(Changed(str(row["id"]), self._sequence))
        elif "last_seq" in row:
            self._sequence = str(row["last_seq"])
        elif "error" in row:
            raise Unavailable(f"{self._address.url} ends the feed: {row['error']}", "see the log of CouchDB")

    def _get(self, query: dict[str, str]) -> dict[str, Any]:
        answer = self._asked(query)
        if answer.status_code != 200:
            raise self._refused(answer)
        body = json_of(answer.content)
        if not isinstance(body, dict):
            raise unreadable(self._address.url)
        return body

    def _asked(self, query: dict[str, str]) -> httpx.Response:
        try:
            return self._client.get(self._url, params=query, timeout=SILENCE)
        except httpx.TransportError as error:
            raise explained(error, self._address.url, self._address.host) from None

    def _refused(self, answer: httpx.Response) -> StoreError:
        url = self._address.url
        if answer.status_code in (401, 403):
            return SignInRefused(f"{url} refuses to tell changes ({answer.status_code})", "sign in as an admin")
        if answer.status_code == 404:
            return NotFound(f"the database does not exist at {url}", "apply creates it")
        return Unavailable(f"{url} answers {answer.status_code} to _changes", "see the log of CouchDB")
