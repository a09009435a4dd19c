"""Reads and replaces the text of definition files; their lines, and where their keys and values end."""

import stat
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from provisioner.adapters.files.private_file import write_whole
from provisioner.adapters.files.text_files import parse, read_limited
from provisioner.adapters.files.yaml_text import parsed
from provisioner.core.definitions.content import MAX_DEPTH, Reading
from provisioner.core.definitions.problem import LINE_BREAK, Mark
from provisioner.core.errors import ProvisionError, explained


def text_of(path: str) -> str:
    """The text of a definition that was read before, without a byte order mark."""
    return read_limited(Path(path)).decode("utf-8-sig")


def read_text(text: str) -> Reading:
    """What the text of a definition in YAML holds."""
    return parse(text.encode())


def replace_text(path: str, text: str) -> None:
    """Put a text in place of a file, whole or not at all; its permissions stay. Raises `ProvisionError`."""
    file = Path(path)
    with explained(f"{file.as_posix()} cannot be written", "check its permissions", ProvisionError):
        mode = stat.S_IMODE(file.stat().st_mode)
        write_whole(file, text, mode=mode, exact=True)


@cache
def ends(path: str) -> Mapping[Mark, Mark]:
    """The ends of the keys and plain values of a file, by where they begin; a JSON file is YAML as well.

    The end is behind the last character. Of a file that cannot be read to its end, what comes before the fault.
    """
    found: dict[Mark, Mark] = {}
    depth = 0
    try:
        for event in parsed(_text(path)):
            if isinstance(event, yaml.ScalarEvent):
                found[_mark(event.start_mark)] = _mark(event.end_mark)
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            if depth > MAX_DEPTH:
                break
    except (OSError, UnicodeDecodeError, yaml.YAMLError):
        pass
    return found


def line_of(path: str, number: int) -> str | None:
    """A line of a file, by its number from 1; ``None`` if it cannot be read."""
    try:
        return _lines(path)[number - 1]
    except (OSError, UnicodeDecodeError, IndexError):
        return None


@cache
def _lines(path: str) -> list[str]:
    return LINE_BREAK.split(_text(path))


def _text(path: str) -> str:
    return text_of(path) if Path(path).is_file() else ""


def _mark(mark: Any) -> Mark:
    return Mark(mark.line + 1, mark.column + 1)
