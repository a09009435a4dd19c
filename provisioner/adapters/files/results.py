"""Writes results into files, and overwrites only what this program wrote; reads saved plans."""

import errno
import json
import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from provisioner.adapters.files.private_file import write_whole
from provisioner.adapters.files.text_files import read_limited
from provisioner.core.errors import SafetyLimit, UsageError, explained, said
from provisioner.core.plan.saved_plan import VERSION, checksum
from provisioner.core.rules.ids import why_no_id

STDOUT = Path("-")
"""The name of a result that is printed."""

_LOOK = 4096
"""Bytes at the beginning of a file by which a result of ours is known."""


def write_result(path: Path, text: str, ours: Callable[[str], bool], *, force: bool, mode: int = 0o666) -> None:
    """Write a result, whole or not at all. `ours`: whether the beginning of a file is that of such a result.

    Raises `SafetyLimit` if somebody else's file is there, and `UsageError` if the file cannot be written.
    """
    shown = path.as_posix()
    with explained(f"{shown} cannot be written", "name another file"):
        path.parent.stat()  # a missing folder is more often a typing mistake than a requested
        if not force and os.path.lexists(path) and not ours(_beginning(path)):
            raise SafetyLimit(
                f"{shown} exists, and provision did not write it", "name another file, or overwrite it with --force"
            )
        write_whole(path, text, mode=mode)


def _beginning(path: Path) -> str:
    if path.is_dir():
        raise OSError(errno.EISDIR, os.strerror(errno.EISDIR))
    if not path.is_file():
        raise OSError(errno.EEXIST, "it is neither a file nor a folder")  # a FIFO would hold the run
    with path.open("rb") as file:
        return file.read(_LOOK).decode(errors="replace")


MAX_BYTES = 64 * 1024 * 1024


def plan_text(content: Mapping[str, Any]) -> str:
    """A plan as it is in its file."""
    return json.dumps(content, indent=2)


def write_plan(path: Path, content: Mapping[str, Any], *, force: bool) -> None:
    """Write a plan that only its owner can read. Raises as `write_result`."""
    is_plan = re.compile(r'\s*\Z|\{\s*"version": \d+,\s*"place": ').match
    write_result(path, plan_text(content) + "\n", lambda text: is_plan(text) is not None, force=force, mode=0o600)


def read_plan(path: Path, schema: Mapping[str, Any]) -> dict[str, Any]:
    """Read a plan. Raises `UsageError` for a file that is not what ``diff --out`` wrote."""
    from jsonschema import Draft7Validator  # 60 ms, and only where something is checked

    advice = "save it again with provision diff --out"
    try:
        text = read_limited(path, MAX_BYTES)
        if len(text) > MAX_BYTES:
            raise UsageError(f"{path} is larger than 64 MiB", advice)
        content = json.loads(text.decode())
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {said(error)}", advice) from None
    except (ValueError, RecursionError):
        raise UsageError(f"{path} is not a saved plan: it is not JSON", advice) from None
    if isinstance(content, dict) and content.get("version", VERSION) != VERSION:
        raise UsageError(f"{path} is a plan of another version of provision", advice)
    if not isinstance(content, dict) or not Draft7Validator(schema).is_valid(content):
        raise UsageError(f"{path} is not a saved plan", advice)
    for change in content["changes"]:
        if why := why_no_id(change["id"]):
            raise UsageError(f"{path} is not a saved plan: no account type can be {change['id']!r}: {why}", advice)
    if checksum(content) != content["checksum"]:
        raise UsageError(f"{path} was changed after it was saved: its checksum is wrong", advice)
    return content
