"""Writes and reads saved plans."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from provisioner.adapters.files.private_file import write_private
from provisioner.core.errors import UsageError
from provisioner.core.plan.saved_plan import VERSION, checksum

MAX_BYTES = 64 * 1024 * 1024


def write_plan(path: Path, content: Mapping[str, Any]) -> None:
    """Write a plan that only its owner can read. Raises `UsageError` if the file cannot be written."""
    try:
        write_private(path, json.dumps(content, indent=2) + "\n")
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror}", "name another file") from None


def read_plan(path: Path, schema: Mapping[str, Any]) -> dict[str, Any]:
    """Read a plan. Raises `UsageError` for a file that is not what ``diff --out`` wrote."""
    from jsonschema import Draft7Validator

    advice = "save it again with provision diff --out"
    try:
        with path.open("rb") as file:
            text = file.read(MAX_BYTES + 1)
        if len(text) > MAX_BYTES:
            raise UsageError(f"{path} is larger than 64 MiB", advice)
        content = json.loads(text.decode())
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}", advice) from None
    except (ValueError, RecursionError):
        raise UsageError(f"{path} is not a saved plan: it is not JSON", advice) from None
    if isinstance(content, dict) and content.get("version", VERSION) != VERSION:
        raise UsageError(f"{path} is a plan of another version of provision", advice)
    if not isinstance(content, dict) or not Draft7Validator(schema).is_valid(content):
        raise UsageError(f"{path} is not a saved plan", advice)
    if checksum(content) != content["checksum"]:
        raise UsageError(f"{path} was changed after it was saved: its checksum is wrong", advice)
    return content
