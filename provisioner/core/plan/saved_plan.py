"""A plan as JSON: what is printed of it, and what is saved so that what was reviewed is what is written.

It holds no secret, and no digest of one: of a secret field only that it changes. The shape of the file is
``schemas/plan.schema.json``; the checksum is a SHA-256 over all other keys.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from provisioner.core.plan.changes import HIDDEN, Change, FieldChange, Plan
from provisioner.core.secret import Json
from provisioner.core.structure import as_row, of_row
from provisioner.core.targets.target import Place


def plan_json(plan: Plan) -> dict[str, Json]:
    """A plan: ``changes``, ``foreign`` (id → owner), ``refused`` (id → reason), and lists of ids."""
    return {
        "changes": [change_json(change) for change in plan.changes],
        "foreign": dict(plan.foreign),
        "unreadable_owner": [*plan.unreadable_owner],
        "skipped": [*plan.skipped],
        "unmanaged": [*plan.unmanaged],
        "refused": dict(plan.refused),
    }


def plan_of(values: Mapping[str, Any]) -> Plan:
    """The plan that `plan_json` made, without secrets and documents."""
    return Plan(
        changes=tuple(map(_change_of, values["changes"])),
        foreign=values["foreign"],
        unreadable_owner=tuple(values["unreadable_owner"]),
        skipped=dict.fromkeys(values["skipped"], ""),
        unmanaged=tuple(values["unmanaged"]),
        refused=values["refused"],
    )


def change_json(change: Change) -> dict[str, Json]:
    """A change, with a key an attribute."""
    return {"id": change.id, "action": "", "fields": [*map(_field_json, change.fields)], **as_row(change)}


def _change_of(row: Mapping[str, Any]) -> Change:
    others = {name: value for name, value in row.items() if name != "fields"}
    return replace(of_row(Change, others), fields=tuple(map(_field_of, row["fields"])))


def _field_json(field: FieldChange) -> dict[str, Json]:
    """``name``, ``action``, and ``old`` and ``new``, or ``secret`` in place of both."""
    row: dict[str, Json] = {"name": field.name, "action": field.action}
    old, new = field.public
    return {**row, "secret": True} if field.secret else {**row, "old": old, "new": new}


def _field_of(row: Mapping[str, Any]) -> FieldChange:
    if not row.get("secret"):
        return FieldChange(row["name"], row["old"], row["new"])
    old, new = row["action"] != "add", row["action"] != "remove"
    return FieldChange(row["name"], HIDDEN if old else None, HIDDEN if new else None)


VERSION = 4


def saved(plan: Plan, place: Place, owner: str | None) -> dict[str, Any]:
    """The content of the file: the plan for a place (URL and database) and an owner."""
    content: dict[str, Any] = {
        "version": VERSION,
        "place": str(place),
        "owner": owner,
        **plan_json(plan),
    }
    return {**content, "checksum": checksum(content)}


def place_of(content: Mapping[str, Any]) -> Place:
    """The place that a saved plan was made for."""
    url, _, database = str(content["place"]).partition(" ")
    return Place(None, url, database)


def checksum(content: Mapping[str, Any]) -> str:
    """The checksum of a plan's content."""
    others = {name: value for name, value in content.items() if name != "checksum"}
    return hashlib.sha256(json.dumps(others, sort_keys=True).encode()).hexdigest()


def elsewhere(content: Mapping[str, Any], place: str, owner: str | None) -> str | None:
    """Why a saved plan is not one for a place and an owner, if it is not."""
    if (content["place"], content["owner"]) == (place, owner):
        return None
    return f"it was made for {content['place']} and {_owner(content['owner'])}, not for {place} and {_owner(owner)}"


def reviewed_changes(content: Mapping[str, Any]) -> dict[str, Change]:
    """The changes that a saved plan lets pass, by id."""
    return {change.id: change for change in plan_of(content).changes}


def _owner(owner: str | None) -> str:
    return f"the owner {owner}" if owner else "no owner"
