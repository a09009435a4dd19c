"""A plan as plain values: what is shown of it, and what is saved for a review. It holds no secret."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from provisioner.core.plan.changes import Change, Create, FieldChange, Plan, Remove, action, field_changes
from provisioner.core.plan.meaning import meaning
from provisioner.core.secret import Json, Secret, redacted
from provisioner.core.text import listed


@dataclass(frozen=True, slots=True)
class FieldRow:
    """One field of a change; `action` is ``add``, ``change`` or ``remove``. A secret field has no values."""

    name: str
    action: str
    old: Json = None
    new: Json = None
    secret: bool = False

    def values(self) -> dict[str, Json]:
        """The field as JSON: ``name``, ``action``, and ``old`` and ``new``, or ``secret`` in place of both."""
        row: dict[str, Json] = {"name": self.name, "action": self.action}
        return {**row, "secret": True} if self.secret else {**row, "old": self.old, "new": self.new}


@dataclass(frozen=True, slots=True)
class ConflictRow:
    """A losing revision of a document, and the fields in which it differs from the live one."""

    rev: str
    fields: tuple[str, ...]

    def values(self) -> dict[str, Json]:
        """The conflict as JSON."""
        return {"rev": self.rev, "fields": [*self.fields]}


@dataclass(frozen=True, slots=True)
class ChangeRow:
    """One change. The lists are those of `Notes` and `Remove`; `deleted_since` is the time of our last write.

    `deleted_since` is set if the account type is to be created because someone else deleted it. `renamed_from`: the id
    that an account type to create had before. `only_copy`: the secret fields that only a document to remove has.
    `meaning`: what the change means for connected accounts.
    """

    id: str
    action: str
    rev: str | None
    fields: tuple[FieldRow, ...] = ()
    kept: tuple[str, ...] = ()
    released: tuple[str, ...] = ()
    edited: tuple[str, ...] = ()
    held: tuple[str, ...] = ()
    taken_from: str | None = None
    obstacles: tuple[str, ...] = ()
    conflicts: tuple[ConflictRow, ...] = ()
    deleted_since: str | None = None
    renamed_from: str | None = None
    only_copy: tuple[str, ...] = ()
    meaning: tuple[str, ...] = ()

    def values(self) -> dict[str, Json]:
        """The change as JSON, with a key an attribute."""
        return {
            "id": self.id,
            "action": self.action,
            "rev": self.rev,
            "fields": [field.values() for field in self.fields],
            "kept": [*self.kept],
            "released": [*self.released],
            "edited": [*self.edited],
            "held": [*self.held],
            "taken_from": self.taken_from,
            "obstacles": [*self.obstacles],
            "conflicts": [conflict.values() for conflict in self.conflicts],
            "deleted_since": self.deleted_since,
            "renamed_from": self.renamed_from,
            "only_copy": [*self.only_copy],
            "meaning": [*self.meaning],
        }

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> "ChangeRow":
        """The change that `values` made."""
        return cls(
            id=values["id"],
            action=values["action"],
            rev=values["rev"],
            fields=tuple(FieldRow(**field) for field in values["fields"]),
            kept=tuple(values["kept"]),
            released=tuple(values["released"]),
            edited=tuple(values["edited"]),
            held=tuple(values["held"]),
            taken_from=values["taken_from"],
            obstacles=tuple(values["obstacles"]),
            conflicts=tuple(ConflictRow(each["rev"], tuple(each["fields"])) for each in values["conflicts"]),
            deleted_since=values["deleted_since"],
            renamed_from=values["renamed_from"],
            only_copy=tuple(values["only_copy"]),
            meaning=tuple(values["meaning"]),
        )


@dataclass(frozen=True, slots=True)
class PlanRows:
    """A plan as plain values; the attributes are those of `Plan`."""

    changes: tuple[ChangeRow, ...] = ()
    foreign: Mapping[str, str] | None = None
    unreadable_owner: tuple[str, ...] = ()
    skipped: tuple[str, ...] = ()
    unmanaged: tuple[str, ...] = ()

    def number(self, action: str) -> int:
        """How many changes have an action."""
        return sum(change.action == action for change in self.changes)

    def values(self) -> dict[str, Json]:
        """The plan as JSON: ``changes``, ``foreign`` (id → owner), and lists of ids."""
        return {
            "changes": [change.values() for change in self.changes],
            "foreign": dict(self.foreign or {}),
            "unreadable_owner": [*self.unreadable_owner],
            "skipped": [*self.skipped],
            "unmanaged": [*self.unmanaged],
        }

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> "PlanRows":
        """The plan that `values` made."""
        return cls(
            changes=tuple(map(ChangeRow.of, values["changes"])),
            foreign=values["foreign"],
            unreadable_owner=tuple(values["unreadable_owner"]),
            skipped=tuple(values["skipped"]),
            unmanaged=tuple(values["unmanaged"]),
        )


def plan_rows(plan: Plan) -> PlanRows:
    """A plan as plain values."""
    return PlanRows(
        changes=tuple(_planned_row(change, plan) for change in plan.changes),
        foreign=dict(plan.foreign),
        unreadable_owner=plan.unknown_form,
        skipped=plan.skipped,
        unmanaged=plan.unmanaged,
    )


def _planned_row(change: Change, plan: Plan) -> ChangeRow:
    """A change with what the plan knows of it."""
    return replace(
        change_row(change),
        deleted_since=plan.deleted.get(change.id),
        renamed_from=plan.renamed.get(change.id),
        only_copy=plan.only_copies.get(change.id, ()),
    )


def change_row(change: Change) -> ChangeRow:
    """A change as plain values."""
    notes = change.notes
    before = {} if isinstance(change, Create) else change.before
    return ChangeRow(
        id=change.id,
        action=action(change),
        rev=change.rev,
        fields=tuple(map(field_row, change.fields)),
        kept=notes.kept,
        released=notes.released,
        edited=notes.edited,
        held=notes.held,
        meaning=meaning(change),
        taken_from=None if isinstance(change, Create) else notes.taken_from,
        obstacles=change.obstacles if isinstance(change, Remove) else (),
        conflicts=tuple(
            ConflictRow(losing.rev, tuple(field.name for field in field_changes(losing.document, before)))
            for losing in change.conflicts
        ),
    )


def field_row(field: FieldChange) -> FieldRow:
    """A changed field as plain values."""
    word = "add" if field.old is None else "remove" if field.new is None else "change"
    if isinstance(field.old, Secret) or isinstance(field.new, Secret):
        return FieldRow(field.name, word, secret=True)
    return FieldRow(field.name, word, redacted(field.old), redacted(field.new, field.old))


def missing_credentials(plan: Plan) -> str:
    """The new account types that cannot work yet, by what they lack."""
    by_field: dict[str, list[str]] = {}
    for id, names in plan.incomplete.items():
        for name in names:
            by_field.setdefault(name, []).append(id)
    return "; ".join(f"no {name} yet: {listed(ids)}" for name, ids in by_field.items())
