"""``provision drift --follow`` in a process of its own, whose output can be waited for."""

import json
import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from provisioner.core.plan.drift import DOWN, REMOVED, UP, DriftKind

PATIENCE = 30.0


class Followed:
    """A run that follows; what it prints can be waited for."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self._lines: queue.Queue[str] = queue.Queue()
        self._messages: queue.Queue[str] = queue.Queue()
        streams = ((process.stdout, self._lines), (process.stderr, self._messages))
        self._readers = [threading.Thread(target=_read, args=each, daemon=True) for each in streams]
        for reader in self._readers:
            reader.start()

    def event(self) -> dict[str, Any]:
        """The next event."""
        found: dict[str, Any] = json.loads(self._lines.get(timeout=PATIENCE))
        assert found["event"] in {*DriftKind, REMOVED, DOWN, UP} - {DriftKind.ELSEWHERE}
        return found

    def events(self, number: int) -> list[tuple[str | None, str, list[str]]]:
        found = [self.event() for _ in range(number)]
        return sorted(((each["id"], each["event"], each["fields"]) for each in found), key=str)

    def next(self) -> tuple[str | None, str]:
        """The id and the word of the next event."""
        event = self.event()
        return event["id"], event["event"]

    def until(self, id: str | None, word: str) -> dict[str, Any]:
        """Wait for an event, whatever comes before it."""
        while True:
            event = self.event()
            if (event["id"], event["event"]) == (id, word):
                return event

    def said(self, text: str) -> str:
        """Wait for a message that holds a text, and return it."""
        while True:
            line = self._messages.get(timeout=PATIENCE)
            if text in line:
                return line

    def rest(self) -> str:
        """All messages that nobody waited for."""
        return "".join(self._messages.get_nowait() for _ in range(self._messages.qsize()))

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(PATIENCE)

    def end(self) -> None:
        """Kill the run, and read to the end: a stream that is closed under its reader is an error."""
        self.process.kill()
        for reader in self._readers:
            reader.join(PATIENCE)


def _read(stream: Any, into: "queue.Queue[str]") -> None:
    for line in stream:
        into.put(line)


@contextmanager
def following(folder: Path, *options: object) -> Iterator[Followed]:
    command = [sys.executable, "-m", "provisioner", "drift", "--follow", "--format", "json", *map(str, options)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=folder, stdout=pipe, stderr=pipe, text=True, env=os.environ) as process:
        followed = Followed(process)
        try:
            yield followed
        finally:
            followed.end()
