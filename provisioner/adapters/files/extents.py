"""The lines of a definition file, and where its keys and values begin and end."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from provisioner.adapters.files.text_edits import text_of
from provisioner.adapters.files.yaml_text import events
from provisioner.core.definitions.node import LINE_BREAK, Mark
from provisioner.core.definitions.reading import MAX_DEPTH


@cache
def ends(path: str) -> Mapping[Mark, Mark]:
    """The ends of the keys and plain values of a file, by where they begin; a JSON file is YAML as well.

    The end is behind the last character. Of a file that cannot be read to its end, what comes before the fault.
    """
    found: dict[Mark, Mark] = {}
    depth = 0
    try:
        for event in events(_text(path)):
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
