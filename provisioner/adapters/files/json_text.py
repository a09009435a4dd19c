"""Reads JSON into nodes."""

import json
import re
from bisect import bisect_right
from collections.abc import Iterator

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

_TOKEN = re.compile(r'"(?:[^"\\]++|\\.)*+"|[-+.\w]+|[\[\]{}]', re.ASCII | re.DOTALL)
"""What stands in a text that is JSON, but for commas and colons, which say nothing more then."""


def read_json(text: str) -> Reading:
    """Read a JSON text that holds one object."""
    if not text.strip():
        return Reading.of(None, ())
    try:
        json.loads(text, parse_int=_unread, parse_float=_unread)
    except json.JSONDecodeError as error:
        position, why = why_no_json(text, error.pos)
        if name := nameless(text[position : position + 1]):
            why = f"{name} is not allowed here"
        return Reading.failed(line_at(text, position), f"not JSON: {why}", "syntax")
    except RecursionError:  # the nodes end long before that depth
        pass
    nodes = _Nodes(text)
    try:
        return Reading.of(nodes.root(), nodes.faults)
    except _StoppedError as stopped:
        return Reading(None, (*nodes.faults, stopped.fault))


def _unread(number: str) -> None:
    """A number is read where its place is known: Python refuses one of 5,000 digits."""


class _StoppedError(Exception):
    """The text is not read any further."""

    def __init__(self, mark: Mark, message: str, rule: str) -> None:
        super().__init__(message)
        self.fault = Problem(mark, message, rule)


class _Nodes:
    """Builds the nodes of a text that is known to be JSON."""

    def __init__(self, text: str) -> None:
        self.faults: list[Problem] = []
        self._tokens = _TOKEN.finditer(text)
        self._lines = [0, *(match.end() for match in LINE_BREAK.finditer(text))]
        self._values = 0

    def root(self) -> Node:
        """The node of the whole text. Raises `_StoppedError` where it is too deep or too large."""
        return self._node(next(self._tokens), 1)

    def _node(self, token: re.Match[str], depth: int) -> Node:
        mark, word = self._mark(token), token[0]
        self._values += 1
        if self._values > MAX_VALUES:
            raise _StoppedError(mark, f"more than {MAX_VALUES} values", "too-large")
        if word in ("{", "[") and depth > MAX_DEPTH:
            raise _StoppedError(mark, TOO_DEEP, "too-deep")
        if word == "{":
            entries = [
                Entry(self._text(key), self._mark(key), self._node(next(self._tokens), depth + 1))
                for key in self._until("}")
            ]
            return MappingNode(distinct(entries, depth, self.faults), mark)
        if word == "[":
            return SequenceNode(tuple(self._node(item, depth + 1) for item in self._until("]")), mark)
        if word[0] == '"':
            return Scalar(self._text(token), mark)
        value, otherwise = plain(word)
        if isinstance(value, str):  # NaN, Infinity, and a number that is too large
            self.faults.append(Problem(mark, NO_NUMBER, "not-json"))
        return Scalar(value, mark, otherwise=otherwise)

    def _until(self, end: str) -> Iterator[re.Match[str]]:
        while (token := next(self._tokens))[0] != end:
            yield token

    def _text(self, token: re.Match[str]) -> str:
        text: str = json.loads(token[0]) if "\\" in token[0] else token[0][1:-1]
        if not is_whole(text):
            self.faults.append(Problem(self._mark(token), HALF_CHARACTER, "not-json"))
        return text

    def _mark(self, token: re.Match[str]) -> Mark:
        line = bisect_right(self._lines, token.start())
        return Mark(line, token.start() - self._lines[line - 1] + 1)
