"""``provision drift --follow`` in a process of its own, whose output can be waited for."""

import json
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from provisioner.core.plan.live import DOWN, REMOVED, UP, DriftKind
from tests.program import Done, Program


class Followed:
    """A run that follows; what it prints can be waited for."""

    def __init__(self, program: Program) -> None:
        self._program = program

    def event(self) -> dict[str, Any]:
        """The next event."""
        found: dict[str, Any] = json.loads(self._program.out.next())
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
        while text not in (line := self._program.err.next()):
            pass
        return line

    def stop(self) -> Done:
        """Its end, and all messages that nobody waited for."""
        self._program.process.send_signal(signal.SIGTERM)
        return self._program.ended()


@contextmanager
def following(folder: Path, *options: object) -> Iterator[Followed]:
    with Program("drift", "--follow", "--format", "json", *options, folder=folder) as program:
        yield Followed(program)
