"""Posts messages to a webhook: in the background, tried again, and never more than a bounded number."""

import queue
import threading
from collections.abc import Callable

import httpx

from provisioner.core.errors import UsageError

MOST_WAITING = 1000
"""Messages that wait at a time; what comes while as many wait is left out."""

PAUSES = (1.0, 2.0, 4.0, 8.0)
"""Seconds before each further try."""

LIMIT = 10.0
"""Seconds of one try."""


class Webhook:
    """The messages for one address. `complain` is told what could not be posted; the address itself is a secret."""

    def __init__(self, url: str, complain: Callable[[str], None]) -> None:
        """Begin to post what will be sent. Raises `UsageError` for an address that is none."""
        self._url = _read(url)
        self._complain = complain
        self._waiting: queue.Queue[object] = queue.Queue(MOST_WAITING)
        self._ending, self._hurry = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._work, daemon=True)
        self._thread.start()

    def send(self, message: object) -> None:
        """Post a message (JSON) as soon as possible."""
        try:
            self._waiting.put_nowait(message)
        except queue.Full:
            self._complain(f"{MOST_WAITING} messages wait for the webhook: this one is left out")

    def finish(self) -> None:
        """End when all that waits is posted or given up, however often it is tried."""
        self._ending.set()
        self._thread.join()

    def close(self, grace: float) -> None:
        """End at once, after a last try of what waits; what is not posted within some seconds is given up."""
        self._hurry.set()
        self._ending.set()
        self._thread.join(grace)
        if self._thread.is_alive():
            self._complain("not all messages could be posted to the webhook: it does not answer")

    def _work(self) -> None:
        with httpx.Client(timeout=LIMIT) as client:
            while True:
                try:
                    message = self._waiting.get(timeout=0.1)
                except queue.Empty:
                    if self._ending.is_set():
                        return
                    continue
                self._post(client, message)

    def _post(self, client: httpx.Client, message: object) -> None:
        why = ""
        for pause in (0.0, *PAUSES):
            if pause and self._hurry.wait(pause):
                break
            try:
                with client.stream("POST", self._url, json=message) as answer:  # its body may never end
                    status = answer.status_code
            except httpx.HTTPError as error:
                why = type(error).__name__
                continue
            if 200 <= status < 300:
                return
            why = f"it answers {status}"
            if status < 500 and status != 429:
                break
        self._complain(f"a message could not be posted to the webhook at {self._url.host}: {why}")


def _read(url: str) -> httpx.URL:
    try:
        found = httpx.URL(url)
    except httpx.InvalidURL:
        found = httpx.URL()
    if found.scheme not in ("http", "https") or not found.host:
        raise UsageError("webhook in provision.yaml is not a URL", "write it as https://…, or set its variable")
    return found
