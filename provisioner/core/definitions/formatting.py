"""Edits the text of a definition where the result is certain: order of keys, quotes, white space, mistyped keys.

Text and comments that need no edit stay as they are. An edit is kept only if the definition still means the same.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from provisioner.core.definitions.account_type import CREDENTIAL_FIELDS, FIELDS, NOTE_PREFIX
from provisioner.core.definitions.node import MappingNode, Mark, Node, Scalar, SequenceNode, lines_of
from provisioner.core.definitions.plain_scalar import Kind
from provisioner.core.definitions.reading import Reading

Read = Callable[[str], Reading]
"""Reads the text of a definition."""

TEXT_FIELDS = frozenset(FIELDS) - {
    "extras",
    "skip_redirect_uri_on_authorize",
    "skip_state_on_token",
    "secret",
    "fcm_credentials",
}
"""The fields whose value is a string."""

_CERTAIN = frozenset({Kind.NUMBER, Kind.DATE, Kind.DEFAULT, Kind.MERGE})
"""What is text where any JSON is possible: a word such as ``yes`` may be meant as ``true``."""

_CHOSEN = frozenset({"grant_mode", "token_mode"})
"""The fields that take one of some words."""

_TOKEN = re.compile(r"[^\s,#\]}]+")
_BREAKS = "\n\r\x85\u2028\u2029"
_NEAR = 0.8
"""How alike an unknown key and the one that is meant must be (`difflib`, 1 is equal)."""


@dataclass(frozen=True, slots=True)
class Edit:
    """The text at a place becomes another one; `what` says so without a value that may be secret."""

    mark: Mark
    old: str
    new: str
    what: str


def certain_edits(text: str, node: MappingNode) -> list[Edit]:
    """The mistakes of which only one correction comes into question: a mistyped key, a number that is text."""
    keys = [*_keys(node)]
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
    text = _if_equal(text, text.replace("\r\n", "\n").replace("\r", "\n"), read)
    for spans in ((), read(text).spans):  # white space within a value of several lines may belong to it
        text = _if_equal(text, _without_white_space(text, spans), read)
    text = _if_equal(text, text.strip("\n") + "\n", read)
    return _if_equal(text, _in_order(text, read), read)


def _without_white_space(text: str, spans: Iterable[tuple[int, int]]) -> str:
    """A text without white space at the ends of its lines, but for those of some values."""
    lines = lines_of(text)
    kept = {number for first, last in spans for number in range(first, last)}
    return "".join(line if number in kept else _stripped(line) for number, line in enumerate(lines, start=1))


def _stripped(line: str) -> str:
    content = line.rstrip(_BREAKS)
    return content.rstrip(" \t") + line[len(content) :]


def _keys(node: MappingNode) -> Iterator[Edit]:
    present = {entry.key for entry in node.entries}
    for entry in node.entries:
        if entry.key not in FIELDS and not entry.key.startswith((NOTE_PREFIX, "_")):
            meant = get_close_matches(entry.key, FIELDS, n=2, cutoff=_NEAR)
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
            for scalar in _scalars(value):
                if scalar.otherwise and scalar.otherwise.kind in _CERTAIN and isinstance(scalar.value, str):
                    yield from _quoted(lines, name, scalar, dates=True)


def _quoted(lines: Sequence[str], name: str, value: Node, *, dates: bool) -> Iterator[Edit]:
    if not isinstance(value, Scalar) or value.value is None:
        return
    old = ""
    if isinstance(value.value, str):
        is_date = value.otherwise is not None and value.otherwise.kind is Kind.DATE
        if value.otherwise and name not in _CHOSEN and (dates or not is_date):
            old = value.value
    elif token := _TOKEN.match(lines[value.mark.line - 1], value.mark.column - 1):
        old = token[0]
    if old and '"' not in old:
        yield Edit(value.mark, old, f'"{old}"', f"{name} is quoted")


def _scalars(node: Node) -> Iterator[Scalar]:
    work = [node]
    while work:
        match work.pop():
            case Scalar() as scalar:
                yield scalar
            case SequenceNode(items=items):
                work += items
            case MappingNode(entries=entries):
                work += (entry.value for entry in entries)


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
    order = sorted(range(len(blocks)), key=lambda index: (_rank(node.entries[index].key), index))
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


def _rank(key: str) -> int:
    if key == "_id":
        return -2
    if key.startswith(NOTE_PREFIX):
        return -1
    return FIELDS.index(key) if key in FIELDS else len(FIELDS)


def _if_equal(before: str, after: str, read: Read) -> str:
    """The text after an edit if it means the same, and its comments ignore the same."""
    if after == before:
        return before
    was, is_ = read(before), read(after)
    same = _values(is_.node) == _values(was.node) and len(is_.faults) == len(was.faults)
    return after if same and _ignored(is_) == _ignored(was) else before


def _ignored(reading: Reading) -> list[tuple[tuple[str, ...], bool]]:
    return sorted((ignore.rules, ignore.whole) for ignore in reading.ignores)


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
