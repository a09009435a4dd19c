"""A parsed file in which every value knows its place."""

import re
from collections.abc import Iterable, Iterator
from functools import cached_property
from typing import NamedTuple, TypeAlias, assert_never

from msgspec import Struct

from provisioner.core.definitions.plain_scalar import Misreading
from provisioner.core.secret import Json


class Mark(NamedTuple):
    """A place in a file; both numbers start at 1. A tuple, as scalars and entries are: a file has so many of them."""

    line: int
    column: int


START = Mark(1, 1)

LINE_BREAK = re.compile(r"\r\n|[\n\r\x85\u2028\u2029]")
"""What ends a line in YAML 1.1 (section 5.4), and so for every `Mark`."""


def lines_of(text: str) -> list[str]:
    """The lines of a text, each with what ends it; the last one is empty if the text ends a line."""
    ends = [match.end() for match in LINE_BREAK.finditer(text)]
    return [text[start:end] for start, end in zip([0, *ends], [*ends, len(text)], strict=True)]


def line_at(text: str, position: int) -> Mark:
    """The place of a position in a text."""
    breaks = [match.end() for match in LINE_BREAK.finditer(text, 0, position)]
    return Mark(len(breaks) + 1, position - (breaks[-1] if breaks else 0) + 1)


class Scalar(NamedTuple):
    """A string, number, boolean or null; a placeholder stands for a variable without a value.

    `otherwise`: how other readers take what is written there, if not for this value. `commented`: a comment follows on
    its line, and the value has no quotes. `folded`: it stands on several lines, and a space stands for a line break.
    """

    value: str | int | float | bool | None
    mark: Mark
    placeholder: bool = False
    otherwise: Misreading | None = None
    commented: bool = False
    folded: bool = False


class SequenceNode(Struct, frozen=True):
    """A list of values."""

    items: tuple["Node", ...]
    mark: Mark


class Entry(NamedTuple):
    """One key of a mapping with its value."""

    key: str
    mark: Mark
    value: "Node"


class MappingNode(Struct, frozen=True, dict=True):
    """Keys with their values, in the order of the file."""

    entries: tuple[Entry, ...]
    mark: Mark

    def get(self, key: str) -> Entry | None:
        """The entry of a key, or ``None``."""
        if len(self.entries) > _FEW:
            return self._index.get(key)
        for entry in self.entries:  # a generator takes twice as long, and this is called 50 times a file
            if entry.key == key:
                return entry
        return None

    @cached_property
    def _index(self) -> dict[str, Entry]:
        return {entry.key: entry for entry in reversed(self.entries)}

    def text(self, key: str) -> str:
        """The text of a key; empty if it has another value, or none."""
        entry = self.get(key)
        value = entry.value.value if entry and isinstance(entry.value, Scalar) else None
        return value if isinstance(value, str) else ""


_FEW = 50
"""The most entries among which one is looked for by going through them."""

Node: TypeAlias = Scalar | SequenceNode | MappingNode


def to_json(node: Node) -> Json:
    """The plain JSON value of a node."""
    match node:
        case Scalar():
            return node.value
        case SequenceNode():
            return [to_json(item) for item in node.items]
        case MappingNode():
            return {entry.key: to_json(entry.value) for entry in node.entries}
        case _:
            assert_never(node)


def from_json(value: Json, mark: Mark) -> Node:
    """A JSON value as nodes that all stand at one place."""
    if isinstance(value, dict):
        return MappingNode(tuple(Entry(key, mark, from_json(item, mark)) for key, item in value.items()), mark)
    if isinstance(value, list):
        return SequenceNode(tuple(from_json(item, mark) for item in value), mark)
    return Scalar(value, mark)


def walk(node: Node, names: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Node]]:
    """A node and all that lie in it, in the order of the file, each with the keys that lead to it."""
    yield names, node
    if isinstance(node, MappingNode):
        for entry in node.entries:
            yield from walk(entry.value, (*names, entry.key))
    elif isinstance(node, SequenceNode):
        for item in node.items:
            yield from walk(item, names)


def has_placeholder(node: Node) -> bool:
    """Whether a variable without a value stands in a node."""
    return any(isinstance(each, Scalar) and each.placeholder for _, each in walk(node))


def at(node: Node, path: Iterable[str | int]) -> Node:
    """The node at a path of keys and indices, or the last one on the way that exists."""
    for step in path:
        if isinstance(node, MappingNode) and (entry := node.get(str(step))) is not None:
            node = entry.value
        elif isinstance(node, SequenceNode) and isinstance(step, int) and step < len(node.items):
            node = node.items[step]
        else:
            break
    return node
