"""Reads YAML into plain values, with JSON's types only.

Most files are plain: libyaml composes them in C, and their values are taken as they are. A file that is not, and one
whose places somebody asks for, is read from the parser's events: so each key keeps its place, an alias costs nothing
until it is counted, and nothing that a tag names is ever made.
"""

import re
from contextlib import suppress
from functools import lru_cache, partial
from typing import Any

import yaml
from msgspec.structs import replace

from provisioner.core.definitions.content import (
    HALF_CHARACTER,
    MAX_BYTES,
    MAX_DEPTH,
    MAX_VALUES,
    NO_NUMBER,
    TOO_DEEP,
    Content,
    Misread,
    Path,
    Places,
    Reading,
    StoppedError,
    ValuePlace,
    duplicate_key,
    is_key,
    plain,
    walk,
)
from provisioner.core.definitions.problem import IGNORE_MARK, LINE_BREAK, Mark, Problem, ignores_in, mark_at
from provisioner.core.secret import Json
from provisioner.core.text import is_whole, unseen_name

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""The parser of libyaml; PyYAML's own takes more than linear time for deep texts."""

_MERGE = "<<"
_AFTER_COLON = re.compile(r":([^\x00-\x7f])")

_COMMENTS = (" #", "\t#")
_NOT_PLAIN = (*_COMMENTS, "*", IGNORE_MARK)
"""What a text has that has a comment beside a value or for us, or an alias."""

_MOST_OPENERS = 200
"""The most characters that open a level, for a text that is composed by recursion."""

_plain = lru_cache(maxsize=4096)(plain)


def read_yaml(text: str) -> Reading:
    """Read a YAML text that holds one mapping."""
    values = _plain_values(text)
    return _read(text) if values is None else Reading(Content(values, partial(_places, text)))


class _NotPlainError(Exception):
    """A text has what only its events tell."""


class _Composer(_LOADER):  # type: ignore[misc,valid-type]
    """Composes nodes, in which only a tag that is written out is one."""

    def resolve(self, *_: object) -> None:
        """Give a node no tag."""

    def descend_resolver(self, *_: object) -> None:
        """Look for no tag by the path of a node."""

    def ascend_resolver(self) -> None:
        """Look for no tag by the path of a node."""


def _plain_values(text: str) -> dict[str, Json] | None:
    """What a text holds that is read alike by everybody; nothing for any other text."""
    for start in _NOT_PLAIN:
        if start in text:
            return None
    if len(text) > MAX_VALUES or sum(map(text.count, "[{-:?")) > _MOST_OPENERS:
        return None
    try:
        root = _Composer(text).get_single_node()
        return _plain_mapping(root, 1) if isinstance(root, yaml.MappingNode) else None
    except (_NotPlainError, yaml.YAMLError):
        return None


def _plain_mapping(node: Any, depth: int) -> dict[str, Json]:
    found: dict[str, Json] = {}
    for key, value in node.value:
        name = _plain_scalar(key)
        if not isinstance(name, str) or name in found:
            raise _NotPlainError
        found[name] = _plain_scalar(value) if value.id == "scalar" else _plain_collection(value, depth + 1)
    if node.tag is not None or depth > MAX_DEPTH:
        raise _NotPlainError
    return found


def _plain_collection(node: Any, depth: int) -> Json:
    if node.id == "mapping":
        return _plain_mapping(node, depth)
    if node.tag is not None or depth > MAX_DEPTH:
        raise _NotPlainError
    return [_plain_scalar(item) if item.id == "scalar" else _plain_collection(item, depth + 1) for item in node.value]


def _plain_scalar(node: Any) -> Json:
    text = node.value
    if node.tag is not None or node.id != "scalar" or not is_whole(text):
        raise _NotPlainError
    if node.start_mark.line != node.end_mark.line and node.style != "|":
        raise _NotPlainError
    if node.style:
        return str(text)
    value, otherwise = _plain(text)
    if otherwise is not None:
        raise _NotPlainError
    return value


def _places(text: str) -> Places:
    content = _read(text).content
    assert content is not None
    return content.places


def _read(text: str) -> Reading:
    """Read a text with its places, and all that is wrong with it."""
    events = _Events(text)
    try:
        value = events.document()
    except StoppedError as stopped:
        return Reading(None, (*events.faults, stopped.fault))
    except yaml.reader.ReaderError as error:
        mark = mark_at(text, error.position)
        return Reading.failed(mark, f"this character is not allowed in YAML ({error.reason})", "syntax", events.faults)
    except yaml.MarkedYAMLError as error:
        return Reading.failed(*_syntax(text, error), "syntax", events.faults)
    if isinstance(value, bool | int | float | str) and (space := _space_after_colon(text, 0, None)):
        return Reading.failed(*space, "syntax", events.faults)
    reading = Reading.of(value, events.places if value is not None else {}, events.faults)
    if reading.content is None or IGNORE_MARK not in text:
        return reading
    scalars = [(Mark(start.line + 1, 1) if block else start, end) for start, end, block in events.scalars]
    first = min((place.key for path, place in events.places.items() if path), default=events.places[()].mark)
    return replace(reading, ignores=ignores_in(text, scalars, first))


def scalar_ends(text: str) -> dict[Mark, Mark]:
    """Where the keys and plain values of a text end, by where they begin; JSON is YAML as well.

    The end is behind the last character. Of a text that cannot be read to its end, what comes before the fault.
    """
    events = _Events(text)
    with suppress(StoppedError, yaml.YAMLError):
        events.document()
    return {start: end for start, end, _ in events.scalars}


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
            if name := unseen_name(match[1]):
                return Mark(number, match.start() + 2), f"not YAML: {name} follows the colon: write a space"
    return None


