"""Puts new values into the text of a definition; every other line, with its comments and variables, stays as it is."""

import json
from collections.abc import Mapping
from itertools import pairwise

from provisioner.core.definitions.formatting import Read
from provisioner.core.definitions.node import Entry, MappingNode, Scalar, lines_of, to_json
from provisioner.core.secret import Json, same_json

_WORDS = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null"})
"""Words that some reader of YAML takes for something else than text."""


class CannotEditError(ValueError):
    """The text is in a form in which a value cannot be put safely."""


def with_values(text: str, read: Read, values: Mapping[str, Json]) -> str:
    """The text with new values of some keys of its root; ``None`` takes a key away. Raises `CannotEditError`."""
    before = read(text).node
    if before is None or any(entry.mark.column != 1 for entry in before.entries):
        raise CannotEditError
    wanted = {entry.key: to_json(entry.value) for entry in before.entries} | dict(values)
    for key, value in values.items():
        text = _with_value(text, read, (), key, value)
    after = read(text).node
    wanted = {key: value for key, value in wanted.items() if value is not None or key not in values}
    if after is None or not same_json(to_json(after), wanted):
        raise CannotEditError
    return text


def _with_value(text: str, read: Read, above: tuple[str, ...], key: str, value: Json) -> str:
    """The text with one value, at the root or one level below it."""
    root = _mapping(text, read, above)
    entry, lines = root.get(key), lines_of(text)
    if entry is None:
        return text if value is None else _appended(lines, root, key, _yaml(value, read))
    if isinstance(value, dict) and isinstance(entry.value, MappingNode) and _is_block(entry) and not above:
        for name in [each.key for each in entry.value.entries if each.key not in value]:
            text = _with_value(text, read, (key,), name, None)
        for name, item in value.items():
            old = entry.value.get(name)
            if old is None or not same_json(to_json(old.value), item):
                text = _with_value(text, read, (key,), name, item)
        return text
    start = entry.mark.line - 1
    end = _end(lines, root, entry)
    if value is None:
        return "".join([*lines[:start], *lines[end:]])
    comment = _comment(text, read, above, entry) if end == start + 1 else ""
    head = lines[start][: entry.mark.column - 1]
    return "".join([*lines[:start], f"{head}{key}: {_yaml(value, read)}{comment}\n", *lines[end:]])


def _mapping(text: str, read: Read, above: tuple[str, ...]) -> MappingNode:
    node = read(text).node
    for key in above:
        entry = node.get(key) if node else None
        node = entry.value if entry and isinstance(entry.value, MappingNode) else None
    if node is None:
        raise CannotEditError
    return node


def _is_block(entry: Entry) -> bool:
    """Whether each key of a mapping is on a line of its own."""
    if not isinstance(entry.value, MappingNode):
        return False
    lines = [each.mark.line for each in entry.value.entries]
    return bool(lines) and min(lines) > entry.mark.line and len(set(lines)) == len(lines)


def _end(lines: list[str], root: MappingNode, entry: Entry) -> int:
    """The line after an entry; the blank lines and the comments before the next one belong to that."""
    following = [each.mark.line - 1 for each in root.entries if each.mark.line > entry.mark.line]
    start, end = entry.mark.line - 1, min(following, default=len(lines))
    column = entry.mark.column - 1
    while end > start + 1 and (_is_blank(lines[end - 1]) or _indent(lines[end - 1]) < column):
        end -= 1
    for line in range(start + 1, end):
        if not _is_blank(lines[line]) and _indent(lines[line]) <= column:
            return line
    return end


def _is_blank(line: str) -> bool:
    return not line.strip() or line.lstrip().startswith("#")


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip(" "))


def _comment(text: str, read: Read, above: tuple[str, ...], entry: Entry) -> str:
    """The comment after a value, with the space before it: what can be cut off while the value stays."""
    lines = lines_of(text)
    line = lines[entry.mark.line - 1].rstrip("\r\n")
    for position, pair in enumerate(pairwise(line)):
        if pair != (" ", "#"):
            continue
        shorter = "".join([*lines[: entry.mark.line - 1], line[:position] + "\n", *lines[entry.mark.line :]])
        found = read(shorter).node
        for key in above:
            inner = found.get(key) if found else None
            found = inner.value if inner and isinstance(inner.value, MappingNode) else None
        same = found.get(entry.key) if found else None
        if same is not None and same_json(to_json(same.value), to_json(entry.value)):
            return line[len(line[:position].rstrip()) :]
    return ""


def _appended(lines: list[str], root: MappingNode, key: str, value: str) -> str:
    last = root.entries[-1]
    end = _end(lines, root, last)
    before = [*lines[:end]]
    if before and not before[-1].endswith("\n"):
        before[-1] += "\n"
    head = " " * (last.mark.column - 1)
    return "".join([*before, f"{head}{key}: {value}\n", *lines[end:]])


def _yaml(value: Json, read: Read) -> str:
    """A value on one line: text without quotes if that reads as the same, else JSON, which is YAML too."""
    if isinstance(value, str) and value[:1].isalpha() and "\n" not in value and value.lower() not in _WORDS:
        node = read(f"key: {value}\n").node
        found = node.get("key") if node and len(node.entries) == 1 else None
        if found is not None and isinstance(found.value, Scalar) and found.value.value == value:
            return value
    return json.dumps(value, ensure_ascii=False)
