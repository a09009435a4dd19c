"""Edits the text of a definition: its usual form where the result is certain, and new values.

Text and comments that need no edit stay as they are. An edit is kept only if the definition still means the same.
"""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from itertools import pairwise

from msgspec import Struct

from provisioner.core.definitions.account_type import CREDENTIAL_FIELDS, FIELDS, NOTE_PREFIX, TEXT_FIELDS
from provisioner.core.definitions.definition import Reading
from provisioner.core.definitions.node import (
    LINE_BREAK,
    Entry,
    MappingNode,
    Mark,
    Node,
    Scalar,
    SequenceNode,
    lines_of,
    to_json,
    walk,
)
from provisioner.core.definitions.plain_scalar import Misread
from provisioner.core.secret import Json, same_json

Read = Callable[[str], Reading]
"""Reads the text of a definition."""

_CERTAIN = frozenset({Misread.NUMBER, Misread.DATE, Misread.DEFAULT, Misread.MERGE})
"""What is text where any JSON is possible: a word such as ``yes`` may be meant as ``true``."""

_CHOSEN = frozenset({"grant_mode", "token_mode"})
"""The fields that take one of some words."""

_RANKS = {name: rank for rank, name in enumerate(("_id", NOTE_PREFIX, *FIELDS[1:]))}
"""The order of keys: notes follow the id, and unknown keys come last."""

_TOKEN = re.compile(r"[^\s,#\]}]+")
_BREAKS = "\n\r\x85\u2028\u2029"
_NEAR = 0.8
"""How alike an unknown key and the one that is meant must be (`difflib`, 1 is equal)."""


class Edit(Struct, frozen=True):
    """The text at a place becomes another one; `what` says so without a value that may be secret."""

    mark: Mark
    old: str
    new: str
    what: str


def certain_edits(text: str, node: MappingNode, known: Sequence[str] = FIELDS) -> list[Edit]:
    """The mistakes with exactly one plausible correction: a mistyped key, a number that is text.

    `known`: the keys of such a definition.
    """
    keys = [*_keys(node, known)]
    meant = {edit.old: edit.new for edit in keys}
    named = ((meant.get(entry.key, entry.key), entry.value) for entry in node.entries)
    return [*keys, *_quotes(text, named)]


def edited(text: str, edits: Sequence[Edit]) -> str:
    """A text after edits; one whose old text is not at its place is left out."""
    lines = lines_of(text)
    for edit in sorted(edits, key=lambda edit: edit.mark, reverse=True):
        line, start = lines[edit.mark.line - 1], edit.mark.column - 1
        start += line[start : start + 1] in ("'", '"') and edit.new != f'"{edit.old}"'
        if line.startswith(edit.old, start):
            lines[edit.mark.line - 1] = line[:start] + edit.new + line[start + len(edit.old) :]
    return "".join(lines)


def formatted(text: str, read: Read) -> str:
    """The text in its usual form: keys in order, strings quoted that look like numbers, no stray white space.

    Texts that cannot be read stay as they are.
    """
    reading = read(text)
    if reading.node is None:
        return text
    text = edited(text, [*_quotes(text, ((entry.key, entry.value) for entry in reading.node.entries))])
    for breaks in (re.compile(r"\r\n?"), LINE_BREAK):
        text = _if_equal(text, breaks.sub("\n", text), read)
    for spans in ((), read(text).spans):  # white space within a value of several lines may belong to it
        text = _if_equal(text, _without_white_space(text, spans), read)
    text = _if_equal(text, _in_order(text, read), read)
    return _if_equal(text, text.strip(_BREAKS) + "\n", read)


def _without_white_space(text: str, spans: Iterable[tuple[int, int]]) -> str:
    """A text without white space at the ends of its lines, but for those of some values."""
    lines = lines_of(text)
    kept = {number for first, last in spans for number in range(first, last)}
    for number, line in enumerate(lines, start=1):
        content = line.rstrip(_BREAKS)
        if number not in kept:
            lines[number - 1] = content.rstrip(" \t") + line[len(content) :]
    return "".join(lines)


def _keys(node: MappingNode, known: Sequence[str]) -> Iterator[Edit]:
    present = {entry.key for entry in node.entries}
    for entry in node.entries:
        if entry.key not in known and not entry.key.startswith((NOTE_PREFIX, "_")):
            meant = get_close_matches(entry.key, known, n=2, cutoff=_NEAR)
            if len(meant) == 1 and meant[0] not in present:
                yield Edit(entry.mark, entry.key, meant[0], f"{entry.key} → {meant[0]}")


