"""Edits the text of a definition: its usual form where the result is certain, and new values.

Text and comments that need no edit stay as they are. An edit is kept only if the definition still means the same.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from itertools import islice

from msgspec import Struct

from provisioner.core.definitions.account_type import CREDENTIAL_FIELDS, FIELDS, NOTE_PREFIX, TEXT_FIELDS
from provisioner.core.definitions.content import Content, Misread, Path, Reading, at, walk
from provisioner.core.definitions.problem import LINE_BREAK, Mark, lines_of
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


def certain_edits(text: str, content: Content, known: Sequence[str] = FIELDS) -> list[Edit]:
    """The mistakes with exactly one plausible correction: a mistyped key, a number that is text.

    `known`: the keys of such a definition.
    """
    unknown = (key for key in content.values if key not in known and not key.startswith((NOTE_PREFIX, "_")))
    near = {key: get_close_matches(key, known, n=2, cutoff=_NEAR) for key in unknown}
    meant = {key: words[0] for key, words in near.items() if len(words) == 1 and words[0] not in content.values}
    keys = [Edit(content.place((key,)).key, key, word, f"{key} → {word}") for key, word in meant.items()]
    return [*keys, *_quotes(text, content, meant)]


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
    if reading.content is None:
        return text
    text = edited(text, [*_quotes(text, reading.content, {})])
    for breaks in (re.compile(r"\r\n?"), LINE_BREAK):
        text = _if_equal(text, breaks.sub("\n", text), read)
    for content in (None, read(text).content):  # white space within a value of several lines may belong to it
        text = _if_equal(text, _without_white_space(text, content), read)
    text = _if_equal(text, _in_order(text, read), read)
    return _if_equal(text, text.strip(_BREAKS) + "\n", read)


def _without_white_space(text: str, content: Content | None) -> str:
    """A text without white space at the ends of its lines, except for lines within a value of its content."""
    lines = lines_of(text)
    kept = {line for each in (content.places.values() if content else ()) for line in range(each.mark.line, each.end)}
    for number, line in enumerate(lines, start=1):
        stripped = line.rstrip(_BREAKS)
        if number not in kept:
            lines[number - 1] = stripped.rstrip(" \t") + line[len(stripped) :]
    return "".join(lines)


def _quotes(text: str, content: Content, meant: Mapping[str, str]) -> Iterator[Edit]:
    """The values that are text and look like something else; `meant`: what mistyped keys of the root are."""
    lines = lines_of(text)
    for (key, *inner), value in islice(walk(content.values), 1, None):
        path, name = (key, *inner), meant.get(str(key), str(key))
        place = content.place(path)
        otherwise = place.otherwise.kind if place.otherwise else None
        in_credential = name in CREDENTIAL_FIELDS and isinstance(value, str) and otherwise in _CERTAIN
        if not ((name in TEXT_FIELDS and not inner) or (name == "extras" and len(inner) == 1) or in_credential):
            continue
        old = ""
        if isinstance(value, str):
            dates = inner or name in CREDENTIAL_FIELDS
            if otherwise and name not in _CHOSEN and (dates or otherwise is not Misread.DATE):
                old = value
        elif isinstance(value, bool | int | float):
            token = _TOKEN.match(lines[place.mark.line - 1], place.mark.column - 1)
            old = token[0] if token else ""
        if old and '"' not in old:
            shown = f"extras.{inner[0]}" if name == "extras" else name
            yield Edit(place.mark, old, f'"{old}"', f"{shown} is quoted")


def _in_order(text: str, read: Read) -> str:
    """The keys of the root in order, each with the comments above it; notes first, unknown keys last."""
    content = read(text).content
    marks = _marks(content, ()) if content else {}
    if not marks or any(mark.column != 1 for mark in marks.values()):
        return text
    lines = lines_of(text)
    while lines and not lines[-1].strip(_BREAKS):
        lines.pop()
    starts = [mark.line - 1 for mark in marks.values()]
    first = starts[0]  # what is above the first key is about the file
    for index in range(1, len(starts)):
        while lines[starts[index] - 1].startswith("#"):
            starts[index] -= 1
    ends = [*starts[1:], len(lines)]
    blocks = [lines[start:end] for start, end in zip(starts, ends, strict=True)]
    ranks = [_RANKS.get(NOTE_PREFIX if key.startswith(NOTE_PREFIX) else key, len(_RANKS)) for key in marks]
    order = sorted(range(len(blocks)), key=ranks.__getitem__)
    if order == [*range(len(blocks))]:
        return text
    for block in blocks:  # each ends with a line break, and without blank lines
        while len(block) > 1 and not block[-1].strip(_BREAKS):
            block.pop()
        block[-1] += "" if block[-1].endswith(tuple(_BREAKS)) else "\n"
    return "".join([*lines[:first], *(line for index in order for line in blocks[index])])


def _marks(content: Content, path: Path) -> dict[str, Mark]:
    """Where the keys of a mapping stand. Raises `CannotEditError` if there is no such mapping."""
    if path not in content.places or not isinstance(found := at(content.values, path), Mapping):
        raise CannotEditError
    return {key: content.place((*path, key)).key for key in found}


def _if_equal(before: str, after: str, read: Read) -> str:
    """The text after an edit if it means the same, and its comments ignore the same."""

    def meaning(text: str) -> tuple[str, int, list[tuple[tuple[str, ...], bool]]]:
        """Without its order and its places."""
        reading = read(text)
        values = json.dumps(reading.content and reading.content.values, sort_keys=True)
        return values, len(reading.faults), sorted((each.rules, each.whole) for each in reading.ignores)

    return after if after == before or meaning(after) == meaning(before) else before


_AMBIGUOUS = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null"})
"""Words that some reader of YAML takes for something else than text."""


class CannotEditError(ValueError):
    """The text is in a form in which a value cannot be put safely."""


def with_values(text: str, read: Read, values: Mapping[str, Json]) -> str:
    """The text with new values of some keys of its root; ``None`` takes a key away. Raises `CannotEditError`."""
    before = read(text).content
    if before is None or any(mark.column != 1 for mark in _marks(before, ()).values()):
        raise CannotEditError
    for key, value in values.items():
        text = _with_value(text, read, (key,), value)
    after = read(text).content
    wanted = {**before.values, **values}
    wanted = {key: value for key, value in wanted.items() if value is not None or key not in values}
    if after is None or not same_json(after.values, wanted):
        raise CannotEditError
    return text


def _with_value(text: str, read: Read, path: tuple[str, ...], value: Json) -> str:
    """The text with one value, at the root or one level below it."""
    content = read(text).content
    if content is None:
        raise CannotEditError
    *above, key = path
    marks, lines = _marks(content, (*above,)), lines_of(text)
    if key not in marks:
        if value is None:
            return text
        last = [*marks][-1]
        end, head = _end(lines, marks, last), " " * (marks[last].column - 1)
        before = "".join(lines[:end])
        before += "" if before.endswith("\n") else "\n"
        return "".join([before, f"{head}{key}: {_yaml(value, read)}\n", *lines[end:]])
    old = at(content.values, path)
    inner = {mark.line for mark in _marks(content, path).values()} if isinstance(old, dict) else set()
    is_block = inner and len({marks[key].line, *inner}) == len(old) + 1
    if isinstance(value, dict) and is_block and not above:
        for name in (name for name in old if name not in value):
            text = _with_value(text, read, (key, name), None)
        for name, item in value.items():
            if name not in old or not same_json(old[name], item):
                text = _with_value(text, read, (key, name), item)
        return text
    start = marks[key].line - 1
    end = _end(lines, marks, key)
    if value is None:
        return "".join([*lines[:start], *lines[end:]])
    comment = _comment(lines, read, path, start, old) if end == start + 1 else ""
    head = lines[start][: marks[key].column - 1]
    return "".join([*lines[:start], f"{head}{key}: {_yaml(value, read)}{comment}\n", *lines[end:]])


def _end(lines: Sequence[str], marks: Mapping[str, Mark], key: str) -> int:
    """The line after an entry; the blank lines and the comments before the next one belong to that."""
    start, column = marks[key].line - 1, marks[key].column - 1
    end = min((mark.line - 1 for mark in marks.values() if mark.line - 1 > start), default=len(lines))
    while end > start + 1 and (_is_blank(lines[end - 1]) or _indent(lines[end - 1]) < column):
        end -= 1
    inside = (line for line in range(start + 1, end) if not _is_blank(lines[line]) and _indent(lines[line]) <= column)
    return next(inside, end)


def _is_blank(line: str) -> bool:
    return not line.strip() or line.lstrip().startswith("#")


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip(" "))


def _comment(lines: Sequence[str], read: Read, path: Path, start: int, value: Json) -> str:
    """The comment after a value, with the space before it: what can be cut off while the value stays."""
    line = lines[start].rstrip("\r\n")
    for found in re.finditer(" #", line):
        content = read("".join([*lines[:start], line[: found.start()] + "\n", *lines[start + 1 :]])).content
        if content and path in content.places and same_json(at(content.values, path), value):
            return line[len(line[: found.start()].rstrip()) :]
    return ""


def _yaml(value: Json, read: Read) -> str:
    """A value on one line: text without quotes if that reads as the same, else JSON, which is YAML too."""
    if isinstance(value, str) and value[:1].isalpha() and "\n" not in value and value.lower() not in _AMBIGUOUS:
        content = read(f"key: {value}\n").content
        if content and content.values == {"key": value}:
            return value
    return json.dumps(value, ensure_ascii=False)
