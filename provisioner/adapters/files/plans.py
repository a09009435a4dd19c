"""Writes and reads saved plans."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from provisioner.adapters.files.results import write_result
from provisioner.adapters.files.text_files import read_limited
from provisioner.core.errors import UsageError
from provisioner.core.plan.saved_plan import VERSION, checksum
from provisioner.core.rules.ids import why_no_id

MAX_BYTES = 64 * 1024 * 1024


def plan_text(content: Mapping[str, Any]) -> str:
    """A plan as it is in its file."""
    return json.dumps(content, indent=2)


def write_plan(path: Path, content: Mapping[str, Any], *, force: bool) -> None:
    """Write a plan that only its owner can read. Raises as `write_result`."""
    write_result(path, plan_text(content) + "\n", _is_plan, force=force, mode=0o600)


def _is_plan(text: str) -> bool:
    return not text.strip() or re.match(r'\{\s*"version": \d+,\s*"place": ', text) is not None


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
        raise UsageError(f"{path} cannot be read: {error.strerror}", advice) from None
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
