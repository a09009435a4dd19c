"""A plan in a file, so that what was reviewed is what is written.

The file holds what a reviewer saw: the plan as JSON, with the place and the owner; of a secret field only that
it changes. There is no digest of a secret: a short one could be guessed from it.
Its shape is ``schemas/plan.schema.json``; the checksum is a SHA-256 over all other keys.
"""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from provisioner.core.plan.changes import Change, Plan
from provisioner.core.plan.description import plan_json, plan_of
from provisioner.core.targets.place import Place

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
