"""The JSON of servers, within bounds: how deep it is nested, how many values it holds, and no NaN."""

import json
import re
from typing import Any

MAX_DEPTH = 200
"""Levels. Deeper values work in the stack; what compares and shows them here goes down by one call a level."""

MAX_VALUES = 3_000_000
"""Values, by the marks between them: an empty list has two characters, and takes 60 bytes of memory."""

TOO_DEEP = f"nested more than {MAX_DEPTH} levels deep"

_CUT = "provision: cut off here"
_BRACKET = re.compile(rb'"(?:[^"\\]++|\\.)*+(?:"|\\?\Z)|[\[{]|[\]}]', re.DOTALL)
"""A string, or what opens or closes a value."""


class TooDeep(ValueError):
    """It is nested deeper than we go, and no JSON; as text, how deep we go."""

    def __init__(self) -> None:
        super().__init__(TOO_DEEP)


class TooMany(ValueError):
    """It holds more values than we take; as text, how many those are."""

    def __init__(self) -> None:
        super().__init__(f"more than {MAX_VALUES} values")


def read_json(content: bytes) -> Any:
    """The value of a JSON text; what is nested deeper than we go is cut off, and `is_cut` tells.

    Raises `TooMany`, `TooDeep`, or another `ValueError` for what is not JSON.
    """
    if sum(map(content.count, (b",", b"[", b"{"))) > MAX_VALUES:
        raise TooMany
    try:
        value = json.loads(content, parse_constant=_refused)
    except RecursionError:
        return _cut_off(content)
    if content.count(b"[") + content.count(b"{") > MAX_DEPTH and is_deep(value):
        return _cut_off(content)
    return value


def why_no_json(text: str, position: int) -> tuple[int, str]:
    """Where and why a text is no JSON, by the place that Python names; in no words of the text, which may be secret.

    Python 3.13 names a comma before a closing bracket, where others name the bracket.
    """
    if found := _TRAILING_COMMA.match(text, position):
        position = found.end() - 1
    before, char = text[:position].rstrip()[-1:], text[position : position + 1]
    if not text[position:].strip():
        why = "it ends too early"
    elif before == "," and char in ("}", "]"):
        why = "a comma stands before the closing bracket"
    elif char < " ":
        why = "a string holds a control character, such as a line break"
    elif char == '"' and not _STRING.match(text, position):
        why = "a string is not closed"
    elif why := _ELSEWHERE.get(char, ""):
        pass
    elif before in ("{", ","):
        why = "a key in double quotes is missing here"
    elif before in (":", "[", ""):
        why = "a value is missing here"
    else:
        why = "a comma, a colon or a closing bracket is missing here"
    return position, why


_TRAILING_COMMA = re.compile(r",\s*[\]}]")
_STRING = re.compile(r'"(?:[^"\\]++|\\.)*+"', re.DOTALL)
_ELSEWHERE = {
    "'": "single quotes do not make a string",
    "/": "it has no comments",
    "#": "it has no comments",
    "\\": "JSON does not have this escape",
}
"""What other languages allow where JSON does not."""


def is_cut(value: Any) -> bool:
    """Whether something of a value was cut off because it is nested too deep."""
    if isinstance(value, dict):
        return _CUT in value or any(map(is_cut, value.values()))
    return isinstance(value, list) and any(map(is_cut, value))


def _cut_off(content: bytes) -> Any:
    try:
        return json.loads(_shallow(content), parse_constant=_refused)
    except json.JSONDecodeError:  # its place would be one in what is left
        raise TooDeep from None


def _shallow(content: bytes) -> bytes:
    """The text with a mark in place of each value that is nested too deep."""
    kept, depth, position = bytearray(), 0, 0
    for match in _BRACKET.finditer(content):
        if match[0] in b"[{":
            depth += 1
            if depth == MAX_DEPTH:
                kept += content[position : match.start()] + b'{"' + _CUT.encode() + b'": true}'
        elif match[0] in b"]}":
            if depth == MAX_DEPTH:
                position = match.end()
            depth -= 1
    return bytes(kept if depth >= MAX_DEPTH else kept + content[position:])


def _refused(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def is_deep(value: Any) -> bool:
    """Whether a value is nested deeper than we go."""
    level = [value] if isinstance(value, dict | list) else []
    for _ in range(MAX_DEPTH):
        inner = (item for each in level for item in (each.values() if isinstance(each, dict) else each))
        level = [item for item in inner if isinstance(item, dict | list)]
        if not level:
            return False
    return True
