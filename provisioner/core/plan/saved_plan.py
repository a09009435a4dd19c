"""A plan as JSON: what is printed of it, and what is saved so that what was reviewed is what is written.

It holds no secret, and no digest of one: of a secret field only that it changes. The shape of the file is
``schemas/plan.schema.json``; the checksum is a SHA-256 over all other keys.
"""

import hashlib
import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from msgspec.structs import replace

from provisioner.core.definitions.kinds import ACCOUNT_TYPE, kind_named
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
    kind = kind_named(values.get("kind", ACCOUNT_TYPE.name))
    return Plan(
        changes=tuple(replace(_change_of(row), kind=kind) for row in values["changes"]),
        kind=kind,
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


class SavedPlan(NamedTuple):
    """A plan in a file: what was reviewed, for a place and an owner; `beside`: those for other kinds of documents."""

    plan: Plan
    place: Place
    owner: str | None
    beside: "tuple[SavedPlan, ...]" = ()

    @classmethod
    def of(cls, content: Mapping[str, Any]) -> "SavedPlan":
        """The plan in the content of a file that fits its schema."""
        url, _, database = str(content["place"]).partition(" ")
        beside = tuple(map(cls.of, content.get("beside", ())))
        return cls(plan_of(content), Place(None, url, database), content["owner"], beside)

    @property
    def content(self) -> dict[str, Any]:
        """The content of the file, with its checksum."""
        head = {"version": VERSION, "place": str(self.place), "owner": self.owner, "kind": self.plan.kind.name}
        content: dict[str, Any] = {**head, **plan_json(self.plan)}
        content |= {"beside": [each.content for each in self.beside]} if self.beside else {}
        return {**content, "checksum": checksum(content)}

    @property
    def parts(self) -> "list[SavedPlan]":
        """The plans in the file, one a kind of documents."""
        return [self, *self.beside]

    def part_for(self, place: Place) -> "SavedPlan":
        """The plan for a place; the first one if there is none."""
        return next((each for each in self.parts if str(each.place) == str(place)), self)

    def why_not_for(self, place: Place, owner: str | None) -> str:
        """Why this is no plan for a place and an owner; empty if it is one."""
        if (str(self.place), self.owner) == (str(place), owner):
            return ""
        return f"it was made for {self.place} and {_owner(self.owner)}, not for {place} and {_owner(owner)}"


def checksum(content: Mapping[str, Any]) -> str:
    """The checksum of a plan's content."""
    others = {name: value for name, value in content.items() if name != "checksum"}
    return hashlib.sha256(json.dumps(others, sort_keys=True).encode()).hexdigest()


def _owner(owner: str | None) -> str:
    return f"the owner {owner}" if owner else "no owner"
