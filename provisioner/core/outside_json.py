"""The JSON of servers, within bounds: how deep it is nested, how many values it holds, and no NaN."""

import json
from collections.abc import Iterator
from typing import Any

MAX_DEPTH = 200
"""Levels. Deeper values work in the stack; what compares and shows them here goes down by one call a level."""

MAX_VALUES = 3_000_000
"""Values, by the marks between them: an empty list has two characters, and takes 60 bytes of memory."""


class TooDeep(ValueError):
    """It is nested deeper than we go; as text, how deep that is."""

    def __init__(self) -> None:
        super().__init__(f"nested more than {MAX_DEPTH} levels deep")


class TooMany(ValueError):
    """It holds more values than we take; as text, how many those are."""

    def __init__(self) -> None:
        super().__init__(f"more than {MAX_VALUES} values")


def read_json(content: bytes) -> Any:
    """The value of a JSON text. Raises `TooDeep`, `TooMany`, or another `ValueError` for what is not JSON."""
    if sum(map(content.count, (b",", b"[", b"{"))) > MAX_VALUES:
        raise TooMany
    try:
        value = json.loads(content, parse_constant=_refused)
    except RecursionError:
        raise TooDeep from None
    if content.count(b"[") + content.count(b"{") > MAX_DEPTH and _deeper(value):
        raise TooDeep
    return value


def _refused(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _deeper(value: Any) -> bool:
    """Whether a value is nested deeper than we go."""
    level = [value]
    for _ in range(MAX_DEPTH):
        level = [inner for each in level for inner in _inner(each)]
        if not level:
            return False
    return True


def _inner(value: Any) -> Iterator[Any]:
    if isinstance(value, dict):
        yield from (each for each in value.values() if isinstance(each, dict | list))
    elif isinstance(value, list):
        yield from (each for each in value if isinstance(each, dict | list))
