"""JSON as Go's ``encoding/json`` reads it: no deeper than 10,000 levels, and every byte that is not UTF-8 replaced.

Python's own reader gives up at some 1,000 levels, takes NaN, and keeps half characters.
"""

import codecs
import json
import math
import re
from collections.abc import Iterator
from decimal import Decimal
from json.decoder import scanstring  # type: ignore[attr-defined]  # it is there, and typeshed lacks it
from typing import Any

from provisioner.core.outside_json import is_deep
from provisioner.core.secret import Json

MAX_DEPTH = 10_000
MAX_EXACT = 2**53

_SPACE = re.compile(r"[ \t\n\r]*")
_NUMBER = re.compile(r"(-?(?:0|[1-9][0-9]*))(\.[0-9]+)?([eE][+-]?[0-9]+)?")
_WORDS = {"true": True, "false": False, "null": None}
_LONGEST_INTEGER = 25

codecs.register_error("each-byte", lambda error: ("\ufffd" * (error.end - error.start), error.end))  # type: ignore[attr-defined]  # an error of decoding has both


class Pairs(list[tuple[str, Any]]):
    """The members of an object in their order, with those whose name stands twice."""


def read_pairs(body: bytes) -> Any:
    """The JSON of a body, in which objects are `Pairs`. Raises `ValueError` for anything else."""
    text = body.decode("utf-8", "each-byte")
    value, place = _read(text, _SPACE.match(text).end())  # type: ignore[union-attr]  # it matches nothing, too
    if place != len(text):
        raise ValueError("something follows after the value")
    return value


def merged(value: Any) -> Json:
    """JSON in which the last of equal names counts, as in a map of Go; a number that overflows is null."""
    root: list[Any] = [None]
    work: list[tuple[Any, Any, Any]] = [(root, 0, value)]
    while work:
        holder, key, found = work.pop()
        if isinstance(found, Pairs):
            held: Any = {}
            work += [(held, name, item) for name, item in dict(found).items()]
            held.update(dict.fromkeys(name for name, _ in found))
        elif isinstance(found, list):
            held = [None] * len(found)
            work += [(held, index, item) for index, item in enumerate(found)]
        else:
            held = _as_float(found) if isinstance(found, float | int) and not isinstance(found, bool) else found
        holder[key] = held
    result: Json = root[0]
    return result


def write(value: Json, indent: int | None = None) -> str:
    """JSON text of a value of any depth; a deep one is not indented. Raises `ValueError` for NaN and infinity."""
    if is_deep(value):
        return "".join(_written(value))
    return json.dumps(value, indent=indent, ensure_ascii=False, allow_nan=False)


def _as_float(number: float) -> float | None:
    """A number in 64 bits, as Go keeps it, with the digits that a database then shows; none if it does not fit."""
    if isinstance(number, int):
        return number if abs(number) <= MAX_EXACT else int(Decimal(repr(float(number))))
    return None if math.isinf(number) else number


def _read(text: str, place: int) -> tuple[Any, int]:
    """One value and the place behind the space that follows it."""
    open_: list[tuple[Any, str]] = []  # each with the name under which its next member goes
    while True:
        value, place, entered = _start(text, place)
        if entered:
            if len(open_) >= MAX_DEPTH:
                raise ValueError("too deep")
            open_.append((value, ""))
            closing = "}" if isinstance(value, Pairs) else "]"
            if text[place : place + 1] != closing:
                place = _member(text, place, open_)
                continue
            open_.pop()
            place = _after(text, place + 1)
        while open_:
            container, name = open_[-1]
            is_object = isinstance(container, Pairs)
            container.append((name, value) if is_object else value)
            mark = text[place : place + 1]
            place = _after(text, place + 1)
            if mark == ",":
                place = _member(text, place, open_)
                break
            if mark != ("}" if is_object else "]"):
                raise ValueError("a comma or an end is missing")
            open_.pop()
            value = container
        else:
            return value, place


def _start(text: str, place: int) -> tuple[Any, int, bool]:
    """The value that starts here; for an object or a list, only its start."""
    char = text[place : place + 1]
    if char in ("{", "["):
        return (Pairs() if char == "{" else []), _after(text, place + 1), True
    if char == '"':
        found, end = scanstring(text, place + 1, True)
        return _whole(found), _after(text, end), False
    for word, value in _WORDS.items():
        if text.startswith(word, place):
            return value, _after(text, place + len(word)), False
    match = _NUMBER.match(text, place)
    if match is None:
        raise ValueError("no value")
    exact = match[2] is None and match[3] is None and len(match[0]) <= _LONGEST_INTEGER
    return (int(match[0]) if exact else float(match[0])), _after(text, match.end()), False


def _member(text: str, place: int, open_: list[tuple[Any, str]]) -> int:
    """Go on to the value of the next member, whose name stands before it in an object."""
    container, _ = open_[-1]
    if not isinstance(container, Pairs):
        return place
    if text[place : place + 1] != '"':
        raise ValueError("no name of a member")
    name, place = scanstring(text, place + 1, True)
    place = _after(text, place)
    if text[place : place + 1] != ":":
        raise ValueError("no colon")
    open_[-1] = (container, _whole(name))
    return _after(text, place + 1)


def _after(text: str, place: int) -> int:
    match = _SPACE.match(text, place)
    assert match is not None
    return match.end()


def _whole(text: str) -> str:
    """A text without halves of characters, which Go replaces by U+FFFD."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _written(value: Json) -> Iterator[str]:
    work: list[Any] = [value]  # a tuple is text that is ready
    while work:
        match work.pop():
            case (str(text),):
                yield text
            case dict() as members:
                parts: list[Any] = [("{",)]
                for index, (name, member) in enumerate(members.items()):
                    parts += [((", " if index else "") + json.dumps(name, ensure_ascii=False) + ": ",), member]
                work += reversed([*parts, ("}",)])
            case list() as items:
                parts = [("[",)]
                for index, item in enumerate(items):
                    parts += ([(", ",)] if index else []) + [item]
                work += reversed([*parts, ("]",)])
            case single:
                yield json.dumps(single, ensure_ascii=False, allow_nan=False)
