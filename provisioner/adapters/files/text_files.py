"""Reads files that hold one mapping, in YAML or JSON."""

import os
import stat
from pathlib import Path

from provisioner.adapters.files.json_text import read_json
from provisioner.adapters.files.yaml_text import read_yaml
from provisioner.core.definitions.node import START, Mark
from provisioner.core.definitions.reading import MAX_BYTES, Reading

_PART = 16 * 1024
"""More than most files have. Python reserves what it is asked to read: 1 MiB each time takes four times as long."""


def read_mapping(path: Path, *, json: bool = False) -> Reading:
    """Read a file; by its name it is JSON or YAML. Raises `OSError` where it cannot be opened."""
    status = path.stat()
    if not stat.S_ISREG(status.st_mode):
        return Reading.failed(START, "cannot be read: not a regular file", "unreadable")
    if status.st_size > MAX_BYTES:
        return Reading.failed(START, f"larger than 1 MiB ({status.st_size} bytes)", "too-large")
    return parse(read_limited(path), json=json or path.suffix == ".json")


def exists(path: Path) -> bool:
    """Whether there is something at a path; one that cannot be looked at, as it is too long, is empty."""
    return os.path.exists(path)  # noqa: PTH110  # that of Path raises then


def is_folder(path: Path) -> bool:
    """Whether a folder is at a path, as `exists`."""
    return os.path.isdir(path)  # noqa: PTH112


def is_file(path: Path) -> bool:
    """Whether a regular file is at a path, as `exists`."""
    return os.path.isfile(path)  # noqa: PTH113


def read_limited(path: Path, most: int = MAX_BYTES) -> bytes:
    """A file, cut somewhere beyond its first `most` bytes if it has more. Raises `OSError`."""
    parts: list[bytes] = []
    with path.open("rb") as file:
        while len(parts) * _PART <= most:
            parts.append(file.read(_PART))
            if len(parts[-1]) < _PART:
                break
    return b"".join(parts)


def parse(content: bytes, *, json: bool = False) -> Reading:
    """Read the content of a file. JSON is also YAML, but for its tabs and its numbers."""
    if len(content) > MAX_BYTES:
        return Reading.failed(START, "larger than 1 MiB", "too-large")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = content[: error.start].decode(errors="replace")
        mark = Mark(before.count("\n") + 1, len(before) - before.rfind("\n"))
        return Reading.failed(mark, "not UTF-8: save the file as UTF-8", "not-utf-8")
    if json:
        return read_json(text)
    return read_yaml(text)