class _Events:
    """Reads one document from the parser's events. Its values are shared where an alias stands for them.

    `scalars`: where each begins and ends, and whether it is a block (| or >), which begins below its header.
    """

    def __init__(self, text: str) -> None:
        self.faults: list[Problem] = []
        self.places: dict[Path, ValuePlace] = {}
        self.scalars: list[tuple[Mark, Mark, bool]] = []
        self._lines = LINE_BREAK.split(text) if any(start in text for start in _COMMENTS) else []
        self._next = _LOADER(text).get_event  # a loop over yaml.parse takes a third longer
        self._anchors: dict[str, tuple[Json, Places, int]] = {}
        self._values = 0
        self._characters = 0

    def document(self) -> Json:
        """The value of the only document; ``None`` for an empty text."""
        value: Json = None
        while not isinstance(event := self._next(), yaml.StreamEndEvent):
            if isinstance(event, yaml.DocumentStartEvent):
                if self.places:
                    what = "a second document: a file contains one definition"
                    raise StoppedError(_mark(event), what, "several-documents")
                root = self._next()
                value = self._value(root, (), _mark(root))
        return value

    def _value(self, event: Any, path: Path, key: Mark) -> Json:
        """The value at a path, whose key stands at a mark; the places in it are noted."""
        mark, before = _mark(event), self._characters
        self._values += 1
        if self._values > MAX_VALUES:
            raise _too_large(mark)
        if isinstance(event, yaml.AliasEvent):
            return self._alias(event, path, key)
        if event.tag is not None:
            self.faults.append(Problem(mark, "tags are not allowed: write a plain value", "tag"))
        if len(path) >= MAX_DEPTH and not isinstance(event, yaml.ScalarEvent):
            raise StoppedError(mark, TOO_DEEP, "too-deep")
        value: Json
        if isinstance(event, yaml.ScalarEvent):
            value, self.places[path] = self._scalar(event, key)
        else:
            self.places[path] = ValuePlace(mark, key, mark.line)
            value = self._items(path) if isinstance(event, yaml.SequenceStartEvent) else self._mapping(path)
        if event.anchor is not None:
            places = {each[len(path) :]: self.places[each] for each, _ in walk(value, path)}
            self._anchors[event.anchor] = value, places, self._characters - before
        return value

    def _alias(self, event: Any, path: Path, key: Mark) -> Json:
        mark = _mark(event)
        if event.anchor not in self._anchors:
            raise StoppedError(mark, "an alias (*) without its anchor (&): quote a value that starts with *", "syntax")
        value, places, characters = self._anchors[event.anchor]
        self._values += len(places) - 1
        self._characters += characters
        if self._values > MAX_VALUES:
            raise _too_large(mark)
        if self._characters > MAX_BYTES:
            raise StoppedError(mark, "larger than 1 MiB once its aliases are written out", "too-large")
        self.places |= {(*path, *inner): place for inner, place in places.items()}
        self.places[path] = places[()]._replace(key=key)
        return value

    def _items(self, path: Path) -> list[Json]:
        items: list[Json] = []
        while not isinstance(event := self._next(), yaml.SequenceEndEvent):
            items.append(self._value(event, (*path, len(items)), _mark(event)))
        return items

    def _mapping(self, path: Path) -> dict[str, Json]:
        found: dict[str, Json] = {}
        while not isinstance(event := self._next(), yaml.MappingEndEvent):
            key, place = self._aside(event, path)
            if isinstance(event, yaml.ScalarEvent) and event.value == _MERGE and event.implicit[0]:
                why = "merge keys (<<) are not supported: write the keys out"
                self.faults.append(Problem(place.mark, why, "merge-key"))
            elif not isinstance(key, str) or not is_key(key, place.otherwise):
                self.faults.append(Problem(place.mark, "a key must be a string: quote it", "key-not-a-string"))
            elif key in found:
                self.faults.append(duplicate_key(key, place.mark, self.places[*path, key].key, path))
            else:
                found[key] = self._value(self._next(), (*path, key), place.mark)
                continue
            self._aside(self._next(), path)
        return found

    def _aside(self, event: Any, path: Path) -> tuple[Json, ValuePlace]:
        """A key, or a value that stands nowhere in the result, with its place."""
        kept, self.places = self.places, {}
        value = self._value(event, (*path, ""), _mark(event))
        place = self.places[*path, ""]
        self.places = kept
        return value, place

    def _scalar(self, event: Any, key: Mark) -> tuple[Json, ValuePlace]:
        text, mark, end = event.value, _mark(event), event.end_mark
        last, block = end.line + 1, event.style in ("|", ">")
        self._characters += len(text)
        self.scalars.append((mark, Mark(last, end.column + 1), block))
        if not is_whole(text):
            self.faults.append(Problem(mark, HALF_CHARACTER, "not-json"))
        folded = last != mark.line and event.style != "|" and " " in text
        if event.style:
            return text, ValuePlace(mark, key, last, folded=folded)
        value, otherwise = plain(text)
        if otherwise is not None and otherwise.kind is Misread.NO_NUMBER:
            self.faults.append(Problem(mark, NO_NUMBER, "not-json"))
        rest = self._lines[end.line][end.column :].lstrip(" \t") if end.line < len(self._lines) else ""
        commented = rest.startswith("#") and IGNORE_MARK not in rest and not text.startswith("${")
        return value, ValuePlace(mark, key, last, otherwise, commented, folded)


def _too_large(mark: Mark) -> StoppedError:
    return StoppedError(mark, f"more than {MAX_VALUES} values once its aliases are written out", "too-large")


def _mark(event: Any) -> Mark:
    start = event.start_mark
    return Mark(start.line + 1, start.column + 1)
