"""Reads YAML into nodes, with JSON's types only.

Built on the parser's events rather than its objects: so each key keeps its place, an alias costs nothing until it is
counted, and nothing that a tag names is ever made.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import yaml
from msgspec.structs import replace

from provisioner.core.definitions.definition import (
    HALF_CHARACTER,
    MAX_BYTES,
    MAX_DEPTH,
    MAX_VALUES,
    NO_NUMBER,
    TOO_DEEP,
    Reading,
    distinct,
)
from provisioner.core.definitions.node import (
    LINE_BREAK,
    Entry,
    MappingNode,
    Mark,
    Node,
    Scalar,
    SequenceNode,
    line_at,
)
from provisioner.core.definitions.plain_scalar import Misread, is_key, plain
from provisioner.core.definitions.problem import MARK, Problem, ignores_in
from provisioner.core.text import is_whole, nameless

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""The parser of libyaml; PyYAML's own takes more than linear time for deep texts."""

_MERGE = "<<"
_AFTER_COLON = re.compile(r":([^\x00-\x7f])")


class _StoppedError(Exception):
    """The text cannot be read any further."""

    def __init__(self, mark: Mark, message: str, rule: str) -> None:
        super().__init__(message)
        self.fault = Problem(mark, message, rule)


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
        mark = line_at(text, error.position)
        return Reading.failed(mark, f"this character is not allowed in YAML ({error.reason})", "syntax", builder.faults)
    except yaml.MarkedYAMLError as error:
        return Reading.failed(*_syntax(text, error), "syntax", builder.faults)
    if isinstance(node, Scalar) and (space := _space_after_colon(text, 0, None)):
        return Reading.failed(*space, "syntax", builder.faults)
    reading = replace(Reading.of(node, builder.faults), spans=tuple(builder.spans))
    if reading.node is None or MARK not in text:
        return reading
    scalars = [_extent(event) for event in events(text) if isinstance(event, yaml.ScalarEvent)]
    first = reading.node.entries[0].mark if reading.node.entries else reading.node.mark
    return replace(reading, ignores=ignores_in(text, scalars, first))


def _comments(text: str) -> Mapping[int, str]:
    """The lines that may end in a comment, by their number from 0."""
    if " #" not in text and "\t#" not in text:
        return {}
    return {number: line for number, line in enumerate(LINE_BREAK.split(text)) if " #" in line or "\t#" in line}


def events(text: str) -> Iterator[Any]:
    """What the parser meets in a text, one by one. Raises `yaml.YAMLError`."""
    return yaml.parse(text, Loader=_LOADER)


def _extent(event: Any) -> tuple[Mark, Mark]:
    """Where a scalar begins and ends; a block scalar (| or >) begins on the line below its header."""
    start, end = _mark(event), event.end_mark
    start = Mark(start.line + 1, 1) if event.style in ("|", ">") else start
    return start, Mark(end.line + 1, end.column + 1)


def _syntax(text: str, error: yaml.MarkedYAMLError) -> tuple[Mark, str]:
    where = error.problem_mark or error.context_mark
    mark = Mark(where.line + 1, where.column + 1) if where else Mark(1, 1)
    first = min(each.line for each in (error.problem_mark, error.context_mark) if each) if where else 0
    if space := _space_after_colon(text, max(first - 1, 0), mark.line):
        return space
    lines = LINE_BREAK.split(text)
    line = lines[mark.line - 1] if mark.line <= len(lines) else ""
    if "\t" in line[: mark.column] and not line[: mark.column].strip():
        return mark, "a tab cannot indent YAML: use spaces"
    words = (error.problem, error.context)
    return mark, "not YAML: " + ", ".join(word for word in words if word)


def _space_after_colon(text: str, first: int, last: int | None) -> tuple[Mark, str] | None:
    """The first colon among some lines that is followed by what only looks like a space."""
    for number, line in enumerate(LINE_BREAK.split(text)[first:last], start=first + 1):
        for match in _AFTER_COLON.finditer(line):
            if name := nameless(match[1]):
                return Mark(number, match.start() + 2), f"not YAML: {name} follows the colon: write a space"
    return None


class _Builder:
    """Builds the nodes of one document from the parser's events."""

    def __init__(self, text: str) -> None:
        self.faults: list[Problem] = []
        self.spans: list[tuple[int, int]] = []
        self._comments = _comments(text)
        self._next: Callable[[], Any] = _LOADER(text).get_event  # a loop over yaml.parse takes a third longer
        self._anchors: dict[str, tuple[Node, int, int]] = {}
        self._values = 0
        self._characters = 0

    def document(self) -> Node | None:
        """The root of the only document, or ``None`` for an empty text."""
        root: Node | None = None
        while not isinstance(event := self._next(), yaml.StreamEndEvent):
            if isinstance(event, yaml.DocumentStartEvent):
                if root is not None:
                    raise _StoppedError(
                        _mark(event), "a second document: a file contains one definition", "several-documents"
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
            self.faults.append(Problem(mark, "tags are not allowed: write a plain value", "tag"))
        if depth > MAX_DEPTH and not isinstance(event, yaml.ScalarEvent):
            raise _StoppedError(mark, TOO_DEEP, "too-deep")
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
                    Problem(key.mark, "merge keys (<<) are not supported: write the keys out", "merge-key")
                )
            elif isinstance(key, Scalar) and isinstance(key.value, str) and is_key(key.value, key.otherwise):
                yield Entry(key.value, key.mark, value)
            else:
                self.faults.append(Problem(key.mark, "a key must be a string: quote it", "key-not-a-string"))

    def _scalar(self, event: yaml.ScalarEvent, mark: Mark) -> Scalar:
        text = event.value
        self._characters += len(text)
        if not is_whole(text):
            self.faults.append(Problem(mark, HALF_CHARACTER, "not-json"))
        end: Any = event.end_mark
        if end.line + 1 != mark.line:
            self.spans.append((mark.line, end.line + 1))
        folded = end.line + 1 != mark.line and event.style != "|" and " " in text
        if event.style:
            return Scalar(text, mark, folded=folded)
        value, otherwise = plain(text)
        if otherwise is not None and otherwise.kind is Misread.NO_NUMBER:
            self.faults.append(Problem(mark, NO_NUMBER, "not-json"))
        commented = bool(self._comments) and not text.startswith("${") and self._has_comment(end)
        return Scalar(value, mark, otherwise=otherwise, commented=commented, folded=folded)

    def _has_comment(self, end: Any) -> bool:
        """Whether a comment follows on the line of a value, and not one for us."""
        rest = self._comments.get(end.line, "")[end.column :]
        return rest.lstrip(" \t").startswith("#") and MARK not in rest


def _mark(event: Any) -> Mark:
    start = event.start_mark
    return Mark(start.line + 1, start.column + 1)