def _quotes(text: str, named: Iterable[tuple[str, Node]]) -> Iterator[Edit]:
    """The values that are text and look like something else; `named` are the keys of the root."""
    lines = lines_of(text)
    for name, value in named:
        if name in TEXT_FIELDS:
            yield from _quoted(lines, name, value, dates=name in CREDENTIAL_FIELDS)
        elif name == "extras" and isinstance(value, MappingNode):
            for each in value.entries:
                yield from _quoted(lines, f"extras.{each.key}", each.value, dates=True)
        elif name in CREDENTIAL_FIELDS:
            for _, node in walk(value):
                if isinstance(node, Scalar) and node.otherwise and node.otherwise.kind in _CERTAIN:
                    yield from _quoted(lines, name, node, dates=True) if isinstance(node.value, str) else ()


def _quoted(lines: Sequence[str], name: str, value: Node, *, dates: bool) -> Iterator[Edit]:
    if not isinstance(value, Scalar) or value.value is None:
        return
    old = ""
    if isinstance(value.value, str):
        is_date = value.otherwise is not None and value.otherwise.kind is Misread.DATE
        if value.otherwise and name not in _CHOSEN and (dates or not is_date):
            old = value.value
    elif token := _TOKEN.match(lines[value.mark.line - 1], value.mark.column - 1):
        old = token[0]
    if old and '"' not in old:
        yield Edit(value.mark, old, f'"{old}"', f"{name} is quoted")


def _in_order(text: str, read: Read) -> str:
    """The keys of the root in order, each with the comments above it; notes first, unknown keys last."""
    node = read(text).node
    if node is None or not node.entries or any(entry.mark.column != 1 for entry in node.entries):
        return text
    lines = lines_of(text)
    while lines and not lines[-1].strip(_BREAKS):
        lines.pop()
    starts = [_with_comments(lines, entry.mark.line - 1) for entry in node.entries]
    starts[0] = first = node.entries[0].mark.line - 1  # what is above the first key is about the file
    ends = [*starts[1:], len(lines)]
    blocks = [lines[start:end] for start, end in zip(starts, ends, strict=True)]
    kinds = (NOTE_PREFIX if entry.key.startswith(NOTE_PREFIX) else entry.key for entry in node.entries)
    ranks = [_RANKS.get(kind, len(_RANKS)) for kind in kinds]
    order = sorted(range(len(blocks)), key=ranks.__getitem__)
    if order == [*range(len(blocks))]:
        return text
    blocks = [_without_blank_end(block) for block in blocks]
    return "".join([*lines[:first], *(line for index in order for line in blocks[index])])


def _without_blank_end(block: list[str]) -> list[str]:
    """A block without blank lines at its end, and with a line break there."""
    while len(block) > 1 and not block[-1].strip(_BREAKS):
        block = block[:-1]
    return block if block[-1].endswith(tuple(_BREAKS)) else [*block[:-1], block[-1] + "\n"]


def _with_comments(lines: Sequence[str], start: int) -> int:
    while start and lines[start - 1].startswith("#"):
        start -= 1
    return start


def _if_equal(before: str, after: str, read: Read) -> str:
    """The text after an edit if it means the same, and its comments ignore the same."""
    if after == before:
        return before
    was, is_ = read(before), read(after)
    same = _values(is_.node) == _values(was.node) and len(is_.faults) == len(was.faults)
    ignored, ignored_before = (sorted((each.rules, each.whole) for each in one.ignores) for one in (is_, was))
    return after if same and ignored == ignored_before else before


def _values(node: Node | None) -> object:
    """What a text means, without its order and its places."""
    match node:
        case MappingNode():
            return {entry.key: _values(entry.value) for entry in node.entries}
        case SequenceNode():
            return [_values(item) for item in node.items]
        case Scalar():
            return (type(node.value), node.value)
        case None:
            return None


_AMBIGUOUS = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null"})
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
    inner = entry.value.entries if isinstance(entry.value, MappingNode) else ()
    is_block = inner and len({entry.mark.line, *(each.mark.line for each in inner)}) == len(inner) + 1
    if isinstance(value, dict) and isinstance(entry.value, MappingNode) and is_block and not above:
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
    if isinstance(value, str) and value[:1].isalpha() and "\n" not in value and value.lower() not in _AMBIGUOUS:
        node = read(f"key: {value}\n").node
        found = node.get("key") if node and len(node.entries) == 1 else None
        if found is not None and isinstance(found.value, Scalar) and found.value.value == value:
            return value
    return json.dumps(value, ensure_ascii=False)
