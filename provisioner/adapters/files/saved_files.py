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
from provisioner.core.plan.drift import UNSEEN, Look
from provisioner.core.plan.saved_plan import VERSION, SavedPlan, checksum
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
"""What says that a file is such a state; the number changes with its form."""

LONGEST_WAIT = 30.0
"""Seconds to wait for another run that writes the file: it holds it for milliseconds."""

_OTHER = "pass another --state"


class DriftState:
    """The last look at each place, in one file, which several runs can share.

    It holds ids, names of fields and times: no value of a document, and of its revisions only four digits.
    """

    def __init__(self, path: Path) -> None:
        """Read the file, if there is one. Raises `UsageError` for one that cannot be used."""
        self._path = path
        self._looks = self._read()
        if why := why_not_writable(path):
            raise UsageError(f"{path} cannot be written: {why}", _OTHER)

    def get(self, place: str) -> Look:
        """The last look at a place; one that found nothing yet if there was none."""
        return self._looks.get(place, UNSEEN)

    def put(self, place: str, look: Look) -> None:
        """Keep a look. Raises `ProvisionError` if the file cannot be written."""
        lock = self._path.with_name(f"{self._path.name}.lock")
        with explained(f"{self._path} cannot be written", _OTHER, ProvisionError), locked(lock, LONGEST_WAIT):
            self._looks = {**self._read(), place: look}
            rows = {name: _row(each) for name, each in self._looks.items()}
            write_whole(self._path, json.dumps({"form": FORM, "looks": rows}, indent=1) + "\n", mode=0o600)

    def _read(self) -> dict[str, Look]:
        try:
            refuse_foreign_link(self._path)
            match json.loads(read_own(self._path.resolve(strict=True), MAX_BYTES)):
                case {"form": str(form), "looks": dict(rows), **rest} if form == FORM and not rest:
                    return {place: _look(row) for place, row in rows.items()}
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise UsageError(f"{self._path} cannot be read: {said(error)}", _OTHER) from None
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
            pass
        what = f"{self._path} is not a state file that this version of drift can read"
        raise UsageError(what, f"{_OTHER}, or delete the file to start over") from None


def _row(look: Look) -> dict[str, Any]:
    """A look as it is kept; the ids are keys."""
    row = as_row(look)
    for each in (row["documents"] or {}).values():
        del each["id"]
    return row


def _look(row: Any) -> Look:
    if any(id.startswith("_") for id in row["documents"] or ()):
        raise ValueError
    ids = None if row["documents"] is None else {id: {**each, "id": id} for id, each in row["documents"].items()}
    return of_row(Look, {**row, "documents": ids})
