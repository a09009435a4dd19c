"""Posts messages to a webhook: in the background, tried again, and never more than a bounded number."""

import queue
import threading
import time
from collections.abc import Callable
from urllib.parse import urlsplit

import httpx

MOST_WAITING = 1000
"""Messages that wait at a time; what comes while as many wait is left out."""

PAUSES = (1.0, 2.0, 4.0, 8.0)
"""Seconds before each further try."""

LIMIT = 10.0
"""Seconds of one try."""


class Webhook:
    """The messages for one address. `complain` is told what could not be posted; the address itself is a secret."""

    def __init__(self, url: str, complain: Callable[[str], None]) -> None:
        """Begin to post what will be sent."""
        self._url = url
        self._complain = complain
        self._waiting: queue.Queue[object] = queue.Queue(MOST_WAITING)
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._work, daemon=True)
        self._thread.start()

    def send(self, message: object) -> None:
        """Post a message (JSON) as soon as possible."""
        try:
            self._waiting.put_nowait(message)
        except queue.Full:
            self._complain(f"{MOST_WAITING} messages wait for the webhook: this one is left out")

    def close(self, grace: float) -> None:
        """End, after what waits is posted, or after some seconds."""
        end = time.monotonic() + grace
        self._closing.set()
        self._thread.join(max(0.0, end - time.monotonic()))

    def _work(self) -> None:
        with httpx.Client(timeout=LIMIT) as client:
            while True:
                try:
                    message = self._waiting.get(timeout=0.1)
                except queue.Empty:
                    if self._closing.is_set():
                        return
                    continue
                self._post(client, message)

    def _post(self, client: httpx.Client, message: object) -> None:
        why = ""
        for pause in (0.0, *PAUSES):
            if pause and self._closing.wait(pause):
                break
            try:
                answer = client.post(self._url, json=message)
            except (httpx.HTTPError, httpx.InvalidURL) as error:
                why = type(error).__name__
                continue
            if answer.is_success:
                return
            why = f"it answers {answer.status_code}"
            if answer.status_code < 500 and answer.status_code != 429:
                break
        self._complain(f"a message could not be posted to the webhook at {urlsplit(self._url).hostname}: {why}")
