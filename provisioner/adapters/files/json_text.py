"""Reads JSON into nodes."""

import json
import re
from bisect import bisect_right

from provisioner.core.definitions.node import START, Entry, MappingNode, Mark, Node, Scalar, SequenceNode
from provisioner.core.definitions.problem import Fault
from provisioner.core.definitions.reading import HALF_CHARACTER, MAX_DEPTH, MAX_VALUES, Reading, distinct
from provisioner.core.secret import is_finite
from provisioner.core.text import is_whole

_SPACE = re.compile(r"[\s,:]*")


def read_json(text: str) -> Reading:
    """Read a JSON text that holds one object."""
    if not text.strip():
        return Reading.of(None, ())
    try:
        json.loads(text)
    except json.JSONDecodeError as error:
        message = f"not JSON: {error.msg[0].lower()}{error.msg[1:]}"
        return Reading.failed(Mark(error.lineno, error.colno), message, "syntax")
    except (RecursionError, ValueError):
        return Reading.failed(START, "nested too deeply, or a number that is too long", "too-deep")
    walk = _Walk(text)
    try:
        node, _ = walk.value(_skip(text, 0), 1)
    except _TooLargeError as error:
        return Reading.failed(walk.mark(error.position), str(error), "too-large", walk.faults)
    return Reading.of(node, walk.faults)


def _skip(text: str, position: int) -> int:
    match = _SPACE.match(text, position)
    assert match is not None
    return match.end()


class _TooLargeError(Exception):
    def __init__(self, message: str, position: int) -> None:
        super().__init__(message)
        self.position = position


class _Walk:
    """Finds the place of each value in a text that is known to be JSON; so commas and colons are only space."""

    def __init__(self, text: str) -> None:
        self.faults: list[Fault] = []
        self._text = text
        self._lines = [0, *(match.end() for match in re.finditer("\n", text))]
        self._decoder = json.JSONDecoder()
        self._values = 0

    def mark(self, position: int) -> Mark:
        """The line and column of a position."""
        line = bisect_right(self._lines, position)
        return Mark(line, position - self._lines[line - 1] + 1)

    def value(self, position: int, depth: int) -> tuple[Node, int]:
        """The value at a position, and the position behind it."""
        self._values += 1
        if self._values > MAX_VALUES or depth > MAX_DEPTH:
            raise _TooLargeError(f"more than {MAX_VALUES} values, or more than {MAX_DEPTH} levels", position)
        match self._text[position]:
            case "{":
                return self._mapping(position, depth)
            case "[":
                return self._sequence(position, depth)
            case _:
                return self._scalar(position)

    def _scalar(self, start: int) -> tuple[Scalar, int]:
        value, end = self._decoder.raw_decode(self._text, start)
        if isinstance(value, str):
            self._whole(value, start)
        elif isinstance(value, int | float) and not is_finite(value):
            self.faults.append(Fault(self.mark(start), "JSON has no such number: quote it", "not-json"))
            value = self._text[start:end]
        return Scalar(value, self.mark(start)), end

    def _whole(self, text: str, start: int) -> None:
        if not is_whole(text):
            self.faults.append(Fault(self.mark(start), HALF_CHARACTER, "not-json"))

    def _sequence(self, start: int, depth: int) -> tuple[SequenceNode, int]:
        items: list[Node] = []
        position = _skip(self._text, start + 1)
        while self._text[position] != "]":
            item, end = self.value(position, depth + 1)
            items.append(item)
            position = _skip(self._text, end)
        return SequenceNode(tuple(items), self.mark(start)), position + 1

    def _mapping(self, start: int, depth: int) -> tuple[MappingNode, int]:
        entries: list[Entry] = []
        position = _skip(self._text, start + 1)
        while self._text[position] != "}":
            key, end = self._decoder.raw_decode(self._text, position)
            self._whole(key, position)
            value, end = self.value(_skip(self._text, end), depth + 1)
            entries.append(Entry(key, self.mark(position), value))
            position = _skip(self._text, end)
        return MappingNode(distinct(entries, depth, self.faults), self.mark(start)), position + 1
