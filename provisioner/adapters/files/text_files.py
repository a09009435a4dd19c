"""Reads files that hold one mapping, in YAML or JSON, and their texts; JSON with the place of each value."""

import errno
import json
import os
import re
import select
import stat
from bisect import bisect_right
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import BinaryIO

from provisioner.adapters.files.yaml_text import read_yaml, scalar_ends
from provisioner.core.definitions.content import (
    HALF_CHARACTER,
    MAX_BYTES,
    MAX_DEPTH,
    MAX_VALUES,
    NO_NUMBER,
    TOO_DEEP,
    Reading,
    StoppedError,
    ValuePlace,
    duplicate_key,
    plain,
)
from provisioner.core.definitions.content import Path as KeyPath
from provisioner.core.definitions.problem import LINE_BREAK, START, Mark, Problem, mark_at
from provisioner.core.outside_json import why_no_json
from provisioner.core.secret import Json
from provisioner.core.text import is_whole, unseen_name

_PART = 16 * 1024
"""What is read at once where the size is not known. Python reserves it: 1 MiB each time takes four times as long."""

_NO_WAIT = getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
"""A named pipe that nobody writes to is not waited for."""

_PATIENCE = 60.0
"""Seconds within which a program that writes into a pipe must say something."""


def read_mapping(path: Path | str, *, json: bool = False) -> Reading:
    """Read a file; by its name it is JSON or YAML. Raises `OSError` where it cannot be opened."""
    status = os.stat(path)  # noqa: PTH116  # a path of thousands costs as much as its file if it is made a `Path`
    if not stat.S_ISREG(status.st_mode):
        return Reading.failed(START, "cannot be read: not a regular file", "unreadable")
    if status.st_size > MAX_BYTES:
        return Reading.failed(START, f"larger than 1 MiB ({status.st_size} bytes)", "too-large")
    return parse(read_limited(path), json=json or str(path).lower().endswith(".json"))


def exists(path: Path | str) -> bool:
    """Whether there is something at a path; one that cannot be looked at, as it is too long, is empty."""
    return os.path.exists(path)  # noqa: PTH110  # that of Path raises then


def is_folder(path: Path | str) -> bool:
    """Whether a folder is at a path, as `exists`."""
    return os.path.isdir(path)  # noqa: PTH112


def is_file(path: Path) -> bool:
    """Whether a regular file is at a path, as `exists`."""
    return os.path.isfile(path)  # noqa: PTH113


def read_limited(path: Path | str, most: int = MAX_BYTES) -> bytes:
    """A file, cut somewhere beyond its first `most` bytes if it has more. Raises `OSError`.

    A pipe, such as that of ``<(…)``, is read if a program writes to it, and not waited for without end.
    """
    with os.fdopen(os.open(path, os.O_RDONLY | _NO_WAIT), "rb", buffering=0) as file:
        status = os.fstat(file.fileno())
        if stat.S_ISDIR(status.st_mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
        parts = [_part(file, path, min(status.st_size, most) + 1)]
        while parts[-1] and sum(map(len, parts)) <= most and sum(map(len, parts)) != status.st_size:
            parts.append(_part(file, path, _PART))
    if stat.S_ISFIFO(status.st_mode) and not parts[0]:
        raise OSError(errno.EPIPE, "nothing writes to this pipe", str(path))
    return b"".join(parts)


def _part(file: BinaryIO, path: Path | str, size: int) -> bytes:
    """The next bytes; none at the end."""
    part: bytes | None = file.read(size)
    if part is None:  # nothing yet
        if not select.select([file], [], [], _PATIENCE)[0]:
            raise OSError(errno.ETIMEDOUT, f"this pipe sent nothing for {_PATIENCE:g} s", str(path))
        part = file.read(size)
    return part or b""


def parse(content: bytes, *, json: bool = False) -> Reading:
    """Read the content of a file. JSON is also YAML, but for its tabs and its numbers."""
    if len(content) > MAX_BYTES:
        return Reading.failed(START, "larger than 1 MiB", "too-large")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = content[: error.start].decode(errors="replace")
        mark = Mark(before.count("\n") + 1, len(before) - before.rfind("\n"))
        return Reading.failed(mark, "not UTF-8: save the file as UTF-8", "not-utf-8")
    if text.startswith("\ufeff"):
        why = "it begins with two byte order marks: save the file as UTF-8 without one"
        return Reading.failed(START, why, "not-utf-8")
    return read_json(text) if json else read_yaml(text)


def text_of(path: str) -> str:
    """The text of a definition that was read before, without a byte order mark."""
    return read_limited(Path(path)).decode("utf-8-sig")


@cache
def ends(path: str) -> Mapping[Mark, Mark]:
    """The ends of the keys and plain values of a file, by where they begin."""
    try:
        return scalar_ends(_text(path))
    except (OSError, UnicodeDecodeError):
        return {}


def line_of(path: str, number: int) -> str | None:
    """A line of a file, by its number from 1; ``None`` if it cannot be read."""
    try:
        return _lines(path)[number - 1]
    except (OSError, UnicodeDecodeError, IndexError):
        return None


@cache
def _lines(path: str) -> list[str]:
    return LINE_BREAK.split(_text(path))


def _text(path: str) -> str:
    return text_of(path) if Path(path).is_file() else ""


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
        self.places: dict[KeyPath, ValuePlace] = {}
        self._tokens = _TOKEN.finditer(text)
        self._lines = [0, *(match.end() for match in LINE_BREAK.finditer(text))]
        self._values = 0

    def root(self) -> Json:
        """The value of the whole text. Raises `StoppedError` where it is too deep or too large."""
        return self._value(next(self._tokens), (), START)

    def _value(self, token: re.Match[str], path: KeyPath, key: Mark) -> Json:
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

    def _mapping(self, path: KeyPath) -> dict[str, Json]:
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
