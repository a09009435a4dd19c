"""A plan in a file, so that what was reviewed is what is applied.

The file holds no value: of each change the id, the action, the revision that was read, the names of the fields that
change, and a digest of the whole document that would be written, under a random key of the file's own.
Its shape is ``schemas/plan.schema.json``; the checksum is a SHA-256 over all other keys.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from typing import Any

from provisioner.core.plan.changes import Change, Plan, Remove, Unchanged, action
from provisioner.core.plan.ownership import Record

VERSION = 1


def saved(plan: Plan, place: str, owner: str, key: str) -> dict[str, Any]:
    """The content of the file: the plan for a place (URL and database), made under a key (hex)."""
    content: dict[str, Any] = {
        "version": VERSION,
        "place": place,
        "owner": owner,
        "key": key,
        "changes": [_change(change, key) for change in plan.changes],
    }
    return {**content, "checksum": checksum(content)}


def checksum(content: Mapping[str, Any]) -> str:
    """The checksum of a plan's content."""
    others = {name: value for name, value in content.items() if name != "checksum"}
    return hashlib.sha256(json.dumps(others, sort_keys=True).encode()).hexdigest()


def moved(content: Mapping[str, Any], plan: Plan, place: str, owner: str) -> list[str]:
    """What is no longer as it was when the plan was saved, in words that name it; nothing: it may be applied."""
    if (content["place"], content["owner"]) != (place, owner):
        return [f"it was made for {content['place']} and the owner {content['owner']}"]
    return list(_moved(content, plan))


def _moved(content: Mapping[str, Any], plan: Plan) -> Iterator[str]:
    before = {row["id"]: row for row in content["changes"]}
    now = {change.id: _change(change, content["key"]) for change in plan.changes}
    for id in sorted(before.keys() | now.keys()):
        old, new = before.get(id), now.get(id)
        if old is None or new is None:
            yield f"{id}: {'it is not in the saved plan' if old is None else 'it is not in the plan any more'}"
        elif old["rev"] != new["rev"]:
            yield f"{id}: the live document changed"
        elif old != new:
            yield f"{id}: its definition or its credentials changed"


def _change(change: Change, key: str) -> dict[str, Any]:
    fields = [field.name for field in change.fields]
    row = {"id": change.id, "action": action(change), "rev": change.rev, "fields": fields}
    return {**row, "digest": _digest(change, key)}


def _digest(change: Change, key: str) -> str:
    if isinstance(change, Remove):
        return ""
    document = change.document if isinstance(change, Unchanged) else change.after
    record = Record("", key)
    return record.digest("", [record.digest(name, document[name]) for name in sorted(document)])
