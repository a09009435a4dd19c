"""What one run saves for another: plans, and the last looks at databases."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from provisioner.adapters.files.private_file import (
    locked,
    read_own,
    refuse_foreign_link,
    why_not_writable,
    write_result,
    write_whole,
)
from provisioner.adapters.files.text_files import read_limited
from provisioner.core.errors import ProvisionError, UsageError, explained, said
from provisioner.core.plan.changes import VERSION, SavedPlan, checksum
from provisioner.core.plan.live import Look
from provisioner.core.rules.ids import why_no_id
from provisioner.core.structure import as_row, of_row

MAX_BYTES = 64 * 1024 * 1024


def plan_text(saved: SavedPlan) -> str:
    """A plan as it is in its file."""
    return json.dumps(saved.content, indent=2)


def write_plan(path: Path, saved: SavedPlan, *, force: bool) -> None:
    """Write a plan that only its owner can read. Raises as `write_result`."""
    is_plan = re.compile(r'\s*\Z|\{\s*"version": \d+,\s*"place": ').match
    write_result(path, plan_text(saved) + "\n", lambda text: is_plan(text) is not None, force=force, mode=0o600)


def read_plan(path: Path, schema: Mapping[str, Any]) -> SavedPlan:
    """Read a plan. Raises `UsageError` for a file that is not what ``diff --out`` wrote."""
    from jsonschema import Draft7Validator  # 60 ms, and only where something is checked

    advice = "check the path, or create a plan with provision diff --out FILE"
    try:
        text = read_limited(path, MAX_BYTES)
        if len(text) > MAX_BYTES:
            raise UsageError(f"{path} is larger than 64 MiB", advice)
        content = json.loads(text.decode())
    except OSError as error:
        raise UsageError(f"cannot read the plan {path}: {said(error)}", advice) from None
    except (ValueError, RecursionError):
        raise UsageError(f"{path} is not a saved plan: it is not JSON", advice) from None
    if isinstance(content, dict) and content.get("version", VERSION) != VERSION:
        raise UsageError(f"{path} is a plan of another version of provision", advice)
    if not isinstance(content, dict) or not Draft7Validator(schema).is_valid(content):
        raise UsageError(f"{path} is not a saved plan", advice)
    for change in (each for part in (content, *content.get("beside", ())) for each in part["changes"]):
        if why := why_no_id(change["id"]):
            raise UsageError(f"{path} is not a saved plan: no document can be {change['id']!r}: {why}", advice)
    if checksum(content) != content["checksum"]:
        raise UsageError(f"{path} was changed after it was saved: its checksum is wrong", advice)
    return SavedPlan.of(content)


FORM = "provision drift 1"
"""What says that a file holds looks; the number changes with its form."""

LONGEST_WAIT = 30.0
"""Seconds to wait for another run that writes the file: it holds it for milliseconds."""

_OTHER = "pass another --state"


def looks_in(path: Path) -> dict[str, Look]:
    """The last look at each place, in a file that several runs can share; none if there is no file.

    It holds ids, names of fields and times: no value of a document, and of its revisions only four digits.
    Raises `UsageError` for a file that cannot be used.
    """
    looks = _read(path)
    if why := why_not_writable(path):
        raise UsageError(f"{path} cannot be written: {why}", _OTHER)
    return looks


def keep_look(path: Path, place: str, look: Look) -> None:
    """Keep a look at a place beside those at others. Raises `ProvisionError` if the file cannot be written."""
    lock = path.with_name(f"{path.name}.lock")
    with explained(f"{path} cannot be written", _OTHER, ProvisionError), locked(lock, LONGEST_WAIT):
        rows = {name: as_row(each) for name, each in {**_read(path), place: look}.items()}
        for each in (each for row in rows.values() for each in (row["documents"] or {}).values()):
            del each["id"]  # it is the key
        write_whole(path, json.dumps({"form": FORM, "looks": rows}, indent=1) + "\n", mode=0o600)


def _read(path: Path) -> dict[str, Look]:
    try:
        refuse_foreign_link(path)
        match json.loads(read_own(path.resolve(strict=True), MAX_BYTES)):
            case {"form": str(form), "looks": dict(rows), **rest} if form == FORM and not rest:
                return {place: _look(row) for place, row in rows.items()}
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {said(error)}", _OTHER) from None
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        pass
    what = f"{path} is not a state file that this version of drift can read"
    raise UsageError(what, f"{_OTHER}, or delete the file to start over") from None


def _look(row: Any) -> Look:
    if any(id.startswith("_") for id in row["documents"] or ()):
        raise ValueError
    ids = None if row["documents"] is None else {id: {**each, "id": id} for id, each in row["documents"].items()}
    return of_row(Look, {**row, "documents": ids})
