"""A plan in a file, so that what was reviewed is what is written.

The file holds what a reviewer saw: the values of `PlanRows`, with the place and the owner; of a secret field only that
it changes. There is no digest of a secret: a short one could be guessed from it.
Its shape is ``schemas/plan.schema.json``; the checksum is a SHA-256 over all other keys.
"""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from provisioner.core.plan.changes import Change, Plan, Remove, action
from provisioner.core.plan.description import field_row, plan_rows
from provisioner.core.targets.place import Place

VERSION = 3


def saved(plan: Plan, place: Place, owner: str | None) -> dict[str, Any]:
    """The content of the file: the plan for a place (URL and database) and an owner."""
    content: dict[str, Any] = {
        "version": VERSION,
        "place": str(place),
        "owner": owner,
        **plan_rows(plan).values(),
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


def not_reviewed(content: Mapping[str, Any], plan: Plan) -> dict[str, str]:
    """The changes of a plan that are not those of the saved plan, by id, each with what is different.

    A removal must be of the revision that was reviewed; any other change must set the same fields from the same
    values to the same values.
    """
    rows = {row["id"]: row for row in content["changes"]}
    found: dict[str, str] = {}
    for change in plan.changes:
        if action(change) != "unchanged" and (why := _difference(rows.get(change.id), change)):
            found[change.id] = why
    return found


def _difference(row: Mapping[str, Any] | None, change: Change) -> str | None:
    if row is None:
        return "the saved plan does not have it"
    if row["action"] != action(change):
        return f"the saved plan says {row['action']}, and now it is {action(change)}"
    if isinstance(change, Remove):
        return None if row["rev"] == change.rev else "the live document changed since the plan was saved"
    now = [field_row(field).values() for field in change.fields]
    if row["fields"] == now:
        return None
    names = sorted({each["name"] for each in (*row["fields"], *now) if each not in row["fields"] or each not in now})
    return f"the change to {', '.join(names)} is not the one in the saved plan"


def _owner(owner: str | None) -> str:
    return f"the owner {owner}" if owner else "no owner"
