"""Reads YAML into nodes, with JSON's types only.

Built on the parser's events rather than its objects: so each key keeps its place, an alias costs nothing until it is
counted, and nothing that a tag names is ever made.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import yaml

from provisioner.core.definitions.ignores import MARK, Ignore, ignores_in
from provisioner.core.definitions.node import Entry, MappingNode, Mark, Node, Scalar, SequenceNode
from provisioner.core.definitions.problem import Fault
from provisioner.core.definitions.reading import HALF_CHARACTER, MAX_BYTES, MAX_DEPTH, MAX_VALUES, Reading, distinct
from provisioner.core.secret import is_finite
from provisioner.core.text import is_whole

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_RESOLVER: Any = yaml.resolver.Resolver()
_SPECIAL = frozenset(yaml.resolver.Resolver.yaml_implicit_resolvers)
"""The first characters of values that may be something else than a string."""

_CONSTRUCTOR = yaml.constructor.SafeConstructor()
_CONSTRUCTED = frozenset({"tag:yaml.org,2002:" + name for name in ("null", "bool", "int", "float")})
_MERGE = "<<"


class _StoppedError(Exception):
    """The text cannot be read any further."""

    def __init__(self, mark: Mark, message: str, rule: str) -> None:
        super().__init__(message)
        self.fault = Fault(mark, message, rule)


def _too_large(mark: Mark) -> _StoppedError:
    return _StoppedError(mark, f"more than {MAX_VALUES} values once its aliases are written out", "too-large")


def read_yaml(text: str) -> Reading:
    """Read a YAML text that holds one mapping."""
    builder = _Builder(text)
    try:
        node = builder.document()
    except _StoppedError as stopped:
        return Reading(None, (*builder.faults, stopped.fault))
    except yaml.reader.ReaderError as error:
        mark = _mark_at(text, error.position)
        return Reading.failed(mark, f"this character is not allowed in YAML ({error.reason})", "syntax", builder.faults)
    except yaml.MarkedYAMLError as error:
        return Reading.failed(*_syntax(text, error), "syntax", builder.faults)
    reading = Reading.of(node, builder.faults)
    return replace(reading, ignores=_ignores(text, reading.node)) if reading.node and MARK in text else reading


def _ignores(text: str, node: MappingNode) -> tuple[Ignore, ...]:
    events = (event for event in yaml.parse(text, Loader=_LOADER) if isinstance(event, yaml.ScalarEvent))
    first = node.entries[0].mark if node.entries else node.mark
    return ignores_in(text, [_extent(event) for event in events], first)


def _extent(event: Any) -> tuple[Mark, Mark]:
    """Where a scalar begins and ends; a block scalar (| or >) begins on the line below its header."""
    start, end = _mark(event), event.end_mark
    start = Mark(start.line + 1, 1) if event.style in ("|", ">") else start
    return start, Mark(end.line + 1, end.column + 1)


def _mark_at(text: str, position: int) -> Mark:
    before = text[:position]
    return Mark(before.count("\n") + 1, position - (before.rfind("\n") + 1) + 1)


def _syntax(text: str, error: yaml.MarkedYAMLError) -> tuple[Mark, str]:
    where = error.problem_mark or error.context_mark
    mark = Mark(where.line + 1, where.column + 1) if where else Mark(1, 1)
    lines = text.splitlines()
    line = lines[mark.line - 1] if mark.line <= len(lines) else ""
    if "\t" in line[: mark.column] and not line[: mark.column].strip():
        return mark, "a tab cannot indent YAML: use spaces"
    words = (error.problem, error.context)
    return mark, "not YAML: " + ", ".join(word for word in words if word)


class _Builder:
    """Builds the nodes of one document from the parser's events."""

    def __init__(self, text: str) -> None:
        self.faults: list[Fault] = []
        self._next: Callable[[], Any] = _LOADER(text).get_event  # a loop over yaml.parse takes a third longer
        self._anchors: dict[str, tuple[Node, int, int]] = {}
        self._values = 0
        self._characters = 0

    def document(self) -> Node | None:
        """The root of the only document, or ``None`` where there is none."""
        root: Node | None = None
        while not isinstance(event := self._next(), yaml.StreamEndEvent):
            if isinstance(event, yaml.DocumentStartEvent):
                if root is not None:
                    raise _StoppedError(
                        _mark(event), "a second document: a file holds one definition", "several-documents"
                    )
                root = self._node(self._next(), 1)
        return None if isinstance(root, Scalar) and root.value is None else root

    def _node(self, event: Any, depth: int) -> Node:
        mark, before = _mark(event), (self._values, self._characters)
        self._values += 1
        if self._values > MAX_VALUES:
            raise _too_large(mark)
        if isinstance(event, yaml.AliasEvent):
            return self._alias(event, mark)
        if event.tag is not None:
            self.faults.append(Fault(mark, "tags are not allowed: write a plain value", "tag"))
        if depth > MAX_DEPTH:
            raise _StoppedError(mark, f"nested more than {MAX_DEPTH} levels deep", "too-deep")
        node: Node
        if isinstance(event, yaml.ScalarEvent):
            node = self._scalar(event, mark)
        elif isinstance(event, yaml.SequenceStartEvent):
            node = SequenceNode(tuple(self._items(depth)), mark)
        else:
            node = MappingNode(distinct(list(self._entries(depth)), depth, self.faults), mark)
        if event.anchor is not None:
            self._anchors[event.anchor] = node, self._values - before[0], self._characters - before[1]
        return node

    def _alias(self, event: Any, mark: Mark) -> Node:
        known = self._anchors.get(event.anchor)
        if known is None:
            raise _StoppedError(mark, "an alias (*) without its anchor (&): quote a value that starts with *", "syntax")
        node, values, characters = known
        self._values += values - 1
        self._characters += characters
        if self._values > MAX_VALUES:
            raise _too_large(mark)
        if self._characters > MAX_BYTES:
            raise _StoppedError(mark, "larger than 1 MiB once its aliases are written out", "too-large")
        return node

    def _items(self, depth: int) -> Iterator[Node]:
        while not isinstance(event := self._next(), yaml.SequenceEndEvent):
            yield self._node(event, depth + 1)

    def _entries(self, depth: int) -> Iterator[Entry]:
        while not isinstance(event := self._next(), yaml.MappingEndEvent):
            key = self._node(event, depth + 1)
            value = self._node(self._next(), depth + 1)
            if isinstance(event, yaml.ScalarEvent) and event.value == _MERGE and event.implicit[0]:
                self.faults.append(
                    Fault(key.mark, "merge keys (<<) are not supported: write the keys out", "merge-key")
                )
            elif isinstance(key, Scalar) and isinstance(key.value, str):
                yield Entry(key.value, key.mark, value)
            else:
                self.faults.append(Fault(key.mark, "a key must be a string: quote it", "key-not-a-string"))

    def _scalar(self, event: yaml.ScalarEvent, mark: Mark) -> Scalar:
        self._characters += len(event.value)
        if not is_whole(event.value):
            self.faults.append(Fault(mark, HALF_CHARACTER, "not-json"))
        if not event.implicit[0] or event.value[:1] not in _SPECIAL:
            return Scalar(event.value, mark)
        tag = _RESOLVER.resolve(yaml.ScalarNode, event.value, (True, False))
        if tag not in _CONSTRUCTED:
            return Scalar(event.value, mark)
        try:
            value = _CONSTRUCTOR.construct_object(yaml.ScalarNode(tag, event.value))
        except ValueError:
            value = math.nan
        if isinstance(value, int | float) and not is_finite(value):
            self.faults.append(Fault(mark, "JSON has no such number: quote it", "not-json"))
            return Scalar(event.value, mark)
        return Scalar(value, mark)


def _mark(event: Any) -> Mark:
    start = event.start_mark
    return Mark(start.line + 1, start.column + 1)
