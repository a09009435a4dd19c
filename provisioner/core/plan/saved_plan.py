"""A plan as JSON: what is printed of it, and what is saved so that what was reviewed is what is written.

It holds no secret, and no digest of one: of a secret field only that it changes. The shape of the file is
``schemas/plan.schema.json``; the checksum is a SHA-256 over all other keys.
"""

import hashlib
import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from msgspec.structs import replace

from provisioner.core.definitions.account_type import same_value
from provisioner.core.definitions.kinds import ACCOUNT_TYPE, kind_named
from provisioner.core.plan.changes import Action, Change, FieldChange, Plan, ordered
from provisioner.core.secret import Json, Secret, holds_secret
from provisioner.core.structure import as_row, of_row
from provisioner.core.targets.target import Place
from provisioner.core.text import listed

VERSION = 4

HIDDEN = Secret(None)
"""Stands for a secret of a saved plan."""


def plan_json(plan: Plan) -> dict[str, Json]:
    """A plan: ``changes``, ``foreign`` (id → owner), ``refused`` (id → reason), and lists of ids."""
    return {
        "changes": [
            {"id": each.id, "action": "", "fields": [*map(_field_json, each.fields)], **as_row(each)}
            for each in plan.changes
        ],
        "foreign": dict(plan.foreign),
        "unreadable_owner": [*plan.unreadable_owner],
        "skipped": [*plan.skipped],
        "unmanaged": [*plan.unmanaged],
        "refused": dict(plan.refused),
    }


def _field_json(field: FieldChange) -> dict[str, Json]:
    """``name``, ``action``, and ``old`` and ``new``, or ``secret`` in place of both."""
    old, new = field.public
    values: dict[str, Json] = {"secret": True} if field.secret else {"old": old, "new": new}
    return {"name": field.name, "action": field.action, **values}


def _change_of(row: Mapping[str, Any]) -> Change:
    """The change in a row of `plan_json`, without secrets and documents."""
    fields = []
    for each in row["fields"]:
        old, new = each.get("old"), each.get("new")
        if each.get("secret"):
            old, new = (None if each["action"] == without else HIDDEN for without in ("add", "remove"))
        fields.append(FieldChange(each["name"], old, new))
    others = {name: value for name, value in row.items() if name != "fields"}
    return replace(of_row(Change, others), fields=tuple(fields))


class SavedPlan(NamedTuple):
    """A plan in a file: what was reviewed, for a place and an owner; `beside`: those for other kinds of documents."""

    plan: Plan
    place: Place
    owner: str | None
    beside: "tuple[SavedPlan, ...]" = ()

    @classmethod
    def of(cls, content: Mapping[str, Any]) -> "SavedPlan":
        """The plan in the content of a file that fits its schema."""
        kind = kind_named(content.get("kind", ACCOUNT_TYPE.name))
        plan = Plan(
            changes=tuple(replace(_change_of(row), kind=kind) for row in content["changes"]),
            foreign=content["foreign"],
            unreadable_owner=tuple(content["unreadable_owner"]),
            skipped=dict.fromkeys(content["skipped"], ""),
            unmanaged=tuple(content["unmanaged"]),
            refused=content["refused"],
            kind=kind,
        )
        url, _, database = str(content["place"]).partition(" ")
        return cls(plan, Place(None, url, database), content["owner"], tuple(map(cls.of, content.get("beside", ()))))

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


def checksum(content: Mapping[str, Any]) -> str:
    """The checksum of a plan's content."""
    others = {name: value for name, value in content.items() if name != "checksum"}
    return hashlib.sha256(json.dumps(others, sort_keys=True).encode()).hexdigest()


def difference(reviewed: Change | None, change: Change) -> str:
    """How a change differs from the one that was reviewed, in words; empty if it does not.

    A removal must be of the revision that was reviewed; any other change must set the same fields from the same values
    to the same values. Of the secrets of a saved plan only their change is known.
    """
    if reviewed is None:
        return f"{change.action} was not in it"
    if reviewed.action is not change.action:
        return f"{reviewed.action} became {change.action}"
    if change.action is Action.REMOVE:
        if reviewed.rev != change.rev:
            return "the live document changed since"
        copies = [name for name in change.only_copy if name not in reviewed.only_copy]
        return f"it became the only copy of {listed(copies)}" if copies else ""
    secrets = {field.name for field in reviewed.fields if holds_secret(field.old) or holds_secret(field.new)}
    if names := secrets & ({*reviewed.edited} ^ {*change.edited}):
        return f"someone else changed {listed(ordered(names))} since"
    replaced = any(holds_secret(field.old) for field in reviewed.fields)
    signed = change.live is not None and change.live.ownership is not None
    if replaced and not signed and reviewed.rev != change.rev:  # without an owner, no digest tells
        return "the live document changed since"
    before, now = ({field.name: field for field in each.fields} for each in (reviewed, change))
    names = before.keys() ^ now.keys() | {
        name for name in before.keys() & now.keys() if not _same(before[name], now[name])
    }
    return listed(ordered(names))


def _same(reviewed: FieldChange, now: FieldChange) -> bool:
    if reviewed.action != now.action or reviewed.secret != now.secret:
        return False
    sides = zip((reviewed.old, reviewed.new), (now.old, now.new), now.public, strict=True)
    return all(same_value(now.name, one, other) or one in (HIDDEN, saved) for one, other, saved in sides)
