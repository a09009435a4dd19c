"""Reads JSON, with the place of each value."""

import json
import re
from bisect import bisect_right
from collections.abc import Iterator

from provisioner.core.definitions.content import (
    HALF_CHARACTER,
    MAX_DEPTH,
    MAX_VALUES,
    NO_NUMBER,
    TOO_DEEP,
    Path,
    Reading,
    StoppedError,
    ValuePlace,
    duplicate_key,
)
from provisioner.core.definitions.plain_scalar import plain
from provisioner.core.definitions.problem import LINE_BREAK, START, Mark, Problem, mark_at
from provisioner.core.outside_json import why_no_json
from provisioner.core.secret import Json
from provisioner.core.text import is_whole, unseen_name

_TOKEN = re.compile(r'"(?:[^"\\]++|\\.)*+"|[-+.\w]+|[\[\]{}]', re.ASCII | re.DOTALL)
"""What stands in a text that is JSON, but for commas and colons, which say nothing more then."""


def read_json(text: str) -> Reading:
    """Read a JSON text that holds one object."""
    if not text.strip():
        return Reading.of(None, {}, ())
    try:
        json.loads(text, parse_int=_unread, parse_float=_unread)
    except json.JSONDecodeError as error:
        position, why = why_no_json(text, error.pos)
        if name := unseen_name(text[position : position + 1]):
            why = f"{name} is not allowed here"
        return Reading.failed(mark_at(text, position), f"not JSON: {why}", "syntax")
    except RecursionError:  # reading its values ends long before that depth
        pass
    tokens = _Tokens(text)
    try:
        return Reading.of(tokens.root(), tokens.places, tokens.faults)
    except StoppedError as stopped:
        return Reading(None, (*tokens.faults, stopped.fault))


def _unread(number: str) -> None:
    """A number is read where its place is known: Python refuses one of 5,000 digits."""


class _Tokens:
    """Reads the values of a text that is known to be JSON from its tokens."""

    def __init__(self, text: str) -> None:
        self.faults: list[Problem] = []
        self.places: dict[Path, ValuePlace] = {}
        self._tokens = _TOKEN.finditer(text)
        self._lines = [0, *(match.end() for match in LINE_BREAK.finditer(text))]
        self._values = 0

    def root(self) -> Json:
        """The value of the whole text. Raises `StoppedError` where it is too deep or too large."""
        return self._value(next(self._tokens), (), START)

    def _value(self, token: re.Match[str], path: Path, key: Mark) -> Json:
        """The value at a path, whose key stands at a mark; its place is noted."""
        mark, word = self._mark(token), token[0]
        self._values += 1
        if self._values > MAX_VALUES:
            raise StoppedError(mark, f"more than {MAX_VALUES} values", "too-large")
        if word in ("{", "[") and len(path) >= MAX_DEPTH:
            raise StoppedError(mark, TOO_DEEP, "too-deep")
        self.places[path] = ValuePlace(mark, key, mark.line)
        if word == "{":
            return self._mapping(path)
        if word == "[":
            items = enumerate(self._until("]"))
            return [self._value(item, (*path, index), self._mark(item)) for index, item in items]
        if word[0] == '"':
            return self._text(token)
        value, otherwise = plain(word)
        if isinstance(value, str):  # NaN, Infinity, and a number that is too large
            self.faults.append(Problem(mark, NO_NUMBER, "not-json"))
        self.places[path] = ValuePlace(mark, key, mark.line, otherwise)
        return value

    def _mapping(self, path: Path) -> dict[str, Json]:
        found: dict[str, Json] = {}
        for token in self._until("}"):
            key, mark, kept = self._text(token), self._mark(token), self.places
            if key in found:
                self.faults.append(duplicate_key(key, mark, kept[*path, key].key, path))
                self.places = {}  # of what is left out, nobody asks for a place
            found.setdefault(key, self._value(next(self._tokens), (*path, key), mark))
            self.places = kept
        return found

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
