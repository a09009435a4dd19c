"""A plan: what applying a catalogue would do to the live documents, as a value.

::

    Change = Create | Update | Unchanged
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from provisioner.core.account_type import FIELDS, Document, lacks_client_id, same_value
from provisioner.core.definition import Definition
from provisioner.core.secret import Json, Secret
from provisioner.core.store import Live, Snapshot, Write


@dataclass(frozen=True, slots=True)
class FieldChange:
    """One field that gets another value; ``None`` stands for no field."""

    name: str
    old: Json | Secret
    new: Json | Secret


@dataclass(frozen=True, slots=True)
class Create:
    id: str
    after: Document

    @property
    def fields(self) -> tuple[FieldChange, ...]:
        return _field_changes({}, self.after)


@dataclass(frozen=True, slots=True)
class Update:
    """A new document in place of the revision `rev`; `kept` are live fields that the definition does not mention."""

    id: str
    rev: str
    before: Document
    after: Document
    kept: tuple[str, ...]

    @property
    def fields(self) -> tuple[FieldChange, ...]:
        return _field_changes(self.before, self.after)


@dataclass(frozen=True, slots=True)
class Unchanged:
    id: str
    rev: str
    document: Document
    kept: tuple[str, ...]


Change: TypeAlias = Create | Update | Unchanged


@dataclass(frozen=True, slots=True)
class Plan:
    """One change an account type, sorted by id. `ready`: the database is there and need not be prepared."""

    changes: tuple[Change, ...]
    ready: bool = True

    @property
    def writes(self) -> tuple[Create | Update, ...]:
        return tuple(change for change in self.changes if not isinstance(change, Unchanged))

    @property
    def created(self) -> int:
        return sum(isinstance(change, Create) for change in self.changes)

    @property
    def changed(self) -> int:
        return sum(isinstance(change, Update) for change in self.changes)

    @property
    def unchanged(self) -> int:
        return len(self.changes) - self.created - self.changed

    @property
    def without_client_id(self) -> tuple[str, ...]:
        """The new account types whose OAuth flow cannot work yet."""
        return tuple(
            change.id for change in self.changes if isinstance(change, Create) and lacks_client_id(change.after)
        )


def make_plan(definitions: Iterable[Definition], snapshot: Snapshot) -> Plan:
    """The plan that brings the live documents of a snapshot to what the definitions say."""
    ordered = sorted(definitions, key=lambda definition: definition.id)
    changes = (plan_change(definition, snapshot.documents.get(definition.id)) for definition in ordered)
    return Plan(tuple(changes), snapshot.ready)


def plan_change(definition: Definition, live: Live | None) -> Change:
    """The change that one account type needs. Live fields that the definition does not mention are kept."""
    wanted = definition.document
    if live is None:
        return Create(definition.id, wanted)
    kept = tuple(_ordered(live.document.keys() - wanted.keys()))
    after = {**live.document, **wanted}
    if _field_changes(live.document, after):
        return Update(live.id, live.rev, live.document, after, kept)
    return Unchanged(live.id, live.rev, live.document, kept)


def to_write(change: Create | Update) -> Write:
    """The write that makes a change."""
    return Write(change.id, change.rev if isinstance(change, Update) else None, change.after)


def _field_changes(before: Document, after: Document) -> tuple[FieldChange, ...]:
    changes = (FieldChange(name, before.get(name), after.get(name)) for name in _ordered(before.keys() | after.keys()))
    return tuple(change for change in changes if not same_value(change.name, change.old, change.new))


_POSITION: Mapping[str, int] = {name: position for position, name in enumerate(FIELDS)}


def _ordered(names: Iterable[str]) -> list[str]:
    return sorted(names, key=lambda name: (_POSITION.get(name, len(FIELDS)), name))
