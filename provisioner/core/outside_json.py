"""The JSON of servers, within bounds: how deep it is nested, how many values it holds, and no NaN.

An answer to the stack is read as Go's ``encoding/json`` reads it: no deeper than 10,000 levels, and every byte that is
not UTF-8 replaced. Python's own reader gives up at some 1,000 levels, and keeps half characters.
"""

import codecs
import json
import math
import re
from collections import deque
from collections.abc import Iterator
from typing import Any

from provisioner.core.secret import Json

SERVER_DEPTH = 200
"""Levels. Deeper values work in the stack; what compares and shows them here calls itself for each level."""

SERVER_VALUES = 3_000_000
"""Values, by the marks between them: an empty list has two characters, and takes 60 bytes of memory."""

CUT_OFF = f"nested more than {SERVER_DEPTH} levels deep"
"""What is said of a value of which something was cut off."""

_CUT = "provision: cut off here"
_BRACKET = rb'(?s)"(?:[^"\\]++|\\.)*+(?:"|\\?\Z)|[\[{]|[\]}]'
"""A string, or what opens or closes a value."""


class TooDeep(ValueError):
    """It is nested deeper than we go, and no JSON; as text, how deep we go."""

    def __init__(self) -> None:
        super().__init__(CUT_OFF)


class TooMany(ValueError):
    """It holds more values than we take; as text, how many those are."""

    def __init__(self) -> None:
        super().__init__(f"more than {SERVER_VALUES} values")


def read_json(content: bytes) -> Any:
    """The value of a JSON text; what is nested deeper than we go is cut off, and `is_cut` finds that.

    Raises `TooMany`, `TooDeep`, or another `ValueError` for what is not JSON.
    """
    if sum(map(content.count, (b",", b"[", b"{"))) > SERVER_VALUES:
        raise TooMany
    try:
        value = json.loads(content, parse_constant=_refused)
    except RecursionError:
        return _cut_off(content)
    if content.count(b"[") + content.count(b"{") > SERVER_DEPTH and is_deep(value):
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
        why = "there is a comma before the closing bracket"
    elif char < " ":
        why = "a string contains a control character, such as a line break"
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
    for match in re.finditer(_BRACKET, content):
        if match[0] in b"[{":
            depth += 1
            if depth == SERVER_DEPTH:
                kept += content[position : match.start()] + b'{"' + _CUT.encode() + b'": true}'
        elif match[0] in b"]}":
            if depth == SERVER_DEPTH:
                position = match.end()
            depth -= 1
    return bytes(kept if depth >= SERVER_DEPTH else kept + content[position:])


def _refused(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def is_deep(value: Any) -> bool:
    """Whether a value is nested deeper than we go."""
    level = [value] if isinstance(value, dict | list) else []
    for _ in range(SERVER_DEPTH):
        level = [
            item
            for each in level
            for item in (each.values() if type(each) is dict else each)
            if type(item) is dict or type(item) is list  # faster than isinstance, for each value of a database
        ]
        if not level:
            return False
    return True


GO_DEPTH = 10_000
MAX_EXACT = 2**53
"""The largest integer up to which Go's ``float64``, and every reader like it, keeps each one exactly."""

_LONGEST_INTEGER = 25
_PART = r'(?s)"(?:[^"\\]++|\\.)*+"?|[\[{]|[\]}]|NaN|Infinity'
"""A string, what opens or closes a value, or a word that Python takes for a number."""

codecs.register_error("each-byte", lambda error: ("\ufffd" * (error.end - error.start), error.end))  # type: ignore[attr-defined]  # an error of decoding has both


class Pairs(list[tuple[str, Any]]):
    """The members of an object in their order, with those whose name stands twice."""


def read_pairs(body: bytes) -> Any:
    """The JSON of a body as Go reads it, in which objects are `Pairs`. Raises `ValueError` for anything else.

    Values that are nested deep are read from the inside to the outside: one is taken out of the text once it is whole.
    """
    text = body.decode("utf-8", "each-byte")
    taken: deque[Any] = deque()
    decoder = json.JSONDecoder(
        object_pairs_hook=_pairs,
        parse_int=lambda digits: int(digits) if len(digits) <= _LONGEST_INTEGER else float(digits),
        parse_constant=lambda _: taken.popleft(),  # a NaN stands for each value that was taken out
    )
    waiting: list[tuple[list[str], list[Any]]] = [([], [])]  # the parts of a text, and what was taken out of it
    depth, position = 0, 0

    def whole(end: int) -> Any:
        parts, inner = waiting.pop()
        taken.extend(inner)
        return decoder.decode("".join([*parts, text[position:end]]))

    for match in re.finditer(_PART, text):
        match match[0]:
            case "NaN" | "Infinity":
                raise ValueError(f"{match[0]} is not JSON")
            case "[" | "{":
                depth += 1
                if depth > GO_DEPTH:
                    raise ValueError("too deep")
                if depth % SERVER_DEPTH == 0:
                    waiting[-1][0].append(text[position : match.start()])
                    waiting.append(([], []))
                    position = match.start()
            case "]" | "}":
                if depth == 0:
                    raise ValueError("nothing is open")
                if depth % SERVER_DEPTH == 0:
                    value = whole(match.end())
                    waiting[-1][0].append("NaN")
                    waiting[-1][1].append(value)
                    position = match.end()
                depth -= 1
    return whole(len(text))


def _pairs(members: list[tuple[str, Any]]) -> Pairs:
    return Pairs((_whole(name), _whole(value) if isinstance(value, str) else value) for name, value in members)


def _whole(text: str) -> str:
    """A text without halves of characters, which Go replaces by U+FFFD."""
    return text if text.isascii() else text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def merged(value: Any) -> Json:
    """JSON in which the last of equal names counts, as in a map of Go, with numbers as Go keeps them.

    A number has 64 bits, and the digits that a database then shows; one that overflows is null.
    """
    root: list[Any] = [None]
    work: list[tuple[Any, Any, Any]] = [(root, 0, value)]
    while work:
        holder, key, found = work.pop()
        held: Any = found
        match found:
            case Pairs():
                held = dict.fromkeys(name for name, _ in found)
                work += [(held, name, item) for name, item in dict(found).items()]
            case list():
                held = [None] * len(found)
                work += [(held, index, item) for index, item in enumerate(found)]
            case str():
                held = _whole(found)
            case int() if abs(found) > MAX_EXACT:
                from decimal import Decimal  # 2 ms, and few answers have such a number

                held = int(Decimal(repr(float(found))))
            case float() if math.isinf(found):
                held = None
        holder[key] = held
    result: Json = root[0]
    return result


def write(value: Json, indent: int | None = None) -> str:
    """JSON text of a value of any depth; a deep one is not indented. Raises `ValueError` for NaN and infinity."""
    if is_deep(value):
        return "".join(_written(value))
    return json.dumps(value, indent=indent, ensure_ascii=False, allow_nan=False)


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
