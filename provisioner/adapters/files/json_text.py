"""Reads JSON into nodes."""

import json
import re
from bisect import bisect_right
from json.decoder import scanstring  # type: ignore[attr-defined]  # it is there, and typeshed lacks it

from provisioner.core.definitions.definition import (
    HALF_CHARACTER,
    MAX_DEPTH,
    MAX_VALUES,
    NO_NUMBER,
    TOO_DEEP,
    Reading,
    distinct,
)
from provisioner.core.definitions.node import LINE_BREAK, Entry, MappingNode, Mark, Node, Scalar, SequenceNode, line_at
from provisioner.core.definitions.plain_scalar import plain
from provisioner.core.definitions.problem import Problem
from provisioner.core.outside_json import why_no_json
from provisioner.core.text import is_whole, nameless

_SPACE = re.compile(r"[\s,:]*")
_WORD = re.compile(r"[-+.\w]+", re.ASCII)
_BRACKET = re.compile(r'"(?:[^"\\]++|\\.)*+(?:"|\\?\Z)|[\[{]|[\]}]', re.DOTALL)
"""A string, or what opens or closes a value."""


def read_json(text: str) -> Reading:
    """Read a JSON text that holds one object."""
    if not text.strip():
        return Reading.of(None, ())
    if (deep := _too_deep(text)) is not None:
        return Reading.failed(line_at(text, deep), TOO_DEEP, "too-deep")
    try:
        json.loads(text, parse_int=_unread, parse_float=_unread)
    except json.JSONDecodeError as error:
        position, why = why_no_json(text, error.pos)
        if name := nameless(text[position : position + 1]):
            why = f"{name} is not allowed here"
        return Reading.failed(line_at(text, position), f"not JSON: {why}", "syntax")
    walk = _Walk(text)
    try:
        node, _ = walk.value(_skip(text, 0), 1)
    except _TooLargeError as error:
        return Reading.failed(walk.mark(error.position), str(error), "too-large", walk.faults)
    return Reading.of(node, walk.faults)


def _too_deep(text: str) -> int | None:
    """Where a text goes deeper than is read, if it does: before anything that needs a stack looks at it."""
    depth = 0
    for match in _BRACKET.finditer(text):
        char = match[0][0]
        if char in "[{":
            depth += 1
            if depth > MAX_DEPTH:
                return match.start()
        elif char in "]}":
            depth -= 1
    return None


def _unread(number: str) -> None:
    """A number is read where its place is known: Python refuses one of 5,000 digits."""


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
        self.faults: list[Problem] = []
        self._text = text
        self._lines = [0, *(match.end() for match in LINE_BREAK.finditer(text))]
        self._values = 0

    def mark(self, position: int) -> Mark:
        """The line and column of a position."""
        line = bisect_right(self._lines, position)
        return Mark(line, position - self._lines[line - 1] + 1)

    def value(self, position: int, depth: int) -> tuple[Node, int]:
        """The value at a position, and the position behind it."""
        self._values += 1
        if self._values > MAX_VALUES:
            raise _TooLargeError(f"more than {MAX_VALUES} values", position)
        match self._text[position]:
            case "{":
                return self._mapping(position, depth)
            case "[":
                return self._sequence(position, depth)
            case '"':
                text, end = self._string(position)
                return Scalar(text, self.mark(position)), end
            case _:
                return self._word(position)

    def _word(self, start: int) -> tuple[Scalar, int]:
        match = _WORD.match(self._text, start)
        assert match is not None
        value, otherwise = plain(match[0])
        mark = self.mark(start)
        if isinstance(value, str):  # NaN, Infinity, and a number that is too large
            self.faults.append(Problem(mark, NO_NUMBER, "not-json"))
        return Scalar(value, mark, otherwise=otherwise), match.end()

    def _string(self, start: int) -> tuple[str, int]:
        text, end = scanstring(self._text, start + 1, True)
        if not is_whole(text):
            self.faults.append(Problem(self.mark(start), HALF_CHARACTER, "not-json"))
        return text, end

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
            key, end = self._string(position)
            value, end = self.value(_skip(self._text, end), depth + 1)
            entries.append(Entry(key, self.mark(position), value))
            position = _skip(self._text, end)
        return MappingNode(distinct(entries, depth, self.faults), self.mark(start)), position + 1
